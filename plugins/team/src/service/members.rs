//! Members of teams: seen, added, changed, removed.

use belgie_api::{Event, MembershipId, Result, TeamId, UserId};
use belgie_organization::{Actor, MEMBER, Roles};
use serde::Serialize;
use serde_json::{Value, json};

use super::Teams;
use super::work::{Tried, Work};
use crate::model::member::{InTeam, LEAD, Need, TeamMember};
use crate::model::refusal;
use crate::store;

/// How many members one page of the list has.
pub const PAGE: u32 = 50;

/// A member of a team, with what others see of the person.
#[derive(Clone, Debug, Serialize)]
pub struct TeamMemberInfo {
    /// The member.
    #[serde(flatten)]
    pub member: TeamMember,
    /// The address of the account.
    pub email: String,
    /// The name of the person; may be empty.
    pub name: String,
}

impl Teams {
    /// Fifty members, the longest there first; `page` counts from 0.
    ///
    /// # Errors
    /// 404, or 403 for who is neither in the team nor may change it.
    pub async fn members(&self, actor: &Actor, id: TeamId, page: u32) -> Result<Vec<TeamMemberInfo>> {
        self.look(actor, id, Need::Seeing).await?;
        let (limit, offset) = (i64::from(PAGE), i64::from(page) * i64::from(PAGE));
        let members = store::members::list(&mut self.host.db().read().await?, id, limit, offset).await?;
        let mut infos = Vec::with_capacity(members.len());
        for member in members {
            infos.push(self.describe(member).await?);
        }
        Ok(infos)
    }

    /// One member.
    ///
    /// # Errors
    /// As [`members`](Self::members), and 404 when the person is none.
    pub async fn member(&self, actor: &Actor, id: TeamId, user: UserId) -> Result<TeamMemberInfo> {
        self.look(actor, id, Need::Seeing).await?;
        let found = self.find_member(id, user).await?;
        self.describe(found.ok_or_else(refusal::unknown_member)?).await
    }

