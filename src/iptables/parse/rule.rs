//! One `-A` line: which words belong to the rule itself, and which to its matches and its target.
//! Input: words. Output: rule texts (several where `-s` or `-d` holds a list), or the faults found.

use super::chain_name::ChainNames;
use super::options::CORE;
use super::reader::{LoadedRow, Reader};
use super::resolve::Meant;
use super::rule_text::{Edit, RuleText};
use crate::iptables::extension::index::is_target_name;
use crate::iptables::extension::row::{OptionContext, Row};
use crate::iptables::extension::untyped::{kept_match, kept_target, match_as_written, target_as_written};
use crate::iptables::extension::written::{OptionValue, Written, positive, twice};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Address, Match, Negatable, Target};
use crate::iptables::text::holes::{Hole, Slot, hole, misplaced};
use crate::iptables::text::words::Word;
use crate::net::Family;

/// Reads the words of an `-A` line; a line for the other family (`-4`, `-6`) yields no rules.
pub fn rules(
    words: &[Word],
    family: Family,
    template: bool,
    chains: Option<&ChainNames>,
    end: usize,
) -> Result<Vec<RuleText>, Vec<Fault>> {
    let mut reader = Reader {
        words,
        next: 0,
        family,
        template,
        chains,
        negation: None,
        rule: RuleText::empty(),
        sources: vec![None],
        destinations: vec![None],
        extensions: Vec::new(),
        protocol: String::new(),
        edit_words: 0,
        goto: None,
        seen: Vec::new(),
        other_family: false,
        faults: Vec::new(),
    };
    // At `-4` or `-6` of the other family the loader stops reading the line.
    while reader.next < words.len() && !reader.other_family {
        if let Err(fault) = reader.step() {
            reader.faults.push(fault);
            reader.negation = None;
            // The values of the option at fault are not faults of their own.
            while words.get(reader.next).is_some_and(|word| word.text != "!" && !word.text.starts_with('-')) {
                reader.next += 1;
            }
        }
    }
    reader.finish(end)
}

