//! The language server: what `compile` finds, live, and more. Every answer is a function of a compilation and a place.

pub mod actions;
pub mod blocks;
pub mod colors;
pub mod completion;
pub mod diagnostics;
pub mod formatting;
pub mod frames;
pub mod hints;
pub mod hover;
pub mod meaning;
pub mod names;
pub mod offered;
pub mod outline;
pub mod protocol;
pub mod requests;
pub mod roots;
pub mod server;
pub mod settings;
pub mod view;
pub mod worker;

pub use self::server::serve;
pub use self::settings::Settings;
