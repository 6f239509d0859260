//! What the rest of the host asks the authorization server about people.

use std::sync::Arc;

use belgie_api::db::{Conn, Tx};
use belgie_api::hooks::{Act, Veto};
use belgie_api::plugin::{
    Connection, Connections, DataExport, Less, Narrowed, Narrowing, OrganizationConnection, OrganizationConnections,
    Purpose, ToolUse,
};
use belgie_api::serde_json::{Value, json};
use belgie_api::{ClientId, GrantId, OrgId, Result, UserId, async_trait};
use url::form_urlencoded;

use super::OAuth;
use super::record::ended;
use crate::model::client::RegisteredClient;
use crate::model::consent::Consent;
use crate::model::grant::{Grant, GrantKind, RevokeReason, shown_name};
use crate::model::owned::Owner;
use crate::store;
use crate::store::addresses::OldAddress;

/// The authorization server as others know it.
pub struct People(pub Arc<OAuth>);

/// Agents that were let in by a stranger go with the stranger, and so do the stranger's clients; those of whoever goes go too. Codes that were not redeemed end with their sessions.
#[async_trait]
impl Veto for People {
    fn name(&self) -> &'static str {
        "oauth-server.grants"
    }

    async fn check(&self, tx: &mut Tx, act: Act<'_>) -> Result<()> {
        let user = match act {
            Act::Reclaim { user } => user,
            Act::Delete { user } => return self.0.delete_of_owner(tx, Owner::Person(user.id)).await,
            Act::DeleteOrganization { organization } => {
                return self.0.delete_of_owner(tx, Owner::Organization(organization)).await;
            }
            _ => return Ok(()),
        };
        self.0.delete_of_owner(tx, Owner::Person(user.id)).await?;
        let now = self.0.host.now();
        store::consents::delete_of_user(tx, user.id).await?;
        store::denials::forget_of_user(tx, user.id).await?;
        for grant in store::grants::list_ids(tx, user.id, now).await? {
            self.0.end_grant(tx, grant, RevokeReason::Reclaimed, ended(), now).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Connections for People {
    async fn list(&self, conn: &mut Conn, user: UserId) -> Result<Vec<Connection>> {
        let grants = store::grants::list_live(conn, user, self.0.host.now()).await?;
        Ok(grants.into_iter().map(connection).collect())
    }

    async fn end(&self, tx: &mut Tx, user: UserId, id: &str) -> Result<bool> {
        let Ok(grant) = id.parse::<GrantId>() else { return Ok(false) };
        if store::grants::find_of_user(tx, grant, user).await?.is_none() {
            return Ok(false);
        }
        self.0.end_grant(tx, grant, RevokeReason::Operator, ended(), self.0.host.now()).await
    }
}

#[async_trait]
impl OrganizationConnections for People {
    async fn list_in(
        &self,
        conn: &mut Conn,
        organization: OrgId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<OrganizationConnection>> {
        let grants = store::grants::list_in(conn, organization, self.0.host.now(), limit, offset).await?;
        Ok(grants.into_iter().map(in_organization).collect())
    }

    async fn find_in(&self, conn: &mut Conn, organization: OrgId, id: &str) -> Result<Option<OrganizationConnection>> {
        let Ok(grant) = id.parse::<GrantId>() else { return Ok(None) };
        let found = store::grants::find_in(conn, grant, organization, self.0.host.now()).await?;
        Ok(found.map(in_organization))
    }

    async fn end_in(&self, tx: &mut Tx, organization: OrgId, id: &str) -> Result<bool> {
        let (Ok(grant), now) = (id.parse::<GrantId>(), self.0.host.now()) else { return Ok(false) };
        if store::grants::find_in(tx, grant, organization, now).await?.is_none() {
            return Ok(false);
        }
        self.0.end_grant(tx, grant, RevokeReason::Organization, ended(), now).await
    }

    async fn tools_used_in(&self, organization: OrgId, id: &str) -> Result<Vec<ToolUse>> {
        match self.grant_in(organization, id).await? {
            Some(grant) => self.0.list_tools_used(&grant).await,
            None => Ok(Vec::new()),
        }
    }

    async fn plan_less_in(&self, organization: OrgId, id: &str, less: &Less) -> Result<Option<Narrowing>> {
        match self.grant_in(organization, id).await? {
            Some(grant) => self.0.plan_less(&grant, less).await.map(Some),
            None => Ok(None),
        }
    }

    async fn narrow_in(
        &self,
        tx: &mut Tx,
        organization: OrgId,
        id: &str,
        plan: &Narrowing,
    ) -> Result<Option<Narrowed>> {
        let Ok(grant) = id.parse::<GrantId>() else { return Ok(None) };
        self.0.narrow_within(tx, organization, grant, plan).await
    }

    async fn end_at(&self, tx: &mut Tx, organization: OrgId, slug: &str) -> Result<()> {
        self.0.end_address(tx, OldAddress { organization, slug }).await
    }
}

impl People {
    /// A grant in force that lets act for this organization.
    async fn grant_in(&self, organization: OrgId, id: &str) -> Result<Option<Grant>> {
        let Ok(grant) = id.parse::<GrantId>() else { return Ok(None) };
        let host = &self.0.host;
        store::grants::find_in(&mut host.db().read().await?, grant, organization, host.now()).await
    }
}

fn in_organization(grant: Grant) -> OrganizationConnection {
    let (user, binding) = (grant.user_id, grant.binding.clone().into());
    OrganizationConnection { connection: connection(grant), user, binding }
}

fn connection(grant: Grant) -> Connection {
    let is_token = grant.kind == GrantKind::Personal;
    Connection {
        id: grant.id.to_string(),
        name: shown_name(&grant).to_owned(),
        host: grant.client_host,
        is_token,
        scopes: grant.scopes,
        created_at: grant.created_at,
        last_used_at: grant.last_used_at,
        // An agent's end moves with every refresh and says nothing.
        expires_at: is_token.then_some(grant.expires_at),
    }
}

#[async_trait]
impl DataExport for People {
    fn id(&self) -> &'static str {
        "oauth-server"
    }

    async fn export(&self, user: UserId) -> Result<Value> {
        let grants = self.0.list_connections(user).await?;
        let consents = self.0.list_consents(user).await?;
        let clients = store::owned::list_of_person(&mut self.0.host.db().read().await?, user).await?;
        let connection = |grant: &Grant| {
            json!({
                "id": grant.id,
                "kind": grant.kind.as_str(),
                "client_id": grant.client_id,
                "client_name": grant.client_name,
                "scopes": grant.scopes,
                "resources": grant.resources,
                "organization": grant.binding.organization_id,
                "teams": grant.binding.team_ids,
                "created_at": grant.created_at,
                "last_used_at": grant.last_used_at,
                "expires_at": grant.expires_at,
            })
        };
        Ok(json!({
            "connections": grants.iter().map(connection).collect::<Vec<_>>(),
            "consents": consents.iter().map(Consent::describe).collect::<Vec<_>>(),
            "clients": clients.iter().map(RegisteredClient::describe).collect::<Vec<_>>(),
        }))
    }
}

#[async_trait]
impl Purpose for People {
    /// Only clients that are known already are named: a link to the sign-in page makes this host fetch nothing.
    async fn client_name(&self, path: &str) -> Option<String> {
        let query = path.strip_prefix("/authorize?")?;
        let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "client_id")?.1;
        let name = if id.starts_with("https://") || id.starts_with("http://") {
            self.0.known_document(&id)?.face.name
        } else {
            self.0.find_registered(&ClientId::from_wire(id.into_owned())).await.ok()??.into_client().face.name
        };
        Some(name).filter(|name| !name.is_empty())
    }
}
