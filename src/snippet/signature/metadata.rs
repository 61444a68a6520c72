//! The file that describes a building block: `snippet.toml`.
//! Input: its text. Output: a `Signature`, or a fault with its place in that text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use toml::Spanned;

use super::{Clause, ClausePart, Flag, Form, Note, OpenDirection, Parameter, ParameterKind, Signature, TrafficRules};
use crate::iptables::ruleset::{Hook, TableName};
use crate::language::clauses::{Direction, TrafficClause};
use crate::net::{Families, Family};

/// What is wrong with a `snippet.toml`, and where.
#[derive(Clone, Debug)]
pub struct MetadataFault {
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
    service: Option<Spanned<String>>,
    sentence: Option<Spanned<Vec<Sentence>>>,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<RawParameter>>,
    #[serde(default)]
    flags: BTreeMap<String, Text>,
    answers: Option<Spanned<String>>,
    #[serde(default)]
    traffic: RawTraffic,
    #[serde(default)]
    note: Vec<RawNote>,
}

/// What every service has.
#[derive(Deserialize)]
struct Service {
    sentence: Vec<Sentence>,
    parameters: BTreeMap<String, Spanned<RawParameter>>,
}

/// The sentences of a service, with `SERVICE` for its name.
static SERVICE: LazyLock<Service> =
    LazyLock::new(|| toml::from_str(include_str!("service.toml")).expect("a file of the program"));

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentence {
    #[serde(default)]
    form: String,
    name: Spanned<String>,
    #[serde(default)]
    clauses: Option<Spanned<String>>,
    traffic_clauses: Option<Vec<TrafficClause>>,
}

