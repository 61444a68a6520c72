//! The options that the loader knows: those of every rule, and those of the matches and targets of iptables 1.8.9.
//! Input: a name. Output: what it means and how many words follow it.

use crate::net::Family;

/// An option of every rule, by its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// The short form, without its dash.
    pub letter: char,
    /// The long form, without its dashes.
    pub name: &'static str,
    /// How many words follow.
    pub arguments: usize,
}

/// Every option that does not belong to a match or a target (`iptables(8)`), long names with their synonyms.
/// `--proto` is no more than an abbreviation: `-m policy` has an option of that name.
pub const CORE: [Core; 37] = [
    core('A', "append", 1),
    core('D', "delete", 1),
    core('C', "check", 1),
    core('I', "insert", 1),
    core('R', "replace", 1),
    core('L', "list", 0),
    core('S', "list-rules", 0),
    core('F', "flush", 0),
    core('Z', "zero", 0),
    core('N', "new-chain", 1),
    core('X', "delete-chain", 0),
    core('E', "rename-chain", 1),
    core('P', "policy", 1),
    core('s', "source", 1),
    core('s', "src", 1),
    core('d', "destination", 1),
    core('d', "dst", 1),
    core('p', "protocol", 1),
    core('i', "in-interface", 1),
    core('o', "out-interface", 1),
    core('j', "jump", 1),
    core('g', "goto", 1),
    core('m', "match", 1),
    core('t', "table", 1),
    core('f', "fragments", 0),
    core('c', "set-counters", 1),
    core('n', "numeric", 0),
    core('v', "verbose", 0),
    core('x', "exact", 0),
    core('w', "wait", 0),
    core('W', "wait-interval", 0),
    core('V', "version", 0),
    core('h', "help", 0),
    core('0', "line-numbers", 0),
    core('M', "modprobe", 1),
    core('4', "ipv4", 0),
    core('6', "ipv6", 0),
];

const fn core(letter: char, name: &'static str, arguments: usize) -> Core {
    Core { letter, name, arguments }
}

/// An option of a match or a target: the spelling, the name that `iptables-save` prints, and how many words follow.
pub type Spelling = (&'static str, &'static str, usize);

/// A match or a target whose options are known.
pub struct Known {
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// The family, where it exists in one only.
    pub family: Option<Family>,
    /// Its options.
    pub options: &'static [Spelling],
}

const fn both(name: &'static str, options: &'static [Spelling]) -> Known {
    Known { name, family: None, options }
}

const fn v4(name: &'static str, options: &'static [Spelling]) -> Known {
    Known { name, family: Some(Family::V4), options }
}

const fn v6(name: &'static str, options: &'static [Spelling]) -> Known {
    Known { name, family: Some(Family::V6), options }
}

/// The match of that name, with the aliases of `icmp6`.
pub fn known_match(name: &str) -> Option<&'static Known> {
    let name = if matches!(name, "icmpv6" | "ipv6-icmp") { "icmp6" } else { name };
    MATCHES.iter().find(|known| known.name == name)
}

/// The target of that name.
pub fn known_target(name: &str) -> Option<&'static Known> {
    TARGETS.iter().find(|known| known.name == name)
}

/// Whether the name is a target of the kernel or of iptables, so that no chain can have it.
pub fn is_target_name(name: &str) -> bool {
    target_names().any(|known| known == name)
}

/// Every name that iptables 1.8.9 has a match for, whether or not its options are known here.
pub fn match_names() -> impl Iterator<Item = &'static str> {
    MATCHES.iter().map(|known| known.name).chain(OTHER_MATCHES.iter().copied())
}

/// Every name that iptables 1.8.9 has a target for, whether or not its options are known here.
pub fn target_names() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|known| known.name).chain(OTHER_TARGETS.iter().copied())
}

/// Matches that are kept word for word.
const OTHER_MATCHES: &[&str] = &[
    "bpf",
    "cgroup",
    "cluster",
    "connlabel",
    "cpu",
    "dst",
    "ecn",
    "eui64",
    "hbh",
    "ipcomp",
    "ipv6header",
    "ipvs",
    "mh",
    "nfacct",
    "osf",
    "rateest",
    "rt",
    "set",
    "srh",
    "time",
];

/// Targets that are kept word for word.
const OTHER_TARGETS: &[&str] = &["CONNSECMARK", "HMARK", "LED", "RATEEST", "SECMARK"];

const PORTS: [Spelling; 4] =
    [("source-port", "sport", 1), ("sport", "sport", 1), ("destination-port", "dport", 1), ("dport", "dport", 1)];

