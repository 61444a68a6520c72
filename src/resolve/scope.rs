//! What the sentences of a policy share: its declarations, and which of them are used.
//! Input: declarations, and the names that sentences use. Output: `Uses`, and reports of what is not declared.

use super::codes::ResolveError;
use super::suggest::did_you_mean;
use super::words::{Atom, Words};
use crate::diagnostic::{Diagnostics, Fix};
use crate::net::Interface;
use crate::policy::{Declarations, InterfaceDeclaration};

/// What the sentences of a policy share: its declarations, and which of them are used.
pub struct Scope<'a> {
    /// The interfaces and definitions.
    pub declarations: &'a Declarations,
    /// Whether a sentence uses it, by position in the definitions.
    pub used: Vec<bool>,
    /// Whether a sentence names it, by position in the interfaces.
    pub named: Vec<bool>,
    /// Whether a sentence that was refused names it, by position in the interfaces.
    pub refused: Vec<bool>,
    /// Whether interfaces may be named that are not declared: packets come by any.
    pub any_interface: bool,
}

/// More ways out than anybody reads.
const MAX_OFFERED: usize = 6;

impl Scope<'_> {
    /// Nothing is used yet.
    pub fn new(declarations: &Declarations) -> Scope<'_> {
        let interfaces = vec![false; declarations.interfaces.len()];
        Scope {
            declarations,
            used: vec![false; declarations.definitions.len()],
            named: interfaces.clone(),
            refused: interfaces,
            any_interface: false,
        }
    }

    /// The declared interfaces after a word, as ways out of a sentence that lacks one.
    pub fn offers(&self, word: &str) -> impl Iterator<Item = Fix> {
        let offer =
            move |declared: &InterfaceDeclaration| Fix::Add(format!("{word} {}", declared.name).trim().to_owned());
        self.declarations.interfaces.iter().take(MAX_OFFERED).map(offer)
    }

    /// Counts everything that a refused sentence names as used: one mistake is not also another.
    pub fn name_all(&mut self, words: &Words) {
        for (variable, name) in words.names() {
            if variable {
                self.declarations.definition(name).into_iter().for_each(|index| self.used[index] = true);
            } else if let Some(index) = Interface::new(name).and_then(|name| self.declarations.interface(&name)) {
                (self.named[index], self.refused[index]) = (true, true);
            }
        }
    }

    /// Notes that a sentence names an interface; reports one that is not declared where others are.
    pub fn interface(&mut self, name: &Interface, atom: &Atom, diagnostics: &mut Diagnostics) -> bool {
        let interfaces = &self.declarations.interfaces;
        if interfaces.is_empty() || name.name() == "lo" {
            return true;
        }
        let mut known = false;
        if let Some(index) = self.declarations.interface(name) {
            known = true;
            self.named[index] = true;
        }
        if !known || name.pattern().is_some() {
            for (index, declared) in interfaces.iter().enumerate() {
                if name.covers(&declared.name) || declared.name.covers(name) {
                    known = true;
                    self.named[index] = true;
                }
            }
        }
        if !known && self.any_interface {
            return true;
        }
        if !known {
            let names = interfaces.iter().map(|declared| declared.name.name());
            let near = did_you_mean(name.name(), names);
            let help = match near {
                Some(near) => format!("did you mean `{near}`? Otherwise add `interface {name}`"),
                None => format!("add `interface {name}`"),
            };
            let message = format!("the interface `{name}` is not declared");
            let report =
                ResolveError::UnknownInterface.at(atom.span, message, "others are declared, this one is not", help);
            let place = atom.defined.unwrap_or(atom.span);
            let report = near.into_iter().fold(report, |report, near| report.fix(Fix::Replace(place, near.to_owned())));
            diagnostics.push(atom.explain(report.fix(Fix::Sentence(format!("interface {name}")))));
        }
        known
    }
}
