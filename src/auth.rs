//! Who is it: from the credential of a request to a principal.

pub mod bearer;
mod browser;
pub mod challenge;
pub mod cookie;
pub mod credential;
mod session;

pub use self::bearer::{BearerTokens, Ports};
pub use self::browser::BrowserSessions;
pub use self::cookie::Cookies;
pub use self::session::session_caller;
