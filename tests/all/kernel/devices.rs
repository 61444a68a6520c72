//! The interfaces of a policy as TUN devices, the ways that lead to them, and the sockets of the gateway itself.
//! Input: names, ways, packets as bytes. Output: packets under way in the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use cgwfw::iptables::packet::{Packet, Way};
use cgwfw::net::{Both, Family, Interface, Prefix};
use socket2::{Domain, Protocol, Socket, Type};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::kernel::namespace::Namespace;

/// The priority of what the lab's own sockets send: the probe lets nothing else out of the gateway.
pub const PRIORITY: u32 = 0x0063_6777;

/// One TUN device.
struct Device {
    tun: SyncDevice,
    index: u32,
}

/// Where the kernel's routes lead at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Routes {
    /// All that comes in is for the gateway itself, and what the gateway sends goes to itself, through `lo`.
    Local,
    /// Everything leaves through this interface.
    Through(Interface),
}

impl Routes {
    /// The routes that a packet needs for its way.
    pub fn of(packet: &Packet) -> Routes {
        match packet.way {
            Way::In(_) => Routes::Local,
            Way::Out(name) if name.name() == "lo" => Routes::Local,
            Way::Out(name) | Way::Forward(_, name) => Routes::Through(name),
        }
    }
}

/// The devices, and what leads to them.
pub struct Devices {
    devices: BTreeMap<Interface, Device>,
    routes: Option<Routes>,
    sockets: Both<Socket>,
    members: Socket,
    groups: BTreeSet<(Interface, Ipv4Addr)>,
    elsewhere: Vec<Prefix>,
}

/// The address of the gateway on its interface number `index`.
fn own_address(family: Family, index: u32) -> IpAddr {
    let [.., high, low] = index.to_be_bytes();
    match family {
        Family::V4 => Ipv4Addr::new(100, 127, high, low).into(),
        Family::V6 => Ipv6Addr::new(0xfd77, 0x77, 0, 0, 0, 0, 0, index as u16).into(),
    }
}

/// The link-local address of the gateway on its interface number `index`.
fn link_local(index: u32) -> IpAddr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0xfd77, 0x77, 0, index as u16).into()
}

/// Whether an address is one of the gateway's.
pub fn is_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..2] == [100, 127],
        IpAddr::V6(address) => {
            let words = address.segments();
            words[..2] == [0xfd77, 0x77] || words[4..6] == [0xfd77, 0x77]
        }
    }
}

fn raw(family: Family) -> Result<Socket, String> {
    let domain = if family == Family::V4 { Domain::IPV4 } else { Domain::IPV6 };
    // IPPROTO_RAW: the sender writes the header.
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(255))).map_err(|error| error.to_string())?;
    let set = || -> std::io::Result<()> {
        socket.set_priority(PRIORITY)?;
        socket.set_broadcast(true)?;
        // A copy for the gateway itself would meet the rules a second time.
        match family {
            Family::V4 => socket.set_multicast_loop_v4(false),
            Family::V6 => socket.set_multicast_loop_v6(false),
        }
    };
    set().map_err(|error| format!("a raw socket: {error}"))?;
    Ok(socket)
}

impl Devices {
    /// No device but `lo`, in the namespace of this thread.
    pub fn new(namespace: &Namespace) -> Result<Devices, String> {
        let mut rules = String::new();
        // Table 99: what goes to other hosts. Table 100: all that comes in is local. Behind what is truly local, 101 leads what comes in on, and 102 what
        // the gateway sends out.
        for family in ["", "-6 "] {
            let _ = write!(
                rules,
                "ip {family}rule add pref 5 not iif lo lookup 99\nip {family}rule add pref 10 not iif lo lookup 100\nip {family}rule add pref 50 lookup local\n\
                 ip {family}rule del pref 0\nip {family}rule add pref 60 not iif lo lookup 101\n\
                 ip {family}rule add pref 70 iif lo lookup 102\n"
            );
        }
        namespace.run("sh", &["-e"], &rules)?;
        let members = Socket::new(Domain::IPV4, Type::DGRAM, None).map_err(|error| error.to_string())?;
        Ok(Devices {
            devices: BTreeMap::new(),
            routes: None,
            sockets: Both { v4: raw(Family::V4)?, v6: raw(Family::V6)? },
            members,
            groups: BTreeSet::new(),
            elsewhere: Vec::new(),
        })
    }

    /// Makes the devices that are not there yet.
    pub fn add(&mut self, namespace: &Namespace, names: impl IntoIterator<Item = Interface>) -> Result<(), String> {
        let mut batch = String::new();
        for name in names {
            if name.name() == "lo" || self.devices.contains_key(&name) {
                continue;
            }
            let made = DeviceBuilder::new().name(name.name()).mtu(1_500).offload(false).build_sync();
            let tun = made.map_err(|error| format!("a TUN device {name}: {error}"))?;
            let index = tun.if_index().map_err(|error| error.to_string())?;
            let (v4, v6, link) = (own_address(Family::V4, index), own_address(Family::V6, index), link_local(index));
            let _ = write!(
                batch,
                "address add {v4}/32 dev {name}\naddress add {v6}/128 dev {name} nodad\n\
                 address add {link}/128 dev {name} nodad\nlink set dev {name} up\n\
                 route add local fe80::/10 dev {name} table 100 metric {index}\nroute add local ff00::/8 dev {name} table 100 metric {index}\n"
            );
            self.devices.insert(name, Device { tun, index });
        }
        if !batch.is_empty() {
            namespace.run("ip", &["-batch", "-"], &batch)?;
        }
        Ok(())
    }

