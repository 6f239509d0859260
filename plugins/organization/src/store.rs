//! SQL, one file per table. Every query is one text that runs on both engines.

pub mod departures;
pub mod invitations;
pub mod members;
pub mod organizations;
pub mod roles;
pub mod services;
pub mod slugs;
