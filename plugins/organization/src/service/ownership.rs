//! Leaving, and handing an organization on.

use belgie_api::{OrgId, Result, UserId};
use serde_json::json;

use super::Organizations;
use super::attempts::Attempt;
use super::invitations::with_ended;
use super::work::Work;
use crate::actor::Actor;
use crate::model::member::keep_an_owner;
use crate::model::refusal;
use crate::model::role::{Role, Roles};
use crate::store;

impl Organizations {
    /// Leaves an organization.
    ///
    /// # Errors
    /// 404, 403 for an agent, or 409 for the last owner.
    pub async fn leave(&self, actor: &Actor, id: OrgId) -> Result<()> {
        let tried = Attempt::new("organization.left", id, json!({}));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let user = actor.oneself()?;
                let Work { mut tx, organization, now, .. } = self.begin(actor, id, &[], None).await?;
                let (member, _) = self.standing(&mut tx, id, user).await?.ok_or_else(refusal::unknown)?;
                keep_an_owner(&member.roles, &Roles::new(), store::members::count_owners(&mut tx, id).await?)?;
                let ended = self.remove_in(&mut tx, &organization, &member).await?;
                let details = with_ended(json!({ "user": user }), &ended);
                self.record(&mut tx, actor, "organization.left", id, details).await?;
                tx.commit(now).await
            }),
        )
        .await
    }

    /// Makes another member an owner and whoever acts, who must be one, an administrator.
    ///
    /// # Errors
    /// 404 when the other is no member, 403 when whoever acts is no owner, an agent or not present, 409 when both are the same or the
    /// other owns too many.
    pub async fn transfer_ownership(&self, actor: &Actor, id: OrgId, to: UserId) -> Result<()> {
        let tried = Attempt::new("organization.ownership_transferred", id, json!({ "to": to }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let from = actor.oneself()?;
                actor.must_be_present()?;
                let Work { mut tx, organization, powers, now } = self.begin(actor, id, &[to], None).await?;
                if !powers.is_owner() {
                    return Err(refusal::owners_only());
                }
                if from == to {
                    return Err(refusal::already_owner());
                }
                let (next, _) = self.standing(&mut tx, id, to).await?.ok_or_else(refusal::unknown_member)?;
                if !next.roles.contains(&Role::owner()) {
                    self.room_to_own(&mut tx, actor, to).await?;
                }
                let (last, _) = self.standing(&mut tx, id, from).await?.ok_or_else(refusal::unknown)?;
                let next_roles: Roles = next.roles.iter().cloned().chain([Role::owner()]).collect();
                let mut last_roles = last.roles.clone();
                last_roles.remove(&Role::owner());
                last_roles.insert(Role::admin());
                self.change_roles(&mut tx, &organization, next, &next_roles).await?;
                let (_, ended) = self.change_roles(&mut tx, &organization, last, &last_roles).await?;
                let details = with_ended(json!({ "from": from, "to": to }), &ended);
                self.record(&mut tx, actor, "organization.ownership_transferred", id, details).await?;
                tx.commit(now).await
            }),
        )
        .await
    }
}