impl Reader<'_> {
    fn step(&mut self) -> Result<(), Fault> {
        let word = self.words[self.next].clone();
        self.next += 1;
        if let Some(parameter) = hole(&word.text).filter(|_| self.template) {
            if self.negation.take().is_some() {
                return Err(misplaced(&word));
            }
            self.add_hole(Slot::Matches, parameter, false);
            return Ok(());
        }
        if word.text == "!" {
            if self.negation.replace(word.span.clone()).is_some() {
                return Err(Fault::new(
                    word.span,
                    "`!` is given twice",
                    "the second one",
                    "write it once, before the option",
                ));
            }
            return Ok(());
        }
        if let Some(long) = word.text.strip_prefix("--").filter(|long| !long.is_empty()) {
            return self.long_option(&word, long);
        }
        if word.text.len() > 1 && word.text.starts_with('-') {
            return self.short_option(&word);
        }
        let help = match self.words.get(self.next.wrapping_sub(3)) {
            Some(bang) if bang.text == "!" => "quote values with blanks: `\"two words\"`".to_string(),
            _ => match self.next.checked_sub(2).map(|before| &self.words[before]) {
                Some(before) if before.quoted => "a blank is missing or too much: a closing quote ends the word".into(),
                _ => "options begin with a dash; quote values with blanks: `\"two words\"`".into(),
            },
        };
        Err(Fault::new(word.span, format!("`{}` belongs to no option", word.text), "this word is alone", help))
    }

    fn short_option(&mut self, word: &Word) -> Result<(), Fault> {
        let letter = word.text[1..].chars().next().unwrap_or('-');
        let Some(core) = CORE.iter().find(|core| core.letter == letter) else {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{}` is no option", word.text),
                "iptables does not know it",
                "the options are -A -s -d -i -o -p -f -m -j -g, and those of matches and targets with two dashes",
            ));
        };
        if word.text.len() > 1 + letter.len_utf8() {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{}` has its value attached", word.text),
                "iptables-restore misreads this",
                format!("write a blank in between: `-{letter} {}`", &word.text[1 + letter.len_utf8()..]),
            ));
        }
        self.core_option(core, word)
    }

    fn long_option(&mut self, word: &Word, long: &str) -> Result<(), Fault> {
        let (name, attached) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        match self.resolve(name, word)? {
            Meant::Core(core) => {
                if let Some(value) = attached {
                    return Err(Fault::new(
                        word.span.clone(),
                        format!("`--{name}` has its value attached"),
                        "iptables-restore misreads this",
                        format!("write a blank in between: `--{name} {value}`"),
                    ));
                }
                self.core_option(core, word)
            }
            Meant::Known(extension, spelling) => {
                let (name, count) = (spelling.saved, spelling.value.words());
                let mut arguments = Vec::new();
                if let Some(value) = attached {
                    if matches!(spelling.value, OptionValue::Nothing) {
                        let message = format!("`--{name}` takes no value");
                        return Err(Fault::new(word.span.clone(), message, "here", format!("write `--{name}` alone")));
                    }
                    arguments.push(Word { text: value.to_string(), span: word.span.clone(), quoted: word.quoted });
                }
                while arguments.len() < count {
                    let argument = self.argument(word);
                    self.extensions[extension].written.broken |= argument.is_err();
                    arguments.push(argument?);
                }
                if let (OptionValue::Perhaps(_), Some(argument)) = (spelling.value, self.words.get(self.next))
                    && arguments.is_empty()
                    && !argument.text.starts_with(['-', '!'])
                {
                    arguments.push(argument.clone());
                    self.next += 1;
                }
                self.add_choice(extension, name, Some(spelling), word, arguments);
                Ok(())
            }
            Meant::Unknown(extension) => {
                let mut arguments = Vec::new();
                while let Some(argument) = self.words.get(self.next) {
                    let ends = argument.text.len() > 1 && argument.text.starts_with('-') || argument.text == "!";
                    if ends {
                        break;
                    }
                    if self.template && hole(&argument.text).is_some() {
                        return Err(misplaced(argument));
                    }
                    arguments.push(argument.clone());
                    self.next += 1;
                }
                self.add_choice(extension, long, None, word, arguments);
                Ok(())
            }
        }
    }

    fn finish(mut self, end: usize) -> Result<Vec<RuleText>, Vec<Fault>> {
        if let Some(bang) = self.negation.take() {
            self.faults.push(Fault::new(
                bang,
                "nothing follows the `!`",
                "here",
                "write it before the option that it negates",
            ));
        }
        if self.rule.chain.is_empty() && self.faults.is_empty() {
            self.faults.push(Fault::new(
                0..end,
                "the line appends no rule",
                "`-A` and a chain are missing",
                "begin the line with `-A INPUT`, or another chain",
            ));
        }
        if matches!(self.rule.edit, Edit::DeleteAt(_)) && self.words.len() > self.edit_words {
            let message = "a rule is deleted by its number, or by what it says";
            self.faults.push(Fault::new(0..end, message, "both are here", "leave the number or the rest out"));
        }
        let several = self.sources.len() > 1 || self.destinations.len() > 1;
        if several && matches!(self.rule.edit, Edit::Replace(_)) {
            let message = "several rules cannot be in the place of one";
            self.faults.push(Fault::new(0..end, message, "a list of addresses", "write one address"));
        }
        let header = &self.rule.header;
        let negated = header.source.as_ref().is_some_and(|source| source.negated)
            || header.destination.as_ref().is_some_and(|destination| destination.negated);
        if several && negated {
            self.faults.push(Fault::new(
                0..end,
                "a list of addresses and a negated address cannot be in one rule",
                "iptables-restore refuses it",
                "write a rule for each address of the list",
            ));
        }
        if let Some(chain) = self.goto.take() {
            self.rule.target = Target::Unresolved { chain: chain.into(), goto: true };
        }
        let named = self.rule.header.protocol.filter(|protocol| !protocol.negated);
        let protocol = named.map(|protocol| protocol.value);
        for extension in std::mem::take(&mut self.extensions).into_iter().filter(|one| !one.written.broken) {
            let written = extension.written;
            let span = written.span.clone();
            let mut reading =
                OptionContext { family: self.family, protocol, template: self.template, holes: Vec::new() };
            match extension.row {
                LoadedRow::Target(row) => {
                    self.rule.parts.push((Part::Target, span));
                    match read_target(row, &written, &mut reading) {
                        Ok(target) => self.rule.target = target,
                        Err(fault) if fault.loads && self.chains.is_some() => {
                            self.rule.target = target_as_written(&written);
                            self.rule.cautions.push(fault);
                        }
                        Err(fault) => self.faults.push(fault),
                    }
                }
                LoadedRow::Match(row) => {
                    let before = self.rule.matches.len();
                    self.rule.parts.push((Part::Match(before), span));
                    match read_match(row, &written, &mut reading) {
                        Ok(read) => {
                            self.rule.matches.push(read);
                            let holes = reading.holes.into_iter();
                            self.rule.holes.extend(holes.map(|(slot, parameter, negated)| Hole {
                                slot,
                                parameter,
                                negated,
                                before,
                            }));
                        }
                        Err(fault) if fault.loads && self.chains.is_some() => {
                            self.rule.matches.push(match_as_written(&written));
                            self.rule.cautions.push(fault);
                        }
                        Err(fault) => self.faults.push(fault),
                    }
                }
            }
        }
        if self.other_family {
            return Ok(Vec::new());
        }
        if !self.faults.is_empty() {
            self.faults.sort_by_key(|fault| fault.span.start);
            return Err(self.faults);
        }
        self.rule.parts.sort_by_key(|(_, span)| span.start);
        if !several {
            self.rule.header.source = self.rule.header.source.or_else(|| plain(self.sources.pop()));
            self.rule.header.destination = self.rule.header.destination.or_else(|| plain(self.destinations.pop()));
            return Ok(vec![self.rule]);
        }
        let mut rules = Vec::with_capacity(self.sources.len() * self.destinations.len());
        for source in &self.sources {
            for destination in &self.destinations {
                let mut rule = self.rule.clone();
                rule.header.source = plain(Some(source.clone()));
                rule.header.destination = plain(Some(destination.clone()));
                rules.push(rule);
            }
        }
        Ok(rules)
    }
}

