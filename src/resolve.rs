//! `Ast` and `Library` to `Policy`: what each sentence means.
//! Input: sentences of tokens. Output: typed sentences; what is wrong is reported, sentence by sentence.

pub mod block;
pub mod common;
pub mod core;
pub mod families;
pub mod icmp;
pub mod lists;
pub mod rate;
pub mod suggest;
pub mod traffic;
pub mod value;
pub mod words;

use crate::codes;
use crate::diagnostic::{Diagnostics, Fix, Severity};
use crate::language::CORE;
use crate::net::Interface;
use crate::policy::{Declarations, InterfaceDeclaration, Policy, Statement, Uses};
use crate::snippet::library::Library;
use crate::source::Span;
use crate::syntax::Ast;
use suggest::did_you_mean;
use words::{Atom, Words};

codes! {
    /// What can be wrong with the meaning of a sentence.
    ResolveError:
    /// A verb that no sentence begins with.
    UnknownVerb = Error "cgwfw::resolve::unknown_verb",
    /// A verb without a block of the name that follows.
    UnknownBlock = Error "cgwfw::resolve::unknown_block",
    /// A word that has no meaning where it stands.
    UnknownWord = Error "cgwfw::resolve::unknown_word",
    /// A clause that must be there.
    MissingClause = Error "cgwfw::resolve::missing_clause",
    /// A clause that is there twice.
    DuplicateClause = Error "cgwfw::resolve::duplicate_clause",
    /// A clause of the vocabulary that this block does not take.
    ClauseNotAllowed = Error "cgwfw::resolve::clause_not_allowed",
    /// A keyword without its value.
    MissingValue = Error "cgwfw::resolve::missing_value",
    /// A list with nothing in it.
    EmptyList = Error "cgwfw::resolve::empty_list",
    /// Commas and values that do not take turns.
    BadList = Error "cgwfw::resolve::bad_list",
    /// A list where one value is expected.
    OneValue = Error "cgwfw::resolve::one_value",
    /// `not` inside a list.
    NotInList = Error "cgwfw::resolve::not_in_list",
    /// `not any`.
    NotAny = Error "cgwfw::resolve::not_any",
    /// `not` where nothing can be negated.
    NotHere = Error "cgwfw::resolve::not_here",
    /// A string where a word is expected.
    UnexpectedString = Error "cgwfw::resolve::unexpected_string",
    /// A variable without a definition.
    UnknownVariable = Error "cgwfw::resolve::unknown_variable",
    /// A definition that leads back to itself.
    DefinitionCycle = Error "cgwfw::resolve::definition_cycle",
    /// The level of something that is no warning and no note.
    UnknownLint = Error "cgwfw::resolve::unknown_lint",
    /// A second definition of a name.
    Redefined = Error "cgwfw::resolve::redefined",
    /// A core sentence of the wrong form.
    BadForm = Error "cgwfw::resolve::bad_form",
    /// An interface that is not declared.
    UnknownInterface = Error "cgwfw::resolve::unknown_interface",
    /// A word that is no interface name.
    BadInterface = Error "cgwfw::resolve::bad_interface",
    /// A word that is no address.
    BadAddress = Error "cgwfw::resolve::bad_address",
    /// A network with host bits.
    HostBits = Error "cgwfw::resolve::host_bits",
    /// A netmask instead of a prefix length.
    Netmask = Error "cgwfw::resolve::netmask",
    /// An IPv4 address with leading zeros.
    LeadingZeros = Error "cgwfw::resolve::leading_zeros",
    /// An address with a zone.
    ScopedAddress = Error "cgwfw::resolve::scoped_address",
    /// An IPv4 address as IPv6.
    MappedAddress = Error "cgwfw::resolve::mapped_address",
    /// A name instead of an address.
    DnsName = Error "cgwfw::resolve::dns_name",
    /// A multicast or broadcast address where one host is meant.
    NotUnicast = Error "cgwfw::resolve::not_unicast",
    /// A link-local address without its link.
    LinkLocal = Warning "cgwfw::resolve::link_local",
    /// `ipsec` of forwarded packets, without its side.
    IpsecSide = Error "cgwfw::resolve::ipsec_side",
    /// A port after a source, and no destination port beside it.
    PortAfterSource = Error "cgwfw::resolve::port_after_source",
    /// Packets are let in by nothing but their source port.
    SourcePortOnly = Warning "cgwfw::resolve::source_port_only",
    /// A number or a range that is no port.
    BadPort = Error "cgwfw::resolve::bad_port",
    /// A word that is no service.
    UnknownService = Error "cgwfw::resolve::unknown_service",
    /// A word that is no number.
    BadNumber = Error "cgwfw::resolve::bad_number",
    /// A number that is too small or too large.
    OutOfRange = Error "cgwfw::resolve::out_of_range",
    /// A word that is no mark.
    BadMark = Error "cgwfw::resolve::bad_mark",
    /// A word that is no connection state.
    BadState = Error "cgwfw::resolve::bad_state",
    /// A pair of flag lists that is none.
    BadFlags = Error "cgwfw::resolve::bad_flags",
    /// A protocol that cannot be named so.
    BadProtocol = Error "cgwfw::resolve::bad_protocol",
    /// A word that is no ICMP type.
    BadIcmpType = Error "cgwfw::resolve::bad_icmp_type",
    /// A word that is no rate.
    BadRate = Error "cgwfw::resolve::bad_rate",
    /// A rate whose bucket the kernel cannot count.
    RateTooSlow = Error "cgwfw::resolve::rate_too_slow",
    /// A rate that the kernel keeps as another one.
    RateRounded = Warning "cgwfw::resolve::rate_rounded",
    /// A word that is no reject reason.
    UnknownReason = Error "cgwfw::resolve::unknown_reason",
    /// A reject reason that a family does not have.
    ReasonFamily = Error "cgwfw::resolve::reason_family",
    /// New ports that are not as many as the old ones.
    PortShift = Error "cgwfw::resolve::port_shift",
    /// A word that is no address to translate to.
    BadEndpoint = Error "cgwfw::resolve::bad_endpoint",
    /// A family word that is none.
    BadFamily = Error "cgwfw::resolve::bad_family",
    /// A table that is none.
    BadTable = Error "cgwfw::resolve::bad_table",
    /// A string that iptables would cut.
    StringTooLong = Error "cgwfw::resolve::string_too_long",
    /// A string with characters that hide what it says.
    DeceptiveText = Error "cgwfw::resolve::deceptive_text",
    /// Traffic that does not say which way.
    DirectionRequired = Error "cgwfw::resolve::direction_required",
    /// A direction that the block does not have.
    DirectionNotAllowed = Error "cgwfw::resolve::direction_not_allowed",
    /// Two directions that exclude each other.
    DirectionConflict = Error "cgwfw::resolve::direction_conflict",
    /// A clause that the protocol does not have.
    NeedsProtocol = Error "cgwfw::resolve::needs_protocol",
    /// `ipsec` where the kernel has forgotten it.
    IpsecOnTunnel = Error "cgwfw::resolve::ipsec_on_tunnel",
    /// Values of different families: nothing is left.
    FamilyConflict = Error "cgwfw::resolve::family_conflict",
    /// A sentence that must choose a family.
    FamilyRequired = Error "cgwfw::resolve::family_required",
    /// A negated value that would let the other family through.
    NegatedFamily = Error "cgwfw::resolve::negated_family",
    /// A value of a list that is in no rule.
    ElementUnused = Error "cgwfw::resolve::element_unused",
    /// A value that stands in a list twice.
    DuplicateEntry = Warning "cgwfw::policy::duplicate_entry",
    /// Filter rules without a default for every chain.
    DefaultMissing = Error "cgwfw::resolve::default_missing",
    /// Two defaults for the same chain.
    DefaultTwice = Error "cgwfw::resolve::default_twice",
}

