//! What acts for people by their leave, as operators see it and cut it off.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::db::{Conn, Tx};
use crate::failure::Result;
use crate::id::{OrgId, TeamId, UserId};
use crate::principal::GrantBinding;
use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// An agent, or a token, that acts for a person by the person's leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its id with a prefix, such as `gra_...`.
    pub id: String,
    /// What it calls itself: its own claim.
    pub name: String,
    /// The host that is known to answer for it, if there is one.
    pub host: Option<String>,
    /// Whether the person made it as a token for a program of theirs; agents are let in.
    pub is_token: bool,
    /// What it may do.
    pub scopes: ScopeSet,
    /// When it was let in or made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself, where that says something: an agent moves its end with each refresh.
    pub expires_at: Option<Timestamp>,
}

/// Knows what acts for people. A plugin that lets anything do so adds one with
/// [`Mount::connections`](crate::Mount::connections), and operators see it on the page of the person.
#[async_trait]
pub trait Connections: Send + Sync {
    /// What acts for a person now, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn list(&self, conn: &mut Conn, user: UserId) -> Result<Vec<Connection>>;

    /// Ends one of this person's, with an event that ends whatever runs for it, in the transaction of whoever asks, who puts
    /// it on record; `false` when this person has none of this id here, or it has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn end(&self, tx: &mut Tx, user: UserId, id: &str) -> Result<bool>;
}

/// What acts for a person in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationConnection {
    /// The agent or token.
    pub connection: Connection,
    /// Whose it is.
    pub user: UserId,
    /// What it was bound to, and for which stays. Whether those still last, whoever keeps organizations knows.
    pub binding: GrantBinding,
}

/// A tool that was used through a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolUse {
    /// Its name.
    pub name: String,
    /// Who called it for whom, by name: whoever called it first, and the agent itself last. Empty where the agent called it itself.
    pub by: Vec<String>,
    /// How often, among the calls that were looked at.
    pub calls: usize,
    /// When last.
    pub last: Timestamp,
}

/// What is to be left of a connection. What it does not have it does not get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Less {
    /// These of its scopes; `None` for all of them.
    pub scopes: Option<ScopeSet>,
    /// These of its person's teams; `None` for all it acts for.
    pub teams: Option<BTreeSet<TeamId>>,
}

/// How a connection is made to do less: found out before the transaction in which it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing {
    /// What it may do at most from then on.
    pub scopes: ScopeSet,
    /// For whom it acted when that was found out. If it acts for others by then, nothing is done.
    pub known: GrantBinding,
    /// For whom it acts from then on; `None` when that stays.
    pub binding: Option<GrantBinding>,
}

/// What has become of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Narrowed {
    /// What it may do.
    pub scopes: ScopeSet,
    /// What it may do no more.
    pub removed: ScopeSet,
    /// For which teams it acts; none for all of its person's.
    pub teams: BTreeSet<TeamId>,
}

/// Knows what acts for people in organizations: whoever runs an organization sees it and cuts it off. What acts for a person
/// alone is none of an organization's business and is never among it.
#[async_trait]
pub trait OrganizationConnections: Send + Sync {
    /// What acts in an organization now, the newest first: `limit` of them, after the first `offset`.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn list_in(
        &self,
        conn: &mut Conn,
        organization: OrgId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<OrganizationConnection>>;

    /// One of them; `None` when it acts in another organization, in none, or no more.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn find_in(&self, conn: &mut Conn, organization: OrgId, id: &str) -> Result<Option<OrganizationConnection>>;

    /// Ends one of them, with an event that ends whatever runs for it, in the transaction of whoever asks, who puts it on
    /// record; `false` when there is none of this id in this organization, or it has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn end_in(&self, tx: &mut Tx, organization: OrgId, id: &str) -> Result<bool>;

    /// The tools that were used lately through one of them, the last first; none for one that is not among them.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn tools_used_in(&self, organization: OrgId, id: &str) -> Result<Vec<ToolUse>>;

    /// How one of them would be made to do less; `None` when there is none of this id in this organization.
    ///
    /// # Errors
    /// 400 when nothing would be left of it, or when it cannot be found out.
    async fn plan_less_in(&self, organization: OrgId, id: &str, less: &Less) -> Result<Option<Narrowing>>;

    /// Lets one of them do less, with an event that ends whatever runs for it, in the transaction of whoever asks, who puts it on
    /// record. What its person allowed the same client in this organization without being asked again is asked again. `None` when
    /// there is none of this id in this organization, or it has ended.
    ///
    /// # Errors
    /// 400 when nothing would be left of it; 409 when it acts for other teams than it did.
    async fn narrow_in(&self, tx: &mut Tx, organization: OrgId, id: &str, plan: &Narrowing)
    -> Result<Option<Narrowed>>;

    /// Ends everything that is for the endpoint of an organization under a slug that it gives up, agents of people and of
    /// services alike, in the transaction that gives it up: the organization may take the slug back before anybody has heard of
    /// it, and what was for the old address does not come back with it.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn end_at(&self, tx: &mut Tx, organization: OrgId, slug: &str) -> Result<()>;
}

/// Whoever keeps OAuth clients of organizations [provides](crate::Mount::provide) this: where people manage them.
pub struct ClientsOfOrganizations {
    /// The path of the page; the id of the organization stands in the parameter `organization`.
    pub page: &'static str,
}

/// Whoever knows them, as [`Mount::organization_connections`](crate::Mount::organization_connections) provides it.
pub struct InOrganizations(pub Arc<dyn OrganizationConnections>);
