//! What targets do to a packet.
//! Input: a target, and the chain in which a packet meets it. Output: actions, the first of which that fits is done.

use super::super::extension::index::target_named;
use super::super::ruleset::{
    ChainId, ConnMark, Hook, HopChange, MarkMasks, MarkOperation, MaskedMark, Nat, NatOptions, RejectWith, TableName,
    Target, Untyped,
};
use super::condition::{Condition, Context, Doubt, Field, Test, Unknown, state_number};
use super::matches::has_connection;
use crate::iptables::packet::State;
use crate::net::{Family, PortRange, Prefix, bits_of};

/// Whether a target whose words are kept lets the packet go on as it was.
fn goes_on(name: &str) -> bool {
    target_named(name).is_some_and(|row| row.goes_on)
}

/// What a field becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Its bits of `keep`, then xored with the bits of another field under a mask, and with `xor`.
    Bits {
        /// The bits that stay.
        keep: u128,
        /// A field whose bits of the mask are xored in.
        from: Option<(Field, u128)>,
        /// What is xored in last.
        xor: u128,
    },
    /// Its 32 bits of `keep`, xored with the bits of a field under a mask, which are moved to the left first, or to the right
    /// where `by` is negative.
    Moved {
        /// The bits that stay.
        keep: u32,
        /// The field.
        from: Field,
        /// Its bits that count.
        mask: u32,
        /// By how many bits.
        by: i8,
    },
    /// Less or more: of a port, or of hops, which end at 0 and at 255.
    Shift(i32),
    /// Any value from the first to the last.
    Within(u128, u128),
    /// What it was, if that lies between the first and the last; else any of these.
    Near(u128, u128),
    /// An address of the interface that the packet came in by, or leaves by: no rule tells it.
    OwnAddress,
    /// Nobody knows.
    Anything,
}

impl Term {
    /// One value.
    pub fn value(value: impl Into<u128>) -> Term {
        Term::Bits { keep: 0, from: None, xor: value.into() }
    }
}

/// A field that becomes another. One that the packet does not have stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assign {
    /// Which field.
    pub field: Field,
    /// What it becomes.
    pub term: Term,
}

/// Where a packet goes after a rule that it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// To the next rule, as it was.
    GoOn,
    /// To the next rule, changed: in the fields that are assigned, or in what no rule looks at.
    Change,
    /// The table is done with it, and lets it pass.
    Accept,
    /// The table is done with it, and its address is another.
    Translate,
    /// Likewise, and it goes to the gateway itself.
    ToGateway,
    /// It is discarded.
    Drop,
    /// It is discarded, and its sender is told so.
    Reject(RejectWith),
    /// Back to the chain that called.
    Return,
    /// On in another chain, and back.
    Call(ChainId),
    /// On in another chain, for good.
    Goto(ChainId),
}

/// One thing that a target may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Of which packets, where no action before it fits.
    pub when: Condition,
    /// What changes, in order.
    pub assigns: Vec<Assign>,
    /// Where the packet goes.
    pub then: Then,
}

impl Action {
    fn always(then: Then) -> Action {
        Action::with(Vec::new(), then)
    }

    fn with(assigns: Vec<Assign>, then: Then) -> Action {
        Action { when: Condition::ALWAYS, assigns, then }
    }

    /// Whether a packet goes on as the rules saw it before: it does not matter whether it met the rule.
    pub fn is_without_effect(&self) -> bool {
        self.assigns.is_empty() && matches!(self.then, Then::GoOn | Then::Change)
    }
}

fn assign(field: Field, term: Term) -> Assign {
    Assign { field, term }
}

impl Target {
    /// Where the packet goes, if the target does nothing but send it there, whichever packet it is.
    pub fn then(&self) -> Option<Then> {
        Some(match self {
            // A chain that is not there: no loader takes it.
            Target::None | Target::Log(_) | Target::Nflog(_) | Target::Unresolved { .. } => Then::GoOn,
            Target::Tee(_) | Target::Ulog(_) => Then::GoOn,
            Target::Accept => Then::Accept,
            Target::Drop => Then::Drop,
            Target::Return => Then::Return,
            Target::Jump(chain) => Then::Call(*chain),
            Target::Goto(chain) => Then::Goto(*chain),
            Target::Reject(with) => Then::Reject(*with),
            Target::TcpMss(_) => Then::Change,
            Target::Unknown(unknown) if goes_on(&unknown.name) => Then::GoOn,
            _ => return None,
        })
    }

