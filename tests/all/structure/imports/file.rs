//! One file of `src/`: what it declares, imports and names, from its tokens. Modules of unit tests are left out.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

/// The segments of a path, as written: `crate`, `super`, names, a final `*`.
pub type Segments = Vec<String>;

/// What a file has to do with other files.
#[derive(Default)]
pub struct File {
    /// Its modules down from the root; the root itself is empty.
    pub module: Segments,
    /// What it declares: types, functions, constants, child modules.
    pub declared: BTreeSet<String>,
    /// The public types and traits among these.
    pub types: Vec<String>,
    /// The names that it imports or hands on, and what they stand for.
    pub imported: BTreeMap<String, Segments>,
    /// `use path::*`, without the star.
    pub globs: Vec<Segments>,
    /// The macros that it puts at the root of the crate.
    pub exported: Vec<String>,
    /// There is nothing in it but `mod` and `pub use self::…`.
    pub only_hands_on: bool,
    /// All that it names, as written.
    named: BTreeSet<Segments>,
}

impl File {
    /// Reads the tokens of a file.
    pub fn read(module: Segments, tokens: TokenStream) -> Self {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut file = Self { module, ..Self::default() };
        file.scan(&tokens, false);
        file.only_hands_on = file.hands_on(&tokens);
        file
    }

    /// The module's name, as `a::b`.
    pub fn name(&self) -> String {
        self.module.join("::")
    }

    /// What it names, from the root of this crate or of another.
    pub fn named(&self) -> impl Iterator<Item = Segments> {
        self.named.iter().map(|path| self.absolute(path))
    }

    /// A path of this file from the root: `crate::…`, or with the name of another crate in front, or with a name that
    /// only the compiler could tell (a type parameter, a name of the prelude).
    pub fn absolute(&self, path: &[String]) -> Segments {
        let mut module = self.module.clone();
        let mut rest = path;
        match rest[0].as_str() {
            "crate" => return path.to_vec(),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|first| first == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            name => match self.imported.get(name) {
                Some(target) if target[0] != name => return [self.absolute(target), path[1..].to_vec()].concat(),
                _ if self.declared.contains(name) => (),
                _ => return path.to_vec(),
            },
        }
        [vec!["crate".to_owned()], module, rest.to_vec()].concat()
    }

    /// Takes in what the tokens declare, import and name. `inner`: they are those of a module within the file, so that
    /// their `super` is the file itself.
    fn scan(&mut self, tokens: &[TokenTree], inner: bool) {
        let mut at = 0;
        while at < tokens.len() {
            let TokenTree::Ident(word) = &tokens[at] else {
                if is_punct(tokens, at, '#') && is_group(tokens, at + 1, "[cfg(test)]") {
                    at = end_of_item(tokens, at + 2);
                } else if let TokenTree::Group(group) = &tokens[at] {
                    self.scan(&group.stream().into_iter().collect::<Vec<_>>(), inner);
                }
                at += 1;
                continue;
            };
            match word.to_string().as_str() {
                "use" if !is_punct(tokens, at + 1, '<') => {
                    let end = end_of_item(tokens, at);
                    self.import(&tokens[at + 1..end], &[], inner);
                    at = end;
                }
                "mod" if matches!(tokens.get(at + 2), Some(TokenTree::Group(_))) => {
                    self.declared.extend(word_at(tokens, at + 1));
                    let Some(TokenTree::Group(group)) = tokens.get(at + 2) else { unreachable!("just matched") };
                    self.scan(&group.stream().into_iter().collect::<Vec<_>>(), true);
                    at += 2;
                }
                kind @ ("mod" | "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static") => {
                    self.declared.extend(word_at(tokens, at + 1));
                    let is_public = at > 0 && word_at(tokens, at - 1).as_deref() == Some("pub");
                    if is_public && ["struct", "enum", "trait", "type"].contains(&kind) {
                        self.types.extend(word_at(tokens, at + 1));
                    }
                }
                "macro_rules" => {
                    self.declared.extend(word_at(tokens, at + 2));
                    if at > 0 && is_group(tokens, at - 1, "[macro_export]") {
                        self.exported.extend(word_at(tokens, at + 2));
                    }
                }
                // `codes! { /// … Name: …`
                "codes" if is_punct(tokens, at + 1, '!') => {
                    self.named.insert(vec!["codes".to_owned()]);
                    let Some(TokenTree::Group(group)) = tokens.get(at + 2) else { panic!("`codes!` has a body") };
                    let body: Vec<_> = group.stream().into_iter().collect();
                    let colon = (1..body.len()).find(|at| is_punct(&body, *at, ':')).expect("`codes! { Name: …`");
                    self.declared.extend(word_at(&body, colon - 1));
                }
                first => {
                    let mut path = vec![first.to_owned()];
                    while is_punct(tokens, at + 1, ':') && is_punct(tokens, at + 2, ':') {
                        let Some(next) = word_at(tokens, at + 3) else { break };
                        path.push(next);
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.named.insert(outside(path, inner));
                    }
                }
            }
            at += 1;
        }
    }