/// What the sentences of a policy share: its declarations, and which of them are used.
pub struct Scope<'a> {
    /// The interfaces and definitions.
    pub declarations: &'a Declarations,
    /// Whether a sentence uses it, by position in the definitions.
    pub used: Vec<bool>,
    /// Whether a sentence names it, by position in the interfaces.
    pub named: Vec<bool>,
    /// Whether a sentence that was refused names it, by position in the interfaces.
    refused: Vec<bool>,
    /// Whether interfaces may be named that are not declared: packets come by any.
    pub any_interface: bool,
}

/// More ways out than anybody reads.
const MAX_OFFERED: usize = 6;

impl Scope<'_> {
    /// Nothing is used yet.
    pub fn new(declarations: &Declarations) -> Scope<'_> {
        let interfaces = vec![false; declarations.interfaces.len()];
        Scope {
            declarations,
            used: vec![false; declarations.definitions.len()],
            named: interfaces.clone(),
            refused: interfaces,
            any_interface: false,
        }
    }

    /// The declared interfaces behind a word, as ways out of a sentence that lacks one.
    pub fn offers(&self, word: &str) -> impl Iterator<Item = Fix> {
        let offer =
            move |declared: &InterfaceDeclaration| Fix::Add(format!("{word} {}", declared.name).trim().to_owned());
        self.declarations.interfaces.iter().take(MAX_OFFERED).map(offer)
    }

    /// Counts everything that a refused sentence names as used: one mistake is not also another.
    fn name_all(&mut self, words: &Words) {
        for (variable, name) in words.names() {
            if variable {
                self.declarations.definition(name).into_iter().for_each(|index| self.used[index] = true);
            } else if let Some(index) = Interface::new(name).and_then(|name| self.declarations.interface(&name)) {
                (self.named[index], self.refused[index]) = (true, true);
            }
        }
    }

    /// Notes that a sentence names an interface; reports one that is not declared where others are.
    pub fn interface(&mut self, name: &Interface, atom: &Atom, diagnostics: &mut Diagnostics) -> bool {
        let interfaces = &self.declarations.interfaces;
        if interfaces.is_empty() || name.name() == "lo" {
            return true;
        }
        let mut known = false;
        if let Some(index) = self.declarations.interface(name) {
            known = true;
            self.named[index] = true;
        }
        if !known || name.pattern().is_some() {
            for (index, declared) in interfaces.iter().enumerate() {
                if name.covers(&declared.name) || declared.name.covers(name) {
                    known = true;
                    self.named[index] = true;
                }
            }
        }
        if !known && self.any_interface {
            return true;
        }
        if !known {
            let names = interfaces.iter().map(|declared| declared.name.name());
            let near = did_you_mean(name.name(), names);
            let help = match near {
                Some(near) => format!("did you mean `{near}`? Otherwise add `interface {name}`"),
                None => format!("add `interface {name}`"),
            };
            let message = format!("the interface `{name}` is not declared");
            let report =
                ResolveError::UnknownInterface.at(atom.span, message, "others are declared, this one is not", help);
            let place = atom.defined.unwrap_or(atom.span);
            let report = near.into_iter().fold(report, |report, near| report.fix(Fix::Replace(place, near.to_owned())));
            diagnostics.push(atom.explain(report.fix(Fix::Sentence(format!("interface {name}")))));
        }
        known
    }
}

