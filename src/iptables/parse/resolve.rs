//! What a long option stands for: an option of every rule, or one of a match or target before it.
//! Input: its name, whole or abbreviated. Output: whose option it is; a protocol's own match is loaded where it needs one.

use super::options::{CORE, Core};
use super::reader::{LoadedRow, Reader};
use crate::iptables::extension::index::match_of_protocol;
use crate::iptables::extension::written::Spelling;
use crate::iptables::fault::Fault;
use crate::iptables::text::words::Word;
use crate::net::{Family, Protocol};

/// What a long option turned out to be.
pub enum Meant {
    /// An option of every rule.
    Core(&'static Core),
    /// An option of the match or target of that number.
    Known(usize, &'static Spelling),
    /// An option of the unknown match or target of that number.
    Unknown(usize),
}

impl Reader<'_> {
    /// What `getopt_long(3)` finds: an exact name, else an abbreviation that fits only one option.
    pub fn resolve(&mut self, name: &str, word: &Word) -> Result<Meant, Fault> {
        if let Some(core) = CORE.iter().find(|core| core.name == name) {
            return Ok(Meant::Core(core));
        }
        // The newest match or target wins, as iptables puts its options in front.
        for (index, extension) in self.extensions.iter().enumerate().rev() {
            let known = extension.known().and_then(|known| known.options.iter().find(|option| option.name == name));
            if let Some(spelling) = known {
                return Ok(Meant::Known(index, spelling));
            }
        }
        let unknown = self.extensions.iter().rposition(|extension| extension.known().is_none());
        if unknown.is_none() {
            let cores = CORE.iter().filter(|core| core.name.starts_with(name)).map(Meant::Core);
            let known = self.extensions.iter().enumerate().flat_map(|(index, extension)| {
                extension
                    .known()
                    .into_iter()
                    .flat_map(|known| known.options)
                    .filter(|option| option.name.starts_with(name))
                    .map(move |spelling| Meant::Known(index, spelling))
            });
            let mut found: Option<Meant> = None;
            for candidate in cores.chain(known) {
                match (&found, &candidate) {
                    (None, _) => found = Some(candidate),
                    (Some(Meant::Core(a)), Meant::Core(b)) if a.letter == b.letter => {}
                    (Some(Meant::Known(a, x)), Meant::Known(b, y)) if a == b && x.saved == y.saved => {}
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
            Some(index) => Ok(Meant::Unknown(index)),
            None => Err(self.unknown_option(name, word)),
        }
    }

    fn resolve_in(&self, index: usize, name: &str, word: &Word) -> Result<Meant, Fault> {
        let options = self.extensions[index].known().map_or(&[][..], |known| known.options);
        let exact = options.iter().find(|option| option.name == name);
        match exact.or_else(|| options.iter().find(|option| option.name.starts_with(name))) {
            Some(spelling) => Ok(Meant::Known(index, spelling)),
            None => Err(self.unknown_option(name, word)),
        }
    }

    /// `-p tcp --dport 22`: the first option that nobody knows loads the protocol's own match.
    fn load_protocol_match(&mut self, name: &str, exact: bool, word: &Word) -> Option<usize> {
        let row = match_of_protocol(self.rule.header.protocol?.value)?;
        // The loader goes by the word: only `mh`, of all the names of that protocol, is the name of a match as well.
        if row.known.protocol == Some(Protocol(135)) && self.protocol != "mh" {
            return None;
        }
        let known = &row.known;
        let fits = |option: &Spelling| if exact { option.name == name } else { option.name.starts_with(name) };
        let loaded =
            self.extensions.iter().any(|extension| !extension.is_target() && extension.written.name == known.name);
        if loaded || known.family.is_some_and(|family| family != self.family) || !known.options.iter().any(fits) {
            return None;
        }
        self.push_extension(known.name, word.span.clone(), LoadedRow::Match(Some(row)));
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
        let loaded = self.extensions.iter().filter_map(|extension| extension.known());
        let names = loaded.flat_map(|known| known.options).map(|option| option.name);
        let near = names.map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
        let help = match near.filter(|(distance, _)| *distance <= 2) {
            Some((_, known)) => format!("did you mean `--{known}`?"),
            None => help.to_owned(),
        };
        let message = format!("no match or target before `--{name}` knows this option");
        Fault::new(word.span.clone(), message, "belongs to nothing", help)
    }
}
