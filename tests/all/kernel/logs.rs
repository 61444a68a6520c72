//! Packets as other programs write them: what tcpdump and conntrack print here is read back as the packets that they were
//! shown; lines of the kernel's LOG and of ulogd were printed on another day.

use std::io::Write as _;
use std::process::{Command, Stdio};

use cgwfw::diagnostic::Diagnostics;
use cgwfw::iptables::packet::{Fragment, Packet, Transport, Way};
use cgwfw::iptables::ruleset::IcmpType;
use cgwfw::log::{self, Contents};
use cgwfw::net::{Family, Interface, Protocol};
use cgwfw::policy::Declarations;
use cgwfw::source::Sources;
use cgwfw::syntax;
use cgwfw::traffic::one::all_described;

use crate::kernel::namespace::Namespace;
use crate::kernel::wire;
use crate::support;
use crate::support::generate::Random;

fn eth0() -> Interface {
    Interface::new("eth0").expect("a short name")
}

fn packet(family: Family, transport: Transport, fragment: Fragment) -> Packet {
    let [source, destination] = match family {
        Family::V4 => ["192.0.2.7", "198.51.100.9"],
        Family::V6 => ["2001:db8::7", "2001:db8:1::9"],
    };
    Packet {
        way: Way::In(eth0()),
        source: source.parse().expect("an address"),
        destination: destination.parse().expect("an address"),
        hop_limit: 57,
        transport,
        fragment,
        mark: 0,
        state: None,
        ipsec_in: false,
        ipsec_out: false,
    }
}

/// What tcpdump prints of packets, a line each (and one more with `-v`).
fn tcpdump(packets: &[Packet], arguments: &[&str]) -> String {
    // pcap: magic, version 2.4, zone, accuracy, the longest packet, and the link: Ethernet, or none.
    let ethernet = arguments.contains(&"-e");
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    file.extend([0; 8]);
    file.extend(65_535_u32.to_le_bytes());
    file.extend(if ethernet { 1_u32 } else { 101 }.to_le_bytes());
    for (index, packet) in packets.iter().enumerate() {
        let mut bytes = wire::bytes(packet, index as u32 % wire::LAST_NUMBER + 1, 64);
        if ethernet {
            let kind = if packet.family() == Family::V4 { [0x08, 0x00] } else { [0x86, 0xdd] };
            bytes = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind, &bytes].concat();
        }
        file.extend((index as u32).to_le_bytes());
        file.extend([0; 4]);
        file.extend((bytes.len() as u32).to_le_bytes().repeat(2));
        file.extend(bytes);
    }
    let mut child = Command::new("tcpdump")
        .args(["-nn", "-r", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("tcpdump runs");
    let mut input = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || input.write_all(&file));
    let output = child.wait_with_output().expect("tcpdump ends");
    writer.join().expect("the writer").expect("tcpdump reads");
    String::from_utf8(output.stdout).expect("text")
}

fn has_tcpdump() -> bool {
    let there = Command::new("tcpdump").arg("--version").output().is_ok();
    if !there {
        support::skip("tcpdump is not installed");
    }
    there
}

