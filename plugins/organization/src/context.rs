//! What callers and consent pages are told of organizations.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::context::OrgContext;
use belgie_api::db::Tx;
use belgie_api::ports::{OrgMember, OrgName, OrganizationContexts, Size};
use belgie_api::{OrgId, Result, ServiceId, UserId, async_trait};

use crate::model::member::Membership;
use crate::service::Organizations;

/// Organizations, as the host asks for them.
pub struct Contexts(pub Arc<Organizations>);

#[async_trait]
impl OrganizationContexts for Contexts {
    async fn list_of_user(&self, user: UserId) -> Result<Vec<OrgName>> {
        let name = |membership: Membership| OrgName {
            id: membership.organization_id,
            slug: membership.slug,
            name: membership.name,
        };
        Ok(self.0.list_for(user).await?.into_iter().map(name).collect())
    }

    async fn find(&self, user: UserId, organization: OrgId) -> Result<Option<OrgContext>> {
        self.0.membership(user, organization).await
    }

    async fn find_member(&self, user: UserId, organization: OrgId) -> Result<Option<OrgMember>> {
        self.0.find_member(user, organization).await
    }

    async fn hold(&self, tx: &mut Tx, organization: OrgId) -> Result<bool> {
        self.0.hold_only(tx, organization).await
    }

    async fn find_held(&self, tx: &mut Tx, user: UserId, organization: OrgId) -> Result<Option<OrgContext>> {
        Ok(self.0.find_member_in(tx, user, organization).await?.map(|member| member.context))
    }

    async fn find_service(&self, service: ServiceId, organization: OrgId) -> Result<Option<OrgContext>> {
        self.0.find_service(service, organization).await
    }

    async fn size(&self, organization: OrgId) -> Result<Option<Size>> {
        self.0.size(organization).await
    }

    async fn list_permitted(&self, organization: OrgId, permission: &str) -> Result<BTreeSet<UserId>> {
        self.0.list_permitted(organization, permission).await
    }

    /// A name it had before leads people on, and programs nowhere.
    async fn find_by_slug(&self, slug: &str) -> Result<Option<OrgName>> {
        let found = self.0.find_by_slug(slug).await?;
        Ok(found.map(|known| OrgName { id: known.id, slug: known.slug, name: known.name }))
    }

    async fn list_slugs(&self, organization: OrgId) -> Result<BTreeSet<String>> {
        self.0.list_slugs(organization).await
    }
}
