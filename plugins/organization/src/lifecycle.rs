//! What applications and other plugins may do when something happens to an organization.

use std::sync::{Arc, PoisonError, RwLock};

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::{OrgId, Result, async_trait};

use crate::actor::Actor;
use crate::model::invitation::Invitation;
use crate::model::member::{Member, Powers};
use crate::model::organization::Organization;
use crate::model::role::Roles;

/// An organization somebody is to come into by the domain of their address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainJoin {
    /// Which.
    pub organization: OrgId,
    /// What they will be.
    pub roles: Roles,
}

/// Who invites.
#[derive(Clone, Copy, Debug)]
pub struct Inviter<'a> {
    /// Whoever acts.
    pub actor: &'a Actor,
    /// What they may do in the organization.
    pub powers: &'a Powers,
}

/// Hears of everything that happens to organizations, inside the transaction of the act and before its commit: what it
/// writes happens with the act or not at all, and an error undoes the act and is what the person sees. Whoever wants to
/// hear of it after the commit observes [`Event::MembershipChanged`](belgie_api::Event::MembershipChanged) and
/// [`Event::OrganizationChanged`](belgie_api::Event::OrganizationChanged).
#[async_trait]
pub trait Lifecycle: Send + Sync {
    /// An organization was made, with its first owner.
    async fn after_create(&self, _tx: &mut Tx, _organization: &Organization, _owner: &Member) -> Result<()> {
        Ok(())
    }

    /// Name, slug, logo or metadata changed.
    async fn after_update(&self, _tx: &mut Tx, _organization: &Organization) -> Result<()> {
        Ok(())
    }

    /// An organization is about to be deleted; an error keeps it.
    async fn before_delete(&self, _tx: &mut Tx, _organization: &Organization) -> Result<()> {
        Ok(())
    }

    /// Somebody came in, whichever way. Of the first owner `after_create` tells.
    async fn after_member_add(&self, _tx: &mut Tx, _organization: &Organization, _member: &Member) -> Result<()> {
        Ok(())
    }

    /// Somebody left, was removed, or deleted their account.
    async fn after_member_remove(&self, _tx: &mut Tx, _organization: &Organization, _member: &Member) -> Result<()> {
        Ok(())
    }

    /// A member has other roles; `before`: those they had.
    async fn after_role_change(
        &self,
        _tx: &mut Tx,
        _organization: &Organization,
        _member: &Member,
        _before: &Roles,
    ) -> Result<()> {
        Ok(())
    }

    /// An invitation is about to be sent; an error keeps it. Whoever keeps teams looks at the one it brings the person into.
    async fn before_invite(
        &self,
        _tx: &mut Tx,
        _organization: &Organization,
        _inviter: Inviter<'_>,
        _invitation: &Invitation,
    ) -> Result<()> {
        Ok(())
    }

    /// An invitation was accepted. `after_member_add` has been told before, unless they were a member already.
    async fn after_invitation_accept(
        &self,
        _tx: &mut Tx,
        _organization: &Organization,
        _invitation: &Invitation,
        _member: &Member,
    ) -> Result<()> {
        Ok(())
    }

    /// Somebody with a proven address signs in: the organizations they come into by its domain, if they are not in them.
    /// Whoever left or was removed does not come back this way. The application knows whose a domain is; nobody here does.
    async fn joins_by_domain(&self, _tx: &mut Tx, _user: &UserContext, _domain: &str) -> Result<Vec<DomainJoin>> {
        Ok(Vec::new())
    }
}

/// Those who want to hear, in the order they came.
#[derive(Clone, Default)]
pub struct Listeners(Arc<RwLock<Vec<Arc<dyn Lifecycle>>>>);

impl std::fmt::Debug for Listeners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listeners").field(&self.all().len()).finish()
    }
}

impl Listeners {
    /// Adds one.
    pub fn add(&self, listener: Arc<dyn Lifecycle>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<dyn Lifecycle>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
