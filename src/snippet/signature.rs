//! What a building block's sentences look like: its names, clauses, parameters and flags.
//! Input: the text of a `snippet.toml`. Output: a `Signature`, or faults with their places in that text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::iptables::ruleset::TableName;
use crate::net::{Families, Family};

/// The metadata of a building block.
#[derive(Clone, Debug)]
pub struct Signature {
    /// One line for lists and hover.
    pub summary: String,
    /// The families that it is for by nature.
    pub families: Families,
    /// Whether a sentence must choose a family: translation of IPv6 addresses is never assumed.
    pub needs_family: bool,
    /// The table of its rules.
    pub table: TableName,
    /// Its sentences.
    pub forms: Vec<Form>,
    /// Its parameters, by name.
    pub parameters: Vec<Parameter>,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// What traffic its sentences speak of.
    pub traffic: TrafficRules,
    /// Remarks for `check`.
    pub notes: Vec<Note>,
}

/// One sentence of a building block.
#[derive(Clone, Debug)]
pub struct Form {
    /// How the template calls it.
    pub name: String,
    /// The verb and the words of the block.
    pub words: Vec<String>,
    /// Its clauses, in the order for people.
    pub clauses: Vec<Clause>,
    /// The clauses as written, for people.
    pub text: String,
    /// The traffic clauses that it admits; `None`: those of the block.
    pub traffic_clauses: Option<Vec<TrafficClause>>,
}

/// A part of a sentence: words, and perhaps a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The words before the value; none for a positional parameter and for traffic.
    pub keyword: Vec<String>,
    /// What it is.
    pub part: Part,
    /// Whether the sentence must have it.
    pub required: bool,
}

/// What a clause holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A value: a position in `Signature::parameters`.
    Parameter(u8),
    /// Nothing: a position in `Signature::flags`.
    Flag(u8),
    /// The traffic vocabulary.
    Traffic,
}

/// A value that a sentence gives.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the template.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// The value of a sentence that does not give it.
    pub default: Option<String>,
    /// Whether it is a port of the packets: the sentence must have a protocol with ports.
    pub needs_ports: bool,
    /// One line for completion and hover.
    pub text: String,
}

/// The type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Addresses; a hole in the template.
    Address {
        /// No multicast, no broadcast.
        unicast: bool,
        /// Whether a list of one family makes the sentence one of that family.
        chooses_family: bool,
    },
    /// Interfaces; a hole.
    Interface,
    /// Ports; a hole.
    Ports,
    /// A rate; a hole.
    Rate,
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The greatest.
        max: u32,
    },
    /// One of some words.
    Word(Vec<String>),
    /// How to reject.
    Reason,
    /// A packet mark.
    Mark,
    /// Literal text.
    String {
        /// The longest, in bytes.
        max_bytes: usize,
        /// What it is called when it is longer.
        what: String,
    },
    /// An address with ports, for translation.
    Endpoint,
}

/// Words that switch something.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The words.
    pub words: Vec<String>,
    /// One line for completion and hover.
    pub text: String,
}

impl Flag {
    /// The name in the template: blanks and dashes are `_`.
    pub fn variable(&self) -> String {
        self.words.join("_").replace('-', "_")
    }
}

/// What a block's `<traffic>` may say.
#[derive(Clone, Debug)]
pub struct TrafficRules {
    /// The directions that make sense.
    pub directions: Vec<Direction>,
    /// What no direction means.
    pub open: OpenDirection,
    /// Whether `on IF` must be there.
    pub needs_interface: bool,
    /// The chains of the directions in, out and forward.
    pub chains: [Arc<str>; 3],
    /// The protocols that the template itself prints.
    pub protocols: Vec<String>,
    /// Whether the template itself prints the destination port.
    pub own_ports: bool,
    /// The clauses that may be there.
    pub clauses: Vec<TrafficClause>,
}

/// A way through the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the gateway.
    In,
    /// From the gateway.
    Out,
    /// Through the gateway.
    Forward,
}