#[derive(Clone, Deserialize)]
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
    #[serde(default)]
    shifts: bool,
    length_of: Option<String>,
    #[serde(default)]
    ranges: bool,
    #[serde(default)]
    single: bool,
    #[serde(default)]
    nonzero: bool,
    needs: Option<String>,
    #[serde(default)]
    translates: bool,
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
    chains: BTreeMap<String, Spanned<String>>,
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
pub fn parse(text: &str) -> Result<Signature, MetadataFault> {
    let file: File = toml::from_str(text).map_err(|error| MetadataFault {
        span: error.span().unwrap_or(0..text.len().min(1)),
        message: error.message().lines().next().unwrap_or("not TOML").to_owned(),
        help: "the fields of a snippet.toml are listed in CONTRIBUTING.md".into(),
    })?;
    let fault = |span: Range<usize>, message: String, help: &str| MetadataFault { span, message, help: help.into() };

    let mut families = Families::NONE;
    for word in &file.families {
        let family = Family::BOTH.into_iter().find(|family| family.keyword() == word.get_ref());
        let family = family.ok_or_else(|| {
            fault(word.span(), format!("`{}` is not a family", word.get_ref()), "write `ipv4` or `ipv6`")
        })?;
        families = families.or(family.into());
    }
    if file.families.is_empty() {
        families = Families::BOTH;
    }
    let table = match &file.table {
        None => TableName::Filter,
        Some(word) => TableName::from_name(word.get_ref()).ok_or_else(|| {
            fault(
                word.span(),
                format!("`{}` is not a table", word.get_ref()),
                "write `raw`, `mangle`, `nat` or `filter`",
            )
        })?,
    };
    let (mut sentences, mut raw_parameters) = (Vec::new(), file.parameters);
    let place = file.sentence.as_ref().map_or(0..text.len().min(1), Spanned::span);
    if let Some(service) = &file.service {
        let (name, span) = (service.get_ref(), service.span());
        if file.sentence.is_some() || !raw_parameters.is_empty() || !is_word(name) {
            let message = format!("`{name}` cannot be a service");
            let help =
                "a service is one word in lower case, and its block has neither sentences nor parameters of its own";
            return Err(fault(span, message, help));
        }
        raw_parameters = SERVICE.parameters.clone();
        sentences = SERVICE.sentence.clone();
        for sentence in &mut sentences {
            *sentence.name.get_mut() = sentence.name.get_ref().replace("SERVICE", name);
        }
    }
    sentences.extend(file.sentence.into_iter().flat_map(Spanned::into_inner));
    let mut parameters = Vec::new();
    for (name, raw) in raw_parameters {
        let span = raw.span();
        let raw = raw.into_inner();
        let kind = kind(&raw).ok_or_else(|| {
            fault(span.clone(), format!("`{}` is not a type", raw.kind), &format!("the types are {KINDS}"))
        })?;
        let usable = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !usable || RESERVED.contains(&name.as_str()) {
            let taken: Vec<String> = RESERVED.iter().map(|word| format!("`{word}`")).collect();
            let help = &format!("use lower case letters, digits and `_`; {} are taken", taken.join(", "));
            return Err(fault(span, format!("a parameter cannot be called `{name}`"), help));
        }
        let RawParameter { default, needs_ports, shifts, translates, needs, text, .. } = raw;
        parameters.push(Parameter { name, kind, default, needs_ports, shifts, translates, needs, text });
    }
    let flags: Vec<Flag> = file
        .flags
        .into_iter()
        .map(|(words, text)| Flag { words: words.split(' ').map(str::to_owned).collect(), text: text.text })
        .collect();
    if parameters.len() > MAX_PARAMETERS || flags.len() > MAX_PARAMETERS {
        return Err(fault(
            0..1,
            format!("more than {MAX_PARAMETERS} parameters or flags"),
            "make two building blocks of it",
        ));
    }

    let mut forms = Vec::new();
    for sentence in sentences {
        let words: Vec<String> = sentence.name.get_ref().split_whitespace().map(str::to_owned).collect();
        if words.is_empty() || !words.iter().all(|word| is_word(word)) {
            let help = "a name is a verb and the words of the block, in lower case: `allow ipsec`";
            return Err(fault(sentence.name.span(), format!("`{}` is not a name", sentence.name.get_ref()), help));
        }
        let text = sentence.clauses.as_ref().map(|clauses| clauses.get_ref().clone()).unwrap_or_default();
        let clauses = match &sentence.clauses {
            None => Vec::new(),
            Some(clauses) => parse_clauses(clauses.get_ref(), &parameters, &flags)
                .map_err(|(message, help)| fault(clauses.span(), message, &help))?,
        };
        let traffic_clauses = sentence.traffic_clauses.map(with_sets);
        forms.push(Form { name: sentence.form, words, clauses, text, traffic_clauses });
    }
    if forms.is_empty() {
        return Err(fault(place, "the block has no sentence".into(), "add a `[[sentence]]` with a `name`"));
    }
    for (index, parameter) in parameters.iter().enumerate() {
        let used = |form: &Form| form.clauses.iter().any(|clause| clause.part == ClausePart::Parameter(index as u8));
        if !forms.iter().any(used) {
            let message = format!("no sentence has the parameter `{}`", parameter.name);
            return Err(fault(place, message, "write it into `clauses`, or remove it"));
        }
    }
    let named = |name: &String, of: &Parameter| of.name != *name && parameters.iter().any(|one| one.name == *name);
    let mut needs = parameters.iter().filter_map(|parameter| Some((parameter, parameter.needs.as_ref()?)));
    if let Some((of, unknown)) = needs.find(|(parameter, name)| !named(name, parameter)) {
        let message = format!("`{unknown}`, which `{}` needs, is not another parameter", of.name);
        return Err(fault(place, message, "name another parameter of the block"));
    }
    let raw = file.traffic;
    if let Some(word) = raw.interface.as_ref().filter(|word| word.get_ref() != "required") {
        return Err(fault(
            word.span(),
            format!("`{}` is not `required`", word.get_ref()),
            "write `required`, or nothing",
        ));
    }
    let needs_interface = raw.interface.is_some();
    let unknown = raw.chains.iter().find(|(direction, chain)| {
        let is_direction = Direction::ALL.iter().any(|known| known.word() == direction.as_str());
        let is_chain = |table: &TableName| table.built_in_chains().contains(&chain.get_ref().as_str());
        !is_direction || !TableName::ALL.iter().any(is_chain)
    });
    if let Some((direction, chain)) = unknown {
        let message = format!("`{direction} = \"{}\"` does not lead a direction to a built-in chain", chain.get_ref());
        return Err(fault(chain.span(), message, "write `in`, `out` or `forward`, and a chain such as `PREROUTING`"));
    }
    let chain = |direction: Direction, usual: &str| -> Arc<str> {
        raw.chains.get(direction.word()).map_or(usual, |chain| chain.get_ref()).into()
    };
    let traffic = TrafficRules {
        directions: raw.directions.clone().unwrap_or_else(|| Direction::ALL.to_vec()),
        open: raw.direction.unwrap_or(OpenDirection::Interface),
        needs_interface,
        chains: [chain(Direction::In, "INPUT"), chain(Direction::Out, "OUTPUT"), chain(Direction::Forward, "FORWARD")],
        protocols: raw.protocols,
        own_ports: raw.own_ports,
        clauses: with_sets(raw.clauses.unwrap_or_else(TrafficClause::all)),
    };
    for form in &mut forms {
        // What is allowed up to a rate is dropped above it.
        let admitted = form.traffic_clauses.as_ref().unwrap_or(&traffic.clauses);
        if ["drop", "reject", "log"].contains(&form.words[0].as_str()) && admitted.contains(&TrafficClause::Limit) {
            form.traffic_clauses = Some(admitted.iter().copied().chain([TrafficClause::OverLimit]).collect());
        }
    }
    let answers = match &file.answers {
        None => None,
        Some(word) => Some(Hook::ALL.into_iter().find(|hook| hook.chain() == word.get_ref()).ok_or_else(|| {
            fault(word.span(), format!("`{}` is not a chain", word.get_ref()), "write `FORWARD` or `OUTPUT`")
        })?),
    };
    let notes = file.note.into_iter().map(|note| Note { when: note.when, text: note.text }).collect();
    Ok(Signature {
        summary: file.summary,
        families,
        needs_family: file.needs_family,
        table,
        is_service: file.service.is_some(),
        forms,
        parameters,
        flags,
        traffic,
        answers,
        notes,
    })
}

