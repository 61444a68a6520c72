//! The texts that are open, and the policies that they belong to.
//! Input: texts as they are opened, changed and closed. Output: compilations, and the diagnostics of all their files.
//!
//! Every open policy is compiled, except where another open one includes it: it counts there. What is included is read
//! from the editor where it is open.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks;
use super::diagnostics::by_file;
use super::protocol::{Diagnostic, DiagnosticSeverity, Range, path_of, source_of};
use super::settings::Settings;
use super::view::View;
use super::worker::{Found, Job, Worker};
use crate::compile::{Compilation, compile};
use crate::diagnostic::Report;
use crate::expand::CompileOptions;
use crate::expect::Checked;
use crate::host::{self, Compiled, Disk, FileTree, FolderEntry, SnippetFolders};
use crate::lint;
use crate::snippet::library::Library;
use crate::source::LineIndex;
use crate::syntax::{SyntaxError, normal};

/// The diagnostics of a file.
pub struct Published {
    /// The file.
    pub file: PathBuf,
    /// The version of its text, where it is open.
    pub version: Option<i32>,
    /// All that is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

/// A text that is open.
struct Open {
    version: i32,
    text: String,
}

/// An open policy, compiled.
struct Root {
    compiled: Arc<Compiled>,
    /// Why building blocks are missing in it.
    complaint: Option<String>,
    checked: Option<Vec<Checked>>,
    /// What was found later.
    later: Vec<Report>,
    number: u64,
    /// The files that it is made of; whether each is one of a building block.
    files: BTreeMap<PathBuf, bool>,
}

/// All open texts and policies.
pub struct Roots {
    /// What the client chooses.
    pub settings: Settings,
    /// The thread for what takes longer.
    pub worker: Worker,
    open: BTreeMap<PathBuf, Open>,
    roots: BTreeMap<PathBuf, Root>,
    /// By file: the policies that are made of it.
    users: HashMap<PathBuf, BTreeSet<PathBuf>>,
    /// The policies that include a file which is not there.
    missing: BTreeSet<PathBuf>,
    /// What a policy included that is compiled no more as it was: perhaps nobody does now.
    left: BTreeSet<PathBuf>,
    /// How many policies were compiled.
    compiled: u64,
    /// What must be compiled again.
    changed: BTreeSet<PathBuf>,
    /// By file, and policy or folder of a building block: the diagnostics.
    published: BTreeMap<PathBuf, BTreeMap<PathBuf, Vec<Diagnostic>>>,
    /// By policy, or folder of a building block: the files with diagnostics.
    owned: HashMap<PathBuf, Vec<PathBuf>>,
}

impl Roots {
    /// Nothing is open.
    pub fn new(settings: Settings) -> Roots {
        Roots {
            settings,
            worker: Worker::start(),
            open: BTreeMap::new(),
            roots: BTreeMap::new(),
            users: HashMap::new(),
            missing: BTreeSet::new(),
            left: BTreeSet::new(),
            compiled: 0,
            changed: BTreeSet::new(),
            published: BTreeMap::new(),
            owned: HashMap::new(),
        }
    }

    /// A text is opened.
    pub fn open(&mut self, file: PathBuf, version: i32, text: String) {
        let file = normal(&file);
        self.open.insert(file.clone(), Open { version, text });
        self.touch(&file);
    }

    /// A text changes: in a range, or as a whole.
    pub fn change(&mut self, file: &Path, version: i32, range: Option<Range>, new: String) {
        let file = normal(file);
        let Some(open) = self.open.get_mut(&file) else { return };
        open.version = version;
        match range {
            None => open.text = new,
            Some(range) => {
                let lines = LineIndex::new(&open.text);
                let at = |line, character| lines.offset_of_utf16(&open.text, line, character);
                let start = at(range.start.line, range.start.character);
                let end = at(range.end.line, range.end.character).max(start);
                open.text.replace_range(start..end, &new);
            }
        }
        self.touch(&file);
    }

    /// A text is closed: from now on the disk has it.
    pub fn close(&mut self, file: &Path) {
        let file = normal(file);
        self.open.remove(&file);
        self.touch(&file);
        // The next `compile` takes its diagnostics back.
        self.changed.insert(file);
    }

    /// Anything may have changed.
    pub fn all_changed(&mut self) {
        self.changed.extend(self.open.keys().cloned());
    }

