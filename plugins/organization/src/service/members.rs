//! Members: seen, added, changed, removed.

use belgie_api::{Event, InvitationId, OrgId, Result, UserId};
use serde::Serialize;
use serde_json::json;

use super::Organizations;
use super::attempts::Attempt;
use super::invitations::with_ended;
use super::work::Work;
use crate::actor::Actor;
use crate::model::member::{Member, keep_an_owner};
use crate::model::role::{OWNER, Roles};
use crate::model::{permission, refusal};
use crate::store;

/// How many members one page of the list has.
pub const PAGE: u32 = 50;

/// A member, with what others see of the person.
#[derive(Clone, Debug, Serialize)]
pub struct MemberInfo {
    /// The member.
    #[serde(flatten)]
    pub member: Member,
    /// The address of the account.
    pub email: String,
    /// The name of the person; may be empty.
    pub name: String,
}

impl Organizations {
    /// Fifty members, the longest there first; `page` counts from 0.
    ///
    /// # Errors
    /// 404, or 403 without `member:read`.
    pub async fn members(&self, actor: &Actor, id: OrgId, page: u32) -> Result<Vec<MemberInfo>> {
        let members = {
            let mut conn = self.host.db().read().await?;
            self.admit(&mut conn, actor, id, Some(permission::MEMBER_READ)).await?;
            store::members::list(&mut conn, id, i64::from(PAGE), i64::from(page) * i64::from(PAGE)).await?
        };
        let mut infos = Vec::with_capacity(members.len());
        for member in members {
            infos.push(self.describe(member).await?);
        }
        Ok(infos)
    }

    /// One member.
    ///
    /// # Errors
    /// 404 when there is none, or 403 without `member:read`.
    pub async fn member(&self, actor: &Actor, id: OrgId, user: UserId) -> Result<MemberInfo> {
        let found = {
            let mut conn = self.host.db().read().await?;
            self.admit(&mut conn, actor, id, Some(permission::MEMBER_READ)).await?;
            self.standing(&mut conn, id, user).await?
        };
        let (member, _) = found.ok_or_else(refusal::unknown_member)?;
        self.describe(member).await
    }

    pub(super) async fn describe(&self, member: Member) -> Result<MemberInfo> {
        let person = self.host.accounts().profile(member.user_id).await?.map(|profile| profile.user);
        let (email, name) = person.map(|user| (user.email, user.name)).unwrap_or_default();
        Ok(MemberInfo { member, email, name })
    }

    /// The member that an id of an account or an address stands for.
    ///
    /// # Errors
    /// 404 when there is none, or 403 without `member:read`.
    pub async fn member_named(&self, actor: &Actor, id: OrgId, named: &str) -> Result<UserId> {
        let tried = Attempt::new("organization.member_sought", id, json!({}));
        self.attempt(actor, tried, Box::pin(self.look(actor, id, Some(permission::MEMBER_READ)))).await?;
        let named = named.trim();
        let user = match named.parse() {
            Ok(user) => Some(user),
            Err(_) => self.host.accounts().find_by_email(named).await?.map(|user| user.id),
        };
        let user = user.ok_or_else(refusal::unknown_member)?;
        let mut conn = self.host.db().read().await?;
        self.standing(&mut conn, id, user).await?.map(|_| user).ok_or_else(refusal::unknown_member)
    }

