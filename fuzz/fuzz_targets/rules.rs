//! Any rule file is read or refused; what is read prints as text that reads back as the same text.
#![no_main]

use cgwfw::iptables::check::check_ruleset;
use cgwfw::iptables::{parse, print};
use cgwfw::net::Family;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for family in Family::BOTH {
        let (ruleset, faults) = parse::file(text, family);
        for (line, fault) in &faults {
            let line = text.split('\n').nth(line - 1).expect("a line of the text");
            assert!(!fault.help.is_empty(), "{fault:?}");
            assert!(line.get(fault.span.clone()).is_some(), "{fault:?} in {line:?}");
        }
        let _ = check_ruleset(&ruleset);
        if !faults.is_empty() {
            continue;
        }
        let printed = print::print(&ruleset, &|_| None);
        // A line may grow beyond what a loader reads; nothing else may be wrong with it.
        if printed.lines().any(|line| line.len() > parse::LINE_MAX) {
            continue;
        }
        let (again, faults) = parse::file(&printed, family);
        assert_eq!(faults, [], "{printed}");
        assert_eq!(print::print(&again, &|_| None), printed);
    }
});
