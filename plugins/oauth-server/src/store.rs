//! SQL, one file per table. Every query is one text that runs on both engines.

pub mod addresses;
pub mod assertions;
pub mod client_keys;
pub mod client_tokens;
pub mod clients;
pub mod codes;
pub mod consents;
pub mod denials;
pub mod devices;
pub mod exchanged;
pub mod grants;
pub mod interactions;
pub mod invitations;
pub mod keys;
pub mod logins;
pub mod logouts;
pub mod narrowing;
pub mod owned;
pub mod proofs;
pub mod pushed;
pub mod secrets;
pub mod steps;
pub mod subjects;
pub mod tokens;
mod unspent;