    /// Adds somebody directly, without asking them: for the application and the operator, who know why. People invite.
    /// Somebody who is a member stays as they are, and is given back.
    ///
    /// # Errors
    /// 404, 403 without `member:add` or when the roles allow more than whoever acts may, 409 when the organization is full or
    /// the person would own too many.
    pub async fn add_member(&self, actor: &Actor, id: OrgId, user: UserId, roles: &Roles) -> Result<Member> {
        let tried = Attempt::new("organization.member_added", id, json!({ "user": user })).with_roles(roles);
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[user], Some(permission::MEMBER_ADD)).await?;
                let Work { mut tx, organization, powers, now } = work;
                actor.must_cover(&powers, &self.powers_of_roles(&mut tx, id, roles).await?)?;
                if let Some((member, _)) = self.standing(&mut tx, id, user).await? {
                    return Ok(member);
                }
                self.room_for(&mut tx, actor, user, roles).await?;
                let member = Member { organization_id: id, user_id: user, roles: roles.clone(), joined_at: now };
                self.add_in(&mut tx, &organization, &member).await?;
                let details = json!({ "user": user, "roles": roles });
                self.record(&mut tx, actor, "organization.member_added", id, details).await?;
                tx.commit(now).await?;
                Ok(member)
            }),
        )
        .await
    }

    /// Removes a member.
    ///
    /// # Errors
    /// 404, 403 without `member:remove`, when the member may more than whoever acts, or for an owner when whoever acts is not
    /// present, 409 for the last owner.
    pub async fn remove_member(&self, actor: &Actor, id: OrgId, user: UserId) -> Result<()> {
        let tried = Attempt::new("organization.member_removed", id, json!({ "user": user }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[], Some(permission::MEMBER_REMOVE)).await?;
                let Work { mut tx, organization, powers, now } = work;
                let (member, theirs) = self.standing(&mut tx, id, user).await?.ok_or_else(refusal::unknown_member)?;
                actor.must_cover(&powers, &theirs)?;
                if theirs.is_owner() {
                    actor.must_be_present()?;
                }
                keep_an_owner(&member.roles, &Roles::new(), store::members::count_owners(&mut tx, id).await?)?;
                let ended = self.remove_in(&mut tx, &organization, &member).await?;
                let details = with_ended(json!({ "user": user }), &ended);
                self.record(&mut tx, actor, "organization.member_removed", id, details).await?;
                tx.commit(now).await
            }),
        )
        .await
    }

    /// Gives a member these roles and no others.
    ///
    /// # Errors
    /// 404, 403 without `member:update`, when the roles before or after allow more than whoever acts may, or when an owner is made or
    /// unmade by somebody who is not present, 409 for the last
    /// owner and when the member would own too many, 400 when the organization has no such role.
    pub async fn set_roles(&self, actor: &Actor, id: OrgId, user: UserId, roles: &Roles) -> Result<Member> {
        let tried = Attempt::new("organization.roles_set", id, json!({ "user": user })).with_roles(roles);
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                // A new owner is held, so that the limit of what they own is kept.
                let held: &[UserId] = if roles.contains(OWNER) { &[user] } else { &[] };
                let work = self.begin(actor, id, held, Some(permission::MEMBER_UPDATE)).await?;
                let Work { mut tx, organization, powers, now } = work;
                let (before, theirs) = self.standing(&mut tx, id, user).await?.ok_or_else(refusal::unknown_member)?;
                actor.must_cover(&powers, &theirs)?;
                actor.must_cover(&powers, &self.powers_of_roles(&mut tx, id, roles).await?)?;
                if before.roles.contains(OWNER) != roles.contains(OWNER) {
                    actor.must_be_present()?;
                }
                keep_an_owner(&before.roles, roles, store::members::count_owners(&mut tx, id).await?)?;
                if before.roles == *roles {
                    return Ok(before);
                }
                if !before.roles.contains(OWNER) {
                    self.room_for(&mut tx, actor, user, roles).await?;
                }
                let (after, ended) = self.change_roles(&mut tx, &organization, before, roles).await?;
                let details = with_ended(json!({ "user": user, "roles": roles }), &ended);
                self.record(&mut tx, actor, "organization.roles_set", id, details).await?;
                tx.commit(now).await?;
                Ok(after)
            }),
        )
        .await
    }

    /// Gives a member other roles in an organization that is held. What they had offered to others and could not offer any
    /// more is taken back, which is told.
    pub(super) async fn change_roles(
        &self,
        tx: &mut belgie_api::db::Tx,
        organization: &crate::model::organization::Organization,
        before: Member,
        roles: &Roles,
    ) -> Result<(Member, Vec<InvitationId>)> {
        let (id, user) = (organization.id, before.user_id);
        store::members::set_roles(tx, id, user, roles, self.host.now()).await?;
        let ended = self.withdraw_uncovered(tx, id, user).await?;
        tx.emit(Event::MembershipChanged { organization: id, user });
        let after = Member { roles: roles.clone(), ..before.clone() };
        for listener in self.listeners.all() {
            listener.after_role_change(tx, organization, &after, &before.roles).await?;
        }
        Ok((after, ended))
    }
}