    /// What depends on a file must be compiled again.
    fn touch(&mut self, file: &Path) {
        // A file that is not there yet may be what an include has missed.
        let depend = self.users.get(file).into_iter().flatten().chain(&self.missing);
        self.changed.extend(depend.filter(|root| *root != file).cloned());
        if self.open.contains_key(file) {
            self.changed.insert(file.to_owned());
        }
        // The blocks beside policies, and the other files of the same block.
        if blocks::is_block_file(file) {
            self.changed.extend(self.roots.keys().cloned());
            self.changed.extend(self.open.keys().filter(|open| is_block_in(open, &parent(file))).cloned());
        }
    }

    /// Compiles what has changed; gives the diagnostics of all files that are concerned.
    pub fn compile(&mut self) -> Vec<Published> {
        let mut published = Vec::new();
        let mut todo = std::mem::take(&mut self.changed);
        // Of policies that include each other the first by path counts, whichever was opened first.
        todo.iter().for_each(|file| self.remove_root(file));
        let changed = todo.clone();
        while let Some(file) = todo.pop_first() {
            if blocks::is_block_file(&file) {
                let folder = parent(&file);
                let open = self.open.keys().any(|open| is_block_in(open, &folder));
                let found = if open { blocks::check(&folder, self) } else { BTreeMap::new() };
                published.extend(self.replace(folder, found));
            } else if let Some(text) = self.open.get(&file).map(|open| open.text.clone())
                && !self.is_included(&file)
            {
                published.extend(self.compile_root(file, &text));
            }
            // What no policy includes any more is one of its own.
            if todo.is_empty() {
                let left = std::mem::take(&mut self.left);
                todo.extend(left.into_iter().filter(|file| self.open.contains_key(file) && self.is_left_out(file)));
            }
        }
        for file in changed.into_iter().filter(|file| !blocks::is_block_file(file)) {
            if !self.roots.contains_key(&file) {
                published.extend(self.replace(file, BTreeMap::new()));
            }
        }
        // Of two diagnoses of a file the later one is right.
        let mut last: BTreeMap<PathBuf, Published> = BTreeMap::new();
        published.into_iter().for_each(|one| drop(last.insert(one.file.clone(), one)));
        last.into_values().collect()
    }

    /// Whether an open policy is neither compiled by itself nor included.
    fn is_left_out(&self, file: &Path) -> bool {
        !blocks::is_block_file(file) && !self.roots.contains_key(file) && !self.is_included(file)
    }

    /// Whether another open policy includes a file.
    fn is_included(&self, file: &Path) -> bool {
        self.including(file).any(|root| root != file)
    }

    /// The policies that a file is a part of, and no file of a building block.
    fn including(&self, file: &Path) -> impl Iterator<Item = &PathBuf> {
        let users = self.users.get(file).into_iter().flatten();
        users.filter(move |root| self.roots.get(*root).is_some_and(|known| known.files.get(file) == Some(&false)))
    }

    fn remove_root(&mut self, file: &Path) {
        let Some(root) = self.roots.remove(file) else { return };
        self.missing.remove(file);
        for (part, is_block) in root.files {
            if let Some(users) = self.users.get_mut(&part) {
                users.remove(file);
                if users.is_empty() {
                    self.users.remove(&part);
                }
            }
            if part != file && !is_block {
                self.left.insert(part);
            }
        }
    }

    fn insert_root(&mut self, file: PathBuf, root: Root) {
        self.remove_root(&file);
        for part in root.files.keys() {
            self.users.entry(part.clone()).or_default().insert(file.clone());
        }
        let unreadable = SyntaxError::IncludeUnreadable.code();
        if root.compiled.compilation.diagnostics.iter().any(|report| report.code == unreadable) {
            self.missing.insert(file.clone());
        }
        self.roots.insert(file, root);
    }

