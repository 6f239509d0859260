//! People and their browser sessions: what the core itself knows about identity.

pub mod accounts;
pub mod csrf;
mod hooks;
mod impersonate;
mod news;
mod one_time;
mod operate;
mod password;
mod people;
mod port;
pub mod sessions;
pub mod setup;

pub use self::accounts::{AccountRules, Identity, IdentityParts, NewAccount};
pub use self::hooks::Hooks;
pub use self::operate::{Ban, By};
pub use self::password::PasswordHasher;
pub use self::people::Overview;
pub use self::sessions::{Resumed, SessionRules, Started};
