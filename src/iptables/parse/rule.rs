//! One `-A` line: which words belong to the rule itself, and which to its matches and its target.
//! Input: words. Output: rule texts (several where `-s` or `-d` holds a list), or the faults found.

use std::ops::Range;

use super::options::{self, CORE, Core, Known, Spelling};
use super::{Fault, Hole, Part, RuleText, Slot, Word, hole, matches, targets, values};
use crate::iptables::ruleset::{Address, Negatable, TableName, Target};
use crate::net::{Family, Interface, Prefix, Protocol};

/// A match or target with the options that belong to it.
pub struct Extension {
    /// The name after `-m` or `-j`.
    pub name: String,
    /// The place of the name, of all its words later on.
    pub span: Range<usize>,
    /// What is known about it.
    pub known: Option<&'static Known>,
    /// Whether it stands after `-j`.
    pub is_target: bool,
    /// Its options in the order written.
    pub options: Vec<Choice>,
}

/// An option of a match or a target, with its words.
pub struct Choice {
    /// The name that `iptables-save` prints, where it is known.
    pub name: String,
    /// Whether a `!` stands before it.
    pub negated: bool,
    /// Its place, `!` and words included.
    pub span: Range<usize>,
    /// The words after it.
    pub arguments: Vec<Word>,
}

impl Choice {
    /// The first word after the option; those that take one always have it.
    pub fn argument(&self) -> Result<&Word, Fault> {
        self.arguments.first().ok_or_else(|| {
            let message = format!("`--{}` needs a value", self.name);
            Fault::new(self.span.clone(), message, "nothing follows", "write its value after a blank")
        })
    }
}

struct Reader<'a> {
    words: &'a [Word],
    next: usize,
    family: Family,
    template: bool,
    negation: Option<Range<usize>>,
    rule: RuleText,
    sources: Vec<Option<Address>>,
    destinations: Vec<Option<Address>>,
    extensions: Vec<Extension>,
    goto: Option<String>,
    seen: Vec<char>,
    other_family: bool,
    faults: Vec<Fault>,
}