/// The definitions and the interfaces of a policy, wherever they stand in it.
pub fn declarations(ast: &Ast, diagnostics: &mut Diagnostics) -> Declarations {
    let mut declarations = Declarations::default();
    let none = Declarations::default();
    for (index, sentence) in ast.sentences.iter().enumerate() {
        let words = Words::new(ast, index as u32, &none);
        match words.peek(0) {
            // What is left of a sentence that was reported must not be reported again.
            Some("define") if sentence.broken && words.peek(2) != Some("=") => {}
            Some("interface") if sentence.broken => {}
            Some("define") => core::define(index as u32, words, ast, &mut declarations, diagnostics),
            Some("interface") => core::interface(words, &mut declarations, diagnostics),
            _ => {}
        }
    }
    declarations
}

/// Gives every sentence its meaning.
pub fn resolve(ast: &Ast, declarations: &Declarations, library: &Library, diagnostics: &mut Diagnostics) -> Policy {
    block::argument::check_defaults(library, diagnostics);
    let mut policy = Policy::default();
    let mut scope = Scope::new(declarations);
    core::underlays(&mut scope, diagnostics);
    defaults(ast, &mut policy, &mut scope, diagnostics);
    policy.statements.reserve(ast.sentences.len());
    sentences(ast, library, &mut policy, &mut scope, diagnostics);
    core::lints_set_twice(&policy.lints, diagnostics);
    policy.uses = Uses { definitions: scope.used, interfaces: scope.named, refused: scope.refused };
    policy
}

