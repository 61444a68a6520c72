//! The one writer of policy text: what it writes is read as the same values.

use std::io;
use std::path::Path;

use crate::support::generate;
use cgwfw::compile::{Compilation, compile};
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::packet::Fragment;
use cgwfw::net::Families;
use cgwfw::policy::{Packets, Statement, Traffic};
use cgwfw::sentence;
use cgwfw::snippet::library::Library;

fn compiled(text: &str, library: &Library) -> Compilation {
    let alone = |_: &Path| Err(io::ErrorKind::NotFound.into());
    compile(Path::new("policy.cgwfw"), text, &alone, library, CompileOptions::default())
}

/// The traffic of a policy's sentences that are nothing but a verb and traffic, and the declarations of the policy.
fn traffic(seed: u64, library: &Library) -> (String, Vec<(Families, Traffic)>) {
    let sentences = generate::policy(seed, library);
    let compilation = compiled(&generate::text(&sentences), library);
    let interfaces: Vec<String> = sentences.into_iter().filter(|sentence| sentence.starts_with("interface ")).collect();
    let plain = compilation.policy.statements.into_iter().filter_map(|statement| match statement {
        Statement::Block(block) => {
            let name = &library.snippets[usize::from(block.snippet)].folder;
            let traffic = block.traffic.filter(|_| ["allow", "drop", "notrack", "mark"].contains(&name.as_str()))?;
            Some((block.families, *traffic))
        }
        Statement::Rules(_) => None,
    });
    (generate::text(&interfaces), plain.collect())
}

#[test]
fn traffic_that_is_written_is_read_as_the_same() {
    let library = Library::built_in();
    let mut count = 0;
    for seed in 0..1_500 {
        let (interfaces, all) = traffic(seed, &library);
        let packets = |(index, (families, traffic)): (usize, (Families, Traffic))| Packets {
            families,
            // An expectation has neither a rate nor a connection.
            traffic: Traffic { limit: None, connection_mark: None, original: None, ..traffic },
            over_limit: index % 3 == 1,
            spoofed: index % 5 == 2,
            fragment: [Fragment::No, Fragment::First, Fragment::Later][index % 7 % 3],
        };
        let all: Vec<Packets> = all.into_iter().enumerate().map(packets).collect();
        let expected = all.iter().map(|packets| format!("expect deny {}\n", sentence::packets(packets)));
        let text = interfaces + &expected.collect::<String>();
        let again = compiled(&text, &library);
        let found = again.policy.expectations.iter().map(|expectation| &expectation.packets);
        assert!(found.eq(&all), "seed {seed}:\n{text}{:?}", again.diagnostics);
        count += all.len();
    }
    assert!(count > 500, "{count}");
}

/// Rates are not part of packets: they are written as sentences have them.
#[test]
fn rates_that_are_written_are_read_as_the_same() {
    let library = Library::built_in();
    let mut count = 0;
    for seed in 0..600 {
        let (_, all) = traffic(seed, &library);
        for limit in all.into_iter().filter_map(|(_, traffic)| traffic.limit) {
            let clause = if limit.above { "drop in over limit" } else { "allow in limit" };
            let text = format!("{clause} {}\n", sentence::rate(limit));
            let again = compiled(&text, &library);
            let Some(Statement::Block(block)) = again.policy.statements.first() else { panic!("{text}") };
            assert_eq!(block.traffic.as_ref().and_then(|traffic| traffic.limit), Some(limit), "{text}");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
