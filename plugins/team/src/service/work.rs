//! What every act begins and ends with.

use std::future::Future;

use belgie_api::db::{Conn, Tx};
use belgie_api::ports::AuditEntry;
use belgie_api::{Event, Failure, Result, TeamId, Timestamp, UserId};
use belgie_organization::{Actor, Attempt, OrganizationRecord, Powers};
use serde_json::{Value, json};

use super::Teams;
use crate::model::member::{InTeam, Need, TeamMember, TeamPowers};
use crate::model::refusal;
use crate::model::team::Team;
use crate::store;

/// An act under way: its transaction, with whoever acts and the organization held, and what they may do with the team.
pub(super) struct Work {
    pub(super) tx: Tx,
    pub(super) organization: OrganizationRecord,
    pub(super) team: Team,
    pub(super) powers: TeamPowers,
    pub(super) now: Timestamp,
}

/// An act on a team before it is known what comes of it, under the name it has on record when it is done.
pub(super) struct Tried {
    pub(super) action: &'static str,
    pub(super) details: Value,
}

/// Whoever is not in the organization learns of its teams what they learn of it: nothing.
pub(super) fn outside(failure: Failure) -> Failure {
    if failure.code() == "organization.unknown" { refusal::unknown() } else { failure }
}

impl Teams {
    /// Does something with a team, and puts on record when it is refused to somebody of its organization.
    pub(super) async fn attempt<T: Send>(
        &self,
        actor: &Actor,
        id: TeamId,
        tried: Tried,
        act: impl Future<Output = Result<T>> + Send + Unpin,
    ) -> Result<T> {
        match act.await {
            Ok(done) => Ok(done),
            Err(failure) => {
                if let Some(team) = self.find(id).await? {
                    let tried = Attempt::new(tried.action, team.organization_id, named(&team, tried.details)).to(id);
                    self.organizations()?.note_refusal(actor, tried, &failure).await?;
                }
                Err(failure)
            }
        }
    }

    /// Begins an act on a team. Whoever changes teams holds their organization, so that limits are counted and roles
    /// looked at while nobody changes them. Before anything is held, whoever acts is looked at, so that strangers can hold
    /// nothing; afterwards once more, since it may have changed.
    ///
    /// # Errors
    /// 404 when there is no such team within reach, 403 when their roles do not allow it.
    pub(super) async fn begin(&self, actor: &Actor, id: TeamId, need: Need) -> Result<Work> {
        let (before, _) = self.look(actor, id, need).await?;
        let organizations = self.organizations()?;
        let mut tx = self.host.db().begin().await?;
        organizations.hold_people(&mut tx, actor, &[]).await?;
        let held = organizations.hold(&mut tx, actor, before.organization_id, None).await;
        let (organization, in_organization) = held.map_err(outside)?;
        let team = store::teams::find(&mut tx, id).await?.ok_or_else(refusal::unknown)?;
        let powers = self.powers(&mut tx, actor, &in_organization, id).await?;
        must(&powers, need)?;
        Ok(Work { tx, organization, team, powers, now: self.host.now() })
    }

    /// A team, and what whoever acts may do with it, if they may do this. On a connection of its own that is given back at
    /// once.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) async fn look(&self, actor: &Actor, id: TeamId, need: Need) -> Result<(Team, TeamPowers)> {
        let organizations = self.organizations()?;
        let mut conn = self.host.db().read().await?;
        let found = store::teams::find(&mut conn, id).await?.filter(|_| actor.reaches_team(id));
        let team = found.ok_or_else(refusal::unknown)?;
        let admitted = organizations.admit(&mut conn, actor, team.organization_id, None).await;
        let powers = self.powers(&mut conn, actor, &admitted.map_err(outside)?, id).await?;
        must(&powers, need)?;
        Ok((team, powers))
    }

    /// What somebody with these powers in the organization may do with a team of it.
    pub(super) async fn powers(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        in_organization: &Powers,
        id: TeamId,
    ) -> Result<TeamPowers> {
        let member = match actor.user_id() {
            Some(user) => store::members::find(conn, id, user).await?,
            None => None,
        };
        Ok(TeamPowers::new(in_organization, member.map(|member| member.roles)))
    }

    /// Whether somebody is in the organization of a team, which is held.
    pub(super) async fn is_in_organization(&self, tx: &mut Tx, team: &Team, user: UserId) -> Result<bool> {
        match self.organizations()?.admit(tx, &Actor::user(user), team.organization_id, None).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.status().is_server_error() => Err(failure),
            Err(_) => Ok(false),
        }
    }

    /// Adds a member to a team whose organization is held, unless the team is full.
    ///
    /// # Errors
    /// 403 when it is full, or what a listener says.
    pub(super) async fn add_in(&self, tx: &mut Tx, place: InTeam<'_>, member: &TeamMember) -> Result<()> {
        let count = store::members::count(tx, place.team.id).await?;
        if let Some(limit) = self.settings.maximum_members_per_team.filter(|limit| count >= i64::from(*limit)) {
            return Err(refusal::full(limit));
        }
        store::members::insert(tx, member).await?;
        tx.emit(Event::MembershipChanged { organization: place.organization.id, user: member.user_id });
        for listener in self.listeners.all() {
            listener.after_member_add(tx, place, member).await?;
        }
        Ok(())
    }

    /// Removes a member from a team whose organization is held.
    ///
    /// # Errors
    /// 404 when the person is none, or what a listener says.
    pub(super) async fn remove_in(&self, tx: &mut Tx, place: InTeam<'_>, member: &TeamMember) -> Result<()> {
        if !store::members::delete(tx, place.team.id, member.user_id).await? {
            return Err(refusal::unknown_member());
        }
        tx.emit(Event::MembershipChanged { organization: place.organization.id, user: member.user_id });
        for listener in self.listeners.all() {
            listener.after_member_remove(tx, place, member).await?;
        }
        Ok(())
    }

    /// Puts an act on record.
    pub(super) async fn record(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        action: &'static str,
        team: &Team,
        details: Value,
    ) -> Result<()> {
        let details = named(team, details);
        let entry = actor.sign(AuditEntry::done(action).to(team.id).within(team.organization_id).with(details));
        self.host.audit().record(tx, &entry).await
    }
}

/// Details that say the organization, too.
fn named(team: &Team, mut details: Value) -> Value {
    if let Some(details) = details.as_object_mut() {
        details.insert("organization".to_owned(), json!(team.organization_id));
    }
    details
}

fn must(powers: &TeamPowers, need: Need) -> Result<()> {
    if powers.may(need) { Ok(()) } else { Err(refusal::forbidden()) }
}
