//! Both rule files as values of the gateway chart.
//! Input: the texts of the rule files. Output: YAML, or the reason why they do not fit into a ConfigMap.

use std::fmt::Write;

use crate::codes;
use crate::compile::Compilation;
use crate::diagnostic::Report;
use crate::net::Both;
use crate::rule_file;
use crate::source::Span;

codes! {
    /// What is in the way of the chart.
    HelmWarning:
    /// Rules that no ConfigMap holds.
    TooLarge = Warning "cgwfw::helm::too_large",
}

/// The most that a ConfigMap holds, in bytes (Kubernetes, "ConfigMap": 1 MiB).
pub const MAX_BYTES: usize = 1_048_576;

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

/// Why both files do not fit into the chart's ConfigMap, with the size of each; `None` where they do.
pub fn too_large(ipv4: &str, ipv6: &str) -> Option<String> {
    (ipv4.len() + ipv6.len() > MAX_BYTES).then(|| {
        let (v4, v6) = (ipv4.len(), ipv6.len());
        format!("the rules do not fit into a ConfigMap of {MAX_BYTES} bytes: IPv4 has {v4} bytes, IPv6 {v6}")
    })
}

/// What to do about rules that are too large.
pub const SMALLER: &str =
    "use prefixes, ranges and lists, or load the files of `cgwfw build -o` another way than by the chart";

/// The warning, at the head of the policy, of rules that the chart cannot carry.
pub fn report(compilation: &Compilation) -> Option<Report> {
    let Both { v4, v6 } = rule_file::both(&compilation.ast, &compilation.rulesets);
    let message = too_large(&v4, &v6)?;
    let head = Span::new(compilation.ast.root, 0, 0);
    Some(HelmWarning::TooLarge.at(head, message, "the policy as a whole", SMALLER))
}

/// Adds the warning to what was found.
pub fn check(compilation: &mut Compilation) {
    if let Some(report) = report(compilation) {
        compilation.diagnostics.push(report);
        compilation.diagnostics.sort();
    }
}