    fn compile_root(&mut self, file: PathBuf, text: &str) -> Vec<Published> {
        let options = CompileOptions { notes: true, ..CompileOptions::default() };
        let snippets = SnippetFolders { folders: &self.settings.snippets, files: self };
        let compiled = host::compiled_text(&file, text, snippets, options, self);
        let (compiled, complaint) = match compiled {
            Ok(compiled) => (compiled, None),
            // Building blocks that cannot be read: the policy is compiled without, and that is said.
            Err(complaint) => {
                let library = Library::built_in();
                let mut compilation = compile(&file, text, &|path| self.text(path), &library, options);
                lint::check(&mut compilation, options.notes);
                (Compiled { compilation, library }, Some(complaint))
            }
        };
        let compiled = Arc::new(compiled);
        self.compiled += 1;
        let number = self.compiled;
        self.worker.give(Job { root: file.clone(), compiled: Arc::downgrade(&compiled), number });
        let Compilation { ast, .. } = &compiled.compilation;
        let mut files: BTreeMap<_, _> = ast.sources.iter().map(|(_, source)| (path_of(source), false)).collect();
        files.extend(compiled.library.sources.iter().map(|(_, source)| (path_of(source), true)));
        let root = Root { compiled, complaint, checked: None, later: Vec::new(), number, files: files.clone() };
        self.insert_root(file.clone(), root);
        let mut published = Vec::new();
        // What this policy includes is not a policy of its own.
        for other in files.into_keys().filter(|other| *other != file) {
            if self.roots.contains_key(&other) {
                self.remove_root(&other);
                published.extend(self.replace(other, BTreeMap::new()));
            }
        }
        published.extend(self.diagnosed(file));
        published
    }

    /// The worker has found something.
    pub fn found(&mut self, found: Found) -> Vec<Published> {
        let Some(root) = self.roots.get_mut(&found.root).filter(|root| root.number == found.number) else {
            return Vec::new();
        };
        root.checked = Some(found.checked);
        root.later = found.reports;
        if root.later.is_empty() {
            return Vec::new();
        }
        self.diagnosed(found.root)
    }

    /// The diagnostics of a policy as it is.
    fn diagnosed(&mut self, file: PathBuf) -> Vec<Published> {
        let Some(root) = self.roots.get(&file) else { return Vec::new() };
        let compilation = &root.compiled.compilation;
        let mut found = by_file(&compilation.ast.sources, compilation.diagnostics.iter().chain(&root.later));
        if let Some(complaint) = &root.complaint {
            let message = format!("building blocks are missing here: {complaint}");
            let severity = Some(DiagnosticSeverity::ERROR);
            let whole = Diagnostic { severity, source: Some("cgwfw".into()), message, ..Diagnostic::default() };
            found.entry(file.clone()).or_default().insert(0, whole);
        }
        self.replace(file, found)
    }

    /// Other diagnostics of a policy: gives those of all its files, old and new.
    fn replace(&mut self, owner: PathBuf, new: BTreeMap<PathBuf, Vec<Diagnostic>>) -> Vec<Published> {
        // What is open gets an answer, even where nothing is wrong.
        let own = [owner.clone()].into_iter().chain(blocks::FILES.map(|name| owner.join(name)));
        let own: Vec<PathBuf> = own.filter(|file| self.open.contains_key(file)).collect();
        let before = self.owned.remove(&owner).unwrap_or_default();
        for file in &before {
            if let Some(owners) = self.published.get_mut(file) {
                owners.remove(&owner);
            }
        }
        let files: BTreeSet<PathBuf> = before.into_iter().chain(new.keys().cloned()).chain(own).collect();
        if !new.is_empty() {
            self.owned.insert(owner.clone(), new.keys().cloned().collect());
        }
        for (file, diagnostics) in new {
            self.published.entry(file).or_default().insert(owner.clone(), diagnostics);
        }
        files
            .into_iter()
            .map(|file| {
                // A file that is included twice is diagnosed twice.
                let mut known = HashSet::new();
                let all = self.published.get(&file).into_iter().flat_map(BTreeMap::values).flatten();
                let diagnostics =
                    all.filter(|found| known.insert((found.range, found.message.as_str()))).cloned().collect();
                Published { version: self.open.get(&file).map(|open| open.version), file, diagnostics }
            })
            .collect()
    }

    /// A file as the policy sees it that it belongs to; with what was found later.
    pub fn view(&self, file: &Path) -> Option<(View<'_>, &[Report])> {
        let file = normal(file);
        let root = self.roots.get(&file).or_else(|| self.roots.get(self.including(&file).next()?))?;
        let source = source_of(&root.compiled.compilation.ast.sources, &file)?;
        Some((View::new(&root.compiled, source, root.checked.as_deref()), &root.later))
    }
}

/// The files of the editor, else those of the disk.
impl FileTree for Roots {
    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.open.get(&normal(path)) {
            Some(open) => Ok(open.text.clone().into_bytes()),
            None => Disk.bytes(path),
        }
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        Disk.entries(folder)
    }
}

fn parent(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_owned()
}

/// Whether a file belongs to the building block in a folder.
fn is_block_in(file: &Path, folder: &Path) -> bool {
    blocks::is_block_file(file) && parent(file) == folder
}
