//! SQL, one file per core table. Every text is `const`, bound, and run by the suite on both engines.

pub mod audit;
pub mod decisions;
pub mod links;
pub mod mails;
pub mod observers;
pub mod sessions;
pub mod turns;
pub mod users;
