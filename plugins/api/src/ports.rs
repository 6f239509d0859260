//! What the host lends to plugins.

mod background;
mod catalog;
mod contexts;
mod linked;
mod metering;
mod newcomers;
mod outbound;
mod people;
mod proofs;
mod record;
mod records;
mod services;
mod subscriptions;
mod urls;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use axum::response::Response;
use zeroize::Zeroizing;

pub use self::background::{Background, Work};
pub use self::catalog::Catalog;
pub use self::contexts::{
    OrgMember, OrgName, OrganizationContexts, Organizations, Size, TeamContexts, TeamMember, TeamName, Teams,
};
pub use self::linked::{LinkedSubjects, SubjectLinks};
pub use self::metering::{Counted, Level, Metering, Meters, Reservation, Reserved, Uncommitted, Usage, UsedUp};
pub use self::newcomers::{Newcomer, Newcomers};
pub use self::outbound::{FetchError, FetchLimits, Fetched, NamedBy, Outbound, OutboundRequest, OutboundResponse};
pub use self::people::{
    Accounts, BegunSession, Ground, Kept, NewUser, Notice, OneTime, Sessions, TheirWord, UserChanges, UserProfile,
    normalize_email,
};
pub use self::proofs::{BoundCall, DPOP, DPOP_NONCE, KeyProofs, NotProven, Proofs};
pub use self::record::{Audit, AuditEntry, Mail, Mailer};
pub use self::records::{
    AuditFilter, AuditPage, AuditRecord, AuditResult, Cursor, Place, RecordKind, SETTLED_AFTER, Stretch, first_id_at,
    read_moment,
};
pub use self::services::{NewService, Service, ServiceTokens, Services};
pub use self::subscriptions::{BillingSubject, Lacking, SubscriptionContexts, Subscriptions, WayOut};
pub use self::urls::{SiteLinks, Urls};
use crate::clock::Clock;
use crate::db::Db;
use crate::entropy::Entropy;
use crate::failure::{Failure, Result};
use crate::plan::Plans;
use crate::principal::VerifiedToken;
use crate::time::Timestamp;
use crate::token::{PlainToken, TokenKind};
use crate::web::Visitor;

/// Everything the host lends to plugins. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<HostParts>);

/// The parts of a [`Host`]; only the gateway puts them together.
pub struct HostParts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Our public address.
    pub urls: Urls,
    /// Keys derived from the host's secret.
    pub keys: Arc<dyn Keys>,
    /// The outside world.
    pub outbound: Arc<dyn Outbound>,
    /// Templates.
    pub pages: Arc<dyn Pages>,
    /// People.
    pub accounts: Arc<dyn Accounts>,
    /// Browser sessions.
    pub sessions: Arc<dyn Sessions>,
    /// People whose address is not proven yet.
    pub newcomers: Arc<dyn Newcomers>,
    /// Single-use tokens.
    pub one_time: Arc<dyn OneTime>,
    /// Mail.
    pub mailer: Arc<dyn Mailer>,
    /// The record of acts.
    pub audit: Arc<dyn Audit>,
    /// What plugins provide to each other, known once every plugin has mounted. The gateway owns it: what is provided holds
    /// a host of its own as a rule, and would hold itself otherwise.
    pub provided: Weak<OnceLock<Provided>>,
    /// Rate limits.
    pub limits: Arc<dyn Limits>,
    /// Tasks.
    pub background: Arc<dyn Background>,
    /// What the whole gateway offers, known once every plugin has mounted.
    pub catalog: Arc<OnceLock<Catalog>>,
    /// The plans of the configuration.
    pub plans: Plans,
}

