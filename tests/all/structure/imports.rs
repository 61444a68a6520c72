//! What the files of `src/` import from each other, in every form: groups, `super`, `self`, renamed names, names that
//! another file hands on, paths in the code. Input: the folder `src`. It panics at a name that is nowhere declared.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub use self::file::{File, Segments};

/// All files, by their module.
pub struct Crate {
    /// `main.rs` is left out, `lib.rs` has the empty name.
    pub files: BTreeMap<Segments, File>,
}

impl Crate {
    /// Reads all files below the folder.
    pub fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        for path in super::sources(root) {
            let name = path.strip_prefix(root).expect("below the root").with_extension("");
            let module: Segments = name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if module == ["main"] {
                continue;
            }
            let module: Segments = module.into_iter().filter(|part| part != "lib").collect();
            let text = fs::read_to_string(&path).expect("a source file");
            let tokens = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.insert(module.clone(), File::read(module, tokens));
        }
        Self { files }
    }

    /// The file that declares what a path from the root names that is used in `user`; nothing for what is not of this crate.
    fn owner(&self, path: &[String], user: &File) -> Option<&File> {
        if path[0] != "crate" {
            return None;
        }
        let found = self.find(path, 0);
        Some(found.unwrap_or_else(|| panic!("{} uses {}, which nothing declares", user.name(), path.join("::"))))
    }

    fn find(&self, path: &[String], depth: usize) -> Option<&File> {
        assert!(depth < 20, "{} leads to itself", path.join("::"));
        let path = path.strip_prefix(&["crate".to_owned()])?;
        let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let owner = &self.files[module];
        let Some(name) = rest.first().filter(|name| *name != "*") else {
            return Some(owner);
        };
        let follow = |target: &Segments, rest: &[String]| [owner.absolute(target), rest.to_vec()].concat();
        if let Some(target) = owner.imported.get(name) {
            let target = follow(target, &rest[1..]);
            return if target[0] == "crate" { self.find(&target, depth + 1) } else { Some(owner) };
        }
        if owner.declared.contains(name) {
            return Some(owner);
        }
        let exports = |file: &&File| module.is_empty() && file.exported.contains(name);
        let globs = || owner.globs.iter().find_map(|glob| self.find(&follow(glob, rest), depth + 1));
        // `pub use` of all of another crate: it may be there.
        let another = || owner.globs.iter().any(|glob| owner.absolute(glob)[0] != "crate").then_some(owner);
        self.files.values().find(exports).or_else(globs).or_else(another)
    }

    /// The other files that a file names, by their modules. A file that only hands on names none.
    pub fn imports(&self, file: &File) -> BTreeSet<&Segments> {
        let named = file.named().filter(|_| !file.only_hands_on);
        let owners = named.filter_map(|path| self.owner(&path, file).map(|owner| &owner.module));
        owners.filter(|module| **module != file.module).collect()
    }

    /// The files that import each other in circles, each with those that it imports from its circle.
    pub fn circles(&self) -> BTreeMap<&Segments, BTreeSet<&Segments>> {
        let imports: BTreeMap<_, _> = self.files.iter().map(|(module, file)| (module, self.imports(file))).collect();
        let reached: BTreeMap<_, _> = self.files.keys().map(|module| (module, reached(module, &imports))).collect();
        let in_circle = reached.iter().filter(|(module, targets)| targets.contains(**module));
        let back = |module: &Segments| {
            imports[module].iter().copied().filter(|target| reached[target].contains(module)).collect()
        };
        in_circle.map(|(module, _)| (*module, back(module))).collect()
    }
}

/// All that is imported from a module on, step by step.
fn reached<'a>(from: &'a Segments, imports: &BTreeMap<&'a Segments, BTreeSet<&'a Segments>>) -> BTreeSet<&'a Segments> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        open.extend(imports[module].iter().filter(|next| reached.insert(**next)));
    }
    reached
}
