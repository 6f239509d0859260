//! What organizations are, apart from any database: names, roles and their permissions, invitations and their ends.

pub mod invitation;
pub mod member;
pub mod organization;
pub mod permission;
pub mod refusal;
pub mod role;
pub mod service;
pub mod settings;
pub mod slug;
