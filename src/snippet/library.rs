//! The library of building blocks: which exist, and which sentence is whose.
//! Input: the files of the snippet folders, built in or given. Output: a `Library`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::signature::Signature;
use super::signature::metadata::{self, MetadataFault};
use crate::codes;
use crate::diagnostic::Report;
use crate::language::is_core_verb;
use crate::source::{SourceId, Sources, Span};

codes! {
    /// What can be wrong with a user's own building block.
    SnippetError:
    /// A `snippet.toml` that says no sentence.
    BadMetadata = Error "cgwfw::snippet::bad_metadata",
    /// A sentence that another block has.
    SentenceTaken = Error "cgwfw::snippet::sentence_taken",
    /// A folder without one of its files.
    MissingFile = Error "cgwfw::snippet::missing_file",
    /// A template that fails, or prints what is not a rule.
    BadTemplate = Error "cgwfw::snippet::bad_template",
    /// A template whose rule the kernel refuses.
    RefusedRule = Error "cgwfw::snippet::refused_rule",
}

/// A signature that is read from its text when somebody asks for it: a policy uses few of the library's blocks.
pub type LazySignature = LazyLock<Signature, Box<dyn FnOnce() -> Signature + Send>>;

/// One building block: its signature, its template and its README.
#[derive(Debug)]
pub struct Snippet {
    /// The folder's name.
    pub folder: String,
    /// What its sentences look like.
    pub signature: LazySignature,
    /// The text of `rules.j2`.
    pub template: String,
    /// The text of `README.md`.
    pub readme: String,
    /// The files of a user's own block, in the sources of the library; `None` for those of the program.
    pub files: Option<Files>,
}

/// The files of a user's own block, which diagnostics point into.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// `snippet.toml`
    pub metadata: SourceId,
    /// `rules.j2`
    pub template: SourceId,
}

/// A folder of a user's own block, as it was read.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Its path, for people.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The text of `snippet.toml`.
    pub metadata: Option<String>,
    /// The text of `rules.j2`.
    pub template: Option<String>,
    /// The text of `README.md`; empty where there is none.
    pub readme: String,
}

/// All building blocks.
#[derive(Debug, Default)]
pub struct Library {
    /// The blocks, in the order of their folders' names.
    pub snippets: Vec<Snippet>,
    /// By verb: the names that begin with it, the longest first, and the forms of each.
    names: BTreeMap<String, Vec<Name>>,
    /// The files of users' own blocks.
    pub sources: Sources,
    /// What is wrong with them.
    pub reports: Vec<Report>,
}

/// A name of sentences, and where it is found.
#[derive(Clone, Debug)]
pub struct Name {
    /// The verb and the words after it.
    pub words: Vec<String>,
    /// The same on one line.
    pub title: String,
    /// The snippet.
    pub snippet: u16,
    /// The forms of the snippet that have this name.
    pub forms: Vec<u8>,
}

/// A block that is part of the program.
struct BuiltIn {
    folder: &'static str,
    /// `snippet.toml`, `rules.j2`, `README.md`
    files: [&'static str; 3],
    /// The names of its sentences.
    names: &'static [&'static str],
}

include!(concat!(env!("OUT_DIR"), "/snippets.rs"));

impl Library {
    /// The library that is part of the program.
    pub fn built_in() -> Library {
        Library::of(SNIPPETS.iter())
    }

    /// The library without the block that a folder is the source of: of the same name, with the same sentences.
    pub fn built_in_but(own: &Folder) -> Library {
        let metadata = own.metadata.as_deref().unwrap_or_default();
        let is_source = |block: &BuiltIn| {
            block.folder == own.name && block.names.iter().all(|name| metadata.contains(&format!("\"{name}\"")))
        };
        Library::of(SNIPPETS.iter().filter(|block| !is_source(block)))
    }

    fn of(blocks: impl Iterator<Item = &'static BuiltIn>) -> Library {
        let mut library = Library::default();
        for BuiltIn { folder, files: [metadata, template, readme], names } in blocks {
            let signature: LazySignature = LazyLock::new(Box::new(move || match metadata::parse(metadata) {
                Ok(signature) => signature,
                // The program's own folders are read by its tests; a fault never ships.
                Err(fault) => unreachable!("snippets/{folder}/snippet.toml: {}", fault.message),
            }));
            library.push(folder, names.iter().copied(), signature, template, readme, None);
        }
        library
    }

    /// Adds the block of a folder.
    pub fn add(&mut self, folder: &str, metadata: &str, template: &str, readme: &str) -> Result<(), MetadataFault> {
        let signature = metadata::parse(metadata)?;
        if let Some(clash) = self.clash(&signature, metadata) {
            return Err(clash.fault);
        }
        self.push_read(folder, signature, template, readme, None);
        Ok(())
    }

