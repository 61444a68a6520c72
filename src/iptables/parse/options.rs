//! The options of every rule: those that belong to no match and no target.
//! Input: a letter or a name. Output: what it means and how many words follow it.

/// An option of every rule, by its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// The short form, without its dash.
    pub letter: char,
    /// The long form, without its dashes.
    pub name: &'static str,
    /// How many words follow.
    pub arguments: usize,
}

/// Every option that does not belong to a match or a target (`iptables(8)`), long names with their synonyms.
/// `--proto` is only an abbreviation: `-m policy` has an option of that name.
pub const CORE: [Core; 37] = [
    core('A', "append", 1),
    core('D', "delete", 1),
    core('C', "check", 1),
    core('I', "insert", 1),
    core('R', "replace", 1),
    core('L', "list", 0),
    core('S', "list-rules", 0),
    core('F', "flush", 0),
    core('Z', "zero", 0),
    core('N', "new-chain", 1),
    core('X', "delete-chain", 0),
    core('E', "rename-chain", 1),
    core('P', "policy", 1),
    core('s', "source", 1),
    core('s', "src", 1),
    core('d', "destination", 1),
    core('d', "dst", 1),
    core('p', "protocol", 1),
    core('i', "in-interface", 1),
    core('o', "out-interface", 1),
    core('j', "jump", 1),
    core('g', "goto", 1),
    core('m', "match", 1),
    core('t', "table", 1),
    core('f', "fragments", 0),
    core('c', "set-counters", 1),
    core('n', "numeric", 0),
    core('v', "verbose", 0),
    core('x', "exact", 0),
    core('w', "wait", 0),
    core('W', "wait-interval", 0),
    core('V', "version", 0),
    core('h', "help", 0),
    core('0', "line-numbers", 0),
    core('M', "modprobe", 1),
    core('4', "ipv4", 0),
    core('6', "ipv6", 0),
];

const fn core(letter: char, name: &'static str, arguments: usize) -> Core {
    Core { letter, name, arguments }
}
