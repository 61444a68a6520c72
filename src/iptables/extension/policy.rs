//! `-m policy`: the direction, whether there is an IPsec policy, and what the elements of its bundle are.
//! Input: the options of the match, or its value. Output: `IpsecPolicy`, or the words of the match where it names elements; its text.

use crate::iptables::extension::row::{OptionContext, Row, demand, flag, matching, typed};
use crate::iptables::extension::written::{Said, Written, WrittenOption, lacks, positive, put, said, twice};
use crate::iptables::fault::Fault;
use crate::iptables::hooks::Hooks;
use crate::iptables::problem::{Kind, Problem, RulePlace};
use crate::iptables::ruleset::{IpsecPolicy, Match, Part, PolicyDirection, Untyped};
use crate::iptables::text::saved::{no, one_of, prefix};
use crate::iptables::text::values::{number_in, protocol};
use crate::iptables::text::words::Word;
use crate::net::Family;

/// `-m policy`, typed where it names no element.
pub static POLICY: Row<Match> = matching(
    "policy",
    &[
        typed("dir"),
        typed("pol"),
        flag("strict"),
        typed("reqid"),
        typed("spi"),
        typed("proto"),
        typed("mode"),
        typed("tunnel-dst"),
        typed("tunnel-src"),
        flag("next"),
    ],
)
.typed(read, |one, _, out| {
    if let Match::Policy(policy) = one {
        print(policy, out);
    }
})
.demands(&[
    demand().option("in").hooks(Hooks::WITH_IN_INTERFACE),
    demand().option("out").hooks(Hooks::WITH_OUT_INTERFACE),
])
.checked(|one, part, place, problems| {
    if let Match::Policy(policy) = one {
        direction(policy.direction, part, place, problems);
    }
});

/// The matches of this file.
pub static MATCHES: &[&Row<Match>] = &[&POLICY];

/// The most elements (`XT_POLICY_MAX_ELEM`).
const ELEMENTS: usize = 4;

/// The options of an element, in the order of `iptables-save`.
const OPTIONS: [&str; 6] = ["reqid", "spi", "proto", "mode", "tunnel-dst", "tunnel-src"];

fn read(written: &Written, reading: &mut OptionContext) -> Result<Match, Fault> {
    let (mut direction, mut ipsec, mut strict) = (None, None, None);
    let mut elements: Vec<Vec<Said>> = vec![Vec::new()];
    for choice in &written.options {
        if !OPTIONS.contains(&choice.name.as_str()) {
            positive(choice)?;
        }
        match choice.name.as_str() {
            "dir" => put(
                &mut direction,
                word(choice, &[("in", PolicyDirection::In), ("out", PolicyDirection::Out)])?,
                choice,
            )?,
            "pol" => put(&mut ipsec, word(choice, &[("ipsec", true), ("none", false)])?, choice)?,
            "strict" => put(&mut strict, (), choice)?,
            "next" if elements.len() == ELEMENTS => {
                let help = "write four at most, or fewer";
                return Err(Fault::new(
                    choice.span.clone(),
                    "a policy has four elements at most",
                    "one too many",
                    help,
                ));
            }
            "next" => elements.push(Vec::new()),
            _ => {
                let element = elements.last_mut().map(|element| (said(element, &choice.name).is_some(), element));
                match element {
                    Some((false, element)) => element.push(element_option(choice, reading.family)?),
                    _ => return Err(twice(choice)),
                }
            }
        }
    }
    let Some(direction) = direction else {
        return Err(lacks(written, "`--dir`", "write `--dir in` or `--dir out`"));
    };
    let ipsec = ipsec.unwrap_or(true);
    let further = elements.iter().any(|element| !element.is_empty());
    if !further && strict.is_none() && elements.len() == 1 {
        return Ok(Match::Policy(IpsecPolicy { direction, ipsec }));
    }
    check_elements(written, ipsec, strict.is_some(), &elements)?;
    let way = if direction == PolicyDirection::In { "in" } else { "out" };
    let mut words: Vec<Box<str>> = ["--dir", way, "--pol", "ipsec"].into_iter().map(Into::into).collect();
    words.extend(strict.map(|()| "--strict".into()));
    for (index, element) in elements.iter_mut().enumerate() {
        if index > 0 {
            words.push("--next".into());
        }
        element.sort_by_key(|one| OPTIONS.iter().position(|option| *option == one.name));
        for one in element.iter() {
            words.extend(one.negated.then(|| "!".into()));
            words.extend([format!("--{}", one.name).into(), one.value().into()]);
        }
    }
    Ok(Match::Unknown(Box::new(Untyped { name: written.name.as_str().into(), words })))
}

