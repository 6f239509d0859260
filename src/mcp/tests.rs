//! The endpoint, asked as the layers in front of it ask.

mod boot;
mod doubts;
mod in_session;
mod messages;
mod revocation;
mod rights;
mod sessions;
mod support;
mod wrapped;
