//! What the sentences of a policy may name: interfaces and definitions, with their values.
//! Input: filled by `resolve`. Output: read by whatever speaks in the terms of a policy, its own sentences or others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::language::values::Role;
use crate::net::Interface;
use crate::source::{SourceId, Span};
use crate::syntax::Token;

/// The interfaces and the definitions of a policy, wherever they are in it.
#[derive(Clone, Debug, Default)]
pub struct Declarations {
    /// The declared interfaces, in the order of their sentences.
    pub interfaces: Vec<InterfaceDeclaration>,
    /// The definitions, in the order of their sentences.
    pub definitions: Vec<Definition>,
    interface_positions: BTreeMap<Interface, usize>,
    definition_positions: HashMap<String, usize>,
}

impl Declarations {
    /// Adds an interface; gives back the earlier one of that name, if there is one.
    pub fn declare(&mut self, declaration: InterfaceDeclaration) -> Option<&InterfaceDeclaration> {
        if let Some(earlier) = self.interface_positions.get(&declaration.name) {
            return Some(&self.interfaces[*earlier]);
        }
        self.interface_positions.insert(declaration.name, self.interfaces.len());
        self.interfaces.push(declaration);
        None
    }

    /// Adds a definition; gives back the earlier one of that name, if there is one.
    pub fn define(&mut self, definition: Definition) -> Option<&Definition> {
        if let Some(earlier) = self.definition_positions.get(&definition.name) {
            return Some(&self.definitions[*earlier]);
        }
        self.definition_positions.insert(definition.name.clone(), self.definitions.len());
        self.definitions.push(definition);
        None
    }

    /// The position of an interface in `interfaces`.
    pub fn interface(&self, name: &Interface) -> Option<usize> {
        self.interface_positions.get(name).copied()
    }

    /// The position of a definition in `definitions`.
    pub fn definition(&self, name: &str) -> Option<usize> {
        self.definition_positions.get(name).copied()
    }

    /// The role of an interface.
    pub fn role(&self, name: &Interface) -> Option<Role> {
        self.interface(name).and_then(|index| self.interfaces[index].role)
    }
}

/// What the sentences of a policy use of its declarations, each by position.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Whether a sentence uses the definition.
    pub definitions: Vec<bool>,
    /// Whether a sentence names the interface.
    pub interfaces: Vec<bool>,
    /// Whether a sentence that was refused names the interface.
    pub refused: Vec<bool>,
}

/// `interface NAME [ROLE] [over NAME] ["note"]`
#[derive(Clone, Debug)]
pub struct InterfaceDeclaration {
    /// The name, or a pattern.
    pub name: Interface,
    /// What it is for.
    pub role: Option<Role>,
    /// The interface that carries it, and the place where it is named.
    pub over: Option<(Interface, Span)>,
    /// A remark for people.
    pub note: Option<String>,
    /// The place of the name.
    pub span: Span,
    /// The place of the sentence.
    pub whole: Span,
}

/// `define NAME = VALUE`: the value has no type before it is used.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The name, without `$`.
    pub name: String,
    /// The place of the name.
    pub span: Span,
    /// The place of the sentence.
    pub whole: Span,
    /// The sentence, a position in `Ast::sentences`.
    pub sentence: u32,
    /// Its tokens, from `define` to the end.
    pub tokens: Box<[Token]>,
    /// The file that it is in.
    pub source: SourceId,
    /// The text of that file.
    pub text: Arc<str>,
    /// Whether its value cannot be known: that was reported.
    pub broken: bool,
}
