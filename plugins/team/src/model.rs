//! What teams and their members are, apart from any database.

pub mod member;
pub mod refusal;
pub mod settings;
pub mod team;
