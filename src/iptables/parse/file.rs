//! Whole rule files: the lines in their tables.
//! Input: the text of a file. Output: a ruleset, and the faults with their lines.

use std::ops::Range;

use super::chain_name::chain_name_fault;
use super::line::{Line, MAX_LINE_BYTES, line};
use super::rule_text::RuleText;
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{ChainPolicy, Origins, Rule, Ruleset, Table, TableName};
use crate::net::Family;

/// Reads a whole file as `iptables-restore` does, from empty tables; a line with a fault costs only itself.
///
/// The rules' origins are their lines. Faults come with their line, from 1.
pub fn file(text: &str, family: Family) -> (Ruleset, Vec<(usize, Fault)>) {
    let mut ruleset = Ruleset::new(family);
    let mut faults = Vec::new();
    let mut current: Option<(TableName, usize)> = None;
    for (index, line_text) in text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let line_text = line_text.strip_suffix('\n').unwrap_or(line_text);
        if let Some(fault) = misshapen(line_text) {
            faults.push((number, fault));
        }
        let line = match line(line_text, family, false) {
            Ok(line) => line,
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| (number, fault)));
                continue;
            }
        };
        match (line, current) {
            (Line::Blank | Line::Comment, _) => {}
            (Line::Table(name), open) => {
                if let Some((open, start)) = open {
                    faults.push((start, uncommitted(open)));
                }
                current = Some((name, number));
                let table = ruleset.table_or_new(name);
                *table = Table::new(name);
            }
            (Line::Commit, Some(_)) => current = None,
            (_, None) => {
                let help = "begin a table with `*filter` before it, and end it with `COMMIT` after it";
                faults.push((number, Fault::new(0..line_text.len(), "the line stands in no table", "this line", help)));
            }
            (line, Some((name, _))) => {
                if let Err(fault) = apply(line, ruleset.table_or_new(name), number as u32, line_text.len()) {
                    faults.push((number, fault));
                }
            }
        }
    }
    if let Some((open, start)) = current {
        faults.push((start, uncommitted(open)));
    }
    ruleset.tables.iter_mut().for_each(Table::resolve_calls);
    (ruleset, faults)
}

/// What only a whole file cannot have: `rules` blocks may be indented, files may not.
fn misshapen(line: &str) -> Option<Fault> {
    let body = line.trim_start_matches([' ', '\t']);
    let indented = body.len() < line.len();
    if line.len() > MAX_LINE_BYTES {
        let message = format!("the line has more than {MAX_LINE_BYTES} bytes");
        return Some(Fault::new(MAX_LINE_BYTES..line.len(), message, "read as another line from here", "shorten it"));
    }
    if indented && body.is_empty() {
        return Some(Fault::new(
            0..line.len(),
            "the line holds only blanks",
            "here",
            "delete the blanks: an empty line is fine",
        ));
    }
    let special = body.starts_with(['#', ':', '*']) || body.starts_with("COMMIT");
    let trailing = body.starts_with("COMMIT") && body != "COMMIT" && body.trim_end() == "COMMIT";
    if indented && special || trailing {
        return Some(Fault::new(
            0..line.len(),
            "blanks keep the line from being read",
            "this line",
            "delete the blanks around it",
        ));
    }
    None
}

fn uncommitted(table: TableName) -> Fault {
    Fault::new(
        0..table.name().len() + 1,
        format!("table `{}` is never committed", table.name()),
        "opened here, and not loaded",
        "end the table with a line `COMMIT`",
    )
}

fn no_such_chain(name: &str, table: TableName, span: Range<usize>) -> Fault {
    Fault::new(
        span,
        format!("table `{}` has no chain `{name}`", table.name()),
        "not declared before this line",
        format!("declare it above with `:{name} - [0:0]`"),
    )
}