/// The packets of a log, each once.
fn packets(reading: &Contents) -> Vec<Packet> {
    let mut diagnostics = Diagnostics::default();
    let sentences: String = reading.packets.iter().map(|logged| logged.sentence.clone() + "\n").collect();
    let ast = syntax::beside(&Sources::default(), "log", &sentences, &mut diagnostics);
    let all = all_described(&ast, &Declarations::default(), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{sentences}{diagnostics:?}");
    all.into_iter().map(|described| described.packet).collect()
}

/// Every kind of content that tcpdump shows whole, with other ports and flags each time.
fn samples() -> Vec<Packet> {
    let mut random = Random::new(7);
    let mut all = Vec::new();
    for family in Family::BOTH {
        for fragment in [Fragment::No, Fragment::First] {
            for _ in 0..60 {
                let (from, to) = (random.next() as u16 | 1, random.next() as u16 | 1);
                all.push(packet(family, Transport::Tcp(from, to, random.next() as u8 & 0x3f), fragment));
                all.push(packet(family, Transport::Udp(from, to), fragment));
            }
        }
        for port in [53, 67, 68, 69, 123, 161, 179, 443, 500, 514, 546, 547, 1701, 1812, 3784, 4500, 4789, 5060, 6081] {
            all.push(packet(family, Transport::Udp(port, 40_000), Fragment::No));
            all.push(packet(family, Transport::Udp(40_000, port), Fragment::No));
            all.push(packet(family, Transport::Tcp(40_000, port, 0x18), Fragment::No));
        }
        all.push(packet(family, Transport::Sctp(40_000, 5_000), Fragment::No));
        all.extend((family == Family::V4).then(|| packet(family, Transport::Other(Protocol(2)), Fragment::No)));
        for protocol in [47, 50, 88, 89, 103, 108, 112, 253] {
            all.push(packet(family, Transport::Other(Protocol(protocol)), Fragment::No));
        }
    }
    all.push(packet(Family::V4, Transport::Ah, Fragment::No));
    all
}

/// As tcpdump shows it: without `-v` no TTL, and in IPv4 not that there are more pieces.
fn shown(packet: &Packet, verbose: bool) -> Packet {
    let more = verbose || packet.family() == Family::V6;
    let fragment = if more { packet.fragment } else { Fragment::No };
    let hop_limit = if verbose { packet.hop_limit } else { 0 };
    Packet { fragment, hop_limit, ..packet.clone() }
}

#[test]
fn what_tcpdump_prints_is_read_as_the_packets_that_it_was_shown() {
    if !has_tcpdump() {
        return;
    }
    for (arguments, verbose) in
        [(&[][..], false), (&["-t"], false), (&["-tttt", "-e"], false), (&["-v"], true), (&["-v", "-e"], true)]
    {
        let samples = samples();
        let text = tcpdump(&samples, arguments);
        let reading = log::read(&text, "in on eth0");
        assert!(reading.passed.is_empty(), "{:?}", reading.passed);
        let mut expected: Vec<Packet> = Vec::new();
        for sample in samples.iter().map(|sample| shown(sample, verbose)) {
            if !expected.contains(&sample) {
                expected.push(sample);
            }
        }
        let read = packets(&reading);
        assert_eq!(read.len(), expected.len(), "{arguments:?}");
        for (mut read, expected) in read.into_iter().zip(expected) {
            read.hop_limit = if verbose { read.hop_limit } else { 0 };
            assert_eq!(read, expected, "{arguments:?}\n{text}");
        }
    }
}

#[test]
fn icmp_messages_of_tcpdump_have_their_types() {
    if !has_tcpdump() {
        return;
    }
    let mut known = 0;
    for family in Family::BOTH {
        let all: Vec<Packet> = (0..=254_u8)
            .flat_map(|kind| (0..16).map(move |code| IcmpType { kind, code: Some(code) }))
            .map(|icmp| packet(family, Transport::Icmp(icmp), Fragment::No))
            .collect();
        let text = tcpdump(&all, &["-t"]);
        // What it shows of the content of some is on lines of its own.
        for (line, sample) in text.lines().filter(|line| !line.starts_with(['\t', ' '])).zip(&all) {
            let reading = log::read(line, "in on eth0");
            // What is not known is said, and never taken for something else.
            let [read] = &packets(&reading)[..] else { continue };
            let Transport::Icmp(icmp) = sample.transport else { continue };
            let said = Transport::Icmp(icmp);
            // Where the code changes nothing that is printed, it is taken for 0.
            let plain = Transport::Icmp(IcmpType { code: Some(0), ..icmp });
            assert!(read.transport == said || read.transport == plain, "{line}: {:?}", read.transport);
            known += usize::from(read.transport == said);
        }
    }
    assert!(known >= 45, "{known}");
}

#[test]
fn a_later_piece_without_its_protocol_is_passed_over() {
    if !has_tcpdump() {
        return;
    }
    let later = [Transport::Udp(500, 500), Transport::Tcp(1, 2, 0x10)]
        .map(|transport| Family::BOTH.map(|family| packet(family, transport, Fragment::Later)));
    let text = tcpdump(&later.concat(), &[]);
    let reading = log::read(&text, "in on eth0");
    let lines: Vec<u32> = reading.passed.iter().map(|passed| passed.line).collect();
    assert_eq!(lines, [2, 4], "{text}{reading:?}");
    let read = packets(&reading);
    assert_eq!(read.len(), 2, "{reading:?}");
    assert!(read.iter().all(|packet| packet.fragment == Fragment::Later), "{read:?}");
    let with = log::read(text.lines().nth(1).expect("a line"), "in on eth0 udp");
    assert!(matches!(packets(&with)[..], [Packet { transport: Transport::Udp(..), fragment: Fragment::Later, .. }]));
}

#[test]
fn what_conntrack_prints_is_read_as_the_first_packet() {
    if !crate::kernel::require() {
        return;
    }
    let entries = "-I -p tcp -s 192.0.2.7 -d 198.51.100.9 --sport 40000 --dport 22 --state ESTABLISHED -t 100\n\
                   -I -p udp -s 2001:db8::7 -d 2001:db8::9 --sport 500 --dport 4500 -t 100\n\
                   -I -p icmp -s 192.0.2.7 -d 198.51.100.9 --icmp-type 8 --icmp-code 0 --icmp-id 7 -t 100\n\
                   -I -p tcp -s 192.0.2.8 -d 198.51.100.9 --sport 40000 --dport 8080 --state ESTABLISHED -t 100 \
                   --dst-nat 10.0.0.80:80\n";
    let (plain, extended) = std::thread::spawn(move || {
        let namespace = Namespace::enter().expect("a namespace");
        namespace.run("conntrack", &["-R", "-"], entries).expect("entries");
        let list = |family: &str, more: &[&str]| {
            namespace.run("conntrack", &[&["-L", "-f", family], more].concat(), "").expect("a list")
        };
        let all = |more: &[&str]| list("ipv4", more) + &list("ipv6", more);
        (all(&[]), all(&["-o", "extended"]))
    })
    .join()
    .expect("the namespace");
    for text in [plain, extended] {
        let reading = log::read(&text, "in on eth0");
        assert!(reading.passed.is_empty(), "{text}{:?}", reading.passed);
        let mut said: Vec<&str> = reading.packets.iter().map(|logged| logged.sentence.as_str()).collect();
        said.sort_unstable();
        assert_eq!(
            said,
            [
                "in on eth0 icmp type echo-request from 192.0.2.7 to 198.51.100.9",
                "in on eth0 tcp from 192.0.2.7 port 40000 to 198.51.100.9 port 22",
                "in on eth0 tcp from 192.0.2.8 port 40000 to 198.51.100.9 port 8080",
                "in on eth0 udp from 2001:db8::7 port 500 to 2001:db8::9 port 4500",
            ],
            "{text}"
        );
    }
}

/// Lines, and the sentences that they are read as; an empty one is passed over.
const LINES: [(&str, &str); 24] = [
    (
        "23:58:36.1 eth0  In  IP 192.0.2.7 > 198.51.100.9: IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 64",
        "in on eth0 ipip from 192.0.2.7 to 198.51.100.9",
    ),
    (
        "23:58:36.1 eth0  In  IP 192.0.2.7 > 198.51.100.9: IP6 2001:db8::1.5 > 2001:db8::2.6: UDP, length 4",
        "in on eth0 sit from 192.0.2.7 to 198.51.100.9",
    ),
    (
        "Nov 26 23:58:36 vm cgw IN=lo OUT= MAC=00:00:00:00:00:00:00:00:00:00:00:00:08:00 SRC=10.9.0.1 DST=10.9.0.1 LEN=60 \
         TOS=00 PREC=0x00 TTL=64 ID=51995 DF PROTO=TCP SPT=46764 DPT=22 SEQ=301120303 ACK=0 WINDOW=65495 SYN URGP=0 MARK=0x0 ",
        "in on lo tcp from 10.9.0.1 port 46764 to 10.9.0.1 port 22 flags all/syn ttl 64",
    ),
    (
        "[ 1234.5] drop:IN=eth0 OUT=eth1 SRC=192.0.2.7 DST=10.0.0.80 LEN=40 TOS=0x00 PREC=0x00 TTL=63 ID=0 DF PROTO=TCP \
         SPT=80 DPT=40000 WINDOW=0 RES=0x00 ACK RST URGP=0 ",
        "forward in on eth0 out on eth1 tcp from 192.0.2.7 port 80 to 10.0.0.80 port 40000 flags all/rst,ack ttl 63",
    ),
    (
        "kernel: IN= OUT=e0 SRC=fe80:0000:0000:0000:546c:0cff:fea4:0f0f DST=ff02:0000:0000:0000:0000:0000:0000:0002 LEN=56 \
         TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=ICMPv6 TYPE=133 CODE=0 ",
        "out on e0 icmp type router-solicitation from fe80::546c:cff:fea4:f0f to ff02::2 ttl 255",
    ),
    (
        "IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=59 TOS=0x00 PREC=0xC0 TTL=64 ID=4 PROTO=ICMP TYPE=3 CODE=3 \
         [SRC=198.51.100.9 DST=192.0.2.7 LEN=31 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=UDP SPT=5 DPT=53 LEN=11 ] ",
        "in on eth0 icmp type destination-unreachable code 3 from 192.0.2.7 to 198.51.100.9 ttl 64",
    ),
    (
        "IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=120 TOS=0x00 PREC=0x00 TTL=64 ID=4 PROTO=ESP SPI=0xc0ffee ",
        "in on eth0 esp from 192.0.2.7 to 198.51.100.9 ttl 64",
    ),
    (
        "IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=120 TOS=0x00 PREC=0x00 TTL=64 ID=4 PROTO=47 ",
        "in on eth0 gre from 192.0.2.7 to 198.51.100.9 ttl 64",
    ),
    (
        "IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=4 MF PROTO=UDP SPT=500 DPT=500 LEN=3008 ",
        "in on eth0 udp from 192.0.2.7 port 500 to 198.51.100.9 port 500 ttl 64 fragment first",
    ),
    (
        "IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=4 FRAG:185 PROTO=UDP ",
        "in on eth0 udp from 192.0.2.7 to 198.51.100.9 ttl 64 fragment later",
    ),
    (
        "cgw6 IN=lo OUT= MAC=00:00:86:dd SRC=2001:db8::1 DST=2001:db8::2 LEN=1496 TC=0 HOPLIMIT=64 FLOWLBL=381502 FRAG: 0 ID: \
         83ded9f5 PROTO=UDP SPT=42060 DPT=500 LEN=3008 MARK=0x0 ",
        "in on lo udp from 2001:db8::1 port 42060 to 2001:db8::2 port 500 ttl 64 fragment first",
    ),
    (
        "cgw6 IN=lo OUT= SRC=2001:db8::1 DST=2001:db8::2 LEN=1496 TC=0 HOPLIMIT=64 FLOWLBL=381502 FRAG: 1448 ID: 83ded9f5 \
         PROTO=UDP INCOMPLETEMARK=0x0 ",
        "in on lo udp from 2001:db8::1 to 2001:db8::2 ttl 64 fragment later",
    ),
    (
        r#"{"oob.prefix": "cgw", "oob.hook": 3, "ip.protocol": 6, "ip.ttl": 64, "ip.fragoff": 16384, "src_port": 46764, "dest_port": 22, "tcp.urg": 0, "tcp.ack": 0, "tcp.psh": 0, "tcp.rst": 0, "tcp.syn": 1, "tcp.fin": 0, "oob.in": "", "oob.out": "lo", "src_ip": "10.9.0.1", "dest_ip": "10.9.0.2"}"#,
        "out on lo tcp from 10.9.0.1 port 46764 to 10.9.0.2 port 22 flags all/syn ttl 64",
    ),
    (
        r#"{"ip.protocol": 58, "ip6.hoplimit": 1, "icmpv6.type": 143, "icmpv6.code": 0, "oob.in": "e0", "oob.out": "", "src_ip": "fe80::1", "dest_ip": "ff02::16"}"#,
        "in on e0 icmp type mld2-report from fe80::1 to ff02::16 ttl 1",
    ),
    (
        r#"{"ip.protocol": 17, "ip.ttl": 9, "ip.fragoff": 8377, "oob.in": "e0", "oob.out": "e1", "src_ip": "10.9.0.1", "dest_ip": "10.9.0.2"}"#,
        "forward in on e0 out on e1 udp from 10.9.0.1 to 10.9.0.2 ttl 9 fragment later",
    ),
    (
        "23:58:36.193922 eth0  In  IP 192.0.2.7.46764 > 198.51.100.9.22: Flags [S], seq 301120303, win 65495, length 0",
        "in on eth0 tcp from 192.0.2.7 port 46764 to 198.51.100.9 port 22 flags all/syn",
    ),
    (
        "23:58:36.193922 eth0  Out IP6 fe80::1 > ff02::16: HBH ICMP6, multicast listener report v2, 1 group record(s), length 28",
        "out on eth0 icmp type mld2-report from fe80::1 to ff02::16",
    ),
    (
        "    [NEW] udp      17 30 src=192.0.2.7 dst=198.51.100.9 sport=40000 dport=53 [UNREPLIED] src=198.51.100.9 \
         dst=192.0.2.7 sport=53 dport=40000",
        "",
    ),
    ("23:58:36.2 ARP, Request who-has 192.0.2.1 tell 192.0.2.7, length 28", ""),
    ("IN=eth0 OUT= SRC=192.0.2.7 DST=2001:db8::1 PROTO=TCP SPT=1 DPT=2 ", ""),
    ("IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 PROTO=TCP SPT=1 DPT=70000 ", ""),
    ("{\"src_ip\": \"192.0.2.7\"", ""),
    ("a line of something else", ""),
    ("23:58:36.2 IP router.example.net.bgp > 192.0.2.7.40000: Flags [S], length 0", ""),
];

#[test]
fn lines_of_logs_are_read_as_their_packets() {
    for (line, sentence) in LINES {
        let reading = log::read(line, "");
        let said: Vec<&str> = reading.packets.iter().map(|logged| logged.sentence.as_str()).collect();
        assert_eq!(said, [sentence][usize::from(sentence.is_empty())..], "{line}\n{:?}", reading.passed);
        assert_eq!(reading.passed.len(), usize::from(sentence.is_empty()), "{line}");
        packets(&reading);
    }
}

#[test]
fn damaged_lines_are_passed_over_or_read_and_nothing_else() {
    let mut random = Random::new(support::number("CGWFW_SEED", 1));
    let fuzz: Vec<char> = "=[]():.,> \u{1}\u{fffd}ßIN".chars().collect();
    let mut read = 0;
    for _ in 0..20_000 {
        let (line, _) = random.pick(&LINES);
        let mut line: Vec<char> = line.chars().collect();
        for _ in 0..=random.below(4) {
            let at = random.below(line.len());
            match random.below(3) {
                0 => drop(line.remove(at)),
                1 => line.insert(at, *random.pick(&fuzz)),
                _ => line.truncate(at.max(1)),
            }
            if line.is_empty() {
                line.push(' ');
            }
        }
        read += log::read(&line.iter().collect::<String>(), "in on eth0").packets.len();
    }
    assert!(read > 1_000, "{read}");
}