/// The `default` sentences, which speak of one another.
fn defaults(ast: &Ast, policy: &mut Policy, scope: &mut Scope, diagnostics: &mut Diagnostics) {
    let mut defaults = core::Defaults::default();
    for (index, sentence) in ast.sentences.iter().enumerate() {
        let words = Words::new(ast, index as u32, scope.declarations);
        if words.peek(0) != Some("default") {
            continue;
        }
        let errors = diagnostics.count(Severity::Error);
        let all = words.clone();
        if !sentence.broken {
            core::default(words, &mut defaults, scope, diagnostics);
        }
        if sentence.broken || diagnostics.count(Severity::Error) > errors {
            defaults.refused = true;
            scope.name_all(&all);
        }
    }
    policy.default_refused = defaults.refused;
    policy.defaults = defaults.policies();
    policy.default_places = defaults.places();
    policy.default_drop = defaults.first_drop();
}

/// What each sentence means.
fn sentences(ast: &Ast, library: &Library, policy: &mut Policy, scope: &mut Scope, diagnostics: &mut Diagnostics) {
    for (sentence, broken) in (0..).zip(ast.sentences.iter().map(|sentence| sentence.broken)) {
        let words = Words::new(ast, sentence, scope.declarations);
        if broken {
            // Its tokens were reported; what it names is used all the same.
            scope.name_all(&words);
            continue;
        }
        let verb = words.peek(0).unwrap_or_default();
        let errors = diagnostics.count(Severity::Error);
        let all = words.clone();
        match verb {
            "define" | "interface" | "include" | "default" => {}
            "rules" => {
                let block = core::rules(sentence, words, ast, diagnostics);
                policy.statements.extend(block.map(Statement::Rules));
            }
            "expect" => policy.expectations.extend(core::expect(sentence, words, scope, diagnostics)),
            "lint" => policy.lints.extend(core::lint(words, diagnostics)),
            _ => match block::find(&words, library) {
                Some(name) => {
                    let block = block::block(sentence, words, name, library, scope, diagnostics);
                    policy.statements.extend(block.map(Statement::Block));
                }
                None => unknown(&words, library, diagnostics),
            },
        }
        if diagnostics.count(Severity::Error) > errors {
            scope.name_all(&all);
        }
    }
}

/// A sentence of no block: reports the verb, or the words behind it.
fn unknown(words: &Words, library: &Library, diagnostics: &mut Diagnostics) {
    let Some(verb) = words.peek(0) else {
        diagnostics.push(ResolveError::UnknownVerb.at(
            words.span(),
            "a sentence begins with a verb",
            "not a word",
            "begin with `allow`, `drop`, `reject`, `default`, … ; `cgwfw snippets` lists all sentences",
        ));
        return;
    };
    let names = library.names(verb);
    if names.is_empty() {
        let near = did_you_mean(verb, library.verbs().chain(CORE.iter().map(|core| core.verb)));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`cgwfw snippets` lists all sentences".into(),
        };
        let message = format!("no sentence begins with `{verb}`");
        let report = ResolveError::UnknownVerb.at(words.span(), message, "not a verb of the language", help);
        diagnostics.push(report.or_rather(near));
        return;
    }
    let next = words.peek(1);
    let mut second = words.clone();
    second.skip();
    let candidates = || names.iter().filter_map(|name| name.words.get(1)).map(String::as_str);
    let near = next.and_then(|next| did_you_mean(next, candidates()));
    let help = match near {
        Some(near) => format!("did you mean `{verb} {near}`?"),
        None => {
            let mut all: Vec<String> = names.iter().map(|name| format!("`{}`", name.words.join(" "))).collect();
            all.sort();
            format!("the sentences are {}", all.join(", "))
        }
    };
    let span: Span = if next.is_some() { second.span() } else { words.span() };
    let message = match next {
        Some(next) => format!("there is no building block `{verb} {next}`"),
        None => format!("`{verb}` says what of nothing"),
    };
    let report = ResolveError::UnknownBlock.at(span, message, "not the name of a block", help);
    diagnostics.push(report.or_rather(near));
}
