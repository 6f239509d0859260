//! Tools to try a gateway with, switched on by `--demo-tools`.

mod tools;

pub use self::tools::{STEP_UP, scopes, tools};
