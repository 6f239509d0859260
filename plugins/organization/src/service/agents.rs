//! What acts for members in an organization: whoever runs it sees it and cuts it off.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use belgie_api::db::{Conn, Tx};
use belgie_api::plugin::{Connection, InOrganizations, OrganizationConnection};
use belgie_api::ports::{Teams, Use};
use belgie_api::{GrantId, MembershipId, OrgId, Result, ScopeSet, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;

use super::Organizations;
use super::attempts::Attempt;
use super::work::Work;
use crate::actor::Actor;
use crate::model::member::Powers;
use crate::model::role::Roles;
use crate::model::{permission, refusal};

/// How many agents one page of the list has.
const AGENTS_PAGE: u32 = 50;

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
    /// The address of the member's account; `None` for whoever lacks `member:read`.
    pub email: Option<String>,
    /// The name of the member; may be empty, and is for whoever lacks `member:read`.
    pub name: String,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The teams it is bound to and still acts for, by name; `None`, and every team of the member counts.
    pub teams: Option<Vec<String>>,
    /// When it was let in or made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// The member behind an agent.
pub(super) struct Behind {
    email: String,
    name: String,
    /// The stay they are on.
    pub(super) stay: Option<MembershipId>,
}

/// Fifty of them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AgentPage {
    /// The newest first. Fewer than fifty where some belong to people who are no members any more.
    pub agents: Vec<AgentInfo>,
    /// Whether there is another page.
    pub has_more: bool,
}

impl Organizations {
    pub(super) fn connections(&self) -> Option<Use<InOrganizations>> {
        self.host.provided()
    }

    /// Fifty agents and tokens that act for members in an organization, the newest first; `page` counts from 0. Whoever is no
    /// member any more has none, whatever is left of theirs.
    ///
    /// # Errors
    /// 404, or 403 without `agent:read`.
    pub async fn agents(&self, actor: &Actor, id: OrgId, page: u32) -> Result<AgentPage> {
        let powers = self.look(actor, id, Some(permission::AGENT_READ)).await?;
        let Some(connections) = self.connections() else { return Ok(AgentPage::default()) };
        let (limit, offset) = (i64::from(AGENTS_PAGE), i64::from(page) * i64::from(AGENTS_PAGE));
        let mut found = connections.0.list_in(&mut self.host.db().read().await?, id, limit + 1, offset).await?;
        let has_more = found.len() > AGENTS_PAGE as usize;
        found.truncate(AGENTS_PAGE as usize);
        let mut people: BTreeMap<UserId, Option<Behind>> = BTreeMap::new();
        let mut agents = Vec::with_capacity(found.len());
        for one in found {
            let person = match people.entry(one.user) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(self.member_of_agent(id, one.user).await?),
            };
            // What was let in on an earlier stay acts for nobody any more, and is about to end.
            if let Some(member) = person.as_ref().filter(|member| one.binding.is_of(member.stay)) {
                let teams = self.teams_of_agent(id, &one).await?;
                agents.push(shown(one, member, teams, &powers));
            }
        }
        Ok(AgentPage { agents, has_more })
    }

    /// Ends what is for the endpoint under a slug that the organization, which is held, gives up.
    pub(super) async fn end_at(&self, tx: &mut Tx, id: OrgId, slug: &str) -> Result<()> {
        match self.connections() {
            Some(connections) => connections.0.end_at(tx, id, slug).await,
            None => Ok(()),
        }
    }

    pub(super) async fn member_of_agent(&self, id: OrgId, user: UserId) -> Result<Option<Behind>> {
        let member = self.standing(&mut self.host.db().read().await?, id, user).await?;
        let Some((member, _)) = member else { return Ok(None) };
        let stay = self.find_member(user, id).await?.and_then(|member| member.membership);
        let info = self.describe(member).await?;
        Ok(Some(Behind { email: info.email, name: info.name, stay }))
    }

    /// The teams an agent acts for, of those it is bound to: one that the member has left counts for nothing, though they
    /// have come back, and neither does its name.
    pub(super) async fn teams_of_agent(&self, id: OrgId, one: &OrganizationConnection) -> Result<Option<Vec<String>>> {
        if one.binding.teams.is_empty() {
            return Ok(None);
        }
        let teams = match self.host.provided::<Teams>() {
            Some(teams) => teams.list_for(one.user, id, &one.binding).await?,
            None => Vec::new(),
        };
        Ok(Some(teams.into_iter().map(|team| team.name).collect()))
    }

    /// Cuts an agent or a token of a member off, with whatever runs for it. What acts for somebody in another organization,
    /// or for them alone, is as unknown as what never was.
    ///
    /// # Errors
    /// 404, or 403 without `agent:revoke` or when the member may more than whoever acts.
    pub async fn cut_agent(&self, actor: &Actor, id: OrgId, agent: &str) -> Result<()> {
        let tried = Attempt::new("organization.agent_cut", id, json!({ "agent": agent.parse::<GrantId>().ok() }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[], Some(permission::AGENT_REVOKE)).await?;
                let Work { mut tx, powers, now, .. } = work;
                let connections = self.connections().ok_or_else(refusal::unknown_agent)?;
                let found = connections.0.find_in(&mut tx, id, agent).await?.ok_or_else(refusal::unknown_agent)?;
                self.must_cover_member(&mut tx, actor, id, &powers, found.user).await?;
                if !connections.0.end_in(&mut tx, id, agent).await? {
                    return Err(refusal::unknown_agent());
                }
                let details = json!({ "user": found.user, "agent": agent, "client": found.connection.name });
                self.record(&mut tx, actor, "organization.agent_cut", id, details).await?;
                tx.commit(now).await
            }),
        )
        .await
    }

    /// Refuses whoever may not do what a member may, whose agents these are. Nobody asks it about their own.
    pub(super) async fn must_cover_member(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        id: OrgId,
        powers: &Powers,
        member: UserId,
    ) -> Result<()> {
        if actor.user_id() == Some(member) {
            return Ok(());
        }
        let theirs = self.powers(conn, id, member).await?;
        let nothing = || Powers { roles: Roles::new(), permissions: BTreeSet::new() };
        actor.must_cover(powers, &theirs.unwrap_or_else(nothing))
    }
}

/// An agent as whoever has these powers sees it: who is a member is for whoever may read members.
pub(super) fn shown(
    one: OrganizationConnection,
    member: &Behind,
    teams: Option<Vec<String>>,
    powers: &Powers,
) -> AgentInfo {
    let is_named = powers.may(permission::MEMBER_READ);
    let Connection { id, name: client_name, host, is_token, scopes, created_at, last_used_at, .. } = one.connection;
    AgentInfo {
        id,
        client_name,
        client_host: host,
        is_token,
        user_id: one.user,
        email: is_named.then(|| member.email.clone()),
        name: if is_named { member.name.clone() } else { String::new() },
        scopes,
        teams,
        created_at,
        last_used_at,
    }
}
