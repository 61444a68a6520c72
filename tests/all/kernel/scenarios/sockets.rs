//! Sockets of a side, and whether something comes from one to another.
//! Input: addresses. Output: sockets, and what was received.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::world::Side;

/// How long to wait for what should not come.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long to wait for what should come.
const MORE_PATIENCE: Duration = Duration::from_secs(5);

/// An address and a port.
pub fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().expect("an address"), port)
}

/// A UDP socket of a side.
pub fn udp(side: &Side, address: SocketAddr) -> UdpSocket {
    // A socket that was closed stays open in what another test has just forked, until that begins its program.
    let taken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
    let bound = || side.run(move |_| UdpSocket::bind(address));
    let attempts = std::iter::repeat_with(|| {
        let attempt = bound();
        if attempt.as_ref().is_err_and(taken) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        attempt
    });
    let mut attempts = attempts.take(200);
    let free = attempts.find(|attempt| !attempt.as_ref().is_err_and(taken));
    free.expect("a port that is free within two seconds").expect("a UDP socket")
}

/// A raw socket of a side. What it receives in IPv4 begins with the IP header.
pub fn raw(side: &Side, address: &str, protocol: i32) -> UdpSocket {
    let address = at(address, 0);
    let domain = Domain::for_address(address);
    let open = move || -> std::io::Result<UdpSocket> {
        let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(protocol)))?;
        socket.bind(&address.into())?;
        Ok(UdpSocket::from(std::os::fd::OwnedFd::from(socket)))
    };
    side.run(move |_| open()).expect("a raw socket")
}

/// What a socket receives, and from whom, if `wanted` is true of it; other things are passed over.
pub fn receive(socket: &UdpSocket, expected: bool, wanted: impl Fn(&[u8]) -> bool) -> Option<(Vec<u8>, IpAddr)> {
    let patience = if expected { MORE_PATIENCE } else { PATIENCE };
    let end = std::time::Instant::now() + patience;
    let mut buffer = [0; 2_000];
    loop {
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return None;
        }
        socket.set_read_timeout(Some(left)).expect("a time-out");
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) if wanted(&buffer[..length]) => return Some((buffer[..length].to_vec(), from.ip())),
            // An ICMP error about something sent before is reported here, once.
            _ => {}
        }
    }
}

/// Whether something sent from one socket comes to another.
pub fn passes(from: &UdpSocket, to: SocketAddr, receiver: &UdpSocket, expected: bool) -> bool {
    let word = format!("{to} {:?}", std::time::Instant::now());
    // A socket is told that the rules let nothing out.
    let _ = from.send_to(word.as_bytes(), to);
    receive(receiver, expected, |bytes| bytes.ends_with(word.as_bytes())).is_some()
}

/// Sends a word, and tells from whom it came.
pub fn comes_from(from: &UdpSocket, to: SocketAddr, receiver: &UdpSocket) -> Option<SocketAddr> {
    from.send_to(b"word", to).expect("sent");
    let mut buffer = [0; 100];
    receiver.set_read_timeout(Some(MORE_PATIENCE)).expect("a time-out");
    receiver.recv_from(&mut buffer).ok().map(|(_, from)| from)
}

/// Asserts that something sent comes, or does not.
#[track_caller]
pub fn check(from: &UdpSocket, to: SocketAddr, receiver: &UdpSocket, expected: bool) {
    assert_eq!(passes(from, to, receiver, expected), expected, "{:?} to {to}", from.local_addr());
}

/// A UDP-Lite socket of a side.
pub fn udp_lite(side: &Side, address: SocketAddr) -> UdpSocket {
    let open = move || -> std::io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::from(136)))?;
        socket.bind(&address.into())?;
        Ok(UdpSocket::from(std::os::fd::OwnedFd::from(socket)))
    };
    side.run(move |_| open()).expect("a UDP-Lite socket")
}

/// The number of a side's interface.
pub fn index(side: &Side, name: &'static str) -> u32 {
    // Not from sysfs, which shows the namespace that it was mounted in.
    let text = side.run(move |namespace| namespace.run("ip", &["-o", "link", "show", name], ""));
    let text = text.expect("the interface is there");
    text.split(':').next().and_then(|number| number.trim().parse().ok()).expect("a number")
}
