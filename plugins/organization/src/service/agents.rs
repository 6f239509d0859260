//! What acts for members in an organization: whoever runs it sees it and cuts it off.

use std::collections::BTreeMap;

use belgie_api::plugin::{Connection, InOrganizations, OrganizationConnection};
use belgie_api::ports::{Teams, Use};
use belgie_api::{OrgId, Result, ScopeSet, TeamId, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;

use super::Organizations;
use super::work::Work;
use crate::actor::Actor;
use crate::model::member::Powers;
use crate::model::role::Roles;
use crate::model::{permission, refusal};

/// How many agents one page of the list has.
pub const AGENTS_PAGE: u32 = 50;

/// An agent, or a token, that acts for a member in an organization.
#[derive(Clone, Debug, Serialize)]
pub struct AgentInfo {
    /// Its id.
    pub id: String,
    /// What it calls itself: its own claim.
    pub client_name: String,
    /// The host that is known to answer for it, if there is one.
    pub client_host: Option<String>,
    /// Whether the member made it as a token for a program of theirs.
    pub is_token: bool,
    /// The member.
    pub user_id: UserId,
    /// The address of the member's account.
    pub email: String,
    /// The name of the member; may be empty.
    pub name: String,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The teams it is bound to, by name; none, and every team of the member counts.
    pub teams: Vec<String>,
    /// When it was let in or made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Organizations {
    fn connections(&self) -> Option<Use<InOrganizations>> {
        self.host.provided()
    }

    /// Fifty agents and tokens that act for members in an organization, the newest first; `page` counts from 0. Whoever is no
    /// member any more has none, whatever is left of theirs.
    ///
    /// # Errors
    /// 404, or 403 without `agent:read`.
    pub async fn agents(&self, actor: &Actor, id: OrgId, page: u32) -> Result<Vec<AgentInfo>> {
        self.look(actor, id, Some(permission::AGENT_READ)).await?;
        let Some(connections) = self.connections() else { return Ok(Vec::new()) };
        let (limit, offset) = (i64::from(AGENTS_PAGE), i64::from(page) * i64::from(AGENTS_PAGE));
        let found = connections.0.list_in(&mut self.host.db().read().await?, id, limit, offset).await?;
        let mut people: BTreeMap<UserId, Option<(String, String, Vec<(TeamId, String)>)>> = BTreeMap::new();
        let mut agents = Vec::with_capacity(found.len());
        for one in found {
            let person = match people.get(&one.user) {
                Some(known) => known.clone(),
                None => {
                    let known = self.member_of_agent(id, one.user).await?;
                    people.insert(one.user, known.clone());
                    known
                }
            };
            if let Some((email, name, teams)) = person {
                agents.push(shown(one, email, name, &teams));
            }
        }
        Ok(agents)
    }

    async fn member_of_agent(
        &self,
        id: OrgId,
        user: UserId,
    ) -> Result<Option<(String, String, Vec<(TeamId, String)>)>> {
        let member = self.standing(&mut self.host.db().read().await?, id, user).await?;
        let Some((member, _)) = member else { return Ok(None) };
        let info = self.describe(member).await?;
        let teams = match self.host.provided::<Teams>() {
            Some(teams) => teams.0.list_of_user(user, id).await?,
            None => Vec::new(),
        };
        Ok(Some((info.email, info.name, teams.into_iter().map(|team| (team.id, team.name)).collect())))
    }

    /// Cuts an agent or a token of a member off, with whatever runs for it. What acts for somebody in another organization,
    /// or for them alone, is as unknown as what never was.
    ///
    /// # Errors
    /// 404, or 403 without `agent:revoke` or when the member may more than whoever acts.
    pub async fn cut_agent(&self, actor: &Actor, id: OrgId, agent: &str) -> Result<()> {
        let work = self.begin(actor, id, &[], Some(permission::AGENT_REVOKE)).await?;
        let Work { mut tx, powers, now, .. } = work;
        let connections = self.connections().ok_or_else(refusal::unknown_agent)?;
        let found = connections.0.find_in(&mut tx, id, agent).await?.ok_or_else(refusal::unknown_agent)?;
        if actor.user_id() != Some(found.user) {
            let theirs = self.powers(&mut tx, id, found.user).await?;
            let nothing = || Powers { roles: Roles::new(), permissions: std::collections::BTreeSet::new() };
            actor.must_cover(&powers, &theirs.unwrap_or_else(nothing))?;
        }
        if !connections.0.end_in(&mut tx, id, agent).await? {
            return Err(refusal::unknown_agent());
        }
        let details = json!({ "user": found.user, "agent": agent, "client": found.connection.name });
        self.record(&mut tx, actor, "organization.agent_cut", id, details).await?;
        tx.commit(now).await
    }
}

fn shown(one: OrganizationConnection, email: String, name: String, teams: &[(TeamId, String)]) -> AgentInfo {
    let Connection { id, name: client_name, host, is_token, scopes, created_at, last_used_at, .. } = one.connection;
    let name_of = |team: &TeamId| teams.iter().find(|(known, _)| known == team).map(|(_, name)| name.clone());
    AgentInfo {
        id,
        client_name,
        client_host: host,
        is_token,
        user_id: one.user,
        email,
        name,
        scopes,
        // A team that the member has left counts for nothing, and neither does its name.
        teams: one.teams.iter().filter_map(name_of).collect(),
        created_at,
        last_used_at,
    }
}
