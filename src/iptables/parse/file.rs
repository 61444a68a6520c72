//! Whole rule files: the lines in their tables.
//! Input: the text of a file. Output: a ruleset, and the faults with their lines.

use std::ops::Range;

use super::chain_name::{ChainNames, chain_name_fault, is_declarable};
use super::line::{Line, MAX_LINE_BYTES, line_of};
use super::open_table::OpenTable;
use super::rule_text::{Edit, RuleText};
use crate::iptables::fault::Fault;
use crate::iptables::ruleset::Part;
use crate::iptables::ruleset::{Chain, ChainPolicy, Origins, Rule, Ruleset, Table, TableName};
use crate::net::Family;

/// What a whole file says.
pub struct WholeFile {
    /// The rules; a line with a fault costs only itself.
    pub ruleset: Ruleset,
    /// What no loader takes, with its line, from 1.
    pub faults: Vec<(usize, Fault)>,
    /// What one of the two loaders does not take.
    pub cautions: Vec<(usize, Fault)>,
}

/// Reads a whole file as `iptables-restore` does, from empty tables.
///
/// The rules' origins are their lines. Faults come with their line, from 1.
pub fn file(text: &str, family: Family) -> (Ruleset, Vec<(usize, Fault)>) {
    let whole = whole_file(text, family);
    (whole.ruleset, whole.faults)
}

/// Reads a whole file, and what one of the two loaders refuses in it.
pub fn whole_file(text: &str, family: Family) -> WholeFile {
    let mut whole = WholeFile { ruleset: Ruleset::new(family), faults: Vec::new(), cautions: Vec::new() };
    let WholeFile { ruleset, faults, cautions } = &mut whole;
    let none = ChainNames::new();
    let mut current: Option<OpenTable> = None;
    for (index, line_text) in text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let fed = line_text.ends_with('\n');
        let line_text = line_text.strip_suffix('\n').unwrap_or(line_text);
        if let Some(fault) = misshapen(line_text) {
            faults.push((number, fault));
        }
        let chains = current.as_ref().map_or(&none, |open| &open.chains);
        let line = match line_of(line_text, family, false, Some(chains)) {
            Ok(line) => line,
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| (number, fault)));
                continue;
            }
        };
        match (line, &mut current) {
            (Line::Blank | Line::Comment, _) => {}
            (Line::Table(name), open) => {
                if let Some(open) = open.take() {
                    faults.push((open.start, uncommitted(open.table.name)));
                    open.close(ruleset);
                }
                current = Some(OpenTable::new(name, number));
            }
            (Line::Commit, open @ Some(_)) => {
                open.take().into_iter().for_each(|open| open.close(ruleset));
                if !fed {
                    cautions.push((number, unfed(line_text)));
                }
            }
            (_, None) => {
                let help = "begin a table with `*filter` before it, and end it with `COMMIT` after it";
                faults.push((number, Fault::new(0..line_text.len(), "the line is in no table", "this line", help)));
            }
            (line, Some(open)) => match apply(line, open, number as u32, line_text.len()) {
                Ok(found) => cautions.extend(found.into_iter().map(|caution| (number, caution))),
                Err(fault) => faults.push((number, fault)),
            },
        }
    }
    if let Some(open) = current {
        faults.push((open.start, uncommitted(open.table.name)));
        open.close(ruleset);
    }
    ruleset.tables.iter_mut().for_each(Table::resolve_calls);
    whole
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

