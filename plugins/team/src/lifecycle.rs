//! What applications and other plugins may do when something happens to a team.

use std::sync::{Arc, PoisonError, RwLock};

use belgie_api::db::Tx;
use belgie_api::{Result, async_trait};
use belgie_organization::Roles;

use crate::model::member::{InTeam, TeamMember};

/// Hears of everything that happens to teams, inside the transaction of the act and before its commit: what it writes
/// happens with the act or not at all, and an error undoes the act and is what the person sees. Whoever wants to hear of
/// it after the commit observes [`Event::MembershipChanged`](belgie_api::Event::MembershipChanged) and
/// [`Event::OrganizationChanged`](belgie_api::Event::OrganizationChanged).
#[async_trait]
pub trait TeamLifecycle: Send + Sync {
    /// A team was made. Of whoever leads it `after_member_add` tells afterwards.
    async fn after_create(&self, _tx: &mut Tx, _place: InTeam<'_>) -> Result<()> {
        Ok(())
    }

    /// A team has another name.
    async fn after_update(&self, _tx: &mut Tx, _place: InTeam<'_>) -> Result<()> {
        Ok(())
    }

    /// A team is about to be deleted, by itself or with its organization; an error keeps it. Of those in it
    /// `after_member_remove` does not tell.
    async fn before_delete(&self, _tx: &mut Tx, _place: InTeam<'_>) -> Result<()> {
        Ok(())
    }

    /// Somebody came in, whichever way.
    async fn after_member_add(&self, _tx: &mut Tx, _place: InTeam<'_>, _member: &TeamMember) -> Result<()> {
        Ok(())
    }

    /// Somebody left, was removed, or is out of the organization.
    async fn after_member_remove(&self, _tx: &mut Tx, _place: InTeam<'_>, _member: &TeamMember) -> Result<()> {
        Ok(())
    }

    /// A member has other roles; `before`: those they had.
    async fn after_role_change(
        &self,
        _tx: &mut Tx,
        _place: InTeam<'_>,
        _member: &TeamMember,
        _before: &Roles,
    ) -> Result<()> {
        Ok(())
    }
}

/// Those who want to hear, in the order they came.
#[derive(Clone, Default)]
pub struct TeamListeners(Arc<RwLock<Vec<Arc<dyn TeamLifecycle>>>>);

impl std::fmt::Debug for TeamListeners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TeamListeners").field(&self.all().len()).finish()
    }
}

impl TeamListeners {
    /// Adds one.
    pub fn add(&self, listener: Arc<dyn TeamLifecycle>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<dyn TeamLifecycle>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
