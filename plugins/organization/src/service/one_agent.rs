//! What acts for a member in an organization, closely: the tools it has used, and letting it do less.

use belgie_api::plugin::{Less, Narrowed, ToolUse};
use belgie_api::ports::Teams;
use belgie_api::{GrantId, OrgId, Result, TeamId};
use serde::Serialize;
use serde_json::json;

use super::Organizations;
use super::agents::{AgentInfo, shown};
use super::attempts::Attempt;
use super::work::Work;
use crate::actor::Actor;
use crate::model::{permission, refusal};

/// A team it can be taken from.
#[derive(Clone, Debug, Serialize)]
pub struct TeamChoice {
    /// The team.
    pub id: TeamId,
    /// What people call it.
    pub name: String,
}

/// An agent, or a token, closely.
#[derive(Clone, Debug, Serialize)]
pub struct AgentDetails {
    /// As the list shows it.
    pub agent: AgentInfo,
    /// The teams it acts for, all of its member's unless it is bound to some; none for whoever lacks `team:update`.
    pub teams: Vec<TeamChoice>,
    /// The tools it has used in this organization in thirty days, the last first.
    pub tools: Vec<ToolUse>,
}

impl Organizations {
    /// One of the agents and tokens that act for members in an organization, for whoever may cut it off. What the same program
    /// does for the member elsewhere is another agent.
    ///
    /// # Errors
    /// 404, or 403 without `agent:read` and `agent:revoke` or when the member may more than whoever looks.
    pub async fn agent(&self, actor: &Actor, id: OrgId, agent: &str) -> Result<AgentDetails> {
        self.must_allow(actor, id, permission::AGENT_READ).await?;
        let powers = self.look(actor, id, Some(permission::AGENT_REVOKE)).await?;
        let connections = self.connections().ok_or_else(refusal::unknown_agent)?;
        let found = connections.0.find_in(&mut self.host.db().read().await?, id, agent).await?;
        let found = found.ok_or_else(refusal::unknown_agent)?;
        self.must_cover_member(&mut self.host.db().read().await?, actor, id, &powers, found.user).await?;
        let member = self.member_of_agent(id, found.user).await?;
        let member = member.filter(|member| found.binding.is_of(member.stay)).ok_or_else(refusal::unknown_agent)?;
        // Which teams somebody is in is for whoever sees to teams; those it is bound to, the list of agents names.
        let teams = match self.host.provided::<Teams>().filter(|_| powers.may(permission::TEAM_UPDATE)) {
            Some(teams) => teams.list_for(found.user, id, &found.binding).await?,
            None => Vec::new(),
        };
        let named = self.teams_of_agent(id, &found).await?;
        Ok(AgentDetails {
            tools: connections.0.tools_used_in(id, agent).await?,
            teams: teams.into_iter().map(|team| TeamChoice { id: team.id, name: team.name }).collect(),
            agent: shown(found, &member, named, &powers),
        })
    }

    /// Lets an agent or a token of a member do less, from its next call on. What acts for somebody in another organization, or
    /// for them alone, is as unknown as what never was.
    ///
    /// # Errors
    /// 404, 403 without `agent:revoke`, without `team:update` for teams, or when the member may more than whoever acts, 400 when nothing would be left of it, 409
    /// when it was changed meanwhile.
    pub async fn narrow_agent(&self, actor: &Actor, id: OrgId, agent: &str, less: Less) -> Result<Narrowed> {
        let tried = Attempt::new("organization.agent_narrowed", id, json!({ "agent": agent.parse::<GrantId>().ok() }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let powers = self.look(actor, id, Some(permission::AGENT_REVOKE)).await?;
                // Whether somebody is in a team is for whoever sees to teams, so nobody else asks by trying.
                if less.teams.is_some() && !powers.may(permission::TEAM_UPDATE) {
                    return Err(refusal::forbidden());
                }
                let connections = self.connections().ok_or_else(refusal::unknown_agent)?;
                let found = connections.0.find_in(&mut self.host.db().read().await?, id, agent).await?;
                let user = found.ok_or_else(refusal::unknown_agent)?.user;
                self.must_cover_member(&mut self.host.db().read().await?, actor, id, &powers, user).await?;
                // Nobody waits for a second connection while they hold one, so it is found out before.
                let plan = connections.0.plan_less_in(id, agent, &less).await?.ok_or_else(refusal::unknown_agent)?;
                let work = self.begin(actor, id, &[], Some(permission::AGENT_REVOKE)).await?;
                let Work { mut tx, powers, now, .. } = work;
                let found = connections.0.find_in(&mut tx, id, agent).await?.ok_or_else(refusal::unknown_agent)?;
                self.must_cover_member(&mut tx, actor, id, &powers, found.user).await?;
                let narrowed = connections.0.narrow_in(&mut tx, id, agent, &plan).await?;
                let narrowed = narrowed.ok_or_else(refusal::unknown_agent)?;
                let details = json!({
                    "user": found.user, "agent": agent, "client": found.connection.name,
                    "scopes": narrowed.scopes, "removed": narrowed.removed, "teams": narrowed.teams,
                });
                self.record(&mut tx, actor, "organization.agent_narrowed", id, details).await?;
                tx.commit(now).await?;
                Ok(narrowed)
            }),
        )
        .await
    }
}