impl Direction {
    /// All of them, in the order of the rules.
    pub const ALL: [Direction; 3] = [Direction::In, Direction::Out, Direction::Forward];

    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Forward => "forward",
        }
    }
}

/// What a sentence without direction means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenDirection {
    /// Every direction of the block.
    Any,
    /// An interface or a peer is enough.
    Interface,
    /// An error.
    Required,
    /// The template names the chains.
    None,
}

/// A clause of the traffic vocabulary, as far as blocks allow and forbid it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficClause {
    /// `tcp`, `protocol N`, …
    Protocol,
    /// `from ADDR`
    From,
    /// `to ADDR`
    To,
    /// `peer ADDR`
    Peer,
    /// `from [ADDR] port P`
    SourcePort,
    /// `port P`, `to [ADDR] port P`
    Port,
    /// `type T`
    Type,
    /// `no syn`
    NoSyn,
    /// `flags M/S`
    Flags,
    /// `ttl N`
    Ttl,
    /// `state S`
    State,
    /// `ipsec`, `no ipsec`
    Ipsec,
    /// `mark M`
    Mark,
    /// `limit N/unit`
    Limit,
}

impl TrafficClause {
    /// All that speak of packets, and not of how many.
    pub const OF_PACKETS: [TrafficClause; 13] = [
        TrafficClause::Protocol,
        TrafficClause::From,
        TrafficClause::To,
        TrafficClause::Peer,
        TrafficClause::SourcePort,
        TrafficClause::Port,
        TrafficClause::Type,
        TrafficClause::NoSyn,
        TrafficClause::Flags,
        TrafficClause::Ttl,
        TrafficClause::State,
        TrafficClause::Ipsec,
        TrafficClause::Mark,
    ];

    fn all() -> Vec<TrafficClause> {
        let mut all = TrafficClause::OF_PACKETS.to_vec();
        all.push(TrafficClause::Limit);
        all
    }
}

/// A remark that `check` prints under a condition.
#[derive(Clone, Debug)]
pub struct Note {
    /// A minijinja expression over the template's variables.
    pub when: String,
    /// The remark.
    pub text: String,
}