impl Host {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: HostParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The clock, to be handed to whatever makes ids.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Randomness.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        self.0.entropy.as_ref()
    }

    /// Our public address.
    #[must_use]
    pub fn urls(&self) -> &Urls {
        &self.0.urls
    }

    /// A key of 32 bytes for one purpose, the same on every node that shares the secret.
    #[must_use]
    pub fn key(&self, purpose: &str) -> [u8; 32] {
        self.0.keys.derive(purpose)
    }

    /// The outside world.
    #[must_use]
    pub fn outbound(&self) -> &dyn Outbound {
        self.0.outbound.as_ref()
    }

    /// Templates.
    #[must_use]
    pub fn pages(&self) -> &dyn Pages {
        self.0.pages.as_ref()
    }

    /// People.
    #[must_use]
    pub fn accounts(&self) -> &dyn Accounts {
        self.0.accounts.as_ref()
    }

    /// Browser sessions.
    #[must_use]
    pub fn sessions(&self) -> &dyn Sessions {
        self.0.sessions.as_ref()
    }

    /// People whose address is not proven yet.
    #[must_use]
    pub fn newcomers(&self) -> &dyn Newcomers {
        self.0.newcomers.as_ref()
    }

    /// Single-use tokens.
    #[must_use]
    pub fn one_time(&self) -> &dyn OneTime {
        self.0.one_time.as_ref()
    }

    /// Mail.
    #[must_use]
    pub fn mailer(&self) -> &dyn Mailer {
        self.0.mailer.as_ref()
    }

    /// The record of acts.
    #[must_use]
    pub fn audit(&self) -> &dyn Audit {
        self.0.audit.as_ref()
    }

    /// Seals a secret that has to be kept and shown again: AES-256-GCM under a key derived from the host's secret.
    ///
    /// `purpose`: `<plugin id>.<what for>`. `context`: what it belongs to, such as the id of its row; unsealing wants
    /// the same, so that nobody can move a sealed text elsewhere.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal(&self, purpose: &str, context: &[u8], secret: &[u8]) -> Result<String> {
        self.0.keys.seal(purpose, context, secret)
    }

    /// Opens what [`seal`](Self::seal) made, with this host's secret or an earlier one.
    ///
    /// # Errors
    /// When it was sealed with another secret, for another purpose or in another context, or was changed.
    pub fn unseal(&self, purpose: &str, context: &[u8], sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        self.0.keys.unseal(purpose, context, sealed)
    }

    /// Whether a sealed text should be sealed again, because the secret has changed since.
    #[must_use]
    pub fn is_stale(&self, sealed: &str) -> bool {
        self.0.keys.is_stale(sealed)
    }

    /// What a plugin provides under this type; `None` when none does, while plugins are still mounting, and when the
    /// gateway is gone.
    #[must_use]
    pub fn provided<T: Any + Send + Sync>(&self) -> Option<Use<T>> {
        self.0.provided.upgrade()?.get()?.find()
    }

    /// The plans of the configuration.
    #[must_use]
    pub fn plans(&self) -> &Plans {
        &self.0.plans
    }

    /// Rate limits.
    #[must_use]
    pub fn limits(&self) -> &dyn Limits {
        self.0.limits.as_ref()
    }

    /// What the whole gateway offers.
    ///
    /// # Errors
    /// While plugins are still mounting.
    pub fn catalog(&self) -> Result<&Catalog> {
        self.0
            .catalog
            .get()
            .ok_or_else(|| Failure::internal("the catalogue is asked for before every plugin is mounted"))
    }
}

/// Keys derived from the host's secret.
pub trait Keys: Send + Sync {
    /// A key of 32 bytes for one purpose (HKDF, RFC 5869).
    fn derive(&self, purpose: &str) -> [u8; 32];

    /// Seals a secret; see [`Host::seal`].
    ///
    /// # Errors
    /// When the cryptographic library fails.
    fn seal(&self, purpose: &str, context: &[u8], secret: &[u8]) -> Result<String>;

    /// Opens a sealed secret; see [`Host::unseal`].
    ///
    /// # Errors
    /// When it does not open.
    fn unseal(&self, purpose: &str, context: &[u8], sealed: &str) -> Result<Zeroizing<Vec<u8>>>;

    /// Whether a text was sealed with an earlier secret.
    fn is_stale(&self, sealed: &str) -> bool;
}

/// What plugins provide to each other and to the application, by type.
#[derive(Clone, Default)]
pub struct Provided(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Provided {
    /// Adds a thing; `false` when there is one of its type.
    pub fn insert(&mut self, key: TypeId, thing: Arc<dyn Any + Send + Sync>) -> bool {
        self.0.insert(key, thing).is_none()
    }

    /// Takes over what somebody else provides; `false` when both had a thing of one type.
    pub fn absorb(&mut self, other: Self) -> bool {
        other.0.into_iter().fold(true, |all_new, (key, thing)| self.insert(key, thing) && all_new)
    }

    /// The thing of a type.
    #[must_use]
    pub fn find<T: Any + Send + Sync>(&self) -> Option<Use<T>> {
        let thing = Arc::clone(self.0.get(&TypeId::of::<T>())?);
        thing.downcast().ok().map(Use)
    }
}

/// The use of what a plugin provides; an extractor in every room and in applications' own handlers.
pub struct Use<T>(Arc<T>);

impl<T> Clone for Use<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Use<T> {
    /// The thing itself, for what goes on longer than whoever holds this.
    #[must_use]
    pub fn shared(&self) -> Arc<T> {
        Arc::clone(&self.0)
    }
}

impl<T> Deref for Use<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Checks bearer tokens of some kinds.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// The kinds it knows.
    fn kinds(&self) -> &[TokenKind];

    /// Reads what somebody shows as a token, of any kind; `None` when it is none. Whoever writes tokens in another form reads that one, and
    /// takes no other.
    fn read(&self, text: &str) -> Option<PlainToken> {
        PlainToken::parse(text)
    }

    /// What is known about the token; `None` when it is unknown, expired or revoked.
    ///
    /// # Errors
    /// When it cannot be found out; the request is refused.
    async fn verify(&self, token: &PlainToken, now: Timestamp) -> Result<Option<VerifiedToken>>;

    /// Whether it knows signed tokens, too (RFC 9068). There can be one that does.
    fn reads_signed(&self) -> bool {
        false
    }

    /// What is known about a signed token, which is any text with two dots in it until it is checked; `None` when it is not
    /// genuine, unknown, expired or revoked.
    ///
    /// # Errors
    /// When it cannot be found out; the request is refused.
    async fn verify_signed(&self, _text: &str, _now: Timestamp) -> Result<Option<VerifiedToken>> {
        Ok(None)
    }
}

