//! Providers that need little of their own. Each is a plugin, on when `client_id` is set.

mod apple;
mod github;

pub use self::apple::Apple;
pub use self::github::GitHub;
