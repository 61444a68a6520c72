//! The options of every rule: addresses, interfaces, protocol, and those that begin a match or a target.
//! Input: one option and the words after it. Output: the rule's header, and its matches and target without their options.

use std::ops::Range;

use super::chain_name::unknown_table;
use super::options::Core;
use super::reader::{LoadedRow, Reader};
use super::rule_text::Edit;
use crate::iptables::extension::index::{match_named, target_named};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Address, Negatable, TableName};
use crate::iptables::text::holes::{Slot, hole, misplaced};
use crate::iptables::text::values;
use crate::iptables::text::words::Word;
use crate::net::{Family, Interface, Prefix};

impl Reader<'_> {
    fn once(&mut self, letter: char, word: &Word) -> Result<(), Fault> {
        if self.seen.contains(&letter) {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{}` is given twice", word.text),
                "the second one",
                "a rule takes it once: write two rules",
            ));
        }
        self.seen.push(letter);
        Ok(())
    }

    pub fn core_option(&mut self, core: &Core, word: &Word) -> Result<(), Fault> {
        let letter = core.letter;
        let negation = self.negation.take();
        let negated = negation.is_some();
        if let Some(bang) = negation.clone().filter(|_| !matches!(letter, 's' | 'd' | 'i' | 'o' | 'p' | 'f')) {
            return Err(Fault::new(bang, format!("`!` cannot be before `{}`", word.text), "here", "leave the `!` out"));
        }
        let start = negation.map_or(word.span.start, |span| span.start);
        let argument = match core.arguments {
            0 => word.clone(),
            _ => self.argument(word)?,
        };
        if argument.text == "!" && matches!(letter, 's' | 'd' | 'i' | 'o' | 'p') {
            let value = self.words.get(self.next).map_or("…", |value| &value.text);
            let help = format!("write the `!` before the option: `! {} {value}`", word.text);
            self.next += usize::from(self.next < self.words.len());
            let message = format!("`!` is after `{}`", word.text);
            return Err(Fault::new(argument.span, message, "iptables 1.8 no longer takes it here", help));
        }
        let span = start..argument.span.end;
        let parameter = hole(&argument.text).filter(|_| self.template);
        if matches!(letter, 's' | 'd' | 'i' | 'o' | 'p' | 'f') {
            self.once(letter, word)?;
        }
        if matches!(letter, 'A' | 'I' | 'D' | 'R' | 'C') {
            // One command a line, whichever it is.
            self.once('A', word)?;
        }
        match (letter, parameter) {
            ('s', Some(parameter)) => self.fill(Part::Source, Slot::Source, parameter, negated, span),
            ('d', Some(parameter)) => self.fill(Part::Destination, Slot::Destination, parameter, negated, span),
            ('i', Some(parameter)) => self.fill(Part::InInterface, Slot::InInterface, parameter, negated, span),
            ('o', Some(parameter)) => self.fill(Part::OutInterface, Slot::OutInterface, parameter, negated, span),
            ('p' | 'm' | 't' | 'c', Some(_)) => return Err(misplaced(&argument)),
            ('s', None) => {
                self.rule.parts.push((Part::Source, span));
                self.sources = self.addresses(&argument, negated)?;
                self.rule.header.source = negated_address(&self.sources, negated, self.family);
            }
            ('d', None) => {
                self.rule.parts.push((Part::Destination, span));
                self.destinations = self.addresses(&argument, negated)?;
                self.rule.header.destination = negated_address(&self.destinations, negated, self.family);
            }
            ('i', None) => {
                self.rule.parts.push((Part::InInterface, span));
                self.rule.header.in_interface = interface(&argument, negated)?;
            }
            ('o', None) => {
                self.rule.parts.push((Part::OutInterface, span));
                self.rule.header.out_interface = interface(&argument, negated)?;
            }
            ('p', None) => {
                self.rule.parts.push((Part::Protocol, span.clone()));
                self.protocol.clone_from(&argument.text);
                match values::protocol(&argument)? {
                    Some(value) => self.rule.header.protocol = Some(Negatable { negated, value }),
                    None if negated => {
                        return Err(Fault::new(
                            span,
                            format!("`! -p {}` matches nothing", argument.text),
                            "every packet has a protocol",
                            "leave it out to match every protocol",
                        ));
                    }
                    None => {}
                }
            }
            ('f', _) if self.family == Family::V6 => {
                return Err(Fault::new(
                    span,
                    "IPv6 rules have no `-f`",
                    "IPv4 only",
                    "write `-m frag` to match packets with a fragment header",
                ));
            }
            ('f', _) => {
                self.rule.parts.push((Part::Fragment, span));
                self.rule.header.fragment = Some(Negatable { negated, value: () });
            }
            ('A', _) => {
                self.rule.parts.push((Part::Chain, argument.span.clone()));
                self.rule.chain = argument.text;
            }
            ('m', None) => self.load_match(&argument, span)?,
            ('j' | 'g', _) => self.target(letter, &argument, span)?,
            ('t', None) => {
                let Some(table) = TableName::from_name(&argument.text) else {
                    return Err(unknown_table(&argument.text, argument.span));
                };
                self.rule.table = Some(table);
            }
            ('c', None) => {
                // `-c 1,2` and `-c 1 2`; what follows a number is ignored.
                let comma = argument.text.char_indices().skip(1).find(|(_, letter)| *letter == ',');
                let (packets, bytes) = match comma {
                    Some((at, _)) => (&argument.text[..at], argument.text[at + 1..].to_owned()),
                    None => (argument.text.as_str(), self.argument(word)?.text),
                };
                if values::leading(packets).is_none() || values::leading(&bytes).is_none() {
                    let help = "write two numbers: `-c 0 0`, or leave it out";
                    return Err(Fault::new(argument.span, "these are not two counters", "here", help));
                }
            }
            ('4', _) => self.other_family |= self.family == Family::V6,
            ('6', _) => self.other_family |= self.family == Family::V4,
            ('I' | 'R' | 'D' | 'C', _) if self.chains.is_some() => {
                self.rule.parts.push((Part::Chain, argument.span.clone()));
                self.rule.chain = argument.text;
                self.edit(letter, word)?;
            }
            ('I' | 'R' | 'D' | 'C', _) => {
                return Err(Fault::new(
                    word.span.clone(),
                    format!("`{}` changes rules that exist already", word.text),
                    "a rule file is loaded into empty chains",
                    "write `-A` and put the line where the rule belongs",
                ));
            }
            _ => {
                return Err(Fault::new(
                    word.span.clone(),
                    format!("`{}` cannot be in a rule", word.text),
                    "iptables-restore refuses it here",
                    "leave it out",
                ));
            }
        }
        Ok(())
    }

    /// The number after the chain of `-I`, `-R` and `-D`.
    fn edit(&mut self, letter: char, word: &Word) -> Result<(), Fault> {
        let number =
            self.words.get(self.next).filter(|word| word.text.starts_with(|first: char| first.is_ascii_digit()));
        let position = match number.filter(|_| letter != 'C') {
            Some(number) => {
                self.next += 1;
                Some(values::small(number, 1, i32::MAX as u64)?)
            }
            None => None,
        };
        self.edit_words = self.next;
        self.rule.edit = match (letter, position) {
            ('I', position) => Edit::Insert(position.unwrap_or(1)),
            ('D', Some(position)) => Edit::DeleteAt(position),
            ('D', None) => Edit::Delete,
            ('R', Some(position)) => Edit::Replace(position),
            ('C', _) => Edit::Check,
            _ => {
                let message = format!("`{}` needs the number of a rule", word.text);
                return Err(Fault::new(
                    word.span.clone(),
                    message,
                    "no number follows the chain",
                    "write `-R INPUT 1 …`",
                ));
            }
        };
        Ok(())
    }

    fn addresses(&self, word: &Word, negated: bool) -> Result<Vec<Option<Address>>, Fault> {
        let addresses = values::addresses(word, self.family)?;
        if negated && addresses.len() > 1 {
            return Err(Fault::new(
                word.span.clone(),
                "`!` cannot be before several addresses",
                "a list",
                "two negated rules would match everything: jump to a chain that returns for each of them",
            ));
        }
        Ok(addresses)
    }

    fn fill(&mut self, part: Part, slot: Slot, parameter: char, negated: bool, span: Range<usize>) {
        self.rule.parts.push((part, span));
        self.add_hole(slot, parameter, negated);
    }

    fn load_match(&mut self, name: &Word, span: Range<usize>) -> Result<(), Fault> {
        let row = match_named(&name.text);
        let known = row.map(|row| &row.known);
        let saved = known.map_or(name.text.as_str(), |known| known.name);
        if let Some(known) = known
            && let Some(family) = known.family.filter(|family| *family != self.family)
        {
            let instead = if known.instead.is_empty() { "nothing: leave it out" } else { known.instead };
            let help = format!("in {} rules write {instead}", self.family.name());
            let message = format!("`-m {}` exists for {} only", name.text, family.name());
            // Its options are read all the same, lest each of them become a fault of its own.
            self.push_extension(saved, span.clone(), LoadedRow::Match(row));
            return Err(Fault::new(span, message, "the wrong family", help));
        }
        if name.text.is_empty() || name.text.len() > 28 || !is_bare(&name.text) {
            return Err(Fault::new(span, "no match has such a name", "here", "write its name: `-m tcp`"));
        }
        self.push_extension(saved, span, LoadedRow::Match(row));
        Ok(())
    }

    fn target(&mut self, letter: char, name: &Word, span: Range<usize>) -> Result<(), Fault> {
        if self.goto.is_some() || self.extensions.iter().any(|extension| extension.is_target()) {
            return Err(Fault::new(span, "a rule has one target", "the second one", "write a second rule"));
        }
        if name.text.is_empty() || !is_bare(&name.text) {
            let help = "write `-j ACCEPT`, `-j DROP`, another target or a chain of your own";
            return Err(Fault::new(span, "no target and no chain has such a name", "here", help));
        }
        if letter == 'g' {
            self.rule.parts.push((Part::Target, span));
            self.goto = Some(name.text.clone());
            return Ok(());
        }
        // A chain that is declared above goes before a target of its name.
        let is_chain = self.chains.is_some_and(|chains| chains.contains_key(&*name.text));
        let row = if is_chain { None } else { target_named(&name.text) };
        self.push_extension(&name.text, span.clone(), LoadedRow::Target(row));
        if let Some(known) = row.map(|row| &row.known)
            && let Some(family) = known.family.filter(|family| *family != self.family)
        {
            let help = match known.instead {
                "" => "leave the rule out of this family's rules".to_owned(),
                instead => format!("in {} rules write {instead}", self.family.name()),
            };
            let message = format!("`-j {}` exists for {} only", name.text, family.name());
            return Err(Fault::new(span, message, "the wrong family", help));
        }
        Ok(())
    }
}

/// The header's value of a negated address: `! -s 0.0.0.0/0` matches nothing, and is kept so that it can be refused.
fn negated_address(addresses: &[Option<Address>], negated: bool, family: Family) -> Option<Negatable<Address>> {
    let [address] = addresses else { return None };
    if !negated {
        return None;
    }
    let any = match family {
        Family::V4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let address = address.clone().or_else(|| Prefix::containing(any, 0).map(Address::Prefix))?;
    Some(Negatable::not(address))
}

/// Whether a name can be written without quotes.
fn is_bare(name: &str) -> bool {
    !name.contains([' ', '\t', '\n', '"'])
}

fn interface(word: &Word, negated: bool) -> Result<Option<Negatable<Interface>>, Fault> {
    let value = values::interface(word)?;
    Ok((value.name() != "+" || negated).then_some(Negatable { negated, value }))
}
