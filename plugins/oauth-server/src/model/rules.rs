//! What a client wants to be held to, so that nobody else can do less in its name.

use belgie_api::Failure;
use serde_json::{Map, Value};

use super::dpop::Binding;
use super::refusal;
use super::settings::{Pushing, Settings};

/// The name of [`ClientRules::dpop_bound`] in client metadata (RFC 9449 section 5.2).
pub const DPOP_BOUND: &str = "dpop_bound_access_tokens";

/// The name of [`ClientRules::pushed_only`] in client metadata (RFC 9126 section 6).
pub const PUSHED_ONLY: &str = "require_pushed_authorization_requests";

/// What a client is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ClientRules {
    /// It is given nothing without a key to bind it to.
    pub dpop_bound: bool,
    /// Its authorization requests are sent ahead.
    pub pushed_only: bool,
}

impl ClientRules {
    /// Reads the members of client metadata.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(metadata: &Map<String, Value>) -> Result<Self, &'static str> {
        let flag = |name: &str| match metadata.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(is_so)) => Ok(*is_so),
            Some(_) => Err("dpop_bound_access_tokens and require_pushed_authorization_requests are true or false."),
        };
        Ok(Self { dpop_bound: flag(DPOP_BOUND)?, pushed_only: flag(PUSHED_ONLY)? })
    }

    /// Sees to it that a client can be held to them here.
    ///
    /// # Errors
    /// `invalid_client_metadata` when it could never be given anything.
    pub fn check(self, settings: &Settings) -> Result<Self, Failure> {
        if self.dpop_bound && settings.dpop.binding == Binding::Off {
            return Err(refusal::invalid_client_metadata(
                "Tokens are bound to no keys here (dpop_bound_access_tokens).",
            ));
        }
        if self.pushed_only && settings.pushed_requests == Pushing::Off {
            return Err(refusal::invalid_client_metadata(
                "Requests are not sent ahead here (require_pushed_authorization_requests).",
            ));
        }
        Ok(self)
    }

    /// Those that hold, as members of client metadata.
    pub fn members(self) -> impl Iterator<Item = (String, Value)> {
        let all = [(DPOP_BOUND, self.dpop_bound), (PUSHED_ONLY, self.pushed_only)];
        all.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| (name.to_owned(), true.into()))
    }
}
