//! Who acts.

use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, SessionId, UserId};

/// Who acts on organizations: a person, with what their roles allow, or the host itself, which may do everything.
#[derive(Clone, Debug)]
pub struct Actor {
    who: Who,
    info: Option<RequestInfo>,
}

#[derive(Clone, Debug)]
enum Who {
    Caller(Caller),
    User(UserId),
    Host,
}

impl Actor {
    /// The person behind a call: a page, an endpoint or a tool.
    #[must_use]
    pub fn caller(caller: &Caller) -> Self {
        Self { who: Who::Caller(caller.clone()), info: None }
    }

    /// A person for whom the application answers.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self { who: Who::User(user), info: None }
    }

    /// The application itself, or the operator at the command line: no role is asked for.
    #[must_use]
    pub fn host() -> Self {
        Self { who: Who::Host, info: None }
    }

    /// In which request, for the record.
    #[must_use]
    pub fn during(mut self, info: &RequestInfo) -> Self {
        self.info = Some(info.clone());
        self
    }

    /// The person, if it is one.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        match &self.who {
            Who::Caller(caller) => Some(caller.user().id),
            Who::User(user) => Some(*user),
            Who::Host => None,
        }
    }

    /// The browser session the person acts in, if they act in one.
    #[must_use]
    pub(crate) fn session(&self) -> Option<SessionId> {
        match &self.who {
            Who::Caller(caller) => caller.session(),
            Who::User(_) | Who::Host => None,
        }
    }

    /// Puts the name under an entry of the record.
    #[must_use]
    pub(crate) fn sign(&self, entry: AuditEntry) -> AuditEntry {
        let entry = match &self.who {
            Who::Caller(caller) => entry.by(caller),
            Who::User(user) => AuditEntry { actor: Some(*user), ..entry },
            Who::Host => entry,
        };
        match &self.info {
            Some(info) => entry.during(info),
            None => entry,
        }
    }
}