    /// What the target does in a chain of that table that is reached from that hook: the first action that fits. The
    /// last one always does.
    pub fn actions(&self, context: &Context, table: TableName, hook: Hook) -> Vec<Action> {
        if let Some(then) = self.then() {
            return vec![Action::always(then)];
        }
        vec![match self {
            Target::Mark(mark) => Action::with(vec![assign(Field::Mark, xor_mark(*mark))], Then::Change),
            Target::ConnMark(change) => return only(has_connection(), connection_mark(change)),
            Target::Ttl(change) | Target::Hl(change) => Action::with(vec![hops(*change)], Then::Change),
            Target::Dscp(value) => Action::with(vec![assign(Field::Dscp, Term::value(*value))], Then::Change),
            Target::Netmap(network) => netmap(network, context.family, hook),
            Target::NoTrack => return choose_tracking(true),
            Target::Ct(ct) => return choose_tracking(ct.notrack),
            Target::Masquerade(options) => {
                let mut assigns = source_becomes(Term::OwnAddress);
                assigns.extend(new_port(Field::SourcePort, options));
                Action::with(assigns, Then::Translate)
            }
            Target::Snat(nat) => translate(source_becomes, Field::SourceTranslated, Field::SourcePort, nat),
            Target::Dnat(nat) => return destination(nat),
            Target::Redirect(options) => return redirect(options, context.family, hook),
            Target::Unknown(unknown) => return extension(unknown, table, hook),
            _ => Action::always(Then::GoOn),
        }]
    }
}

/// An action of some packets; the others go on as they were.
fn only(when: Condition, assigns: Vec<Assign>) -> Vec<Action> {
    vec![Action { when, assigns, then: Then::Change }, Action::always(Then::Change)]
}

/// `--set-xmark`: the bits of the mask are cleared, then the value is xored in.
fn xor_mark(mark: MaskedMark) -> Term {
    Term::Bits { keep: (!mark.mask).into(), from: None, xor: mark.value.into() }
}

/// The port as the kernel picks it: the old one where it is among the new, unless it rolls dice.
fn new_port(field: Field, options: &NatOptions) -> Option<Assign> {
    let PortRange { start, end } = options.ports?;
    let (start, end) = (start.into(), end.into());
    let dice = options.random || options.random_fully;
    Some(assign(field, if dice { Term::Within(start, end) } else { Term::Near(start, end) }))
}

/// What a new source changes.
fn source_becomes(term: Term) -> Vec<Assign> {
    vec![
        assign(Field::SourceTranslated, Term::value(1_u8)),
        assign(Field::Source, term),
        assign(Field::SourceType, Term::Anything),
    ]
}

/// What a new destination changes.
fn destination_becomes(term: Term) -> Vec<Assign> {
    vec![
        assign(Field::DestinationTranslated, Term::value(1_u8)),
        assign(Field::Destination, term),
        assign(Field::DestinationType, Term::Anything),
    ]
}

fn translate(becomes: fn(Term) -> Vec<Assign>, translated: Field, port: Field, nat: &Nat) -> Action {
    let mut assigns = match nat.addresses {
        Some((first, last)) => becomes(Term::Within(bits_of(first), bits_of(last))),
        None => vec![assign(translated, Term::value(1_u8))],
    };
    assigns.extend(new_port(port, &nat.options));
    Action::with(assigns, Then::Translate)
}

/// A new destination. With a base port, the ports from it on keep their distance; where others go, the kernel counts
/// round the range.
fn destination(nat: &Nat) -> Vec<Action> {
    let any = translate(destination_becomes, Field::DestinationTranslated, Field::DestinationPort, nat);
    let Some((ports, base)) = nat.options.ports.zip(nat.options.base) else { return vec![any] };
    let last = u32::from(base) + u32::from(ports.end - ports.start);
    let mut shifted = Action { when: Condition::within(Field::DestinationPort, base, last), ..any.clone() };
    let mut around = any;
    for (action, term) in [
        (&mut shifted, Term::Shift(i32::from(ports.start) - i32::from(base))),
        (&mut around, Term::Within(ports.start.into(), ports.end.into())),
    ] {
        let port = action.assigns.iter_mut().filter(|assign| assign.field == Field::DestinationPort);
        port.for_each(|assign| assign.term = term);
    }
    vec![shifted, around]
}

/// One to one: the network becomes another, the bits of the host stay.
fn netmap(network: &Prefix, family: Family, hook: Hook) -> Action {
    let all = u128::MAX >> (128 - u32::from(family.bits()));
    let host = all.checked_shr(network.length().into()).unwrap_or(0);
    let term = Term::Bits { keep: host, from: None, xor: bits_of(network.address()) };
    let assigns = match hook {
        Hook::Input | Hook::Postrouting => source_becomes(term),
        _ => destination_becomes(term),
    };
    Action::with(assigns, Then::Translate)
}