    /// Adds a user's own block; what is wrong with it is kept in `reports`.
    pub fn add_own(&mut self, folder: Folder) {
        let path = |file: &str| format!("{}/{file}", folder.path);
        let (Some(metadata), Some(template)) = (&folder.metadata, &folder.template) else {
            let (there, missing) =
                if folder.metadata.is_some() { ("snippet.toml", "rules.j2") } else { ("rules.j2", "snippet.toml") };
            let text = folder.metadata.or(folder.template).unwrap_or_default();
            let span = Span::new(self.sources.add(format!("{}/{there}", folder.path), text, None), 0, 0);
            self.reports.push(SnippetError::MissingFile.at(
                span,
                format!("the building block `{}` has no `{missing}`", folder.name),
                format!("is alone, without `{missing}`"),
                "a block is a folder with `snippet.toml`, `rules.j2` and `README.md`",
            ));
            return;
        };
        let files = Files {
            metadata: self.sources.add(path("snippet.toml"), metadata.as_str(), None),
            template: self.sources.add(path("rules.j2"), template.as_str(), None),
        };
        let place = |range: std::ops::Range<usize>| Span::new(files.metadata, range.start, range.end.max(range.start));
        match metadata::parse(metadata) {
            Err(fault) => {
                self.reports.push(SnippetError::BadMetadata.at(place(fault.span), fault.message, "here", fault.help));
            }
            Ok(signature) => match self.clash(&signature, metadata) {
                Some(Clash { fault, other }) => {
                    let label = "this sentence";
                    let mut report =
                        SnippetError::SentenceTaken.at(place(fault.span), fault.message, label, fault.help);
                    if let Some(files) = other {
                        report = report.also(Span::new(files.metadata, 0, 0), "the other block");
                    }
                    self.reports.push(report);
                }
                None => self.push_read(&folder.name, signature, template, &folder.readme, Some(files)),
            },
        }
    }

    /// The sentence of a new block that is somebody else's already.
    fn clash(&self, signature: &Signature, metadata: &str) -> Option<Clash> {
        signature.forms.iter().find_map(|form| {
            let name = form.words.join(" ");
            let span = metadata.find(&name).map_or(0..1, |at| at..at + name.len());
            let core = is_core_verb(&form.words[0]);
            let other = self.names(&form.words[0]).iter().find(|other| other.words == form.words);
            let owner = other.map(|other| &self.snippets[usize::from(other.snippet)]);
            let message = match owner {
                Some(owner) => format!("the building block `{}` has the sentence `{name}` already", owner.folder),
                None if core => format!("`{}` is a word of the language itself", form.words[0]),
                None => return None,
            };
            let help = "choose other words: `allow acme vpn` says whose it is".into();
            Some(Clash { fault: MetadataFault { span, message, help }, other: owner.and_then(|owner| owner.files) })
        })
    }

    fn push_read(&mut self, folder: &str, signature: Signature, template: &str, readme: &str, files: Option<Files>) {
        let names: Vec<String> = signature.forms.iter().map(|form| form.words.join(" ")).collect();
        let signature: LazySignature = LazyLock::new(Box::new(|| signature));
        self.push(folder, names.iter().map(String::as_str), signature, template, readme, files);
    }

    /// Adds a block with the names of its sentences, in the order of its forms.
    fn push<'a>(
        &mut self,
        folder: &str,
        titles: impl Iterator<Item = &'a str>,
        signature: LazySignature,
        template: &str,
        readme: &str,
        files: Option<Files>,
    ) {
        let snippet = self.snippets.len() as u16;
        for (index, title) in titles.enumerate() {
            let words: Vec<String> = title.split_whitespace().map(str::to_owned).collect();
            let names = self.names.entry(words.first().cloned().unwrap_or_default()).or_default();
            match names.iter_mut().find(|name| name.words == words) {
                Some(name) => name.forms.push(index as u8),
                None => {
                    let at = names.partition_point(|name| name.words.len() >= words.len());
                    names.insert(at, Name { words, title: title.to_owned(), snippet, forms: vec![index as u8] });
                }
            }
        }
        self.snippets.push(Snippet {
            folder: folder.to_owned(),
            signature,
            template: template.to_owned(),
            readme: readme.to_owned(),
            files,
        });
    }

    /// Whether a folder is that of a block which is here already, file for file: the program's own sources.
    pub fn is_own(&self, folder: &Folder) -> bool {
        let (metadata, template) = (folder.metadata.as_deref(), folder.template.as_deref());
        SNIPPETS.iter().any(|built_in| {
            let [toml, rules, _] = built_in.files;
            built_in.folder == folder.name && metadata == Some(toml) && template == Some(rules)
        })
    }

    /// The verbs of the blocks.
    pub fn verbs(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Whether a sentence begins with a word: one of a block, or one of the language itself.
    pub fn is_verb(&self, word: &str) -> bool {
        is_core_verb(word) || self.names.contains_key(word)
    }

    /// The names that begin with a verb, the longest first.
    pub fn names(&self, verb: &str) -> &[Name] {
        self.names.get(verb).map_or(&[], Vec::as_slice)
    }
}

/// A sentence that two blocks have.
struct Clash {
    fault: MetadataFault,
    /// The files of the other block, where it is a user's own too.
    other: Option<Files>,
}