/// Reads a line into its table; what one of the two loaders refuses is a caution.
fn apply(line: Line, open: &mut OpenTable, number: u32, length: usize) -> Result<Vec<Fault>, Fault> {
    let whole = 0..length;
    let name = open.table.name;
    let chain_of = |open: &OpenTable, chain: &str, span: Range<usize>| {
        open.chains.get(chain).copied().ok_or_else(|| no_such_chain(chain, name, span))
    };
    match line {
        Line::Chain { name, policy, span } => {
            let problem = chain_name_fault(&name, &span).filter(|_| !is_declarable(&name));
            if let Some(problem) = problem {
                // iptables-legacy takes such names, and iptables-nft refuses them.
                if !name.starts_with(['-', '!'])
                    || name.len() > Chain::MAX_NAME_BYTES
                    || open.chains.contains_key(&*name)
                {
                    return Err(problem);
                }
                open.chain(&name);
                return Ok(vec![problem]);
            }
            let declared = open.chains.get(&*name).copied();
            let built_in = declared.is_some_and(|chain| open.table.is_built_in(chain));
            let chain = open.chain(&name);
            if built_in && policy.is_some() {
                open.table.chains[chain.0 as usize].policy = policy;
            }
            if !built_in && policy.is_some() {
                return Ok(vec![own_policy(&name, span)]);
            }
            if declared.is_some() && !built_in {
                return Ok(vec![declared_twice(&name, span)]);
            }
        }
        Line::Policy { chain, policy, span } => {
            let id = chain_of(open, &chain, span.clone())?;
            if !open.table.is_built_in(id) {
                return Err(own_policy(&chain, span));
            }
            if name == TableName::Nat && policy == ChainPolicy::Drop {
                let help = "drop in table `filter`: the nat table sees only the first packet of a connection";
                return Err(Fault::new(whole, "a chain of table `nat` cannot drop", "iptables refuses it", help));
            }
            open.table.chains[id.0 as usize].policy = Some(policy);
        }
        Line::NewChain { name, span } => {
            if let Some(problem) = chain_name_fault(&name, &span) {
                return Err(problem);
            }
            if open.chains.contains_key(&*name) {
                return Err(declared_twice(&name, span));
            }
            open.chain(&name);
        }
        Line::Flush(None) => open.rules.clear(),
        Line::Flush(Some(chain)) => open.rules.flush(chain_of(open, &chain, whole)?),
        Line::DeleteChain(chain) => {
            let built_in = name.built_in_chains().len();
            if chain.is_none() && open.rules.all_within(built_in) {
                open.table.chains.truncate(built_in);
                open.chains.retain(|_, chain| name.is_built_in(*chain));
            } else {
                let help = "leave the line out, and do not declare the chain";
                return Err(Fault::new(whole, "a chain that was just made cannot be deleted", "this line", help));
            }
        }
        Line::Rules(rules) => {
            let mut found = Vec::new();
            for text in rules {
                if text.table.is_some() {
                    return Err(Fault::new(
                        whole,
                        "`-t` cannot be in a rule file",
                        "iptables-restore refuses it",
                        "put the rule below the line of its table, `*nat` or another",
                    ));
                }
                let chain = chain_of(open, &text.chain, text.place(Part::Chain).unwrap_or(whole.clone()))?;
                let origins = Origins::Line(number);
                if matches!(text.edit, Edit::Replace(_)) {
                    found.push(replaced(whole.clone()));
                }
                let RuleText { edit, header, matches, target, cautions, .. } = text;
                found.extend(cautions);
                let rule = Rule { chain, header, matches: matches.into(), target, origins };
                if !open.rules.apply(edit, rule) {
                    return Err(no_such_rule(edit, whole));
                }
            }
            return Ok(found);
        }
        Line::Blank | Line::Comment | Line::Zero | Line::Commit | Line::Table(_) => {}
    }
    Ok(Vec::new())
}

fn no_such_rule(edit: Edit, span: Range<usize>) -> Fault {
    let (message, help) = match edit {
        Edit::Insert(_) => ("the chain has too few rules above this line", "write a smaller number, or none"),
        Edit::Delete | Edit::Check => ("the chain has no such rule above this line", "write the rule as it is above"),
        _ => ("the chain has no rule of that number above this line", "write the number of a rule, the first is 1"),
    };
    Fault::new(span, message, "the loaders refuse it", help)
}

/// iptables-nft 1.8.9 ends with a segmentation fault.
fn replaced(span: Range<usize>) -> Fault {
    let help = "write the rule in its place with `-A`";
    Fault::new(span, "iptables-nft crashes where a rule of the same file is replaced", "`-R`", help)
}

fn unfed(line: &str) -> Fault {
    let help = "end the file with a line feed";
    Fault::new(0..line.len(), "the last line has no line feed", "iptables-legacy refuses the file", help)
}

fn declared_twice(chain: &str, span: Range<usize>) -> Fault {
    let help = "leave the line out: the chain exists already";
    Fault::new(span, format!("chain `{chain}` is declared twice"), "iptables-legacy refuses it", help)
}

fn own_policy(chain: &str, span: Range<usize>) -> Fault {
    let help = format!("write `:{chain} - [0:0]`, and end the chain with a rule that decides");
    let message = format!("chain `{chain}` is not built in and has no policy");
    Fault::new(span, message, "iptables-legacy refuses it, iptables-nft ignores it", help)
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
