//! Tools that every gateway has.

mod tools;

pub use self::tools::tools;
