//! What a link to the upgrade page is about. It is sealed, since nothing of it may be read in an address (MCP 2026-07-28,
//! client/elicitation, safe URL handling), and opens nothing by itself: the page asks who is in front of it.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::crypto::{base64url, from_base64url};
use belgie_api::ports::BillingSubject;
use belgie_api::{Caller, Failure, Host, Result, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{refusal, subject};

/// For how long a link is good.
pub const LASTS: Duration = Duration::from_secs(24 * 60 * 60);
const PURPOSE: &str = "stripe.ask";

/// Who is to have which plans, and whose call it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The person behind the call; `None` behind that of a service.
    #[serde(rename = "u")]
    pub user: Option<UserId>,
    /// Who gets the plan.
    #[serde(rename = "s")]
    pub subject: BillingSubject,
    /// Plans that would do, by name.
    #[serde(rename = "p")]
    pub plans: BTreeSet<String>,
    /// The tool that was called.
    #[serde(rename = "t")]
    pub tool: String,
    /// Until when the link is good.
    #[serde(rename = "x")]
    pub until: Timestamp,
}

impl Ask {
    /// Seals it.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal(&self, host: &Host) -> Result<String> {
        let json = serde_json::to_vec(self).map_err(Failure::internal)?;
        Ok(base64url(host.seal(PURPOSE, b"", &json)?.as_bytes()))
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// 400 when it is none of ours, or too old.
    pub fn open(host: &Host, sealed: &str) -> Result<Self> {
        let text = from_base64url(sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(refusal::bad_link)?;
        let json = host.unseal(PURPOSE, b"", &text).map_err(|_| refusal::bad_link())?;
        let ask: Self = serde_json::from_slice(&json).map_err(|_| refusal::bad_link())?;
        if ask.until < host.now() { Err(refusal::bad_link()) } else { Ok(ask) }
    }
}

impl Ask {
    /// Whether the person in front of the page is the one behind the call. Behind a service's there is none: then anybody
    /// will do who may decide on the plan.
    #[must_use]
    pub fn is_for(&self, caller: &Caller) -> bool {
        self.user.is_none_or(|user| user == caller.user().id)
    }

    /// The id of whoever gets the plan.
    #[must_use]
    pub fn account_id(&self) -> String {
        subject::shown(&self.subject)
    }
}
