//! Mail, and the record of acts.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::caller::Caller;
use crate::context::ServiceContext;
use crate::db::Tx;
use crate::failure::{Failure, Result};
use crate::id::{ClientId, OrgId, UserId};
use crate::ports::records::{AuditFilter, AuditPage, Stretch};
use crate::web::RequestInfo;

/// A mail to one person, the same words twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address it goes to.
    pub to: String,
    /// Its subject, one line.
    pub subject: String,
    /// What is in it, as text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Whether mail can be sent from here at all; if not, nothing that needs it is offered.
    fn is_available(&self) -> bool;

    /// Hands a mail on once the transaction has committed, and again until it is taken. Nobody waits for it, so the time
    /// an answer takes tells nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn enqueue(&self, tx: &mut Tx, mail: &Mail) -> Result<()>;
}

/// An act that is kept on record.
#[derive(Clone, Debug, Default)]
pub struct AuditEntry {
    /// What was done: `user.banned`, `account.linked`.
    pub action: &'static str,
    /// What came of it: `done`, `refused`.
    pub outcome: &'static str,
    /// Who did it; `None` for the operator's command line and the host itself.
    pub actor: Option<UserId>,
    /// The program of an organization's own that did it, with nobody behind it.
    pub service: Option<ServiceContext>,
    /// The operator who wears the actor's session, if it is so.
    pub impersonator: Option<UserId>,
    /// Through which client.
    pub client: Option<ClientId>,
    /// The clients that act for one another, if they do; kept among the details.
    pub actors: Vec<ClientId>,
    /// In which organization: whoever may read the record of that organization reads this entry.
    pub organization: Option<OrgId>,
    /// To whom or what: an id with its prefix.
    pub target: Option<String>,
    /// In which request.
    pub request_id: Option<Arc<str>>,
    /// From which address.
    pub ip: Option<IpAddr>,
    /// What else is worth knowing: a JSON object without secrets.
    pub details: Value,
}

impl AuditEntry {
    /// An act that was done.
    #[must_use]
    pub fn done(action: &'static str) -> Self {
        Self { action, outcome: "done", details: Value::Object(serde_json::Map::new()), ..Self::default() }
    }

    /// Who did it, with the client and the operator behind the session.
    #[must_use]
    pub fn by(mut self, caller: &Caller) -> Self {
        self.service = caller.service().cloned();
        self.actor = self.service.is_none().then(|| caller.user().id);
        self.impersonator = caller.principal().presence().and_then(|presence| presence.impersonator);
        self.client = Some(caller.client().id.clone());
        self.actors = caller.actors().to_vec();
        self
    }

    /// In which organization: it is on that organization's record, too.
    #[must_use]
    pub fn within(mut self, organization: impl Into<Option<OrgId>>) -> Self {
        self.organization = organization.into();
        self
    }

    /// That it was refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = "refused";
        self
    }

    /// In which request, from where.
    #[must_use]
    pub fn during(mut self, info: &RequestInfo) -> Self {
        self.request_id = Some(Arc::clone(&info.id));
        self.ip = Some(info.ip);
        self
    }

    /// To whom or what.
    #[must_use]
    pub fn to(mut self, target: impl ToString) -> Self {
        self.target = Some(target.to_string());
        self
    }

    /// What else is worth knowing: a JSON object without secrets.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// The record of acts: appended in the transaction of the act, never changed.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Puts an act on record.
    ///
    /// # Errors
    /// When the database does not answer; then the act must not happen either.
    async fn record(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<()>;

    /// What is on record, acts and decisions alike, in the order of their moments. What this process has decided up to now
    /// is among it. Whether whoever asks may read it is for the one who calls to know. However little a wish matches, no more
    /// than a certain part of the record is read at once: the page says where to go on.
    ///
    /// # Errors
    /// When the database does not answer. The default is for stand-ins in tests and always fails.
    async fn list(&self, _wanted: &AuditFilter, _stretch: Stretch) -> Result<AuditPage> {
        Err(Failure::internal("there is no record here"))
    }
}
