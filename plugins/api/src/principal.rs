//! Who it is: the outcome of authentication, before any context is known.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::context::{ClientContext, ServiceContext, UserContext};
use crate::event::Event;
use crate::id::{ClientId, GrantId, MembershipId, OrgId, SessionId, TeamId, TokenId, UserId};
use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// For whom a grant lets act, as the person chose it. What the person is there now, the database says at each look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantBinding {
    /// The organization; `None` for the person alone.
    pub organization: Option<OrgId>,
    /// Teams of that organization; none named, and every team the person is in counts, now and later.
    pub teams: BTreeSet<TeamId>,
    /// The stays in the organization and in those teams that it was made for. Whoever has left since and come back is there
    /// on another one, for which it does not let act.
    #[serde(default)]
    pub memberships: BTreeSet<MembershipId>,
}

impl GrantBinding {
    /// Whether a team counts.
    #[must_use]
    pub fn includes_team(&self, team: TeamId) -> bool {
        self.teams.is_empty() || self.teams.contains(&team)
    }

    /// Whether it was made for this stay. Where one is not told from another (`None`), any will do.
    #[must_use]
    pub fn is_of(&self, membership: Option<MembershipId>) -> bool {
        membership.is_none_or(|membership| self.memberships.contains(&membership))
    }
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A person's, who let act by it.
    Person(UserId),
    /// A program's with no person behind it: a service of the organization the token is bound to, or a client that acts for
    /// itself.
    Service(ServiceContext),
}

/// What a token verifier knows about a token that is genuine, unexpired and unrevoked. It is not yet a [`Principal`]:
/// the host still checks the audience and looks the person up.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// Whose token it is.
    pub holder: Holder,
    /// Who was given it.
    pub client: ClientContext,
    /// Who acts in it for whom, when it was given for another token; see [`Principal::actors`].
    pub actors: Vec<ClientId>,
    /// The grant it came from; that of a service comes from none.
    pub grant: Option<GrantId>,
    /// The token's row.
    pub token: TokenId,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The resources it may be used at: absolute URIs (RFC 8707 section 2).
    pub audience: Vec<String>,
    /// For whom it lets act.
    pub binding: GrantBinding,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The SHA-256 thumbprint (RFC 7638) of the key whose holder alone may use it (RFC 9449); `None` when whoever has it may.
    pub key: Option<String>,
}

/// How a person behind a browser session proved to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// When the person last proved it.
    pub authenticated_at: Timestamp,
    /// How: `password`, `link`, `code`, `setup`, `impersonation`, or the id of a provider.
    pub method: String,
    /// The operator who wears this session instead of the person, if it is so.
    pub impersonator: Option<UserId>,
}

/// An authenticated party. Only the host's authentication can make one.
#[derive(Clone, Debug)]
pub struct Principal {
    pub(crate) user: UserContext,
    pub(crate) service: Option<ServiceContext>,
    pub(crate) client: ClientContext,
    pub(crate) actors: Vec<ClientId>,
    pub(crate) session: Option<SessionId>,
    pub(crate) presence: Option<Presence>,
    pub(crate) grant: Option<GrantId>,
    pub(crate) token: Option<TokenId>,
    pub(crate) scopes: ScopeSet,
    pub(crate) binding: GrantBinding,
    pub(crate) expires_at: Timestamp,
}

impl Principal {
    /// The person, or what stands for a service.
    #[must_use]
    pub fn user(&self) -> &UserContext {
        &self.user
    }

    /// The service, when no person is behind the credential.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceContext> {
        self.service.as_ref()
    }

    /// The program that calls on the person's behalf.
    #[must_use]
    pub fn client(&self) -> &ClientContext {
        &self.client
    }

    /// The clients that act for one another, when the credential was given for another one (RFC 8693 section 4.1): the client
    /// itself first, and last the one the person let in. Empty for every other credential.
    #[must_use]
    pub fn actors(&self) -> &[ClientId] {
        &self.actors
    }

    /// The browser session, when that is the credential.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// How the person proved to be there, when a browser session is the credential.
    #[must_use]
    pub fn presence(&self) -> Option<&Presence> {
        self.presence.as_ref()
    }

    /// The grant behind the token, when a token is the credential.
    #[must_use]
    pub fn grant(&self) -> Option<GrantId> {
        self.grant
    }

    /// The token's row, when a token is the credential.
    #[must_use]
    pub fn token(&self) -> Option<TokenId> {
        self.token
    }

    /// What the credential may be used for.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// For whom the credential lets act.
    #[must_use]
    pub fn binding(&self) -> &GrantBinding {
        &self.binding
    }

    /// When the credential ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// `cookie`, `bearer` or `service`, for the log.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (&self.session, &self.service) {
            (Some(_), _) => "cookie",
            (None, Some(_)) => "service",
            (None, None) => "bearer",
        }
    }

    /// Whether after this event the principal must be established anew.
    #[must_use]
    pub fn is_touched_by(&self, event: &Event) -> bool {
        match event {
            Event::UserDeleted { user } | Event::UserBanned { user } | Event::UserChanged { user } => {
                self.user.id == *user
            }
            Event::SessionRevoked { session } => self.session == Some(*session),
            // A service has one token of its own, which goes by the same digits; what acts as it ends with it.
            Event::TokenRevoked { token } => {
                self.token == Some(*token)
                    || self.service.as_ref().is_some_and(|service| service.id.uuid() == token.uuid())
            }
            Event::GrantRevoked { grant } | Event::GrantNarrowed { grant } => self.grant == Some(*grant),
            Event::ClientDeleted { client } => self.client.id == *client,
            Event::MembershipChanged { organization, user } => {
                self.user.id == *user && self.binding.organization == Some(*organization)
            }
            Event::OrganizationChanged { organization } => self.binding.organization == Some(*organization),
            Event::SubscriptionChanged { subject } => subject.is_behind(self),
            Event::UserCreated { .. }
            | Event::UserSignedIn { .. }
            | Event::SessionConfirmed { .. }
            | Event::ProviderLinked { .. }
            | Event::ProviderUnlinked { .. }
            | Event::SigningKeysChanged
            | Event::QuotaReached { .. } => false,
            Event::NewsMissed => true,
        }
    }
}
