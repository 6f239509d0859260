//! What one person can have.

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::LimitBucket;
use belgie_api::{OrgId, Result, Timestamp, UserId};

use super::Organizations;
use crate::actor::Actor;
use crate::model::refusal;
use crate::model::role::{OWNER, Roles};
use crate::store;

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Organizations {
    /// Whether a person, who is held, can become an owner once more. What the host does is not refused.
    ///
    /// # Errors
    /// 409 when the person owns as many organizations as one may.
    pub(super) async fn room_to_own(&self, tx: &mut Tx, actor: &Actor, user: UserId) -> Result<()> {
        let limit = self.settings.maximum_organizations_per_user;
        let is_limited = actor.user_id().is_some();
        if is_limited && store::members::count_owned(tx, user).await? >= i64::from(limit) {
            return Err(refusal::too_many(limit));
        }
        Ok(())
    }

    /// As [`room_to_own`](Self::room_to_own), where roles are given: only those of an owner count.
    ///
    /// # Errors
    /// As [`room_to_own`](Self::room_to_own).
    pub(super) async fn room_for(&self, tx: &mut Tx, actor: &Actor, user: UserId, roles: &Roles) -> Result<()> {
        if roles.contains(OWNER) { self.room_to_own(tx, actor, user).await } else { Ok(()) }
    }

    /// Counts that a person names a slug, at every door that says whether it is taken: nobody goes through a list of names. What the
    /// host does is not counted.
    ///
    /// # Errors
    /// 429 when they named too many in a minute.
    pub(super) async fn limit_slugs(&self, actor: &Actor) -> Result<()> {
        let Some(user) = actor.user_id() else { return Ok(()) };
        self.host.limits().take(LimitBucket::Manage, &user.to_string()).await
    }

    /// Takes a slug for an organization, for good. One it had before is its own, and costs nothing.
    ///
    /// # Errors
    /// 409 when another organization has it or had it, or whoever acts, who is held, took too many in a day.
    pub(super) async fn take_slug(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        slug: &str,
        id: OrgId,
        now: Timestamp,
    ) -> Result<()> {
        let taken_by = actor.user_id();
        if let Some(user) = taken_by
            && store::slugs::find(tx, slug).await?.is_none()
        {
            let limit = self.settings.maximum_new_slugs_per_user_per_day;
            if store::slugs::count_taken(tx, user, now.minus(DAY)).await? >= i64::from(limit) {
                return Err(refusal::too_many_slugs(limit));
            }
        }
        if store::slugs::reserve(tx, slug, id, taken_by, now).await? { Ok(()) } else { Err(refusal::slug_taken()) }
    }
}