/// Rate limits. A bucket is named in the configuration (`[limits]`).
#[async_trait]
pub trait Limits: Send + Sync {
    /// Takes one from the bucket of this key, such as a client address.
    ///
    /// # Errors
    /// [`Failure::too_many`] when it is empty.
    async fn take(&self, bucket: LimitBucket, key: &str) -> Result<()>;
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitBucket {
    /// Sign-in attempts from one address.
    SignInByAddress,
    /// Sign-in attempts at one account from one address.
    SignInByAccount,
    /// The first sign-in attempts at one account from one address, which do not count with
    /// [`SignInByStrangers`](Self::SignInByStrangers).
    SignInFirst,
    /// First sign-in attempts at one account from one neighbourhood in the network: never all of
    /// [`SignInFirstOfAll`](Self::SignInFirstOfAll).
    SignInFirstNear,
    /// First sign-in attempts at one account, wherever from: what bounds guessing from very many addresses.
    SignInFirstOfAll,
    /// What one address may take of [`SignInByStrangers`](Self::SignInByStrangers) of one account: never all of it.
    SignInShare,
    /// Sign-in attempts at one account, wherever from, by browsers that were never signed in to it.
    SignInByStrangers,
    /// Sign-in attempts by one browser that was signed in to the account before, or in one session of it.
    SignInByDevice,
    /// Mails asked for from one address.
    MailByAddress,
    /// The first mails to one recipient that one address asks for, which do not count with
    /// [`MailToRecipient`](Self::MailToRecipient).
    MailFirst,
    /// First mails to one recipient that one neighbourhood in the network asks for: never all of
    /// [`MailFirstOfAll`](Self::MailFirstOfAll).
    MailFirstNear,
    /// First mails to one recipient, wherever from.
    MailFirstOfAll,
    /// What one address may take of [`MailToRecipient`](Self::MailToRecipient) of one recipient: never all of it.
    MailShare,
    /// Mails to one recipient that strangers ask for, wherever they are.
    MailToRecipient,
    /// Mails a recipient asks for in one browser that was signed in to the account before, or in one session of it.
    MailByOwner,
    /// New accounts from one address.
    SignUp,
    /// Registrations of OAuth clients from one address (RFC 7591).
    Register,
    /// Authorization requests from one address, and sign-ins with providers, which begin with one.
    Authorize,
    /// What one person does about plans, each of which asks whoever sells them.
    Billing,
    /// Calls of the token endpoint from one address; calls by one person for tokens of linked accounts.
    Token,
    /// Calls of one endpoint by one client, from wherever, once it has proved who it is; by one that cannot, from one address.
    Client,
    /// Calls of the revocation endpoint from one address (RFC 7009).
    Revoke,
    /// Calls of the introspection endpoint from one address (RFC 7662).
    Introspect,
    /// Calls of the userinfo endpoint from one address (OpenID Connect Core 1.0 section 5.3).
    UserInfo,
    /// Clients that manage their registration from one address (RFC 7592); questions of one person whether a name is taken.
    Manage,
}

/// Templates.
pub trait Pages: Send + Sync {
    /// A whole page. The engine adds `page` to the context (title, stylesheet, forgery token, signed-in person).
    ///
    /// # Errors
    /// When the template or its context is not right.
    fn page(&self, visitor: &Visitor, template: &str, title: &str, context: serde_json::Value) -> Result<Response>;

    /// A fragment of a page, as HTML.
    ///
    /// # Errors
    /// When the template or its context is not right.
    fn fragment(&self, template: &str, context: serde_json::Value) -> Result<String>;

    /// A mail from `mail/<template>.txt`, whose first line is `Subject: ...`, and `mail/<template>.html`. The engine adds
    /// `site_name` and `email`, the address it goes to; what the frame of all mails shows besides is `site_url`.
    ///
    /// # Errors
    /// When a template or the context is not right. The default is for stand-ins in tests and always fails.
    fn letter(&self, _to: &str, template: &str, _context: serde_json::Value) -> Result<Mail> {
        Err(Failure::internal(format!("these pages write no letters, and not `{template}`")))
    }
}
