//! SQL, one file per core table. Every text is `const`, bound, and run by the suite on both engines.

pub mod links;
pub mod sessions;
pub mod users;