fn plain(address: Option<Option<Address>>) -> Option<Negatable<Address>> {
    address.flatten().map(Negatable::is)
}

/// The match that the options make.
fn read_match(row: Option<&Row<Match>>, written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    if reading.template {
        let takes = |name: &str| row.is_some_and(|row| row.takes_holes) && matches!(name, "sport" | "dport");
        let others = written.options.iter().filter(|choice| !takes(&choice.name));
        if let Some(word) = others.flat_map(|choice| &choice.arguments).find(|word| hole(&word.text).is_some()) {
            return Err(misplaced(word));
        }
    }
    match row.and_then(|row| row.read) {
        Some(read) => read(written, reading),
        None => kept_match(written, reading.family),
    }
}

/// The target that the options make; without options, and of a name that iptables does not know, a chain.
fn read_target(row: Option<&Row<Target>>, written: &Written, reading: &mut OptionContext) -> Result<Target, Fault> {
    let Some(row) = row else {
        if written.options.is_empty() {
            return Ok(Target::Unresolved { chain: written.name.as_str().into(), goto: false });
        }
        if is_target_name(&written.name) {
            let message = format!("`-j {}` calls the chain of that name", written.name);
            let help = "give the chain another name, or leave the options out";
            return Err(Fault::new(written.span.clone(), message, "a chain has no options", help));
        }
        return kept_target(written, reading.family);
    };
    for (index, choice) in written.options.iter().enumerate() {
        positive(choice)?;
        if written.options[..index].iter().any(|before| before.name == choice.name) {
            return Err(twice(choice));
        }
    }
    match row.read {
        Some(read) => read(written, reading),
        None => kept_target(written, reading.family),
    }
}
