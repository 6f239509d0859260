//! Who is it: from the credential of a request to a principal.

pub mod bearer;
mod browser;
pub mod challenge;
pub mod cookie;
pub mod credential;
mod device;
mod session;

pub use self::bearer::{BearerTokens, Ports};
pub use self::browser::BrowserSessions;
pub use self::cookie::Cookies;
pub use self::device::Devices;
pub use self::session::{session_caller, session_principal};
