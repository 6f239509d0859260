//! A sign-in or a link under way.

use std::time::Duration;

use belgie_api::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long a person may take at the provider.
pub const FLOW_LIFETIME: Duration = Duration::from_secs(600);

/// What somebody wants of a sign-in or a link: what an application hands to
/// [`signin_url`](crate::ProviderClient::signin_url).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowOptions {
    /// Where the person lands: a path of ours, or an address of our origin. Anything else is left out.
    pub return_to: Option<String>,
    /// Where the person lands when it goes wrong, with `?error=code`.
    pub error_redirect_url: Option<String>,
    /// Where a new person lands.
    pub new_user_redirect_url: Option<String>,
    /// Scopes beyond those of the settings.
    pub scopes: Vec<String>,
    /// `prompt` of this request.
    pub prompt: Option<String>,
    /// `access_type` of this request.
    pub access_type: Option<String>,
    /// More parameters for where the person is sent.
    pub authorization_params: Vec<(String, String)>,
    /// Whether the person asks for an account, if there is none.
    pub request_sign_up: bool,
    /// Something of the application, which gets it back when the person lands; see
    /// [`OAuthClient::take_finished`](crate::OAuthClient::take_finished).
    pub payload: Option<Value>,
}

/// What a flow is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Intent {
    /// A session.
    SignIn,
    /// One more way into the account of the person behind this session, and of nobody else.
    Link {
        /// The person.
        user: UserId,
        /// The session it was begun in.
        session: SessionId,
    },
    /// The proof that the person behind this session is there. Only the page that asks for it begins this.
    Confirm {
        /// The person.
        user: UserId,
        /// The session it was begun in, which becomes fresh.
        session: SessionId,
    },
}

/// What is kept while a person is at a provider. It is sealed wherever it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct Flow {
    /// The provider it went to.
    pub provider: String,
    /// SHA-256 of the value in the cookie, in base64url.
    pub binding: String,
    /// What the `id_token` must repeat.
    pub nonce: Option<String>,
    /// What the code is redeemed with (RFC 7636).
    pub verifier: Option<String>,
    /// What it is for.
    pub intent: Intent,
    /// What was wished for; targets are checked already.
    pub options: FlowOptions,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Flow {
    /// When it began.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        self.expires_at.minus(FLOW_LIFETIME)
    }
}

/// A link that an application made and a person has yet to open.
#[derive(Clone, Serialize, Deserialize)]
pub struct Prepared {
    /// The provider.
    pub provider: String,
    /// For whom the account there is to become a way in; `None` for a sign-in.
    pub link_for: Option<UserId>,
    /// What is wished for.
    pub options: FlowOptions,
}

/// A flow that came to a good end, as the application gets it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishedFlow {
    /// The provider.
    pub provider: String,
    /// The account there.
    pub provider_account_id: String,
    /// The person here.
    pub user: UserId,
    /// Whether the person is new here.
    pub is_new_user: bool,
    /// Whether an account was linked rather than somebody signed in.
    pub is_link: bool,
    /// What the application gave along.
    pub payload: Option<Value>,
}
