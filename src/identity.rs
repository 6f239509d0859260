//! People and their browser sessions: what the core itself knows about identity.

pub mod accounts;
mod breached;
pub mod change_email;
mod close;
pub mod code;
pub mod csrf;
mod device_name;
pub mod hold;
mod hooks;
mod impersonate;
pub mod mail_link;
mod new_password;
mod news;
mod notes;
mod one_time;
mod operate;
mod password;
mod passwords;
mod people;
mod port;
mod proof;
mod remembered;
pub mod reset;
pub mod sessions;
pub mod setup;
pub mod sign_up;
pub mod verify;

pub use self::accounts::{AccountRules, Identity, IdentityParts, NewAccount};
pub use self::breached::BreachedPasswords;
pub use self::device_name::device_name;
pub use self::hooks::Hooks;
pub use self::operate::{Ban, By};
pub use self::password::PasswordHasher;
pub use self::passwords::Then;
pub use self::people::Overview;
pub use self::sessions::{Resumed, SessionRules, Started};
