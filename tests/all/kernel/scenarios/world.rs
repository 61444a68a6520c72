//! A gateway between a peer (at `inet0`) and a host (at `eth0`), each in a namespace of its own.
//! Input: a policy. Output: the rules of both families, loaded.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use cgwfw::compile::{Compilation, compile};
use cgwfw::diagnostic::Severity;
use cgwfw::expand::CompileOptions;
use cgwfw::iptables::ruleset::TableName;
use cgwfw::rule_file;
use cgwfw::snippet::library::Library;

use crate::kernel::namespace::Namespace;
use crate::support::kernel::program;
use cgwfw::iptables::meaning::Backend;

type Job = Box<dyn FnOnce(&Namespace) + Send>;

/// A thread in a namespace of its own, which does there what it is told. Sockets stay in the namespace they are made in.
pub struct Side {
    jobs: Sender<Job>,
}

impl Side {
    fn new() -> Side {
        let (jobs, todo) = channel::<Job>();
        std::thread::spawn(move || {
            let namespace = Namespace::enter().expect("a namespace");
            // Neighbours of what is forwarded are asked for from a link-local address.
            namespace.set("ipv6/conf/default/addr_gen_mode", "0").expect("a setting");
            todo.into_iter().for_each(|job| job(&namespace));
        });
        Side { jobs }
    }

    /// Does something in the namespace, and waits for it.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce(&Namespace) -> T + Send + 'static) -> T {
        let (answer, done) = channel();
        let job = move |namespace: &Namespace| answer.send(job(namespace)).expect("somebody waits");
        self.jobs.send(Box::new(job)).expect("the thread of the namespace");
        done.recv().expect("the job ends")
    }

    /// Runs lines of the shell.
    pub fn shell(&self, lines: &str) {
        let lines = lines.to_owned();
        self.run(move |namespace| namespace.run("sh", &["-e"], &lines)).expect("the commands");
    }

    /// The kernel's number of the thread, by which others name its namespace.
    fn task(&self) -> String {
        self.run(|_| {
            let link = std::fs::read_link("/proc/thread-self").expect("procfs");
            link.file_name().expect("a number").to_string_lossy().into_owned()
        })
    }
}

/// The three, and how rules are loaded.
pub struct World {
    /// In the middle: 192.0.2.1 and 2001:db8::1 on `inet0`, 10.1.0.1 and 2001:db8:1::1 on `eth0`.
    pub gateway: Side,
    /// 192.0.2.2 and 2001:db8::2.
    pub peer: Side,
    /// 10.1.0.2 and 2001:db8:1::2.
    pub host: Side,
    backend: Backend,
}

impl World {
    /// All links up, no rules.
    pub fn new(backend: Backend) -> World {
        let gateway = Side::new();
        let peer = beside(&gateway, "inet0", "192.0.2.1/24", "2001:db8::1/64");
        let host = beside(&gateway, "eth0", "10.1.0.1/16", "2001:db8:1::1/64");
        peer.shell(
            "ip address add 192.0.2.2/24 dev wire0\nip address add 2001:db8::2/64 dev wire0 nodad\nip link set wire0 up\n\
             ip route add 10.1.0.0/16 via 192.0.2.1\nip route add 2001:db8:1::/64 via 2001:db8::1\n",
        );
        host.shell(
            "ip address add 10.1.0.2/16 dev wire0\nip address add 2001:db8:1::2/64 dev wire0 nodad\nip link set wire0 up\n\
             ip route add default via 10.1.0.1\nip route add default via 2001:db8:1::1\n",
        );
        World { gateway, peer, host, backend }
    }

    /// Another one at an interface of the gateway, which is made with these addresses.
    pub fn beside(&self, name: &str, v4: &str, v6: &str) -> Side {
        beside(&self.gateway, name, v4, v6)
    }

    /// Compiles a policy and loads it into the gateway; what was loaded before, and known connections, are gone.
    pub fn load(&self, policy: &str) -> Compilation {
        let read = |path: &Path| std::fs::read_to_string(path);
        let compiled =
            compile(Path::new("policy.cgwfw"), policy, &read, &Library::built_in(), CompileOptions::default());
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|report| report.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{policy}{errors:#?}");
        let backend = self.backend;
        let rules = rule_file::both(&compiled.ast, &compiled.rulesets);
        self.gateway.run(move |namespace| {
            for (family, rules) in rules.pairs() {
                let restore = program(backend, family, "restore");
                namespace.run(&restore, &[], &empty()).expect("empty tables");
                namespace.run(&restore, &[], rules).expect("the rules");
            }
            namespace.run("conntrack", &["-F"], "").expect("conntrack");
        });
        compiled
    }
}

/// A side whose `wire0` leads to a new interface of the gateway with these addresses.
fn beside(gateway: &Side, name: &str, v4: &str, v6: &str) -> Side {
    let other = Side::new();
    gateway.shell(&format!(
        "ip link add {name} type veth peer name wire0 netns {}\n\
         ip address add {v4} dev {name}\nip address add {v6} dev {name} nodad\nip link set {name} up\n",
        other.task()
    ));
    other
}

fn empty() -> String {
    let mut text = String::new();
    for table in TableName::ALL {
        let chains = table.built_in_chains().iter().map(|chain| format!(":{chain} ACCEPT [0:0]\n"));
        let _ = write!(text, "*{}\n{}COMMIT\n", table.name(), chains.collect::<String>());
    }
    text
}

/// A test over both backends; where there is no lab, it says so.
pub fn over_both_backends(scenario: impl Fn(&World)) {
    if crate::kernel::require() {
        Backend::BOTH.map(World::new).iter().for_each(scenario);
    }
}