const MATCHES: &[Known] = &[
    both(
        "tcp",
        &[
            PORTS[0],
            PORTS[1],
            PORTS[2],
            PORTS[3],
            ("syn", "syn", 0),
            ("tcp-flags", "tcp-flags", 2),
            ("tcp-option", "tcp-option", 1),
        ],
    ),
    both("udp", &PORTS),
    both("sctp", &[PORTS[0], PORTS[1], PORTS[2], PORTS[3], ("chunk-types", "chunk-types", 2)]),
    both(
        "dccp",
        &[PORTS[0], PORTS[1], PORTS[2], PORTS[3], ("dccp-types", "dccp-types", 1), ("dccp-option", "dccp-option", 1)],
    ),
    v4("icmp", &[("icmp-type", "icmp-type", 1)]),
    v6("icmp6", &[("icmpv6-type", "icmpv6-type", 1)]),
    both(
        "multiport",
        &[
            ("source-ports", "sports", 1),
            ("sports", "sports", 1),
            ("destination-ports", "dports", 1),
            ("dports", "dports", 1),
            ("ports", "ports", 1),
        ],
    ),
    both("ah", &[("ahspi", "ahspi", 1), ("ahlen", "ahlen", 1), ("ahres", "ahres", 0)]),
    both("esp", &[("espspi", "espspi", 1)]),
    v6(
        "frag",
        &[
            ("fragid", "fragid", 1),
            ("fraglen", "fraglen", 1),
            ("fragres", "fragres", 0),
            ("fragfirst", "fragfirst", 0),
            ("fragmore", "fragmore", 0),
            ("fraglast", "fraglast", 0),
        ],
    ),
    v4("ttl", &[("ttl", "ttl-eq", 1), ("ttl-eq", "ttl-eq", 1), ("ttl-lt", "ttl-lt", 1), ("ttl-gt", "ttl-gt", 1)]),
    v6("hl", &[("hl-eq", "hl-eq", 1), ("hl-lt", "hl-lt", 1), ("hl-gt", "hl-gt", 1)]),
    both(
        "policy",
        &[
            ("dir", "dir", 1),
            ("pol", "pol", 1),
            ("strict", "strict", 0),
            ("reqid", "reqid", 1),
            ("spi", "spi", 1),
            ("proto", "proto", 1),
            ("mode", "mode", 1),
            ("tunnel-dst", "tunnel-dst", 1),
            ("tunnel-src", "tunnel-src", 1),
            ("next", "next", 0),
        ],
    ),
    both("mark", &[("mark", "mark", 1)]),
    both("connmark", &[("mark", "mark", 1)]),
    both(
        "conntrack",
        &[
            ("ctstate", "ctstate", 1),
            ("ctproto", "ctproto", 1),
            ("ctorigsrc", "ctorigsrc", 1),
            ("ctorigdst", "ctorigdst", 1),
            ("ctreplsrc", "ctreplsrc", 1),
            ("ctrepldst", "ctrepldst", 1),
            ("ctstatus", "ctstatus", 1),
            ("ctexpire", "ctexpire", 1),
            ("ctorigsrcport", "ctorigsrcport", 1),
            ("ctorigdstport", "ctorigdstport", 1),
            ("ctreplsrcport", "ctreplsrcport", 1),
            ("ctrepldstport", "ctrepldstport", 1),
            ("ctdir", "ctdir", 1),
        ],
    ),
    both("state", &[("state", "state", 1)]),
    both("limit", &[("limit", "limit", 1), ("limit-burst", "limit-burst", 1)]),
    both(
        "hashlimit",
        &[
            ("hashlimit-upto", "hashlimit-upto", 1),
            ("hashlimit", "hashlimit-upto", 1),
            ("hashlimit-above", "hashlimit-above", 1),
            ("hashlimit-burst", "hashlimit-burst", 1),
            ("hashlimit-mode", "hashlimit-mode", 1),
            ("hashlimit-name", "hashlimit-name", 1),
            ("hashlimit-htable-size", "hashlimit-htable-size", 1),
            ("hashlimit-htable-max", "hashlimit-htable-max", 1),
            ("hashlimit-htable-gcinterval", "hashlimit-htable-gcinterval", 1),
            ("hashlimit-htable-expire", "hashlimit-htable-expire", 1),
            ("hashlimit-srcmask", "hashlimit-srcmask", 1),
            ("hashlimit-dstmask", "hashlimit-dstmask", 1),
            ("hashlimit-rate-match", "hashlimit-rate-match", 0),
            ("hashlimit-rate-interval", "hashlimit-rate-interval", 1),
        ],
    ),
    both(
        "rpfilter",
        &[
            ("loose", "loose", 0),
            ("validmark", "validmark", 0),
            ("accept-local", "accept-local", 0),
            ("invert", "invert", 0),
        ],
    ),
    both("comment", &[("comment", "comment", 1)]),
    both(
        "addrtype",
        &[
            ("src-type", "src-type", 1),
            ("dst-type", "dst-type", 1),
            ("limit-iface-in", "limit-iface-in", 0),
            ("limit-iface-out", "limit-iface-out", 0),
        ],
    ),
    both("iprange", &[("src-range", "src-range", 1), ("dst-range", "dst-range", 1)]),
    both("length", &[("length", "length", 1)]),
    both("pkttype", &[("pkt-type", "pkt-type", 1)]),
    both("mac", &[("mac-source", "mac-source", 1)]),
    both("helper", &[("helper", "helper", 1)]),
    both("tcpmss", &[("mss", "mss", 1)]),
    both("dscp", &[("dscp", "dscp", 1), ("dscp-class", "dscp-class", 1)]),
    both("tos", &[("tos", "tos", 1)]),
    both(
        "owner",
        &[
            ("uid-owner", "uid-owner", 1),
            ("gid-owner", "gid-owner", 1),
            ("socket-exists", "socket-exists", 0),
            ("suppl-groups", "suppl-groups", 0),
        ],
    ),
    both(
        "physdev",
        &[
            ("physdev-is-in", "physdev-is-in", 0),
            ("physdev-in", "physdev-in", 1),
            ("physdev-is-out", "physdev-is-out", 0),
            ("physdev-out", "physdev-out", 1),
            ("physdev-is-bridged", "physdev-is-bridged", 0),
        ],
    ),
    both(
        "connlimit",
        &[
            ("connlimit-upto", "connlimit-upto", 1),
            ("connlimit-above", "connlimit-above", 1),
            ("connlimit-mask", "connlimit-mask", 1),
            ("connlimit-saddr", "connlimit-saddr", 0),
            ("connlimit-daddr", "connlimit-daddr", 0),
        ],
    ),
    both(
        "connbytes",
        &[
            ("connbytes", "connbytes", 1),
            ("connbytes-mode", "connbytes-mode", 1),
            ("connbytes-dir", "connbytes-dir", 1),
        ],
    ),
    both(
        "recent",
        &[
            ("set", "set", 0),
            ("rcheck", "rcheck", 0),
            ("update", "update", 0),
            ("remove", "remove", 0),
            ("seconds", "seconds", 1),
            ("reap", "reap", 0),
            ("hitcount", "hitcount", 1),
            ("rttl", "rttl", 0),
            ("name", "name", 1),
            ("rsource", "rsource", 0),
            ("rdest", "rdest", 0),
            ("mask", "mask", 1),
        ],
    ),
    both(
        "statistic",
        &[("mode", "mode", 1), ("probability", "probability", 1), ("every", "every", 1), ("packet", "packet", 1)],
    ),
    both(
        "string",
        &[
            ("from", "from", 1),
            ("to", "to", 1),
            ("algo", "algo", 1),
            ("string", "string", 1),
            ("hex-string", "hex-string", 1),
            ("icase", "icase", 0),
        ],
    ),
    both(
        "socket",
        &[("transparent", "transparent", 0), ("nowildcard", "nowildcard", 0), ("restore-skmark", "restore-skmark", 0)],
    ),
    both("u32", &[("u32", "u32", 1)]),
    both("quota", &[("quota", "quota", 1)]),
    both("realm", &[("realm", "realm", 1)]),
    both("devgroup", &[("src-group", "src-group", 1), ("dst-group", "dst-group", 1)]),
];

