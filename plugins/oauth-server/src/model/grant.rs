//! Grants and the tokens that came from them.

use std::collections::BTreeSet;

use belgie_api::plugin::ScopeHierarchy;
use belgie_api::{ClientId, GrantBinding, GrantId, MembershipId, OrgId, ScopeSet, TeamId, Timestamp, TokenId, UserId};
use serde_json::{Value, json};

use super::key::KeyAlgorithm;
use super::request::AuthorizationRequest;

/// What a person, or the operator for a person, allowed: the root of a token family.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who allowed it.
    pub user_id: UserId,
    /// For whom.
    #[sqlx(try_from = "String")]
    pub kind: GrantKind,
    /// The client it was given to; `personal` for a personal access token.
    pub client_id: ClientId,
    /// What the client called itself then.
    pub client_name: String,
    /// The host that published the client's metadata document then.
    pub client_host: Option<String>,
    /// Where the code was sent.
    pub redirect_host: Option<String>,
    /// What may be done.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// Where it may be done (RFC 8707).
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// For whom it lets act.
    #[sqlx(flatten)]
    pub binding: BindingColumns,
    /// When it was given.
    pub created_at: Timestamp,
    /// When a token of it was last seen, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When its last token ends; each refresh moves it.
    pub expires_at: Timestamp,
    /// When it ends whatever happens.
    pub ends_at: Timestamp,
    /// When the person proved to be there in the session in which they gave it, if that is known.
    pub signed_in_at: Option<Timestamp>,
    /// What its id tokens say.
    #[sqlx(flatten)]
    pub told: Told,
}

/// What the id tokens of a grant say besides, the later ones as the first one did.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct Told {
    /// What they are signed with; `None` when the grant brings none.
    pub id_token_algorithm: Option<String>,
    /// How the person proved to be there, if that is known.
    pub signed_in_by: Option<String>,
    /// What the client knows the browser session by in which it was given.
    pub sid: Option<String>,
    /// What the client knows the person by; `None` for the account's own id.
    pub subject: Option<String>,
}

impl Told {
    /// What id tokens are signed with; `None` when the grant brings none.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        self.id_token_algorithm.as_deref().and_then(KeyAlgorithm::named)
    }
}

/// The name of a client as people are shown it; one that gave none still needs something to point at.
pub fn shown_name(grant: &Grant) -> &str {
    if grant.client_name.is_empty() { "Unnamed agent" } else { &grant.client_name }
}

/// A [`GrantBinding`] as it is stored.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct BindingColumns {
    /// The organization.
    pub organization_id: Option<OrgId>,
    /// Teams of it; none for every team of the person.
    #[sqlx(json)]
    pub team_ids: BTreeSet<TeamId>,
    /// The stays in them it was made for.
    #[sqlx(json)]
    pub membership_ids: BTreeSet<MembershipId>,
}

/// The newest grant somebody gave a client, as far as it says whether they want it to be let in again.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LastGrant {
    /// What it allows.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// For whom.
    #[sqlx(flatten)]
    pub binding: BindingColumns,
    /// Why it was revoked, if it was.
    pub revoke_reason: Option<String>,
}

impl LastGrant {
    /// Whether its person need not be asked about this request, which goes no further than they let the client go: nobody has
    /// cut it off (it may have given its tokens back, or come to its end), and it was made to do no less.
    pub fn lets_in_again(&self, request: &AuthorizationRequest, hierarchy: &ScopeHierarchy) -> bool {
        let is_cut_off = self.revoke_reason.as_deref().is_some_and(|reason| reason != RevokeReason::Client.as_str());
        let is_there = self.binding.organization_id == request.binding.organization;
        // None named are all of the person's.
        let has_all_teams = self.binding.team_ids.is_empty() || self.binding.team_ids == request.binding.teams;
        !is_cut_off && hierarchy.closed(&self.scopes).covers(&request.scopes) && (!is_there || has_all_teams)
    }
}

impl From<GrantBinding> for BindingColumns {
    fn from(binding: GrantBinding) -> Self {
        Self { organization_id: binding.organization, team_ids: binding.teams, membership_ids: binding.memberships }
    }
}

impl From<BindingColumns> for GrantBinding {
    fn from(columns: BindingColumns) -> Self {
        Self { organization: columns.organization_id, teams: columns.team_ids, memberships: columns.membership_ids }
    }
}

/// For whom a grant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantKind {
    /// An OAuth client, through a consent.
    Agent,
    /// A script of the person, through a personal access token.
    Personal,
}

impl GrantKind {
    /// The kind as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Personal => "personal",
        }
    }
}

/// A kind this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("a grant is of a kind this version does not know")]
pub struct UnknownKind;

impl TryFrom<String> for GrantKind {
    type Error = UnknownKind;

    fn try_from(text: String) -> Result<Self, UnknownKind> {
        [Self::Agent, Self::Personal].into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// A grant that has just ended.
#[derive(Debug, sqlx::FromRow)]
pub struct EndedGrant {
    /// The grant.
    pub id: GrantId,
    /// Whose.
    pub user_id: UserId,
    /// To whom it was given.
    pub client_id: ClientId,
    /// For which organization it let act.
    pub organization_id: Option<OrgId>,
}

/// Why a grant ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeReason {
    /// The person disconnected the client.
    Person,
    /// The client gave it back (RFC 7009).
    Client,
    /// The operator revoked the token.
    Operator,
    /// Whoever runs the organization it let act for cut it off.
    Organization,
    /// A code came twice (OAuth 2.1 section 4.1.3).
    CodeReplayed,
    /// A refresh token came twice (OAuth 2.1 section 4.3.1).
    RefreshReused,
    /// The client was deleted.
    ClientDeleted,
    /// The account was somebody else's, who has come.
    Reclaimed,
    /// The person is no more in the organization it let act for, or the organization not at the address it was for.
    MembershipEnded,
}

impl RevokeReason {
    /// The reason as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Client => "client",
            Self::Operator => "operator",
            Self::Organization => "organization",
            Self::CodeReplayed => "code_replayed",
            Self::RefreshReused => "refresh_reused",
            Self::ClientDeleted => "client_deleted",
            Self::Reclaimed => "reclaimed",
            Self::MembershipEnded => "membership_ended",
        }
    }
}

/// An access or personal token and its grant, as far as a check needs them.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LiveToken {
    /// The token's row.
    pub id: TokenId,
    /// Its grant.
    pub grant_id: GrantId,
    /// Whose it is.
    pub user_id: UserId,
    /// Who was given it.
    pub client_id: ClientId,
    /// What the client called itself.
    pub client_name: String,
    /// Who acts in it for whom, the last one first, when it was given for another token.
    #[sqlx(skip)]
    pub actors: Vec<ClientId>,
    /// What it may be used for.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// Where it may be used.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// For whom it lets act.
    #[sqlx(flatten)]
    pub binding: BindingColumns,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When a token of the grant was last seen.
    pub last_used_at: Option<Timestamp>,
    /// What the client knows the person by; `None` for the account's own id.
    pub subject: Option<String>,
    /// The thumbprint of the key it is bound to, if it is.
    pub key_thumbprint: Option<String>,
}

impl LiveToken {
    /// The token as its person and the operator are told of it.
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.client_name,
            "scopes": self.scopes,
            "resource": self.resources.first(),
            "organization": self.binding.organization_id,
            "expires_at": self.expires_at,
            "last_used_at": self.last_used_at,
        })
    }
}
