//! Matches of IPv6 extension headers, and AH of both families.
//! Input: the words of an option, or all options of one of these. Output: what `iptables-save` prints for them.

use crate::iptables::extension::headers::without_full_ranges;
use crate::iptables::extension::row::{OptionContext, Row, demand, flag, matching, option};
use crate::iptables::extension::untyped::kept_match;
use crate::iptables::extension::written::{Said, Written, said};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::ruleset::Match;
use crate::iptables::text::saved::{U8, U16, U32, decimal, no, prefix, range};
use crate::iptables::text::values::{host_address, number};
use crate::iptables::text::words::Word;
use crate::net::{Family, Protocol, write_address};

/// `-m ah`, typed without options.
pub static AH: Row<Match> = matching(
    "ah",
    &[option("ahspi", range::<U32>).negatable(), option("ahlen", decimal::<0, U32>).negatable(), flag("ahres")],
)
.of(Protocol::AH)
.finish(ah)
.typed(|written, reading| bare(written, Match::Ah, reading), |_, _, _| {})
.demands(&[demand().only(Family::V4).of(51, "-p ah")]);

/// `-m frag`, typed without options.
pub static FRAG: Row<Match> = matching(
    "frag",
    &[
        option("fragid", range::<U32>).negatable(),
        option("fraglen", decimal::<0, U32>).negatable(),
        flag("fragres"),
        flag("fragfirst"),
        flag("fragmore"),
        flag("fraglast"),
    ],
)
.only(Family::V6, "`-f`")
.excludes(&[&["fragmore", "fraglast"]])
.finish(without_full_ranges)
.typed(
    |written, reading| match &written.options[..] {
        [one] if one.name == "fragfirst" => Ok(Match::Frag { first: true }),
        _ => bare(written, Match::Frag { first: false }, reading),
    },
    |one, _, out| {
        if let Match::Frag { first: true } = one {
            out.push_str(" --fragfirst");
        }
    },
);

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[
    &AH,
    &matching("dst", &[option("dst-len", decimal::<0, U32>).negatable(), option("dst-opts", header_options)])
        .only(Family::V6, ""),
    &matching("eui64", &[]).only(Family::V6, "").demands(&[demand().hooks(Hooks::WITH_IN_INTERFACE)]),
    &FRAG,
    &matching("hbh", &[option("hbh-len", decimal::<0, U32>).negatable(), option("hbh-opts", header_options)])
        .only(Family::V6, ""),
    &matching("ipv6header", &[option("header", headers).negatable(), flag("soft")])
        .only(Family::V6, "")
        .needs(&[&["header"]]),
    &matching("mh", &[option("mh-type", mobility_types).negatable()])
        .only(Family::V6, "")
        .of(Protocol(135))
        .finish(mh)
        .demands(&[demand().of(135, "-p 135")]),
    &matching(
        "rt",
        &[
            option("rt-type", decimal::<0, U32>).negatable(),
            option("rt-segsleft", range::<U32>).negatable(),
            option("rt-len", decimal::<0, U32>).negatable(),
            flag("rt-0-res"),
            option("rt-0-addrs", addresses),
            flag("rt-0-not-strict"),
        ],
    )
    .only(Family::V6, "")
    .finish(rt),
    &matching(
        "srh",
        &[
            option("srh-next-hdr", decimal::<0, U8>).negatable(),
            option("srh-hdr-len-eq", decimal::<0, U8>).negatable(),
            option("srh-hdr-len-gt", decimal::<0, U8>).negatable(),
            option("srh-hdr-len-lt", decimal::<0, U8>).negatable(),
            option("srh-segs-left-eq", decimal::<0, U8>).negatable(),
            option("srh-segs-left-gt", decimal::<0, U8>).negatable(),
            option("srh-segs-left-lt", decimal::<0, U8>).negatable(),
            option("srh-last-entry-eq", decimal::<0, U8>).negatable(),
            option("srh-last-entry-gt", decimal::<0, U8>).negatable(),
            option("srh-last-entry-lt", decimal::<0, U8>).negatable(),
            option("srh-tag", decimal::<0, U16>).negatable(),
            option("srh-psid", segment).negatable(),
            option("srh-nsid", segment).negatable(),
            option("srh-lsid", segment).negatable(),
        ],
    )
    .only(Family::V6, "")
    // Each of these groups has one number in the kernel.
    .confuses(&[
        &["srh-hdr-len-eq", "srh-hdr-len-gt", "srh-hdr-len-lt"],
        &["srh-segs-left-eq", "srh-segs-left-gt", "srh-segs-left-lt"],
        &["srh-last-entry-eq", "srh-last-entry-gt", "srh-last-entry-lt"],
    ]),
];

/// A match without options, or its words.
fn bare(written: &Written, without: Match, reading: &OptionContext) -> Result<Match, Fault> {
    if written.options.is_empty() { Ok(without) } else { kept_match(written, reading.family) }
}

/// A prefix whose length is always saved.
fn segment(word: &Word, family: Family) -> Result<String, Fault> {
    prefix(word, family).map(|text| if text.contains('/') { text } else { format!("{text}/128") })
}

/// IPv4 has the index only; a length of 0 is saved as nothing.
fn ah(mut all: Vec<Said>, extension: &Written, family: Family) -> Result<Vec<Said>, Fault> {
    if let Some(one) = all.iter().find(|one| one.name != "ahspi" && family == Family::V4) {
        return Err(one.vain(format!("`--{}` exists for IPv6 only", one.name), "leave it out"));
    }
    all.retain(|one| one.name != "ahlen" || one.negated || one.value() != "0");
    without_full_ranges(all, extension, family)
}