fn word<T: Copy>(choice: &WrittenOption, words: &[(&str, T)]) -> Result<T, Fault> {
    let word = choice.argument()?;
    words.iter().find(|(known, _)| *known == word.text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<String> = words.iter().map(|(name, _)| format!("`--{} {name}`", choice.name)).collect();
        no(word, "word for it", format!("write {}", names.join(" or ")))
    })
}

/// One option of an element.
fn element_option(choice: &WrittenOption, family: Family) -> Result<Said, Fault> {
    let word: &Word = choice.argument()?;
    let most = u64::from(u32::MAX);
    let value = match choice.name.as_str() {
        "reqid" => number_in(word, 0, most)?.to_string(),
        "spi" => format!("0x{:x}", number_in(word, 0, most)?),
        "mode" => one_of(word, "mode", &[("tunnel", "tunnel"), ("transport", "transport")], false)?,
        "proto" => match protocol(word)?.map(|protocol| protocol.0) {
            Some(number @ (50 | 51 | 108)) => number.to_string(),
            _ => return Err(no(word, "protocol of IPsec", "write `esp`, `ah` or `108` for IPComp")),
        },
        _ => prefix(word, family)?,
    };
    let name = OPTIONS.into_iter().find(|option| *option == choice.name).unwrap_or("reqid");
    Ok(Said { negated: choice.negated, name, values: vec![value], span: choice.span.clone() })
}

fn check_elements(written: &Written, ipsec: bool, strict: bool, elements: &[Vec<Said>]) -> Result<(), Fault> {
    let fault = |message: &str, help: &str| Err(Fault::new(written.span.clone(), message, "this match", help));
    if !ipsec {
        let loads = |fault: Fault| if strict { fault } else { fault.that_loads() };
        let fault = |message, help| fault(message, help).map_err(loads);
        return fault("`--pol none` has no elements", "write `--pol ipsec`, or leave the other options out");
    }
    if elements.len() > 1 && !strict {
        return fault("several elements need `--strict`", "write `--strict` before the first `--next`");
    }
    if strict && elements.iter().any(Vec::is_empty) {
        return fault(
            "an element of the policy is empty",
            "with `--strict` each element needs an option such as `--proto esp`",
        );
    }
    for element in elements {
        let tunnel = said(element, "mode").is_some_and(|mode| (mode.value() == "tunnel") != mode.negated);
        let ends = said(element, "tunnel-src").or_else(|| said(element, "tunnel-dst"));
        if let Some(end) = ends.filter(|_| !tunnel) {
            return Err(end.vain("the ends of a tunnel need tunnel mode", "write `--mode tunnel` as well"));
        }
    }
    Ok(())
}

fn print(policy: &IpsecPolicy, out: &mut String) {
    out.push_str(match policy.direction {
        PolicyDirection::In => " --dir in --pol ",
        PolicyDirection::Out => " --dir out --pol ",
    });
    out.push_str(if policy.ipsec { "ipsec" } else { "none" });
}

fn direction(direction: PolicyDirection, part: Part, place: &RulePlace, problems: &mut Vec<Problem>) {
    let (allowed, what) = match direction {
        PolicyDirection::In => (Hooks::WITH_IN_INTERFACE, "`-m policy --dir in`"),
        PolicyDirection::Out => (Hooks::WITH_OUT_INTERFACE, "`-m policy --dir out`"),
    };
    place.hooks_within(allowed, part, Kind::Match, &what, problems);
}
