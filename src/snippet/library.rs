//! The library of building blocks: which exist, and which sentence is whose.
//! Input: the files of the snippet folders, built in or given. Output: a `Library`.

use std::collections::BTreeMap;

use super::signature::{self, Fault, Signature};

/// One building block: its signature, its template and its README.
#[derive(Clone, Debug)]
pub struct Snippet {
    /// The folder's name.
    pub folder: String,
    /// What its sentences look like.
    pub signature: Signature,
    /// The text of `rules.j2`.
    pub template: String,
    /// The text of `README.md`.
    pub readme: String,
}

/// All building blocks.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The blocks, in the order of their folders' names.
    pub snippets: Vec<Snippet>,
    /// By verb: the names that begin with it, the longest first, and the forms of each.
    names: BTreeMap<String, Vec<Name>>,
}

/// A name of sentences, and where it is found.
#[derive(Clone, Debug)]
pub struct Name {
    /// The verb and the words behind it.
    pub words: Vec<String>,
    /// The snippet.
    pub snippet: u16,
    /// The forms of the snippet that have this name.
    pub forms: Vec<u8>,
}

include!(concat!(env!("OUT_DIR"), "/snippets.rs"));

impl Library {
    /// The library that is part of the program.
    pub fn built_in() -> Library {
        let mut library = Library::default();
        for (folder, [metadata, template, readme]) in SNIPPETS {
            // The program's own folders are read by its tests; a fault never ships.
            if let Err(fault) = library.add(folder, metadata, template, readme) {
                unreachable!("snippets/{folder}/snippet.toml: {}", fault.message);
            }
        }
        library
    }

    /// Adds the block of a folder.
    pub fn add(&mut self, folder: &str, metadata: &str, template: &str, readme: &str) -> Result<(), Fault> {
        let signature = signature::parse(metadata)?;
        let snippet = self.snippets.len() as u16;
        for (index, form) in signature.forms.iter().enumerate() {
            let names = self.names.entry(form.words[0].clone()).or_default();
            match names.iter_mut().find(|name| name.words == form.words) {
                Some(name) if name.snippet == snippet => name.forms.push(index as u8),
                Some(name) => {
                    let other = &self.snippets[usize::from(name.snippet)].folder;
                    return Err(Fault {
                        span: metadata
                            .find(&form.words.join(" "))
                            .map_or(0..1, |at| at..at + form.words.join(" ").len()),
                        message: format!("the block `{other}` has the sentence `{}` already", form.words.join(" ")),
                        help: "choose other words for one of the two".into(),
                    });
                }
                None => names.push(Name { words: form.words.clone(), snippet, forms: vec![index as u8] }),
            }
            names.sort_by_key(|name| std::cmp::Reverse(name.words.len()));
        }
        self.snippets.push(Snippet {
            folder: folder.to_owned(),
            signature,
            template: template.to_owned(),
            readme: readme.to_owned(),
        });
        Ok(())
    }

    /// The verbs of the blocks.
    pub fn verbs(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The names that begin with a verb, the longest first.
    pub fn names(&self, verb: &str) -> &[Name] {
        self.names.get(verb).map_or(&[], Vec::as_slice)
    }
}