/// Options inside a header: `TYPE[:LENGTH]`, at most 16.
fn header_options(word: &Word, _: Family) -> Result<String, Fault> {
    let byte = |text: &str| number(text).filter(|value| *value <= U8 && !text.is_empty());
    let mut saved = Vec::new();
    for text in word.text.split(',') {
        let parts = match text.split_once(':') {
            Some((kind, length)) => byte(kind).filter(|kind| *kind > 0).zip(byte(length).map(Some)),
            None => byte(text).zip(Some(None)),
        };
        // 255 is how the kernel writes that the length does not matter.
        saved.push(match parts {
            Some((kind, Some(length))) if length != U8 => format!("{kind}:{length}"),
            Some((kind, _)) => kind.to_string(),
            None => {
                let fault = no(word, "list of options", "write types with lengths if needed: `1:2,5`");
                return Err(if number(text).is_some() { fault.that_loads() } else { fault });
            }
        });
    }
    if saved.len() > 16 {
        return Err(no(word, "list of options", "16 are the most"));
    }
    Ok(saved.join(","))
}

/// Headers by name or number, in the order of their bits.
fn headers(word: &Word, _: Family) -> Result<String, Fault> {
    const HEADERS: [(&str, &[&str]); 8] = [
        ("hop-by-hop", &["hop-by-hop", "hop", "0"]),
        ("dst", &["dst", "60", "ipv6-opts"]),
        ("route", &["route", "43", "ipv6-route"]),
        ("frag", &["frag", "44", "ipv6-frag"]),
        ("auth", &["auth", "51", "ah", "ipsec-ah"]),
        ("esp", &["esp", "50", "ipsec-esp"]),
        ("none", &["none", "59", "ipv6-nonxt"]),
        ("protocol", &["protocol", "prot", "255"]),
    ];
    let mut set = 0;
    for text in word.text.split(',').filter(|text| !text.is_empty()) {
        let Some(bit) = HEADERS.iter().position(|(_, names)| names.contains(&text)) else {
            let names = HEADERS.map(|(name, _)| name).join(", ");
            return Err(no(word, "list of headers", format!("the headers are {names}")));
        };
        set |= 1 << bit;
    }
    if set == 0 {
        return Err(no(word, "list of headers", "write `frag`, `esp` or another header"));
    }
    let said = HEADERS.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
    Ok(said.map(|(_, (name, _))| *name).collect::<Vec<_>>().join(","))
}

/// A type of a mobility header by name or number, or a range of them.
fn mobility_types(word: &Word, _: Family) -> Result<String, Fault> {
    const NAMES: [(&str, u64); 16] = [
        ("binding-refresh-request", 0),
        ("brr", 0),
        ("home-test-init", 1),
        ("hoti", 1),
        ("careof-test-init", 2),
        ("coti", 2),
        ("home-test", 3),
        ("hot", 3),
        ("careof-test", 4),
        ("cot", 4),
        ("binding-update", 5),
        ("bu", 5),
        ("binding-acknowledgement", 6),
        ("ba", 6),
        ("binding-error", 7),
        ("be", 7),
    ];
    let read = |text: &str| {
        let begins = |name: &str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
        let exact = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let named = exact.or_else(|| NAMES.iter().find(|(name, _)| begins(name))).map(|(_, kind)| *kind);
        named.or_else(|| number(text).filter(|kind| *kind <= U8)).filter(|_| !text.is_empty())
    };
    let (start, end) = word.text.split_once(':').unwrap_or((&word.text, &word.text));
    let open = |text: &str, value| if text.is_empty() && word.text.contains(':') { Some(value) } else { read(text) };
    match open(start, 0).zip(open(end, U8)) {
        Some((start, end)) if start == end => Ok(start.to_string()),
        Some((start, end)) if start < end => Ok(format!("{start}:{end}")),
        _ => Err(no(
            word,
            "type of mobility header",
            "write a number up to 255, a name such as `binding-update`, or a range",
        )),
    }
}

/// All types are saved as nothing; all types negated as well, though that matches nothing.
fn mh(mut all: Vec<Said>, _: &Written, _: Family) -> Result<Vec<Said>, Fault> {
    all.retain(|one| one.negated || one.value() != "0:255");
    Ok(all)
}

/// Up to 16 addresses.
fn addresses(word: &Word, family: Family) -> Result<String, Fault> {
    let read: Option<Vec<_>> = word.text.split(',').map(|text| host_address(text, family)).collect();
    let Some(read) = read.filter(|read| read.len() <= 16) else {
        return Err(no(word, "list of addresses", "write up to 16 IPv6 addresses with commas between them"));
    };
    let text = |address| {
        let mut text = String::new();
        write_address(address, &mut text);
        text
    };
    Ok(read.into_iter().map(text).collect::<Vec<_>>().join(","))
}

/// The options of type 0 need `--rt-type 0` before them.
fn rt(all: Vec<Said>, extension: &Written, family: Family) -> Result<Vec<Said>, Fault> {
    let place = |name: &str| extension.options.iter().position(|choice| choice.name == name);
    let zero = said(&all, "rt-type").filter(|one| one.value() == "0" && !one.negated).and_then(|_| place("rt-type"));
    for name in ["rt-0-res", "rt-0-addrs"] {
        if let (Some(one), Some(at)) = (said(&all, name), place(name))
            && zero.is_none_or(|zero| zero > at)
        {
            return Err(one.vain(format!("`--{name}` needs type 0"), "write `--rt-type 0` before it"));
        }
    }
    if let (Some(one), Some(at)) = (said(&all, "rt-0-not-strict"), place("rt-0-not-strict"))
        && place("rt-0-addrs").is_none_or(|addresses| addresses > at)
    {
        return Err(one.vain("`--rt-0-not-strict` needs addresses", "write `--rt-0-addrs` before it"));
    }
    without_full_ranges(all, extension, family)
}
