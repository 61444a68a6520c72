//! The answers to packets, as `trace --reply` says what becomes of them: sockets send, and send back.

use std::net::{SocketAddr, UdpSocket};

use cgwfw::compile::Compilation;
use cgwfw::diagnostic::Diagnostics;
use cgwfw::simulate::{Loaded, Verdict};
use cgwfw::syntax;
use cgwfw::trace::{Reply, replies, trace};
use cgwfw::traffic::one::all_described;

use super::sockets::{at, receive, udp};
use super::world::{World, over_both_backends};

const ALWAYS: &str = "default drop\nallow neighbor-discovery\n";

/// Policies, each with what their sentences make of an answer.
const POLICIES: [&str; 9] = [
    // Nothing tracks: an answer is a packet like all others.
    "allow routing from eth0 to inet0\nallow in on inet0 udp port 8443\nallow out on inet0 udp\n",
    "allow routing from eth0 to inet0\nallow in on inet0 udp port 8443\nallow out on inet0 udp\nallow established\n",
    // The filter sees the answer translated back.
    "masquerade out on inet0 from 10.1.0.0/16\nmasquerade out on inet0 from 2001:db8:1::/64\n\
     allow forward in on eth0 out on inet0 state new\n\
     allow forward in on inet0 out on eth0 to { 10.1.0.2, 2001:db8:1::2 } state established\n",
    "masquerade out on inet0 from 10.1.0.0/16\nmasquerade out on inet0 from 2001:db8:1::/64\n\
     allow forward in on eth0 out on inet0 state new\n\
     allow forward in on inet0 out on eth0 to { 192.0.2.1, 2001:db8::1 } state established\n",
    // The mangle table of PREROUTING sees it before.
    "snat out on inet0 from 10.1.0.0/16 as 192.0.2.1\nsnat out on inet0 from 2001:db8:1::/64 as 2001:db8::1\n\
     allow forward in on eth0 out on inet0 state new\nallow forward mark 7\n\
     rules ipv4 mangle { -A PREROUTING -i inet0 -d 192.0.2.1/32 -p udp -j MARK --set-mark 7 }\n\
     rules ipv6 mangle { -A PREROUTING -i inet0 -d 2001:db8::1/128 -p udp -j MARK --set-mark 7 }\n",
    // What was redirected answers from the port that it came to in the end.
    "redirect in on inet0 udp port 8443 as port 8444 only ipv4\nredirect in on inet0 udp port 8443 as port 8444 only ipv6\nallow in on inet0 udp port 8444\n\
     allow out on inet0 udp from port 8444\n",
    "redirect in on inet0 udp port 8443 as port 8444 only ipv4\nredirect in on inet0 udp port 8443 as port 8444 only ipv6\nallow in on inet0 udp port 8444\n\
     allow out on inet0 udp from port 8443\n",
    // A connection keeps its mark, and that it was translated.
    "allow in on inet0 udp port 8443\nrules both mangle { -A INPUT -j CONNMARK --set-mark 7 }\n\
     rules both filter { -A OUTPUT -m connmark --mark 7 -j ACCEPT }\n",
    "redirect in on inet0 udp port 8443 as port 8444 only ipv4\nredirect in on inet0 udp port 8443 as port 8444 only ipv6\nallow in on inet0 udp port 8444\nallow out on inet0 udp state new\n\
     rules both filter { -A OUTPUT -m conntrack --ctstate DNAT -j ACCEPT }\n",
];

/// What is said of a packet and of the answer to it: whether each passes.
fn said(compilation: &Compilation, words: &str) -> (bool, Option<bool>) {
    let mut diagnostics = Diagnostics::default();
    let ast = syntax::beside(&compilation.ast.sources, "packet", words, &mut diagnostics);
    let packets = all_described(&ast, &compilation.declarations, &mut diagnostics);
    let [packet] = &packets[..] else { panic!("{words}: {diagnostics:?}") };
    let loaded = Loaded::new(&compilation.rulesets[packet.packet.family()]);
    let followed = trace(&loaded, packet.clone());
    let passes = |verdict: Option<Verdict>| verdict.map(|verdict| verdict == Verdict::Accept);
    let back = match &replies(&loaded, &followed)[..] {
        [] => None,
        [Reply::Traced(back)] => Some(passes(back.verdict()).unwrap_or_else(|| panic!("open: {words}"))),
        other => panic!("{words}: {other:?}"),
    };
    (passes(followed.verdict()).unwrap_or_else(|| panic!("open: {words}")), back)
}

/// What happens: whether something comes, and whether the answer to it does.
fn happens(
    from: &UdpSocket,
    to: SocketAddr,
    receiver: &UdpSocket,
    (there, back): (bool, Option<bool>),
) -> (bool, Option<bool>) {
    // A socket is told that the rules let nothing out.
    let _ = from.send_to(b"question", to);
    let mut buffer = [0; 100];
    let patience = std::time::Duration::from_millis(if there { 5_000 } else { 250 });
    receiver.set_read_timeout(Some(patience)).expect("a time-out");
    let Ok((_, seen)) = receiver.recv_from(&mut buffer) else { return (false, None) };
    let _ = receiver.send_to(b"answer", seen);
    (true, Some(receive(from, back == Some(true), |bytes| bytes == b"answer").is_some()))
}

fn each(world: &World, policy: &str, tried: &mut [usize; 3]) {
    let compilation = world.load(&format!("{ALWAYS}{policy}"));
    for (host, own, peer) in [("10.1.0.2", "192.0.2.1", "192.0.2.2"), ("2001:db8:1::2", "2001:db8::1", "2001:db8::2")] {
        let port = if policy.contains("redirect") { 8_444 } else { 8_443 };
        let inside = udp(&world.host, at(host, 7_000));
        let outside = udp(&world.peer, at(peer, 7_001));
        let service = udp(&world.gateway, at(own, port));
        let client = udp(&world.gateway, at(own, 7_002));
        for (words, from, to, receiver) in [
            (
                format!("forward in on eth0 out on inet0 udp from {host} port 7000 to {peer} port 7001"),
                &inside,
                at(peer, 7_001),
                &outside,
            ),
            (format!("in on inet0 udp from {peer} port 7001 to {own} port 8443"), &outside, at(own, 8_443), &service),
            (format!("out on inet0 udp from {own} port 7002 to {peer} port 7001"), &client, at(peer, 7_001), &outside),
        ] {
            let said = said(&compilation, &words);
            assert_eq!(happens(from, to, receiver, said), said, "{policy}{words}");
            tried[match said {
                (false, _) => 0,
                (_, Some(false)) => 1,
                _ => 2,
            }] += 1;
        }
    }
}

#[test]
fn answers_fare_as_is_said() {
    let tried = std::cell::Cell::new([0; 3]);
    over_both_backends(|world| {
        let mut counts = tried.get();
        POLICIES.iter().for_each(|policy| each(world, policy, &mut counts));
        tried.set(counts);
    });
    let tried = tried.get();
    // Neither comes, the answer does not, both do.
    assert!(tried == [0; 3] || tried.iter().all(|count| *count >= 8), "{tried:?}");
}
