//! The web face: rooms, each with its own manners, and the pages of the core.

mod account;
mod admin;
mod application;
mod body;
mod by_mail;
mod client;
mod code;
mod confirm;
mod default_scopes;
pub mod edge;
mod errors;
pub mod explain;
mod forgot;
mod front;
mod home;
mod magic_link;
mod mcp;
mod newcomers;
mod outbox;
mod request_id;
mod rooms;
mod serve;
mod session;
mod setup;
mod sign_in;
mod sign_up;
mod verify;
mod visit;
mod well_known;
mod worn;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use belgie_api::plugin::{AccountSection, DataExport, Purpose, SignInButton};
use belgie_api::ports::{Limits, Pages, Proofs, Provided, Sessions, Urls, Use};
use belgie_api::{Entropy, Host};

use crate::access::caller::Callers;
use crate::auth::challenge::Challenge;
use crate::auth::{BearerTokens, Cookies, Devices};
use crate::identity::csrf::Csrf;
use crate::identity::{Hooks, Identity};
use crate::mail::MailQueue;
use crate::mcp::McpEndpoint;
use crate::pages::Assets;

pub use self::application::{ApplicationLayer, RequireScopes, scopes};
pub use self::client::{Client, SignedUp};
pub use self::default_scopes::DefaultScopes;
pub use self::front::Front;
pub use self::newcomers::MailedNewcomers;
pub use self::request_id::RequestIds;
pub use self::rooms::router;
pub use self::serve::{ServeRules, serve};
pub use self::well_known::{MCP_METADATA_PATH, MCP_PATH};

/// Everything the web face works with. One per gateway, behind an `Arc`.
pub struct Web {
    /// Our public address.
    pub urls: Urls,
    /// The absolute address of the MCP endpoint: what the audience of its tokens must be.
    pub mcp_uri: String,
    /// Names and attributes of our cookies.
    pub cookies: Cookies,
    /// Forgery protection of forms.
    pub csrf: Csrf,
    /// People and sessions.
    pub identity: Identity,
    /// Rate limits.
    pub limits: Arc<dyn Limits>,
    /// Templates.
    pub pages: Arc<dyn Pages>,
    /// The stylesheet of every page.
    pub assets: Assets,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Names for requests.
    pub request_ids: RequestIds,
    /// Parts of the account page that plugins bring.
    pub sections: Vec<Arc<dyn AccountSection>>,
    /// Browser sessions as they begin.
    pub sessions: Arc<dyn Sessions>,
    /// Ways to sign in that plugins bring.
    pub buttons: Vec<SignInButton>,
    /// Who has a say in what happens to people. Held here, and nowhere below.
    pub hooks: Arc<Hooks>,
    /// What plugins keep about people.
    pub exports: Vec<Arc<dyn DataExport>>,
    /// Who knows what one signs in for.
    pub purposes: Vec<Arc<dyn Purpose>>,
    /// Browsers that are known.
    pub devices: Devices,
    /// Mail that is shown instead of sent, in development.
    pub outbox: Option<Arc<MailQueue>>,
    /// What plugins are lent.
    pub host: Host,
    /// What plugins provide; it lives as long as this.
    pub provided: Arc<OnceLock<Provided>>,
    /// Bearer tokens.
    pub tokens: BearerTokens,
    /// Whoever checks that tokens bound to a key are used by whoever holds it; without one there are none.
    pub proofs: Option<Use<Proofs>>,
    /// Callers, with what they are in their organizations.
    pub callers: Callers,
    /// Whether a plugin knows organizations, so that each has an endpoint of its own.
    pub has_organizations: bool,
    /// The MCP endpoint.
    pub mcp: McpEndpoint,
    /// Says where to begin when a token is missing or bad.
    pub challenge: Arc<Challenge>,
    /// Scopes granted to clients that name none.
    pub default_scopes: DefaultScopes,
    /// Whether a plugin is the authorization server of this host.
    pub has_authorization_server: bool,
    /// The rest of the operator's wishes.
    pub rules: WebRules,
}

/// What the operator decided about the web face.
pub struct WebRules {
    /// What the host is called.
    pub site_name: String,
    /// Values of the `Host` header that are ours: hosts, with or without a port.
    pub allowed_hosts: Vec<String>,
    /// Browser origins that may talk to `/mcp`, exactly.
    pub allowed_origins: Vec<String>,
    /// Where people land after signing in: a path of ours.
    pub signin_redirect: String,
    /// Where people land after signing out: a path of ours.
    pub signout_redirect: String,
    /// How long a body may take to arrive.
    pub body_timeout: std::time::Duration,
    /// Whether `X-Forwarded-For` is believed when it comes from this address.
    pub is_trusted_proxy: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
}
