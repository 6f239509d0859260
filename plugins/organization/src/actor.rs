//! Who acts.

use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, OrgId, Result, ServiceId, SessionId, TeamId, UserId};

use crate::model::member::Powers;
use crate::model::refusal;

/// Who acts on organizations: a person, with what their roles allow; an agent of a person, which reaches the organization it
/// acts for and no other; or the host itself, which may do everything.
#[derive(Clone, Debug)]
pub struct Actor {
    who: Who,
    info: Option<RequestInfo>,
    is_present: bool,
}

#[derive(Clone, Debug)]
enum Who {
    Person(Caller),
    Agent(Caller),
    User(UserId),
    Host,
}

impl Actor {
    /// Whoever calls: a person in the session of a browser, else an [agent](Self::agent). Owners the person makes or removes only
    /// where they are [present](Self::present).
    #[must_use]
    pub fn caller(caller: &Caller) -> Self {
        match caller.session() {
            Some(_) => Self::of(Who::Person(caller.clone())),
            None => Self::agent(caller),
        }
    }

    /// A tool that is called, whatever the credential. It reaches the organization the call is made for and no other, and
    /// does nothing that is left to people: making organizations, accepting and declining invitations, leaving, handing an
    /// organization on, deleting it, and whatever touches an owner.
    #[must_use]
    pub fn agent(caller: &Caller) -> Self {
        Self::of(Who::Agent(caller.clone()))
    }

    /// A person for whom the application answers.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self::of(Who::User(user))
    }

    /// The application itself, or the operator at the command line: no role is asked for.
    #[must_use]
    pub fn host() -> Self {
        Self::of(Who::Host)
    }

    const fn of(who: Who) -> Self {
        Self { who, info: None, is_present: false }
    }

    /// In which request, for the record.
    #[must_use]
    pub fn during(mut self, info: &RequestInfo) -> Self {
        self.info = Some(info.clone());
        self
    }

    /// Whether the person proved a moment ago to be there, as [`Visitor::is_fresh`](belgie_api::web::Visitor::is_fresh) says.
    #[must_use]
    pub fn present(mut self, is_fresh: bool) -> Self {
        self.is_present = is_fresh;
        self
    }

    /// The person, if it is one.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        match &self.who {
            Who::Person(caller) | Who::Agent(caller) => Some(caller.user().id),
            Who::User(user) => Some(*user),
            Who::Host => None,
        }
    }

    /// The person, for what only people do.
    ///
    /// # Errors
    /// 403 for an agent, 400 for the host.
    pub fn person(&self) -> Result<UserId> {
        self.must_be_no_agent()?;
        self.user_id().ok_or_else(refusal::person_needed)
    }

    /// The person, for what decides where they belong: an operator who wears their session does not.
    ///
    /// # Errors
    /// As [`person`](Self::person), and 403 in a worn session.
    pub fn oneself(&self) -> Result<UserId> {
        match &self.who {
            Who::Person(caller) if caller.is_worn() => Err(refusal::worn()),
            _ => self.person(),
        }
    }

    /// Refuses whoever makes or removes an owner and has not proven to be there: who owns an organization decides over all in it.
    /// The application and the operator answer for themselves.
    ///
    /// # Errors
    /// 403 in a session that is not fresh, in a worn one always, and for an agent.
    pub(crate) fn must_be_present(&self) -> Result<()> {
        match &self.who {
            Who::Person(caller) if caller.is_worn() => Err(refusal::worn()),
            Who::Person(_) if !self.is_present => Err(refusal::not_fresh()),
            Who::Agent(_) => Err(refusal::not_by_agents()),
            Who::Person(_) | Who::User(_) | Who::Host => Ok(()),
        }
    }

    /// Refuses agents.
    ///
    /// # Errors
    /// 403 for an agent.
    pub fn must_be_no_agent(&self) -> Result<()> {
        if self.is_agent() { Err(refusal::not_by_agents()) } else { Ok(()) }
    }

    /// Whether an agent acts.
    #[must_use]
    pub fn is_agent(&self) -> bool {
        matches!(self.who, Who::Agent(_))
    }

    /// The service that acts, when no person does.
    #[must_use]
    pub(crate) fn service(&self) -> Option<ServiceId> {
        match &self.who {
            Who::Person(caller) | Who::Agent(caller) => caller.service().map(|service| service.id),
            Who::User(_) | Who::Host => None,
        }
    }

    /// Whether this organization is within reach: for an agent only the one it acts for.
    #[must_use]
    pub(crate) fn reaches(&self, id: OrgId) -> bool {
        match &self.who {
            Who::Agent(caller) => caller.organization().is_some_and(|organization| organization.id == id),
            Who::Person(_) | Who::User(_) | Who::Host => true,
        }
    }

    /// Whether this team is within reach: for an agent whose person chose teams, only those, and of them only the ones it
    /// still acts for. A person who left one and came back has let it in for the stay before.
    #[must_use]
    pub fn reaches_team(&self, id: TeamId) -> bool {
        match &self.who {
            Who::Agent(caller) => {
                caller.principal().binding().teams.is_empty() || caller.teams().iter().any(|team| team.id == id)
            }
            Who::Person(_) | Who::User(_) | Who::Host => true,
        }
    }

    /// Whether an agent acts whose person chose teams.
    #[must_use]
    pub fn is_bound_to_teams(&self) -> bool {
        matches!(&self.who, Who::Agent(caller) if !caller.principal().binding().teams.is_empty())
    }

    /// Whether whoever acts, with these powers, may touch what `other` has, gets or loses. Asked while the organization is
    /// held.
    ///
    /// # Errors
    /// 403 when it is beyond the powers, or an agent would touch an owner.
    pub(crate) fn must_cover(&self, powers: &Powers, other: &Powers) -> Result<()> {
        if other.is_owner() {
            self.must_be_no_agent()?;
        }
        powers.must_cover(other)
    }

    /// The browser session the person acts in, if they act in one.
    #[must_use]
    pub(crate) fn session(&self) -> Option<SessionId> {
        match &self.who {
            Who::Person(caller) | Who::Agent(caller) => caller.session(),
            Who::User(_) | Who::Host => None,
        }
    }

    /// Puts the name under an entry of the record.
    #[must_use]
    pub fn sign(&self, entry: AuditEntry) -> AuditEntry {
        let entry = match &self.who {
            Who::Person(caller) | Who::Agent(caller) => entry.by(caller),
            Who::User(user) => AuditEntry { actor: Some(*user), ..entry },
            Who::Host => entry,
        };
        match &self.info {
            Some(info) => entry.during(info),
            None => entry,
        }
    }
}
