//! People and their browser sessions: what the core itself knows about identity.

pub mod accounts;
pub mod csrf;
mod hooks;
mod one_time;
mod password;
mod port;
pub mod sessions;
pub mod setup;

pub use self::accounts::{AccountRules, Identity, IdentityParts, NewAccount};
pub use self::hooks::Hooks;
pub use self::password::PasswordHasher;
pub use self::sessions::{Resumed, SessionRules, Started};