const NAT: [Spelling; 3] =
    [("random", "random", 0), ("random-fully", "random-fully", 0), ("persistent", "persistent", 0)];

const TARGETS: &[Known] = &[
    both("ACCEPT", &[]),
    both("DROP", &[]),
    both("RETURN", &[]),
    both("QUEUE", &[]),
    both("REJECT", &[("reject-with", "reject-with", 1)]),
    both(
        "LOG",
        &[
            ("log-level", "log-level", 1),
            ("log-prefix", "log-prefix", 1),
            ("log-tcp-sequence", "log-tcp-sequence", 0),
            ("log-tcp-options", "log-tcp-options", 0),
            ("log-ip-options", "log-ip-options", 0),
            ("log-uid", "log-uid", 0),
            ("log-macdecode", "log-macdecode", 0),
        ],
    ),
    both(
        "NFLOG",
        &[
            ("nflog-group", "nflog-group", 1),
            ("nflog-prefix", "nflog-prefix", 1),
            ("nflog-range", "nflog-range", 1),
            ("nflog-size", "nflog-size", 1),
            ("nflog-threshold", "nflog-threshold", 1),
        ],
    ),
    both("TCPMSS", &[("set-mss", "set-mss", 1), ("clamp-mss-to-pmtu", "clamp-mss-to-pmtu", 0)]),
    both("MASQUERADE", &[("to-ports", "to-ports", 1), NAT[0], NAT[1]]),
    both("SNAT", &[("to-source", "to-source", 1), NAT[0], NAT[1], NAT[2]]),
    both("DNAT", &[("to-destination", "to-destination", 1), NAT[0], NAT[2]]),
    both("REDIRECT", &[("to-ports", "to-ports", 1), NAT[0]]),
    both("NETMAP", &[("to", "to", 1)]),
    both(
        "MARK",
        &[
            ("set-xmark", "set-xmark", 1),
            ("set-mark", "set-mark", 1),
            ("and-mark", "and-mark", 1),
            ("or-mark", "or-mark", 1),
            ("xor-mark", "xor-mark", 1),
        ],
    ),
    both(
        "CONNMARK",
        &[
            ("set-xmark", "set-xmark", 1),
            ("set-mark", "set-mark", 1),
            ("and-mark", "and-mark", 1),
            ("or-mark", "or-mark", 1),
            ("xor-mark", "xor-mark", 1),
            ("save-mark", "save-mark", 0),
            ("restore-mark", "restore-mark", 0),
            ("ctmask", "ctmask", 1),
            ("nfmask", "nfmask", 1),
            ("mask", "mask", 1),
        ],
    ),
    both(
        "CT",
        &[
            ("notrack", "notrack", 0),
            ("helper", "helper", 1),
            ("timeout", "timeout", 1),
            ("ctevents", "ctevents", 1),
            ("expevents", "expevents", 1),
            ("zone-orig", "zone-orig", 1),
            ("zone-reply", "zone-reply", 1),
            ("zone", "zone", 1),
        ],
    ),
    both("NOTRACK", &[]),
    v4("TTL", &[("ttl-set", "ttl-set", 1), ("ttl-dec", "ttl-dec", 1), ("ttl-inc", "ttl-inc", 1)]),
    v6("HL", &[("hl-set", "hl-set", 1), ("hl-dec", "hl-dec", 1), ("hl-inc", "hl-inc", 1)]),
    both("DSCP", &[("set-dscp", "set-dscp", 1), ("set-dscp-class", "set-dscp-class", 1)]),
    both(
        "TOS",
        &[("set-tos", "set-tos", 1), ("and-tos", "and-tos", 1), ("or-tos", "or-tos", 1), ("xor-tos", "xor-tos", 1)],
    ),
    both(
        "NFQUEUE",
        &[
            ("queue-num", "queue-num", 1),
            ("queue-balance", "queue-balance", 1),
            ("queue-bypass", "queue-bypass", 0),
            ("queue-cpu-fanout", "queue-cpu-fanout", 0),
        ],
    ),
    both("CLASSIFY", &[("set-class", "set-class", 1)]),
    both("TRACE", &[]),
    both("CHECKSUM", &[("checksum-fill", "checksum-fill", 0)]),
    both("TEE", &[("gateway", "gateway", 1), ("oif", "oif", 1)]),
    both("TPROXY", &[("on-port", "on-port", 1), ("on-ip", "on-ip", 1), ("tproxy-mark", "tproxy-mark", 1)]),
    both(
        "SET",
        &[
            ("add-set", "add-set", 2),
            ("del-set", "del-set", 2),
            ("map-set", "map-set", 2),
            ("timeout", "timeout", 1),
            ("exist", "exist", 0),
            ("map-mark", "map-mark", 0),
            ("map-prio", "map-prio", 0),
            ("map-queue", "map-queue", 0),
        ],
    ),
    both("AUDIT", &[("type", "type", 1)]),
    both("IDLETIMER", &[("timeout", "timeout", 1), ("label", "label", 1), ("alarm", "alarm", 0)]),
    both(
        "SYNPROXY",
        &[
            ("sack-perm", "sack-perm", 0),
            ("timestamp", "timestamp", 0),
            ("wscale", "wscale", 1),
            ("mss", "mss", 1),
            ("ecn", "ecn", 0),
        ],
    ),
    both("TCPOPTSTRIP", &[("strip-options", "strip-options", 1)]),
    v4("ECN", &[("ecn-tcp-remove", "ecn-tcp-remove", 0)]),
    v4(
        "CLUSTERIP",
        &[
            ("new", "new", 0),
            ("hashmode", "hashmode", 1),
            ("clustermac", "clustermac", 1),
            ("total-nodes", "total-nodes", 1),
            ("local-node", "local-node", 1),
            ("hash-init", "hash-init", 1),
        ],
    ),
    v6("DNPT", &[("src-pfx", "src-pfx", 1), ("dst-pfx", "dst-pfx", 1)]),
    v6("SNPT", &[("src-pfx", "src-pfx", 1), ("dst-pfx", "dst-pfx", 1)]),
];