    /// What somebody is in a team, whoever asks; `None` when they are not in it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_member(&self, id: TeamId, user: UserId) -> Result<Option<TeamMember>> {
        store::members::find(&mut self.host.db().read().await?, id, user).await
    }

    /// The member of a team that an id of an account or an address stands for.
    ///
    /// # Errors
    /// As [`member`](Self::member).
    pub async fn member_named(&self, actor: &Actor, id: TeamId, named: &str) -> Result<UserId> {
        let tried = Tried { action: "team.member_sought", details: json!({}) };
        self.attempt(actor, id, tried, Box::pin(self.look(actor, id, Need::Seeing))).await?;
        let user = self.account_named(named).await?.ok_or_else(refusal::unknown_member)?;
        self.find_member(id, user).await?.map(|_| user).ok_or_else(refusal::unknown_member)
    }

    /// The account that an id or an address stands for, for whoever may say who is in the team.
    ///
    /// # Errors
    /// 404, 403 for who may not, 400 when it stands for none: the same as for one that is not in the organization.
    pub async fn candidate(&self, actor: &Actor, id: TeamId, named: &str) -> Result<UserId> {
        let tried = Tried { action: "team.member_added", details: json!({}) };
        self.attempt(actor, id, tried, Box::pin(self.look(actor, id, Need::Members))).await?;
        self.account_named(named).await?.ok_or_else(refusal::not_in_organization)
    }

    async fn account_named(&self, named: &str) -> Result<Option<UserId>> {
        match named.trim().parse() {
            Ok(user) => Ok(Some(user)),
            Err(_) => Ok(self.host.accounts().find_by_email(named.trim()).await?.map(|user| user.id)),
        }
    }

    async fn describe(&self, member: TeamMember) -> Result<TeamMemberInfo> {
        let person = self.host.accounts().profile(member.user_id).await?.map(|profile| profile.user);
        let (email, name) = person.map(|user| (user.email, user.name)).unwrap_or_default();
        Ok(TeamMemberInfo { member, email, name })
    }

    /// Somebody who comes into a team now.
    pub(super) fn new_member(&self, team: TeamId, user: UserId, roles: Roles) -> TeamMember {
        let membership_id = MembershipId::new(self.host.clock(), self.host.entropy());
        TeamMember { team_id: team, user_id: user, membership_id, roles, joined_at: self.host.now() }
    }

    /// Adds somebody of the organization. Who is in the team stays as they are, and is given back.
    ///
    /// # Errors
    /// 404, 403 for who neither leads the team nor has `team:update`, for a role a lead does not have, and when the team is
    /// full, 400 when the person is not in the organization.
    pub async fn add_member(&self, actor: &Actor, id: TeamId, user: UserId, roles: &Roles) -> Result<TeamMember> {
        let tried = Tried { action: "team.member_added", details: tried_roles(user, roles) };
        self.attempt(
            actor,
            id,
            tried,
            Box::pin(async {
                let Work { mut tx, organization, team, powers, now } = self.begin(actor, id, Need::Members).await?;
                powers.must_cover(roles)?;
                if !self.is_in_organization(&mut tx, &team, user).await? {
                    return Err(refusal::not_in_organization());
                }
                if let Some(member) = store::members::find(&mut tx, id, user).await? {
                    return Ok(member);
                }
                let member = self.new_member(id, user, roles.clone());
                self.add_in(&mut tx, InTeam { team: &team, organization: &organization }, &member).await?;
                let details = json!({ "user": user, "roles": roles });
                self.record(&mut tx, actor, "team.member_added", &team, details).await?;
                tx.commit(now).await?;
                Ok(member)
            }),
        )
        .await
    }

    /// Removes a member.
    ///
    /// # Errors
    /// 404, 403 for who neither leads the team nor has `team:update`, and when the member has a role a lead does not have.
    pub async fn remove_member(&self, actor: &Actor, id: TeamId, user: UserId) -> Result<()> {
        let tried = Tried { action: "team.member_removed", details: json!({ "user": user }) };
        self.attempt(
            actor,
            id,
            tried,
            Box::pin(async {
                let Work { mut tx, organization, team, powers, now } = self.begin(actor, id, Need::Members).await?;
                let member = store::members::find(&mut tx, id, user).await?.ok_or_else(refusal::unknown_member)?;
                powers.must_cover(&member.roles)?;
                self.remove_in(&mut tx, InTeam { team: &team, organization: &organization }, &member).await?;
                self.record(&mut tx, actor, "team.member_removed", &team, json!({ "user": user })).await?;
                tx.commit(now).await
            }),
        )
        .await
    }

    /// Gives a member these roles and no others.
    ///
    /// # Errors
    /// 404, 403 for who neither leads the team nor has `team:update`, and when a role before or after is one a lead does
    /// not have.
    pub async fn set_roles(&self, actor: &Actor, id: TeamId, user: UserId, roles: &Roles) -> Result<TeamMember> {
        let tried = Tried { action: "team.roles_set", details: tried_roles(user, roles) };
        self.attempt(
            actor,
            id,
            tried,
            Box::pin(async {
                let Work { mut tx, organization, team, powers, now } = self.begin(actor, id, Need::Members).await?;
                let before = store::members::find(&mut tx, id, user).await?.ok_or_else(refusal::unknown_member)?;
                powers.must_cover(&before.roles)?;
                powers.must_cover(roles)?;
                if before.roles == *roles {
                    return Ok(before);
                }
                store::members::set_roles(&mut tx, id, user, roles).await?;
                tx.emit(Event::MembershipChanged { organization: organization.id, user });
                let member = TeamMember { roles: roles.clone(), ..before.clone() };
                let place = InTeam { team: &team, organization: &organization };
                for listener in self.listeners.all() {
                    listener.after_role_change(&mut tx, place, &member, &before.roles).await?;
                }
                let details = json!({ "user": user, "roles": roles });
                self.record(&mut tx, actor, "team.roles_set", &team, details).await?;
                tx.commit(now).await?;
                Ok(member)
            }),
        )
        .await
    }

    /// Leaves a team.
    ///
    /// # Errors
    /// 404 for who is not in it, 403 for an agent.
    pub async fn leave(&self, actor: &Actor, id: TeamId) -> Result<()> {
        let tried = Tried { action: "team.left", details: json!({}) };
        self.attempt(
            actor,
            id,
            tried,
            Box::pin(async {
                let user = actor.oneself()?;
                let Work { mut tx, organization, team, now, .. } = self.begin(actor, id, Need::Organization).await?;
                let member = store::members::find(&mut tx, id, user).await?.ok_or_else(refusal::unknown_member)?;
                self.remove_in(&mut tx, InTeam { team: &team, organization: &organization }, &member).await?;
                self.record(&mut tx, actor, "team.left", &team, json!({ "user": user })).await?;
                tx.commit(now).await
            }),
        )
        .await
    }
}

/// What stands on record of roles that were not given: those every team has. Others may be any words, and are counted.
fn tried_roles(user: UserId, roles: &Roles) -> Value {
    let (known, others): (Roles, Roles) =
        roles.iter().cloned().partition(|role| [LEAD, MEMBER].contains(&role.as_str()));
    let mut details = json!({ "user": user, "roles": known });
    if let Some(details) = details.as_object_mut().filter(|_| !others.is_empty()) {
        details.insert("other_roles".to_owned(), json!(others.len()));
    }
    details
}
