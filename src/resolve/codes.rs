//! What can be wrong with the meaning of a sentence.
//! Output: the codes of the reports of `resolve`.

use crate::codes;

codes! {
    /// What can be wrong with the meaning of a sentence.
    ResolveError:
    /// A verb that no sentence begins with.
    UnknownVerb = Error "cgwfw::resolve::unknown_verb",
    /// A verb without a block of the name that follows.
    UnknownBlock = Error "cgwfw::resolve::unknown_block",
    /// A word that has no meaning where it is.
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
    /// The level of something that is neither a warning nor a note.
    UnknownLint = Error "cgwfw::resolve::unknown_lint",
    /// A second definition of a name.
    Redefined = Error "cgwfw::resolve::redefined",
    /// A core sentence of the wrong form.
    BadForm = Error "cgwfw::resolve::bad_form",
    /// An interface that is not declared.
    UnknownInterface = Error "cgwfw::resolve::unknown_interface",
    /// A word that is not an interface name.
    BadInterface = Error "cgwfw::resolve::bad_interface",
    /// A word that is not an address.
    BadAddress = Error "cgwfw::resolve::bad_address",
    /// Marks of connections whose masks have bits in common.
    MarksOverlap = Error "cgwfw::resolve::marks_overlap",
    /// A check of the way back that does not know the mark by which that is found.
    StrictSpoofed = Error "cgwfw::resolve::strict_spoofed",
    /// A word that no set of addresses is called.
    BadSet = Error "cgwfw::resolve::bad_set",
    /// A range of addresses that has no address in it.
    BadRange = Error "cgwfw::resolve::bad_range",
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
    /// A number or a range that is not a port.
    BadPort = Error "cgwfw::resolve::bad_port",
    /// A word that is not a service.
    UnknownService = Error "cgwfw::resolve::unknown_service",
    /// A word that is not a number.
    BadNumber = Error "cgwfw::resolve::bad_number",
    /// A number that is too small or too large.
    OutOfRange = Error "cgwfw::resolve::out_of_range",
    /// A word that is not a mark.
    BadMark = Error "cgwfw::resolve::bad_mark",
    /// A word that is not a connection state.
    BadState = Error "cgwfw::resolve::bad_state",
    /// A word that is not a helper of the kernel.
    BadHelper = Error "cgwfw::resolve::bad_helper",
    /// A helper, whose module the node must have.
    NeedsModule = Warning "cgwfw::resolve::needs_module",
    /// Networks of two lengths that are mapped to one another.
    UnequalLengths = Error "cgwfw::resolve::unequal_lengths",
    /// What comes slowly is dropped, and a flood passes.
    DropWithinLimit = Warning "cgwfw::resolve::drop_within_limit",
    /// A word that is not a piece of a packet.
    BadFragment = Error "cgwfw::resolve::bad_fragment",
    /// A pair of flag lists that is none.
    BadFlags = Error "cgwfw::resolve::bad_flags",
    /// A protocol that cannot be named so.
    BadProtocol = Error "cgwfw::resolve::bad_protocol",
    /// A word that is not an ICMP type.
    BadIcmpType = Error "cgwfw::resolve::bad_icmp_type",
    /// A word that is not a rate.
    BadRate = Error "cgwfw::resolve::bad_rate",
    /// A rate whose bucket the kernel cannot count.
    RateTooSlow = Error "cgwfw::resolve::rate_too_slow",
    /// A rate that the kernel keeps as another one.
    RateRounded = Warning "cgwfw::resolve::rate_rounded",
    /// A word that is not a reject reason.
    UnknownReason = Error "cgwfw::resolve::unknown_reason",
    /// A reject reason that a family does not have.
    ReasonFamily = Error "cgwfw::resolve::reason_family",
    /// New ports that are not as many as the old ones.
    PortShift = Error "cgwfw::resolve::port_shift",
    /// A word that is not an address to translate to.
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
    /// A value that is in a list twice.
    DuplicateEntry = Warning "cgwfw::policy::duplicate_entry",
    /// Filter rules without a default for every chain.
    DefaultMissing = Error "cgwfw::resolve::default_missing",
    /// Two defaults for the same chain.
    DefaultTwice = Error "cgwfw::resolve::default_twice",
}