/// What a long option turned out to be.
enum Option_ {
    Core(&'static Core),
    Known(usize, &'static Spelling),
    Unknown(usize),
}

/// Reads the words of an `-A` line; a line for the other family (`-4`, `-6`) yields no rules.
pub fn rules(words: &[Word], family: Family, template: bool, end: usize) -> Result<Vec<RuleText>, Vec<Fault>> {
    let mut reader = Reader {
        words,
        next: 0,
        family,
        template,
        negation: None,
        rule: RuleText::empty(),
        sources: vec![None],
        destinations: vec![None],
        extensions: Vec::new(),
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
            // The values of the option at fault are no faults of their own.
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
                    "`!` stands twice",
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
        Err(Fault::new(word.span, format!("`{}` belongs to no option", word.text), "this word stands alone", help))
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
            Option_::Core(core) => {
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
            Option_::Known(extension, spelling) => {
                let (_, name, count) = *spelling;
                let mut arguments = Vec::new();
                if let Some(value) = attached {
                    if count == 0 {
                        let message = format!("`--{name}` takes no value");
                        return Err(Fault::new(word.span.clone(), message, "here", format!("write `--{name}` alone")));
                    }
                    arguments.push(Word { text: value.to_string(), span: word.span.clone(), quoted: word.quoted });
                }
                while arguments.len() < count {
                    arguments.push(self.argument(word)?);
                }
                self.add_choice(extension, name, word, arguments);
                Ok(())
            }
            Option_::Unknown(extension) => {
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
                self.add_choice(extension, long, word, arguments);
                Ok(())
            }
        }
    }

    fn add_choice(&mut self, extension: usize, name: &str, word: &Word, arguments: Vec<Word>) {
        let negation = self.negation.take();
        let start = negation.as_ref().map_or(word.span.start, |span| span.start);
        let end = arguments.last().map_or(word.span.end, |last| last.span.end);
        let choice = Choice { name: name.to_string(), negated: negation.is_some(), span: start..end, arguments };
        let extension = &mut self.extensions[extension];
        extension.span = extension.span.start.min(start)..extension.span.end.max(end);
        extension.options.push(choice);
    }

    /// What `getopt_long(3)` finds: an exact name, else an abbreviation that fits only one option.
    fn resolve(&mut self, name: &str, word: &Word) -> Result<Option_, Fault> {
        if let Some(core) = CORE.iter().find(|core| core.name == name) {
            return Ok(Option_::Core(core));
        }
        // The newest match or target wins, as iptables puts its options in front.
        for (index, extension) in self.extensions.iter().enumerate().rev() {
            let known = extension.known.and_then(|known| known.options.iter().find(|option| option.0 == name));
            if let Some(spelling) = known {
                return Ok(Option_::Known(index, spelling));
            }
        }
        let unknown = self.extensions.iter().rposition(|extension| extension.known.is_none());
        if unknown.is_none() {
            let cores = CORE.iter().filter(|core| core.name.starts_with(name)).map(Option_::Core);
            let known = self.extensions.iter().enumerate().flat_map(|(index, extension)| {
                extension
                    .known
                    .into_iter()
                    .flat_map(|known| known.options)
                    .filter(|option| option.0.starts_with(name))
                    .map(move |spelling| Option_::Known(index, spelling))
            });
            let mut found: Option<Option_> = None;
            for candidate in cores.chain(known) {
                match (&found, &candidate) {
                    (None, _) => found = Some(candidate),
                    (Some(Option_::Core(a)), Option_::Core(b)) if a.letter == b.letter => {}
                    (Some(Option_::Known(a, x)), Option_::Known(b, y)) if a == b && x.1 == y.1 => {}
                    _ => {
                        return Err(Fault::new(
                            word.span.clone(),
                            format!("`--{name}` may stand for several options"),
                            "too short an abbreviation",
                            "write the option's whole name",
                        ));
                    }
                }
            }
            if let Some(found) = found {
                return Ok(found);
            }
        }
        if let Some(index) = self.load_protocol_match(name, unknown.is_some(), word) {
            return self.resolve_in(index, name, word);
        }
        match unknown {
            Some(index) => Ok(Option_::Unknown(index)),
            None => Err(self.unknown_option(name, word)),
        }
    }

    fn resolve_in(&self, index: usize, name: &str, word: &Word) -> Result<Option_, Fault> {
        let options = self.extensions[index].known.map_or(&[][..], |known| known.options);
        let exact = options.iter().find(|option| option.0 == name);
        match exact.or_else(|| options.iter().find(|option| option.0.starts_with(name))) {
            Some(spelling) => Ok(Option_::Known(index, spelling)),
            None => Err(self.unknown_option(name, word)),
        }
    }

    /// `-p tcp --dport 22`: the first option that nobody knows loads the protocol's own match.
    fn load_protocol_match(&mut self, name: &str, exact: bool, word: &Word) -> Option<usize> {
        let protocol = self.rule.header.protocol?.value;
        let known = options::known_match(match protocol {
            Protocol::TCP => "tcp",
            Protocol::UDP => "udp",
            Protocol::SCTP => "sctp",
            Protocol::ICMP => "icmp",
            Protocol::ICMPV6 => "icmp6",
            Protocol::ESP => "esp",
            Protocol::AH => "ah",
            Protocol(33) => "dccp",
            _ => return None,
        })?;
        let fits = |option: &Spelling| if exact { option.0 == name } else { option.0.starts_with(name) };
        let loaded = self.extensions.iter().any(|extension| !extension.is_target && extension.name == known.name);
        if loaded || known.family.is_some_and(|family| family != self.family) || !known.options.iter().any(fits) {
            return None;
        }
        self.extensions.push(Extension {
            name: known.name.to_string(),
            span: word.span.clone(),
            known: Some(known),
            is_target: false,
            options: Vec::new(),
        });
        Some(self.extensions.len() - 1)
    }

    fn unknown_option(&self, name: &str, word: &Word) -> Fault {
        let help = match name {
            "dport" | "sport" | "destination-port" | "source-port" => {
                "ports need `-p tcp`, `-p udp` or `-p sctp` before them"
            }
            "dports" | "sports" | "ports" => "write `-m multiport` before it",
            "icmp-type" if self.family == Family::V6 => "in IPv6 rules write `-p ipv6-icmp --icmpv6-type`",
            "icmpv6-type" if self.family == Family::V4 => "in IPv4 rules write `-p icmp --icmp-type`",
            "icmp-type" => "write `-p icmp` before it",
            "icmpv6-type" => "write `-p ipv6-icmp` before it",
            "syn" | "tcp-flags" | "tcp-option" => "write `-p tcp` before it",
            _ => "write `-m` with the match, or `-j` with the target, that it belongs to before it",
        };
        let message = format!("no match or target before `--{name}` knows this option");
        Fault::new(word.span.clone(), message, "belongs to nothing", help)
    }

    /// The word after an option.
    fn argument(&mut self, option: &Word) -> Result<Word, Fault> {
        match self.words.get(self.next) {
            Some(argument) => {
                self.next += 1;
                Ok(argument.clone())
            }
            None => Err(Fault::new(
                option.span.clone(),
                format!("`{}` needs a value", option.text),
                "nothing follows",
                "write its value after a blank",
            )),
        }
    }

    fn once(&mut self, letter: char, word: &Word) -> Result<(), Fault> {
        if self.seen.contains(&letter) {
            return Err(Fault::new(
                word.span.clone(),
                format!("`{}` stands twice", word.text),
                "the second one",
                "a rule takes it once: write two rules",
            ));
        }
        self.seen.push(letter);
        Ok(())
    }

    fn core_option(&mut self, core: &Core, word: &Word) -> Result<(), Fault> {
        let letter = core.letter;
        let negation = self.negation.take();
        let negated = negation.is_some();
        if let Some(bang) = negation.clone().filter(|_| !matches!(letter, 's' | 'd' | 'i' | 'o' | 'p' | 'f')) {
            return Err(Fault::new(
                bang,
                format!("`!` cannot stand before `{}`", word.text),
                "here",
                "leave the `!` out",
            ));
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
            let message = format!("`!` stands after `{}`", word.text);
            return Err(Fault::new(argument.span, message, "iptables 1.8 no longer takes it here", help));
        }
        let span = start..argument.span.end;
        let parameter = hole(&argument.text).filter(|_| self.template);
        if matches!(letter, 's' | 'd' | 'i' | 'o' | 'p' | 'f' | 'A') {
            self.once(letter, word)?;
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
                    return Err(super::unknown_table(&argument.text, argument.span));
                };
                self.rule.table = Some(table);
            }
            ('c', None) => {
                if !argument.text.contains(',') {
                    self.argument(word)?;
                }
            }
            ('4', _) => self.other_family |= self.family == Family::V6,
            ('6', _) => self.other_family |= self.family == Family::V4,
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
                    format!("`{}` cannot stand in a rule", word.text),
                    "iptables-restore refuses it here",
                    "leave it out",
                ));
            }
        }
        Ok(())
    }

    fn addresses(&self, word: &Word, negated: bool) -> Result<Vec<Option<Address>>, Fault> {
        let addresses = values::addresses(word, self.family)?;
        if negated && addresses.len() > 1 {
            return Err(Fault::new(
                word.span.clone(),
                "`!` cannot stand before several addresses",
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

    fn add_hole(&mut self, slot: Slot, parameter: char, negated: bool) {
        let before = self.extensions.iter().filter(|extension| !extension.is_target).count();
        self.rule.holes.push(Hole { slot, parameter, negated, before });
    }

    fn load_match(&mut self, name: &Word, span: Range<usize>) -> Result<(), Fault> {
        let known = options::known_match(&name.text);
        if let Some(family) = known.and_then(|known| known.family).filter(|family| *family != self.family) {
            let instead = match name.text.as_str() {
                "ttl" => "`-m hl`",
                "hl" => "`-m ttl`",
                "icmp" => "`-p ipv6-icmp -m icmp6`",
                "icmp6" | "icmpv6" | "ipv6-icmp" => "`-p icmp -m icmp`",
                "frag" => "`-f`",
                _ => "nothing: leave it out",
            };
            let help = format!("in {} rules write {instead}", self.family.name());
            let message = format!("`-m {}` exists for {} only", name.text, family.name());
            // Its options are read all the same, lest each of them become a fault of its own.
            self.push_extension(known.map_or(&name.text, |known| known.name), span.clone(), known, false);
            return Err(Fault::new(span, message, "the wrong family", help));
        }
        if name.text.is_empty() || name.text.len() > 28 {
            return Err(Fault::new(
                span,
                "the name of the match is empty or too long",
                "here",
                "write its name: `-m tcp`",
            ));
        }
        self.push_extension(known.map_or(&name.text, |known| known.name), span, known, false);
        Ok(())
    }

    fn push_extension(&mut self, name: &str, span: Range<usize>, known: Option<&'static Known>, is_target: bool) {
        self.extensions.push(Extension { name: name.to_string(), span, known, is_target, options: Vec::new() });
    }

    fn target(&mut self, letter: char, name: &Word, span: Range<usize>) -> Result<(), Fault> {
        if self.goto.is_some() || self.extensions.iter().any(|extension| extension.is_target) {
            return Err(Fault::new(span, "a rule has one target", "the second one", "write a second rule"));
        }
        if name.text.is_empty() {
            return Err(Fault::new(
                span,
                "the target's name is empty",
                "here",
                "write `-j ACCEPT`, `-j DROP` or another target",
            ));
        }
        if letter == 'g' {
            self.rule.parts.push((Part::Target, span));
            self.goto = Some(name.text.clone());
            return Ok(());
        }
        let known = options::known_target(&name.text);
        self.push_extension(&name.text, span.clone(), known, true);
        if let Some(family) = known.and_then(|known| known.family).filter(|family| *family != self.family) {
            let help = match name.text.as_str() {
                "TTL" => "in IPv6 rules write `-j HL`",
                "HL" => "in IPv4 rules write `-j TTL`",
                _ => "leave the rule out of this family's rules",
            };
            let message = format!("`-j {}` exists for {} only", name.text, family.name());
            return Err(Fault::new(span, message, "the wrong family", help));
        }
        Ok(())
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
        let several = self.sources.len() > 1 || self.destinations.len() > 1;
        let header = &self.rule.header;
        let negated = header.source.as_ref().is_some_and(|source| source.negated)
            || header.destination.as_ref().is_some_and(|destination| destination.negated);
        if several && negated {
            self.faults.push(Fault::new(
                0..end,
                "a list of addresses and a negated address cannot stand in one rule",
                "iptables-restore refuses it",
                "write a rule for each address of the list",
            ));
        }
        if let Some(chain) = self.goto.take() {
            self.rule.target = Target::Goto(chain.into());
        }
        for extension in std::mem::take(&mut self.extensions) {
            let span = extension.span.clone();
            if extension.is_target {
                self.rule.parts.push((Part::Target, span));
                match targets::target(&extension, self.family) {
                    Ok(target) => self.rule.target = target,
                    Err(fault) => self.faults.push(fault),
                }
                continue;
            }
            self.rule.parts.push((Part::Match(self.rule.matches.len()), span));
            let before = self.rule.matches.len();
            match matches::read(&extension, self.family, self.template) {
                Ok((read, holes)) => {
                    self.rule.matches.push(read);
                    self.rule.holes.extend(holes.into_iter().map(|(slot, parameter, negated)| Hole {
                        slot,
                        parameter,
                        negated,
                        before,
                    }));
                }
                Err(fault) => self.faults.push(fault),
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

fn interface(word: &Word, negated: bool) -> Result<Option<Negatable<Interface>>, Fault> {
    let value = values::interface(word)?;
    Ok((value.name() != "+" || negated).then_some(Negatable { negated, value }))
}

/// The fault of a parameter in a place that cannot hold one.
pub fn misplaced(word: &Word) -> Fault {
    Fault::new(
        word.span.clone(),
        "a parameter cannot stand here",
        "this place takes no parameter",
        "parameters stand after -s, -d, -i, -o, --sport and --dport, or alone where a match may stand",
    )
}
