//! What sentences that mark connections need of each other, and of those that drop spoofed packets.
//! Input: a policy. Output: reports at the later of two sentences that do not go together.

use crate::diagnostic::{Diagnostics, Fix};
use crate::iptables::ruleset::MaskedMark;
use crate::net::{Families, Interface};
use crate::policy::{Argument, Block, Policy, Statement, Values};
use crate::resolve::codes::ResolveError;
use crate::resolve::value::mark;
use crate::sentence;
use crate::snippet::library::Library;
use crate::syntax::Ast;

/// A `mark connection` sentence.
struct Marks<'a> {
    block: &'a Block,
    interface: Interface,
    mark: MaskedMark,
}

/// Reports marks whose masks overlap, and `drop spoofed` that does not find the way back by such a mark.
pub fn check(policy: &Policy, ast: &Ast, library: &Library, diagnostics: &mut Diagnostics) {
    let of = |folder: &'static str| {
        let blocks = policy.statements.iter().filter_map(|statement| match statement {
            Statement::Block(block) => Some((block, &library.snippets[usize::from(block.snippet)])),
            Statement::Rules(_) => None,
        });
        blocks.filter(move |(_, snippet)| snippet.files.is_none() && snippet.folder == folder)
    };
    let all: Vec<Marks> = of("mark-connection").filter_map(|(block, _)| marks(block)).collect();
    let span = |block: &Block| ast.span(&ast.sentences[block.sentence as usize]);
    for (index, later) in all.iter().enumerate() {
        let overlaps = |earlier: &&Marks| {
            let (one, other) = (earlier.mark.mask, later.mark.mask);
            one != other && one & other != 0 && meet(earlier.block.families, later.block.families)
        };
        if let Some(earlier) = all[..index].iter().find(overlaps) {
            let message = format!("the mask {:#x} shares bits with {:#x}", later.mark.mask, earlier.mark.mask);
            let help = format!(
                "give both the same mask, such as `{}`, or masks without a common bit",
                sentence::mark(earlier.mark)
            );
            let report =
                ResolveError::MarksOverlap.at(span(later.block), message, "takes bits of the other mark", help);
            diagnostics.push(report.also(span(earlier.block), "the other mark"));
        }
    }
    for (block, snippet) in of("spoofed") {
        let flag = |word: &str| snippet.signature.flags.iter().position(|flag| flag.words == [word]);
        let is_loose = flag("loose").is_some_and(|index| block.flags & (1 << index) != 0);
        let on = block.arguments.iter().find_map(|(_, argument)| match argument {
            Argument::Interface(values) => Some(values),
            _ => None,
        });
        let Some(on) = on.filter(|_| !is_loose) else { continue };
        if let Some(marks) =
            all.iter().find(|marks| holds(on, marks.interface) && meet(marks.block.families, block.families))
        {
            let message =
                format!("the way back by `{}` is found by the mark, which raw does not see yet", marks.interface);
            let help = "add `loose`: a source that is reached by any interface is then none that is spoofed";
            let report = ResolveError::StrictSpoofed.at(span(block), message, "drops what comes in by it", help);
            diagnostics
                .push(report.also(span(marks.block), "connections get their mark here").fix(Fix::Add("loose".into())));
        }
    }
}

fn marks(block: &Block) -> Option<Marks<'_>> {
    let interface = block.arguments.iter().find_map(|(_, argument)| match argument {
        Argument::Interface(values) => values.items.first().copied(),
        _ => None,
    })?;
    let mark = block.arguments.iter().find_map(|(_, argument)| match argument {
        Argument::Text(text) => mark(&text.v4).ok(),
        _ => None,
    })?;
    Some(Marks { block, interface, mark })
}

fn meet(one: Families, other: Families) -> bool {
    one.and(other) != Families::NONE
}

/// Whether an interface is among those that are named.
fn holds(on: &Values<Interface>, interface: Interface) -> bool {
    on.items.iter().any(|name| name.covers(&interface)) != on.negated
}
