//! What acts for people by their leave, as operators see it and cut it off.

use std::sync::Arc;

use async_trait::async_trait;

use crate::db::{Conn, Tx};
use crate::failure::Result;
use crate::id::{OrgId, UserId};
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
}

/// Whoever keeps OAuth clients of organizations [provides](crate::Mount::provide) this: where people manage them.
pub struct ClientsOfOrganizations {
    /// The path of the page; the id of the organization stands in the parameter `organization`.
    pub page: &'static str,
}

/// Whoever knows them, as [`Mount::organization_connections`](crate::Mount::organization_connections) provides it.
pub struct InOrganizations(pub Arc<dyn OrganizationConnections>);
