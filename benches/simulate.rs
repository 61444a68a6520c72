//! How many packets the simulator decides.
//! Input: the site-to-site example, and a flat ruleset. Output: packets a second; `cargo bench --bench simulate`.

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use cgwfw::compile::compile;
use cgwfw::expand::Options;
use cgwfw::iptables::packet::{Fragment, Packet, Transport, Way};
use cgwfw::iptables::parse;
use cgwfw::iptables::ruleset::IcmpType;
use cgwfw::net::{Family, Interface, Protocol};
use cgwfw::simulate::{Assumptions, Loaded, decide};
use cgwfw::snippet::library::Library;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

/// The rules of the flat ruleset.
const RULES: u16 = 1_000;

fn main() {
    divan::main();
}

/// Packets of every kind on every way of the site-to-site example: at least a million a second.
#[divan::bench(sample_count = 20)]
fn site_to_site(bencher: Bencher) {
    let policy = include_str!("../examples/site-to-site.cgwfw");
    let no_includes = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let library = Library::built_in();
    let compilation = compile(Path::new("policy.cgwfw"), policy, &no_includes, &library, Options::default());
    let ruleset = &compilation.rulesets[Family::V4.index()];
    assert!(!compilation.diagnostics.has_errors() && ruleset.tables.len() == 2, "the load of the benchmark");
    let loaded = Loaded::new(ruleset);
    let packets = packets();
    bencher.counter(ItemsCount::new(packets.len())).bench(|| {
        for packet in &packets {
            black_box(decide(&loaded, black_box(packet), Assumptions::ORDINARY));
        }
    });
}

/// A packet that passes every rule of a long chain: at least a hundred thousand a second.
#[divan::bench(sample_count = 20)]
fn flat_1_000_rules(bencher: Bencher) {
    let mut text = String::from("*filter\n:INPUT DROP [0:0]\n");
    for port in 1..=RULES {
        writeln!(text, "-A INPUT -i inet0 -p udp -m udp --dport {port} -j ACCEPT").expect("a String takes all");
    }
    text.push_str("COMMIT\n");
    let (ruleset, faults) = parse::file(&text, Family::V4);
    assert!(faults.is_empty() && ruleset.tables[0].rules.len() == usize::from(RULES), "the load of the benchmark");
    let loaded = Loaded::new(&ruleset);
    let packet = packet(Way::In(name("inet0")), Transport::Udp(40_000, RULES + 1));
    bencher.counter(ItemsCount::new(1_u32)).bench(|| decide(&loaded, black_box(&packet), Assumptions::ORDINARY));
}

fn packets() -> Vec<Packet> {
    let names = ["lo", "eth0", "inet0", "vti42"].map(name);
    let transports = [
        Transport::Tcp(40_000, 443, 0x02),
        Transport::Tcp(443, 40_000, 0x10),
        Transport::Udp(500, 500),
        Transport::Udp(40_000, 53),
        Transport::Icmp(IcmpType { kind: 8, code: Some(0) }),
        Transport::Other(Protocol::ESP),
        Transport::Other(Protocol::GRE),
    ];
    let ins = names.into_iter().map(Way::In);
    let outs = names.into_iter().map(Way::Out);
    let through = names.into_iter().flat_map(|from| names.into_iter().map(move |to| Way::Forward(from, to)));
    let ways: Vec<Way> = ins.chain(outs).chain(through).collect();
    transports.into_iter().flat_map(|transport| ways.iter().map(move |way| packet(*way, transport))).collect()
}

fn packet(way: Way, transport: Transport) -> Packet {
    Packet {
        way,
        source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        destination: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
        hop_limit: 64,
        transport,
        fragment: Fragment::No,
        mark: 0,
        state: None,
        ipsec_in: false,
        ipsec_out: false,
    }
}

fn name(name: &str) -> Interface {
    Interface::new(name).expect("a short name")
}