/// Where there can be an address there can be a set of them.
fn with_sets(mut clauses: Vec<TrafficClause>) -> Vec<TrafficClause> {
    if clauses.contains(&TrafficClause::From) || clauses.contains(&TrafficClause::To) {
        clauses.push(TrafficClause::Set);
    }
    clauses
}

/// Names of the template that are not parameters.
const RESERVED: [&str; 9] =
    ["family", "families", "form", "traffic", "translated", "carried", "carried_translated", "chain", "verdict"];

/// Whether a word can be in the name of a sentence.
fn is_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The flags of a sentence are bits of a `u32`.
const MAX_PARAMETERS: usize = 32;

const KINDS: &str = "address, interface, ports, rate, number, word, reason, mark, string, endpoint, network, helper";

fn kind(raw: &RawParameter) -> Option<ParameterKind> {
    Some(match raw.kind.as_str() {
        "address" => {
            ParameterKind::Address { unicast: raw.unicast, chooses_family: raw.chooses_family.unwrap_or(true) }
        }
        "interface" => ParameterKind::Interface { single: raw.single },
        "ports" => ParameterKind::Ports,
        "rate" => ParameterKind::Rate,
        "number" => ParameterKind::Number { min: raw.min.unwrap_or(0), max: raw.max.unwrap_or(u32::MAX) },
        "word" => ParameterKind::Word(raw.values.clone()),
        "reason" => ParameterKind::Reason,
        "mark" => ParameterKind::Mark { nonzero: raw.nonzero },
        "string" => ParameterKind::String {
            max_bytes: raw.max_bytes.unwrap_or(255),
            what: raw.what.clone().unwrap_or_else(|| "string".into()),
        },
        "endpoint" => ParameterKind::Endpoint { ranges: raw.ranges },
        "helper" => ParameterKind::Helper,
        "network" => ParameterKind::Network { length_of: raw.length_of.clone() },
        _ => return None,
    })
}

/// Reads `peer <peer> on <interface> [without esp] [<traffic>]`.
fn parse_clauses(text: &str, parameters: &[Parameter], flags: &[Flag]) -> Result<Vec<Clause>, (String, String)> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut keyword: Vec<String> = Vec::new();
    let mut optional = false;
    // How many there are up to the bracket: what is after its first one follows that.
    let mut opened = 0;
    let spaced = text.replace('[', " [ ").replace(']', " ] ");
    for word in spaced.split_whitespace() {
        match word {
            "[" | "]" => {
                finish_flag(&mut keyword, !optional, flags, &mut clauses)?;
                if optional == (word == "[") {
                    return Err(("`[` and `]` do not match".into(), "write `[…]` around each optional clause".into()));
                }
                if optional {
                    clauses.iter_mut().skip(opened + 1).for_each(|clause| clause.follows = true);
                }
                (optional, opened) = (word == "[", clauses.len());
            }
            _ => match word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) {
                Some("traffic") => {
                    clauses.push(Clause {
                        keyword: std::mem::take(&mut keyword),
                        part: ClausePart::Traffic,
                        required: !optional,
                        follows: false,
                    });
                }
                Some(name) => {
                    let index = parameters.iter().position(|parameter| parameter.name == name).ok_or_else(|| {
                        (format!("`<{name}>` is not a parameter"), format!("add `[parameters.{name}]` with its type"))
                    })?;
                    let part = ClausePart::Parameter(index as u8);
                    let keyword = std::mem::take(&mut keyword);
                    clauses.push(Clause { keyword, part, required: !optional, follows: false });
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
            format!("`{words}` is not a flag"),
            format!("add `[flags.\"{words}\"]` with its text, or a `<parameter>` after it"),
        )
    })?;
    let part = ClausePart::Flag(index as u8);
    clauses.push(Clause { keyword: words, part, required, follows: false });
    Ok(())
}
