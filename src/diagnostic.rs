//! Reports: `report` is one finding, `sink` takes them in, `render` and `json` write them, `text` and `view` make what they show safe and short.

mod json;
mod render;
mod report;
mod sink;
mod text;
mod view;

pub use self::json::{JsonReport, json};
pub use self::render::{Style, human, short};
pub use self::report::{Fix, Label, Report, Severity};
pub use self::sink::Diagnostics;
pub use self::text::{is_deceptive, visible};
