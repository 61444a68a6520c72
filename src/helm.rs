//! Both rule files as values of the gateway chart.
//! Input: the texts of the rule files. Output: YAML, or the reason why they do not fit into a ConfigMap.

use std::fmt::Write;

/// The most that a ConfigMap holds, in bytes (Kubernetes, "ConfigMap": 1 MiB).
pub const MOST_BYTES: usize = 1_048_576;

/// `iptables: {enabled: true, ipv4Rules: |…, ipv6Rules: |…}`
///
/// The rules are literal blocks: every line is indented, and none begins with a blank, so that the text stays what it is.
pub fn values(ipv4: &str, ipv6: &str) -> String {
    let mut yaml = String::with_capacity((ipv4.len() + ipv6.len()) * 11 / 10 + 64);
    yaml.push_str("iptables:\n  enabled: true\n");
    for (key, rules) in [("ipv4Rules", ipv4), ("ipv6Rules", ipv6)] {
        let _ = writeln!(yaml, "  {key}: |");
        for line in rules.lines() {
            yaml.push_str("    ");
            yaml.push_str(line);
            yaml.push('\n');
        }
    }
    yaml
}

/// Whether both files fit into the chart's ConfigMap.
pub fn fits(ipv4: &str, ipv6: &str) -> bool {
    ipv4.len() + ipv6.len() <= MOST_BYTES
}