    /// Takes in an import, after its `use` or within its groups.
    fn import(&mut self, tokens: &[TokenTree], prefix: &[String], inner: bool) {
        let mut path = prefix.to_vec();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let body: Vec<_> = group.stream().into_iter().collect();
                    for one in body.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')) {
                        self.import(one, &path, inner);
                    }
                    return;
                }
                TokenTree::Ident(word) if word == "as" => break,
                TokenTree::Ident(word) if word == "self" && !path.is_empty() => (),
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    self.globs.push(outside(path.clone(), inner));
                    path.push("*".to_owned());
                }
                _ => (),
            }
            at += 1;
        }
        let path = outside(path, inner);
        // What is after the last comma of a group is nothing.
        let Some(name) = word_at(tokens, at + 1).or_else(|| path.last().cloned()).filter(|_| !tokens.is_empty()) else {
            return;
        };
        if name != "*" {
            self.imported.insert(name, path.clone());
        }
        self.named.insert(path);
    }

    /// There is nothing in the file but `mod name;` and `pub use` of what its folder defines.
    fn hands_on(&self, tokens: &[TokenTree]) -> bool {
        let mut rest = tokens;
        while !rest.is_empty() {
            let end = end_of_item(rest, 0);
            let words: Vec<String> = rest[..end].iter().filter_map(|token| word(Some(token))).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "pub").collect();
            let is_own = |first: &str| first == "self" || self.declared.contains(first);
            let is_public = rest[..end].iter().any(|token| word(Some(token)).as_deref() == Some("pub"));
            let fits = match words[..] {
                ["mod", _] => is_punct(rest, end, ';'),
                ["use", first, ..] => is_public && is_own(first),
                _ => false,
            };
            if !fits {
                return false;
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        true
    }
}

/// A path as the file itself would write it: in a module within the file, `super` is the file.
fn outside(mut path: Segments, inner: bool) -> Segments {
    if inner && path.first().is_some_and(|first| first == "super") {
        path[0] = "self".to_owned();
        if path.get(1).is_some_and(|second| second == "super") {
            path.remove(0);
        }
    }
    path
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

fn word_at(tokens: &[TokenTree], at: usize) -> Option<String> {
    word(tokens.get(at))
}

fn is_punct(tokens: &[TokenTree], at: usize, char: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

fn is_group(tokens: &[TokenTree], at: usize, text: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Group(group)) if group.to_string().replace(' ', "") == text)
}

/// Where an item ends: its `;`, or its block.
fn end_of_item(tokens: &[TokenTree], from: usize) -> usize {
    let is_use = (from..tokens.len()).take(3).any(|at| word_at(tokens, at).as_deref() == Some("use"));
    let is_end = |at: &usize| {
        let is_block =
            matches!(&tokens[*at], TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace);
        is_punct(tokens, *at, ';') || is_block && !is_use
    };
    (from..tokens.len()).find(is_end).unwrap_or(tokens.len())
}

#[test]
fn all_forms_of_imports_are_found() {
    let text = "
        mod child;
        use std::{fs, io::{self, Read as _}};
        use crate::{a::B, c::{self, d::E as F}};
        use super::{super::up, beside::*,};
        pub use self::child::Own;
        fn f() -> crate::g::H { fs::read(); F::new(); child::made(vec![self::local(), io::stdin()]) }
        mod inner { use super::super::outer; }
        #[cfg(test)]
        mod tests { use crate::not_this; }
    ";
    let module = ["x", "y", "z"].map(str::to_owned).to_vec();
    let file = File::read(module, text.parse().expect("tokens"));
    let named: Vec<String> = file.named().map(|path| path.join("::")).collect();
    let expected = [
        "std::fs",
        "std::io",
        "std::io::Read",
        "crate::a::B",
        "crate::c",
        "crate::c::d::E",
        "crate::x::up",
        "crate::x::y::beside::*",
        "crate::x::y::z::child::Own",
        "crate::g::H",
        "std::fs::read",
        "crate::c::d::E::new",
        "crate::x::y::z::child::made",
        "crate::x::y::z::local",
        "std::io::stdin",
        "crate::x::y::outer",
    ];
    for path in expected {
        assert!(named.iter().any(|one| one == path), "{path} is not among {named:#?}");
    }
    assert_eq!(named.len(), expected.len(), "{named:#?}");
    assert!(!file.only_hands_on);
    let text = "//! Hands on.\npub mod a; mod b; pub use self::b::{C, D}; pub use a::E;";
    assert!(File::read(Vec::new(), text.parse().expect("tokens")).only_hands_on);
    for text in ["mod a; use self::a::B;", "pub use crate::c::D;", "mod a; const B: u8 = 1;", "mod a { }"] {
        assert!(!File::read(Vec::new(), text.parse().expect("tokens")).only_hands_on, "{text}");
    }
}
