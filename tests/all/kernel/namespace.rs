//! A network namespace of this thread's own, and the programs that work in it.
//! Input: command lines. Output: what they print, or what they say against it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};

/// Settings under `/proc/sys/net`: nothing is filtered, limited or announced but by rules.
const SETTINGS: [(&str, &str); 19] = [
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/accept_local", "1"),
    ("ipv4/conf/default/accept_local", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_msgs_per_sec", "1000000"),
    ("ipv4/icmp_msgs_burst", "1000000"),
    ("ipv4/igmp_max_memberships", "100000"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    // No link-local address, and so no duplicate address detection and no reports.
    ("ipv6/conf/default/addr_gen_mode", "1"),
    ("ipv6/icmp/ratelimit", "0"),
    ("core/optmem_max", "10000000"),
    // A connection that the lab enters has no window yet.
    ("netfilter/nf_conntrack_tcp_be_liberal", "1"),
];

/// The namespace; it ends with the thread that entered it.
pub struct Namespace {
    folder: tempfile::TempDir,
}

impl Namespace {
    /// Takes this thread into a namespace of its own.
    pub fn enter() -> Result<Namespace, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("a network namespace: {error}"))?;
        let namespace = Namespace { folder };
        for (name, value) in SETTINGS {
            // Not every kernel has each of them in each namespace.
            let _ = namespace.set(name, value);
        }
        namespace.run("ip", &["link", "set", "lo", "up"], "")?;
        Ok(namespace)
    }

    /// Writes a setting below `/proc/sys/net`.
    pub fn set(&self, name: &str, value: &str) -> Result<(), String> {
        let path: PathBuf = ["/proc/sys/net", name].iter().collect();
        std::fs::write(&path, value).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Runs a program to its end.
    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
        let failed = |why: String| format!("{program} {}: {why}", arguments.join(" "));
        let mut child = self.command(program, arguments).spawn().map_err(|error| failed(error.to_string()))?;
        let mut stdin = child.stdin.take().expect("a pipe");
        // Whoever ends before it has read all says why.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// A program with pipes, not yet started.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("XTABLES_LOCKFILE", self.folder.path().join("lock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}
