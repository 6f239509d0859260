//! Pages: templates, the stylesheet, and a check at start that every one of them can be rendered.

mod engine;
mod stylesheet;

pub use self::engine::Engine;
pub use self::stylesheet::Stylesheet;
