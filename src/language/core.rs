//! The sentences that are not building blocks.
//! Input: nothing. Output: a row a sentence.

/// A sentence of the language itself.
pub struct CoreSentence {
    /// The word that it begins with; no block can have it.
    pub verb: &'static str,
    /// The sentence with its clauses, for people.
    pub form: &'static str,
    /// What it is for.
    pub text: &'static str,
    /// What an editor inserts, with its placeholders.
    pub insert: &'static str,
}

/// All of them.
pub const CORE: &[CoreSentence] = &[
    CoreSentence {
        verb: "default",
        form: "default (accept|drop) [input, forward, output]",
        text: "what becomes of packets that no rule decides",
        insert: "default ${1|drop,accept|}",
    },
    CoreSentence {
        verb: "interface",
        form: "interface NAME [ROLE] [over NAME] [\"note\"]",
        text: "declares an interface of the gateway",
        insert: "interface ${1:name} ${2|public,calico,service,vti,xfrm,gre,gretap,vxlan,bridge,vlan|}",
    },
    CoreSentence {
        verb: "define",
        form: "define NAME = VALUE",
        text: "a name for a value or a list, used as `$NAME`",
        insert: "define ${1:name} = ${2:value}",
    },
    CoreSentence {
        verb: "include",
        form: "include \"PATH\"",
        text: "the sentences of another file, in this place",
        insert: "include \"${1:path}\"",
    },
    CoreSentence {
        verb: "rules",
        form: "rules (ipv4|ipv6|both) TABLE { … }",
        text: "lines as `iptables-save` prints them, checked like all others",
        insert: "rules ${1|both,ipv4,ipv6|} ${2|filter,nat,mangle,raw|} {\n\t-A $0\n}",
    },
    CoreSentence {
        verb: "expect",
        form: "expect (accept|drop|reject|deny) TRAFFIC",
        text: "what must become of every packet that TRAFFIC describes",
        insert: "expect ${1|accept,drop,reject,deny|} $0",
    },
    CoreSentence {
        verb: "lint",
        form: "lint NAME (off|note|warn|error)",
        text: "how bad a warning or a note is in this policy",
        insert: "lint ${1:name} ${2|off,note,warn,error|}",
    },
];

/// The sentence of the language itself that begins with a word.
pub fn core_sentence(word: &str) -> Option<&'static CoreSentence> {
    CORE.iter().find(|sentence| sentence.verb == word)
}

/// Whether a sentence of the language itself begins with a word.
pub fn is_core_verb(word: &str) -> bool {
    core_sentence(word).is_some()
}