fn apply(line: Line, table: &mut Table, number: u32, length: usize) -> Result<(), Fault> {
    let whole = 0..length;
    let name = table.name;
    match line {
        Line::Chain { name, policy, span } => {
            if let Some(problem) = chain_name_fault(&name, &span) {
                return Err(problem);
            }
            let declared = table.chain(&name);
            if declared.is_some_and(|chain| !table.is_built_in(chain)) {
                return Err(declared_twice(&name, span));
            }
            let chain = table.chain_or_new(&name);
            if policy.is_some() && !table.is_built_in(chain) {
                return Err(own_policy(&name, span));
            }
            if policy.is_some() {
                table.chains[chain.0 as usize].policy = policy;
            }
        }
        Line::Policy { chain, policy, span } => {
            let Some(id) = table.chain(&chain) else { return Err(no_such_chain(&chain, name, span)) };
            if !table.is_built_in(id) {
                return Err(own_policy(&chain, span));
            }
            if name == TableName::Nat && policy == ChainPolicy::Drop {
                let help = "drop in table `filter`: the nat table sees only the first packet of a connection";
                return Err(Fault::new(whole, "a chain of table `nat` cannot drop", "iptables refuses it", help));
            }
            table.chains[id.0 as usize].policy = Some(policy);
        }
        Line::NewChain { name, span } => {
            if let Some(problem) = chain_name_fault(&name, &span) {
                return Err(problem);
            }
            if table.chain(&name).is_some() {
                return Err(declared_twice(&name, span));
            }
            table.chain_or_new(&name);
        }
        Line::Flush(None) => table.rules.clear(),
        Line::Flush(Some(chain)) => match table.chain(&chain) {
            Some(id) => table.rules.retain(|rule| rule.chain != id),
            None => return Err(no_such_chain(&chain, name, whole)),
        },
        Line::DeleteChain(chain) => {
            let built_in = name.built_in_chains().len();
            if chain.is_none() && table.rules.iter().all(|rule| (rule.chain.0 as usize) < built_in) {
                table.chains.truncate(built_in);
            } else {
                let help = "leave the line out, and do not declare the chain";
                return Err(Fault::new(whole, "a chain that was just made cannot be deleted", "this line", help));
            }
        }
        Line::Rules(rules) => {
            for text in rules {
                if text.table.is_some() {
                    return Err(Fault::new(
                        whole,
                        "`-t` cannot stand in a rule file",
                        "iptables-restore refuses it",
                        "put the rule below the line of its table, `*nat` or another",
                    ));
                }
                let Some(chain) = table.chain(&text.chain) else {
                    let span = text.place(Part::Chain).unwrap_or(whole);
                    return Err(no_such_chain(&text.chain, name, span));
                };
                let origins = Origins::Line(number);
                let RuleText { header, matches, target, .. } = text;
                table.rules.push(Rule { chain, header, matches: matches.into(), target, origins });
            }
        }
        Line::Blank | Line::Comment | Line::Zero | Line::Commit | Line::Table(_) => {}
    }
    Ok(())
}

fn declared_twice(chain: &str, span: Range<usize>) -> Fault {
    let help = "leave the line out: the chain exists already";
    Fault::new(span, format!("chain `{chain}` is declared twice"), "iptables-legacy refuses it", help)
}

fn own_policy(chain: &str, span: Range<usize>) -> Fault {
    let help = format!("write `:{chain} - [0:0]`, and end the chain with a rule that decides");
    Fault::new(span, format!("chain `{chain}` is not built in and has no policy"), "a chain of your own", help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_a_whole() {
        let text = "*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n-A INPUT -j own\n-A nowhere -j DROP\n  # no\n-P FORWARD DROP\nCOMMIT\n*raw\n";
        let (ruleset, faults) = file(text, Family::V6);
        let lines: Vec<usize> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [5, 6, 9]);
        let filter = ruleset.table(TableName::Filter).expect("the table");
        assert_eq!(filter.chains[0].policy, Some(ChainPolicy::Drop));
        assert_eq!(filter.chains[1].policy, Some(ChainPolicy::Drop));
        assert_eq!(filter.rules[0].origins, Origins::Line(4));
    }
}
