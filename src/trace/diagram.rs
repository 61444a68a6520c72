//! The picture of the tables with a packet's path in it, as text.
//! Input: a trace. Output: the hooks as boxes; those on the path, and the ways between them, are drawn with `#`.

use super::follow::{Branch, Trace};
use super::record::What;
use crate::diagnostic::Style;
use crate::iptables::packet::Way;
use crate::iptables::ruleset::TableName;
use crate::origin::Rules;
use crate::simulate::{By, Hook, Verdict};

/// What may be at each hook, in the order in which a packet meets it.
const TABLES: [TableName; 5] =
    [TableName::Raw, TableName::Mangle, TableName::Nat, TableName::Filter, TableName::Security];

const WIDTH: usize = 80;
const HEIGHT: usize = 26;

/// The text of the picture.
struct Canvas {
    cells: Vec<Vec<char>>,
}

impl Canvas {
    fn put(&mut self, x: usize, y: usize, c: char) {
        if let Some(cell) = self.cells.get_mut(y).and_then(|row| row.get_mut(x)) {
            *cell = c;
        }
    }

    fn text(&mut self, x: usize, y: usize, text: &str) {
        text.chars().enumerate().for_each(|(index, c)| self.put(x + index, y, c));
    }

    /// A line down, with its arrow head.
    fn down(&mut self, x: usize, from: usize, to: usize, taken: bool) {
        (from..to).for_each(|y| self.put(x, y, if taken { '#' } else { '|' }));
        self.put(x, to, 'v');
    }

    /// A line across, with its arrow head at `to`.
    fn across(&mut self, y: usize, from: usize, to: usize, taken: bool) {
        let (low, high) = (from.min(to), from.max(to));
        (low..=high).for_each(|x| self.put(x, y, if taken { '#' } else { '-' }));
        self.put(to, y, if to > from { '>' } else { '<' });
    }

    fn frame(&mut self, x: usize, y: usize, width: usize, lines: &[String], taken: bool) {
        let (corner, top, side) = if taken { ('#', '#', '#') } else { ('+', '-', '|') };
        for row in [y, y + lines.len() + 1] {
            (x..x + width).for_each(|x| self.put(x, row, top));
            self.put(x, row, corner);
            self.put(x + width - 1, row, corner);
        }
        for (index, line) in lines.iter().enumerate() {
            self.put(x, y + 1 + index, side);
            self.put(x + width - 1, y + 1 + index, side);
            let room: String = line.chars().take(width - 4).collect();
            self.text(x + 2, y + 1 + index, &room);
        }
    }
}

/// Draws the tables, and the path of the first walk in them.
pub fn diagram(trace: &Trace, rules: Rules, style: Style) -> String {
    let Some(branch) = trace.branches.first() else { return String::new() };
    let packet = &trace.described.packet;
    let ruleset = rules.of(packet.family());
    let reached = |hook: Hook| hooks(packet.way, branch.forwarded).contains(&hook) && !ends_before(branch, hook);
    let lines = |hook: Hook| {
        let tables = TABLES
            .into_iter()
            .filter(|table| table.built_in_chains().contains(&hook.chain()) && ruleset.table(*table).is_some());
        let tables: Vec<&str> = tables.map(TableName::name).collect();
        let fate = match branch.decision.verdict {
            _ if !reached(hook) => "",
            Verdict::Drop if last(branch) == Some(hook) => "DROPPED",
            Verdict::Reject(_) if last(branch) == Some(hook) => "REJECTED",
            _ => "passes",
        };
        let tables = if tables.is_empty() { "no rules".to_owned() } else { tables.join(" ") };
        [hook.chain().to_owned(), tables, fate.to_owned()]
    };
    let mut canvas = Canvas { cells: vec![vec![' '; WIDTH]; HEIGHT] };
    let comes_in = !matches!(packet.way, Way::Out(_));
    let (input, forward, output) = (reached(Hook::Input), reached(Hook::Forward), reached(Hook::Output));
    let post = reached(Hook::Postrouting);
    canvas.text(37, 0, "Network");
    canvas.down(40, 1, 2, comes_in);
    canvas.frame(31, 3, 20, &lines(Hook::Prerouting), reached(Hook::Prerouting));
    let routed =
        comes_in && !(matches!(branch.decision.verdict, Verdict::Drop) && last(branch) == Some(Hook::Prerouting));
    canvas.down(40, 8, 9, routed);
    canvas.text(33, 10, "routing decision");
    if let By::Kernel(_) = branch.decision.by {
        canvas.text(30, 11, "DROPPED by the kernel");
    }
    canvas.frame(0, 9, 25, &lines(Hook::Input), input);
    canvas.frame(56, 9, 22, &lines(Hook::Forward), forward);
    canvas.across(10, 31, 25, input);
    canvas.across(10, 50, 55, forward);
    let delivered = input && branch.decision.verdict == Verdict::Accept;
    canvas.down(12, 14, 14, delivered);
    canvas.text(6, 15, "local process");
    canvas.down(12, 16, 17, output);
    canvas.frame(0, 18, 25, &lines(Hook::Output), output);
    canvas.frame(31, 18, 20, &lines(Hook::Postrouting), post);
    canvas.across(20, 25, 30, post && output);
    let turns = post && forward;
    canvas.down(66, 14, 19, turns);
    canvas.put(66, 19, if turns { '#' } else { '|' });
    canvas.across(20, 66, 51, turns);
    let leaves = post && branch.decision.verdict == Verdict::Accept;
    canvas.down(40, 23, 24, leaves);
    canvas.text(37, 25, "Network");
    let mut out = String::new();
    for row in &canvas.cells {
        let line: String = row.iter().collect();
        let line = line.trim_end();
        if style.color {
            // The path stands out, the rest steps back.
            out.push_str(&line.replace('#', "\u{1b}[1m#\u{1b}[0m"));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// The hooks of a way, in order.
fn hooks(way: Way, forwarded: bool) -> &'static [Hook] {
    match way {
        Way::In(_) if !forwarded => &[Hook::Prerouting, Hook::Input],
        Way::Out(_) => &[Hook::Output, Hook::Postrouting],
        _ => &[Hook::Prerouting, Hook::Forward, Hook::Postrouting],
    }
}

/// Whether a walk stops before it comes to a hook.
fn ends_before(branch: &Branch, hook: Hook) -> bool {
    if branch.decision.verdict == Verdict::Accept {
        return false;
    }
    match last(branch) {
        Some(last) => {
            let order = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
            let position = |hook: Hook| order.iter().position(|own| *own == hook);
            position(hook) > position(last)
        }
        None => hook != Hook::Prerouting && hook != Hook::Output,
    }
}

/// The hook at which a walk ends.
fn last(branch: &Branch) -> Option<Hook> {
    match branch.decision.by {
        By::Policy(_, hook) => Some(hook),
        By::Rule(_) => {
            let entered = branch.steps.iter().rev().find(|step| matches!(step.what, What::Enters));
            entered.and_then(|step| step.table).map(|(_, hook)| hook)
        }
        By::Kernel(_) => Some(Hook::Prerouting),
    }
}
