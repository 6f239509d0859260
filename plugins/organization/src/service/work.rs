//! What every act begins and ends with.

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::context::UserContext;
use belgie_api::db::{Conn, Tx};
use belgie_api::ports::AuditEntry;
use belgie_api::{Event, InvitationId, MembershipId, OrgId, Result, Timestamp, UserId};
use serde_json::Value;

use super::Organizations;
use crate::actor::Actor;
use crate::model::member::{Member, Powers};
use crate::model::organization::Organization;
use crate::model::refusal;
use crate::model::role::{Role, Roles};
use crate::store;
use crate::store::members::Standing;

/// An act under way: its transaction, with the people and the organization held, and what whoever acts may do.
pub(super) struct Work {
    pub(super) tx: Tx,
    pub(super) organization: Organization,
    pub(super) powers: Powers,
    pub(super) now: Timestamp,
}

impl Organizations {
    /// Begins an act in an organization. `others`: people it brings in, who must have accounts. `permission`: what it asks
    /// for; `None` asks for membership alone. Before anything is held, whoever acts is looked at, so that strangers can
    /// neither hold nor learn anything; afterwards once more, since it may have changed.
    ///
    /// # Errors
    /// 404 when there is none that the person is in, 403 when their roles do not allow it.
    pub(super) async fn begin(
        &self,
        actor: &Actor,
        id: OrgId,
        others: &[UserId],
        permission: Option<&str>,
    ) -> Result<Work> {
        self.look(actor, id, permission).await?;
        // A service sees what its roles let it see; what is done here, a person answers for.
        if actor.service().is_some() {
            return Err(refusal::not_by_agents());
        }
        let mut tx = self.host.db().begin().await?;
        self.hold_people(&mut tx, actor, others).await?;
        let (organization, powers) = self.hold(&mut tx, actor, id, permission).await?;
        Ok(Work { tx, organization, powers, now: self.host.now() })
    }

    /// Holds an organization until the transaction ends, for whoever may do this in it: what other plugins do there, such as
    /// making a team, they do in a transaction that began with this. People, if any are held, are held before.
    ///
    /// # Errors
    /// 404 when there is none that the person is in, 403 when their roles do not allow it.
    pub async fn hold(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        id: OrgId,
        permission: Option<&str>,
    ) -> Result<(Organization, Powers)> {
        // What is done here, a person answers for.
        if actor.service().is_some() {
            return Err(refusal::not_by_agents());
        }
        let organization = store::organizations::lock(tx, id).await?.ok_or_else(refusal::unknown)?;
        let powers = self.admit(tx, actor, id, permission).await?;
        Ok((organization, powers))
    }

    /// What whoever acts may do in an organization, if they may do this. Outside a transaction that began with
    /// [`hold`](Self::hold) it may have changed by the time of the answer.
    ///
    /// # Errors
    /// 404 when there is none that the person is in or the agent acts for, 403 when their roles do not allow it.
    pub async fn admit(&self, conn: &mut Conn, actor: &Actor, id: OrgId, permission: Option<&str>) -> Result<Powers> {
        if !actor.reaches(id) {
            return Err(refusal::unknown());
        }
        let powers = match (actor.service(), actor.user_id()) {
            (Some(service), _) => {
                let found = self.powers_of_service(conn, id, service).await?;
                found.map(|(_, powers)| powers).ok_or_else(refusal::unknown)?
            }
            (None, Some(user)) => self.powers(conn, id, user).await?.ok_or_else(refusal::unknown)?,
            (None, None) => Powers { roles: [Role::owner()].into(), permissions: self.settings.matrix.all() },
        };
        if permission.is_some_and(|permission| !powers.may(permission)) {
            return Err(refusal::forbidden());
        }
        Ok(powers)
    }

    /// As [`admit`](Self::admit), on a connection of its own that is given back at once: nobody waits for a second one while
    /// they have a first.
    pub(super) async fn look(&self, actor: &Actor, id: OrgId, permission: Option<&str>) -> Result<Powers> {
        self.admit(&mut self.host.db().read().await?, actor, id, permission).await
    }

    /// Refuses whoever may not do this in an organization.
    ///
    /// # Errors
    /// 404 when there is none that the person is in, 403 when their roles do not allow it.
    pub(crate) async fn must_allow(&self, actor: &Actor, id: OrgId, permission: &str) -> Result<()> {
        self.look(actor, id, Some(permission)).await.map(drop)
    }

    /// What a person may do in an organization; `None` when they are not in it.
    pub(super) async fn powers(&self, conn: &mut Conn, id: OrgId, user: UserId) -> Result<Option<Powers>> {
        Ok(self.standing(conn, id, user).await?.map(|(_, powers)| powers))
    }

    /// A member, with what they may do.
    pub(super) async fn standing(&self, conn: &mut Conn, id: OrgId, user: UserId) -> Result<Option<(Member, Powers)>> {
        let rows = store::members::standing(conn, id, user).await?;
        let Some(joined_at) = rows.first().map(|row| row.joined_at) else { return Ok(None) };
        let powers = self.powers_from(rows);
        let member = Member { organization_id: id, user_id: user, roles: powers.roles.clone(), joined_at };
        Ok(Some((member, powers)))
    }