/// What is wrong with a `snippet.toml`, and where.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The place in the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    summary: String,
    #[serde(default)]
    families: Vec<Spanned<String>>,
    #[serde(default)]
    needs_family: bool,
    table: Option<Spanned<String>>,
    sentence: Spanned<Vec<Sentence>>,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<RawParameter>>,
    #[serde(default)]
    flags: BTreeMap<String, Text>,
    #[serde(default)]
    traffic: RawTraffic,
    #[serde(default)]
    note: Vec<RawNote>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentence {
    #[serde(default)]
    form: String,
    name: Spanned<String>,
    #[serde(default)]
    clauses: Option<Spanned<String>>,
    traffic_clauses: Option<Vec<TrafficClause>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParameter {
    #[serde(rename = "type")]
    kind: String,
    text: String,
    default: Option<String>,
    #[serde(default)]
    unicast: bool,
    chooses_family: Option<bool>,
    min: Option<u32>,
    max: Option<u32>,
    #[serde(default)]
    values: Vec<String>,
    max_bytes: Option<usize>,
    what: Option<String>,
    #[serde(default)]
    needs_ports: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawTraffic {
    directions: Option<Vec<Direction>>,
    direction: Option<OpenDirection>,
    interface: Option<Spanned<String>>,
    #[serde(default)]
    chains: BTreeMap<String, String>,
    #[serde(default)]
    protocols: Vec<String>,
    #[serde(default)]
    own_ports: bool,
    clauses: Option<Vec<TrafficClause>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNote {
    when: String,
    text: String,
}

/// Reads a `snippet.toml`.
pub fn parse(text: &str) -> Result<Signature, Fault> {
    let file: File = toml::from_str(text).map_err(|error| Fault {
        span: error.span().unwrap_or(0..text.len().min(1)),
        message: error.message().lines().next().unwrap_or("not TOML").to_owned(),
        help: "the fields of a snippet.toml are listed in CONTRIBUTING.md".into(),
    })?;
    let fault = |span: Range<usize>, message: String, help: &str| Fault { span, message, help: help.into() };

    let mut families = Families::NONE;
    for word in &file.families {
        let family = Family::BOTH.into_iter().find(|family| family.keyword() == word.get_ref());
        let family = family.ok_or_else(|| {
            fault(word.span(), format!("`{}` is no family", word.get_ref()), "write `ipv4` or `ipv6`")
        })?;
        families = families.or(family.into());
    }
    if file.families.is_empty() {
        families = Families::BOTH;
    }
    let table = match &file.table {
        None => TableName::Filter,
        Some(word) => TableName::from_name(word.get_ref()).ok_or_else(|| {
            fault(word.span(), format!("`{}` is no table", word.get_ref()), "write `raw`, `mangle`, `nat` or `filter`")
        })?,
    };
    let mut parameters = Vec::new();
    for (name, raw) in file.parameters {
        let span = raw.span();
        let raw = raw.into_inner();
        let kind = kind(&raw).ok_or_else(|| {
            fault(span.clone(), format!("`{}` is no type", raw.kind), &format!("the types are {KINDS}"))
        })?;
        let usable = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !usable || ["family", "form", "traffic", "chain"].contains(&name.as_str()) {
            let help = "use lower case letters, digits and `_`; `family`, `form`, `traffic` and `chain` are taken";
            return Err(fault(span, format!("a parameter cannot be called `{name}`"), help));
        }
        parameters.push(Parameter { name, kind, default: raw.default, needs_ports: raw.needs_ports, text: raw.text });
    }
    let flags: Vec<Flag> = file
        .flags
        .into_iter()
        .map(|(words, text)| Flag { words: words.split(' ').map(str::to_owned).collect(), text: text.text })
        .collect();
    if parameters.len() > MOST || flags.len() > MOST {
        return Err(fault(0..1, format!("more than {MOST} parameters or flags"), "make two building blocks of it"));
    }

    let sentences = file.sentence.span();
    let mut forms = Vec::new();
    for sentence in file.sentence.into_inner() {
        let words: Vec<String> = sentence.name.get_ref().split_whitespace().map(str::to_owned).collect();
        let is_word = |word: &String| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if words.is_empty() || !words.iter().all(is_word) {
            let help = "a name is a verb and the words of the block, in lower case: `allow ipsec`";
            return Err(fault(sentence.name.span(), format!("`{}` is no name", sentence.name.get_ref()), help));
        }
        let text = sentence.clauses.as_ref().map(|clauses| clauses.get_ref().clone()).unwrap_or_default();
        let clauses = match &sentence.clauses {
            None => Vec::new(),
            Some(clauses) => parse_clauses(clauses.get_ref(), &parameters, &flags)
                .map_err(|(message, help)| fault(clauses.span(), message, &help))?,
        };
        forms.push(Form { name: sentence.form, words, clauses, text, traffic_clauses: sentence.traffic_clauses });
    }
    if forms.is_empty() {
        return Err(fault(sentences, "the block has no sentence".into(), "add a `[[sentence]]` with a `name`"));
    }
    for (index, parameter) in parameters.iter().enumerate() {
        let used = |form: &Form| form.clauses.iter().any(|clause| clause.part == Part::Parameter(index as u8));
        if !forms.iter().any(used) {
            let message = format!("no sentence has the parameter `{}`", parameter.name);
            return Err(fault(sentences, message, "write it into `clauses`, or remove it"));
        }
    }
    let raw = file.traffic;
    let needs_interface = raw.interface.is_some();
    let chain = |direction: Direction, usual: &str| -> Arc<str> {
        raw.chains.get(direction.word()).map_or(usual, String::as_str).into()
    };
    let traffic = TrafficRules {
        directions: raw.directions.clone().unwrap_or_else(|| Direction::ALL.to_vec()),
        open: raw.direction.unwrap_or(OpenDirection::Interface),
        needs_interface,
        chains: [chain(Direction::In, "INPUT"), chain(Direction::Out, "OUTPUT"), chain(Direction::Forward, "FORWARD")],
        protocols: raw.protocols,
        own_ports: raw.own_ports,
        clauses: raw.clauses.unwrap_or_else(TrafficClause::all),
    };
    let notes = file.note.into_iter().map(|note| Note { when: note.when, text: note.text }).collect();
    Ok(Signature {
        summary: file.summary,
        families,
        needs_family: file.needs_family,
        table,
        forms,
        parameters,
        flags,
        traffic,
        notes,
    })
}

/// The flags of a sentence are bits of a `u32`.
const MOST: usize = 32;

const KINDS: &str = "address, interface, ports, rate, number, word, reason, mark, string, endpoint";

fn kind(raw: &RawParameter) -> Option<Kind> {
    Some(match raw.kind.as_str() {
        "address" => Kind::Address { unicast: raw.unicast, chooses_family: raw.chooses_family.unwrap_or(true) },
        "interface" => Kind::Interface,
        "ports" => Kind::Ports,
        "rate" => Kind::Rate,
        "number" => Kind::Number { min: raw.min.unwrap_or(0), max: raw.max.unwrap_or(u32::MAX) },
        "word" => Kind::Word(raw.values.clone()),
        "reason" => Kind::Reason,
        "mark" => Kind::Mark,
        "string" => Kind::String {
            max_bytes: raw.max_bytes.unwrap_or(255),
            what: raw.what.clone().unwrap_or_else(|| "string".into()),
        },
        "endpoint" => Kind::Endpoint,
        _ => return None,
    })
}

/// Reads `peer <peer> on <interface> [without esp] [<traffic>]`.
fn parse_clauses(text: &str, parameters: &[Parameter], flags: &[Flag]) -> Result<Vec<Clause>, (String, String)> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut keyword: Vec<String> = Vec::new();
    let mut optional = false;
    let spaced = text.replace('[', " [ ").replace(']', " ] ");
    for word in spaced.split_whitespace() {
        match word {
            "[" | "]" => {
                finish_flag(&mut keyword, !optional, flags, &mut clauses)?;
                if optional == (word == "[") {
                    return Err(("`[` and `]` do not match".into(), "write `[…]` around each optional clause".into()));
                }
                optional = word == "[";
            }
            _ => match word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) {
                Some("traffic") => {
                    clauses.push(Clause {
                        keyword: std::mem::take(&mut keyword),
                        part: Part::Traffic,
                        required: !optional,
                    });
                }
                Some(name) => {
                    let index = parameters.iter().position(|parameter| parameter.name == name).ok_or_else(|| {
                        (format!("`<{name}>` is no parameter"), format!("add `[parameters.{name}]` with its type"))
                    })?;
                    let part = Part::Parameter(index as u8);
                    clauses.push(Clause { keyword: std::mem::take(&mut keyword), part, required: !optional });
                }
                None => {
                    keyword.push(word.to_owned());
                    // A flag that is required ends where its words end.
                    if flags.iter().any(|flag| flag.words == keyword) && !optional {
                        finish_flag(&mut keyword, true, flags, &mut clauses)?;
                    }
                }
            },
        }
    }
    finish_flag(&mut keyword, !optional, flags, &mut clauses)?;
    if optional {
        return Err(("`[` is never closed".into(), "write `[…]` around each optional clause".into()));
    }
    Ok(clauses)
}

fn finish_flag(
    keyword: &mut Vec<String>,
    required: bool,
    flags: &[Flag],
    clauses: &mut Vec<Clause>,
) -> Result<(), (String, String)> {
    if keyword.is_empty() {
        return Ok(());
    }
    let words = std::mem::take(keyword);
    let index = flags.iter().position(|flag| flag.words == words).ok_or_else(|| {
        let words = words.join(" ");
        (
            format!("`{words}` is no flag"),
            format!("add `[flags.\"{words}\"]` with its text, or a `<parameter>` behind it"),
        )
    })?;
    clauses.push(Clause { keyword: words, part: Part::Flag(index as u8), required });
    Ok(())
}
