//! People and their browser sessions: what the core itself knows about identity.

pub mod accounts;
pub mod csrf;
mod password;
pub mod sessions;
pub mod setup;

pub use self::accounts::{AccountRules, Identity, NewAccount};
pub use self::password::PasswordHasher;
pub use self::sessions::{Resumed, SessionRules, Started};