    pub(super) fn powers_from(&self, rows: Vec<Standing>) -> Powers {
        let mut powers = Powers { roles: Roles::new(), permissions: BTreeSet::new() };
        for Standing { role, permissions, .. } in rows {
            let own = || permissions.map(|list| list.0).unwrap_or_default();
            powers.permissions.extend(role.fixed_permissions(&self.settings.matrix).unwrap_or_else(own));
            powers.roles.insert(role);
        }
        powers
    }

    /// What roles allow together.
    ///
    /// # Errors
    /// 400 when the organization has no such role.
    pub(super) async fn powers_of_roles(&self, conn: &mut Conn, id: OrgId, roles: &Roles) -> Result<Powers> {
        let needs_own = roles.iter().any(|role| !role.is_built_in());
        let own = if needs_own { store::roles::list(conn, id).await? } else { Vec::new() };
        let mut own: BTreeMap<Role, BTreeSet<String>> =
            own.into_iter().map(|row| (row.name, row.permissions)).collect();
        let mut permissions = BTreeSet::new();
        for role in roles {
            let fixed = role.fixed_permissions(&self.settings.matrix);
            permissions.extend(fixed.or_else(|| own.remove(role)).ok_or_else(refusal::unknown_role)?);
        }
        Ok(Powers { roles: roles.clone(), permissions })
    }

    /// What roles that were given once allow together; one that is gone by now allows nothing.
    pub(super) async fn powers_left(&self, conn: &mut Conn, id: OrgId, roles: &Roles) -> Result<Powers> {
        let own = store::roles::list(conn, id).await?;
        let of = |role: &Role| match role.fixed_permissions(&self.settings.matrix) {
            Some(fixed) => fixed,
            None => own.iter().find(|row| row.name == *role).map(|row| row.permissions.clone()).unwrap_or_default(),
        };
        Ok(Powers { roles: roles.clone(), permissions: roles.iter().flat_map(of).collect() })
    }

    /// Holds whoever acts, in the session they act in, and others whom the act is about, and says who they are now. People
    /// are held in the order of their ids, so that two acts about the same two do not wait for each other.
    ///
    /// # Errors
    /// 403 when whoever acts is gone or a service, for which no person answers, 404 when another is.
    pub async fn hold_people(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        others: &[UserId],
    ) -> Result<BTreeMap<UserId, UserContext>> {
        if actor.service().is_some() {
            return Err(refusal::not_by_agents());
        }
        let ids: BTreeSet<UserId> = actor.user_id().into_iter().chain(others.iter().copied()).collect();
        let mut people = BTreeMap::new();
        for id in ids {
            match self.host.accounts().hold(tx, id).await? {
                Some(person) => drop(people.insert(id, person)),
                None if actor.user_id() == Some(id) => return Err(refusal::signed_out()),
                None => return Err(refusal::unknown_user()),
            }
        }
        if let (Some(session), Some(user)) = (actor.session(), actor.user_id())
            && !self.host.sessions().hold(tx, session, user).await?
        {
            return Err(refusal::signed_out());
        }
        Ok(people)
    }

    /// The stay of somebody who comes in.
    pub(super) fn new_stay(&self) -> MembershipId {
        MembershipId::new(self.host.clock(), self.host.entropy())
    }

    /// Adds a member to an organization that is held, unless it is full; the person must be held, too.
    ///
    /// # Errors
    /// 409 when it is full, or what a listener says.
    pub(super) async fn add_in(&self, tx: &mut Tx, organization: &Organization, member: &Member) -> Result<()> {
        let limit = self.settings.maximum_members_per_organization;
        if store::members::count(tx, organization.id).await? >= i64::from(limit) {
            return Err(refusal::full(limit));
        }
        if !store::members::insert(tx, member, self.new_stay()).await? {
            return Err(refusal::already_member());
        }
        store::departures::forget(tx, organization.id, member.user_id).await?;
        tx.emit(Event::MembershipChanged { organization: organization.id, user: member.user_id });
        for listener in self.listeners.all() {
            listener.after_member_add(tx, organization, member).await?;
        }
        Ok(())
    }

    /// Removes a member from an organization that is held, with what they had offered to others, which is told.
    ///
    /// # Errors
    /// What a listener says.
    pub(super) async fn remove_in(
        &self,
        tx: &mut Tx,
        organization: &Organization,
        member: &Member,
    ) -> Result<Vec<InvitationId>> {
        let (id, user, now) = (organization.id, member.user_id, self.host.now());
        if !store::members::delete(tx, id, user).await? {
            return Err(refusal::unknown_member());
        }
        store::departures::note(tx, id, user, now).await?;
        let ended = store::invitations::cancel_of_inviter(tx, id, user, now).await?;
        tx.emit(Event::MembershipChanged { organization: id, user });
        for listener in self.listeners.all() {
            listener.after_member_remove(tx, organization, member).await?;
        }
        Ok(ended)
    }

    /// Puts an act on record, on the organization's as well, in the transaction that does it. `details`: a JSON object, without
    /// secrets, and without names and addresses of people, which would outlive their accounts. Other plugins whose things
    /// are in organizations call it, too.
    ///
    /// # Errors
    /// When the database does not answer; then the act must not happen either.
    pub async fn record(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        action: &'static str,
        organization: OrgId,
        details: Value,
    ) -> Result<()> {
        let entry = actor.sign(AuditEntry::done(action).to(organization).within(organization).with(details));
        self.host.audit().record(tx, &entry).await
    }
}