    /// The address of the gateway on an interface, of the scope that a destination has.
    pub fn address(&self, name: Interface, destination: IpAddr) -> Option<IpAddr> {
        let index = self.devices.get(&name)?.index;
        Some(match destination {
            IpAddr::V6(to) if to.is_unicast_link_local() || to.is_multicast() && to.octets()[1] & 0x0f == 2 => {
                link_local(index)
            }
            _ => own_address(Family::of(destination), index),
        })
    }

    /// Leads what follows where its way goes.
    pub fn lead(&mut self, namespace: &Namespace, routes: Routes) -> Result<(), String> {
        if self.routes == Some(routes) {
            return Ok(());
        }
        let mut batch = String::new();
        for (verb, routes) in [("del", self.routes), ("add", Some(routes))] {
            for any in ["0.0.0.0/0", "::/0"] {
                let _ = match routes {
                    Some(Routes::Local) => write!(
                        batch,
                        "route {verb} local {any} dev lo table 100\nroute {verb} local {any} dev lo table 102\n"
                    ),
                    Some(Routes::Through(name)) => write!(
                        batch,
                        "route {verb} {any} dev {name} table 101\nroute {verb} {any} dev {name} table 102\n"
                    ),
                    None => Ok(()),
                };
            }
        }
        namespace.run("ip", &["-batch", "-"], &batch)?;
        self.routes = Some(routes);
        Ok(())
    }

    /// Leads what comes in to these networks out of a device, and nothing else.
    pub fn lead_elsewhere(&mut self, namespace: &Namespace, networks: &[Prefix], via: Interface) -> Result<(), String> {
        if self.elsewhere == networks {
            return Ok(());
        }
        self.add(namespace, [via])?;
        let old = std::mem::replace(&mut self.elsewhere, networks.to_vec());
        let mut batch = String::new();
        for (verb, networks) in [("del", &old), ("add", &self.elsewhere)] {
            for network in networks {
                let _ = writeln!(batch, "route {verb} {}/{} dev {via} table 99", network.address(), network.length());
            }
        }
        namespace.run("ip", &["-batch", "-"], &batch).map(|_| ())
    }

    /// Has the gateway listen to an IPv4 group: what is for others never comes to INPUT.
    fn join(&mut self, name: Interface, group: Ipv4Addr) -> Result<(), String> {
        let Some(device) = self.devices.get(&name) else { return Ok(()) };
        if !self.groups.insert((name, group)) {
            return Ok(());
        }
        let interface = socket2::InterfaceIndexOrAddress::Index(device.index);
        self.members
            .join_multicast_v4_n(&group, &interface)
            .map_err(|error| format!("group {group} on {name}: {error}"))
    }

    /// Puts a packet on the wire, or sends it from a socket. The routes must be those of its way.
    pub fn send(&mut self, packet: &Packet, bytes: &[u8]) -> Result<(), String> {
        let name = match packet.way {
            Way::In(name) | Way::Forward(name, _) if name.name() != "lo" => name,
            Way::Out(name) | Way::In(name) | Way::Forward(name, _) => return self.send_out(packet, name, bytes),
        };
        if let (Way::In(_), IpAddr::V4(group)) = (packet.way, packet.destination)
            && group.is_multicast()
        {
            self.join(name, group)?;
        }
        let device = self.devices.get(&name).ok_or_else(|| format!("no device {name}"))?;
        device.tun.send(bytes).map_err(|error| format!("{name}: {error}"))?;
        Ok(())
    }

    fn send_out(&self, packet: &Packet, name: Interface, bytes: &[u8]) -> Result<(), String> {
        let socket = &self.sockets[packet.family()];
        let index = self.devices.get(&name).map_or(0, |device| device.index);
        // Groups and link-local addresses are nowhere without an interface.
        let (to, bound) = match packet.destination {
            IpAddr::V4(to) => (SocketAddr::from((to, 0)), to.is_multicast() || to.is_broadcast()),
            IpAddr::V6(to) => {
                let bound = to.is_multicast() || to.is_unicast_link_local();
                (SocketAddrV6::new(to, 0, 0, if bound { index } else { 0 }).into(), bound)
            }
        };
        let send = || -> std::io::Result<usize> {
            socket.bind_device(bound.then_some(name.name().as_bytes()))?;
            socket.set_mark(packet.mark)?;
            socket.send_to(bytes, &to.into())
        };
        match send() {
            Ok(_) => Ok(()),
            // What the rules drop, and what nat has no way for.
            Err(error) if matches!(error.raw_os_error(), Some(1 | 101 | 113)) => Ok(()),
            Err(error) => Err(format!("{} from a socket: {error}", packet.destination)),
        }
    }
}