/// `CT`, `NOTRACK`: the first one that a packet meets holds, and what is tracked already stays so: on `lo`, what was sent.
fn choose_tracking(notrack: bool) -> Vec<Action> {
    let open = Condition::all([
        Condition::equal(Field::State, state_number(State::Invalid)),
        Condition::equal(Field::TrackingChosen, 0_u8),
    ]);
    let mut assigns = vec![assign(Field::TrackingChosen, Term::value(1_u8))];
    assigns.extend(notrack.then(|| assign(Field::NoTrack, Term::value(1_u8))));
    only(open, assigns)
}

/// `TTL`, `HL`
fn hops(change: HopChange) -> Assign {
    let term = match change {
        HopChange::Set(value) => Term::value(value),
        HopChange::Decrement(by) => Term::Shift(-i32::from(by)),
        HopChange::Increment(by) => Term::Shift(by.into()),
    };
    assign(Field::HopLimit, term)
}

/// To the gateway itself: an address of the interface, or the loopback address for its own packets.
fn redirect(options: &NatOptions, family: Family, hook: Hook) -> Vec<Action> {
    let loopback: u128 = if family == Family::V4 { 0x7f00_0001 } else { 1 };
    let address = if hook == Hook::Output { Term::Within(loopback, loopback) } else { Term::OwnAddress };
    let mut assigns = destination_becomes(address);
    assigns.extend(new_port(Field::DestinationPort, options));
    let goes = Action::with(assigns, Then::ToGateway);
    if family == Family::V4 || hook == Hook::Output {
        return vec![goes];
    }
    // In IPv6 it wants an address of the scope of the old one, and knows, besides global and link-local ones, site-local
    // ones and those of the form `::192.0.2.1`, which nobody has: what went to such a one is dropped.
    let masked = |value: u128, mask: u128| {
        Condition::Is(Field::Destination, Test::Masked { value: value << 112, mask: mask << 112 })
    };
    let nobodys = [
        masked(0xff01, 0xff0f),
        masked(0xff05, 0xff0f),
        masked(0xfec0, 0xffc0),
        Condition::within(Field::Destination, 2_u8, u32::MAX),
    ];
    vec![Action { when: Condition::any(nobodys), assigns: Vec::new(), then: Then::Drop }, goes]
}

/// A target without a type: some are understood, the others may do anything.
fn extension(target: &Untyped, table: TableName, hook: Hook) -> Vec<Action> {
    if &*target.name == "TOS" {
        return vec![Action::with(vec![assign(Field::Dscp, Term::Anything)], Then::Change)];
    }
    let passes = if table == TableName::Nat && matches!(hook, Hook::Prerouting | Hook::Output) {
        let lost = [Field::Destination, Field::DestinationPort].map(|field| assign(field, Term::Anything));
        Action::with(lost.to_vec(), Then::Translate)
    } else {
        Action::always(Then::Accept)
    };
    let unclear = |doubt| Condition::Unclear(doubt, Unknown::Rule);
    vec![
        Action { when: unclear(Doubt::GoesOn), ..Action::always(Then::GoOn) },
        Action { when: unclear(Doubt::LetsPass), ..passes },
        Action::always(Then::Drop),
    ]
}

/// `CONNMARK`, of what has a connection: what is copied is shifted before it is xored in, what is set afterwards
/// (`connmark_tg_shift`).
fn connection_mark(change: &ConnMark) -> Vec<Assign> {
    let by = change.shift;
    match change.operation {
        MarkOperation::Set(mark) => {
            let set = assign(Field::ConnectionMark, xor_mark(mark));
            let moved = Term::Moved { keep: 0, from: Field::ConnectionMark, mask: u32::MAX, by };
            let moved = (by != 0).then(|| assign(Field::ConnectionMark, moved));
            std::iter::once(set).chain(moved).collect()
        }
        MarkOperation::Save(MarkMasks { packet, connection }) => {
            let term = Term::Moved { keep: !connection, from: Field::Mark, mask: packet, by };
            vec![assign(Field::ConnectionMark, term)]
        }
        MarkOperation::Restore(MarkMasks { packet, connection }) => {
            let term = Term::Moved { keep: !packet, from: Field::ConnectionMark, mask: connection, by };
            vec![assign(Field::Mark, term)]
        }
    }
}
