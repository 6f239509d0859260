//! How organizations and teams reach callers and consent pages without anybody knowing the plugins that keep them.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::context::{OrgContext, TeamContext};
use crate::db::Tx;
use crate::failure::Result;
use crate::id::{MembershipId, OrgId, ServiceId, TeamId, UserId};
use crate::principal::GrantBinding;

/// An organization as people recognise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrgName {
    /// The organization.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// What people call it.
    pub name: String,
}

/// An organization or a team from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// What people call it.
    pub name: String,
    /// How many are in it.
    pub members: i64,
}

/// What a person is in an organization, and since which of their comings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgMember {
    /// What they are.
    pub context: OrgContext,
    /// Their stay: another one each time they come in. `None` where one is not told from another; then a grant counts again
    /// when somebody who has left comes back.
    pub membership: Option<MembershipId>,
}

/// A team a person is in, and since which of their comings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// The team.
    pub context: TeamContext,
    /// As in [`OrgMember`].
    pub membership: Option<MembershipId>,
}

/// A team as people recognise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TeamName {
    /// The team.
    pub id: TeamId,
    /// Its name in URLs and rules.
    pub slug: String,
    /// What people call it.
    pub name: String,
}

/// Knows organizations and who is in them, as they are now.
#[async_trait]
pub trait OrganizationContexts: Send + Sync {
    /// The organizations a person is in, in a fixed order: what an agent of theirs may be let act for.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_of_user(&self, user: UserId) -> Result<Vec<OrgName>>;

    /// What a person is in an organization; `None` when they are not in it, and when it is gone or never was.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find(&self, user: UserId, organization: OrgId) -> Result<Option<OrgContext>>;

    /// As [`find`](Self::find), with the stay it is about, read together with it.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find_member(&self, user: UserId, organization: OrgId) -> Result<Option<OrgMember>> {
        let found = self.find(user, organization).await?;
        Ok(found.map(|context| OrgMember { context, membership: None }))
    }

    /// Holds an organization until the transaction ends: neither it goes, nor does anybody's place in it change meanwhile. `false`
    /// when it is gone. People, if any are held, are held before. Where nothing can be held, it is only believed to be there.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn hold(&self, tx: &mut Tx, organization: OrgId) -> Result<bool> {
        let _nothing_to_hold = (tx, organization);
        Ok(true)
    }

    /// As [`find`](Self::find), in a transaction that [holds](Self::hold) the organization.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find_held(&self, tx: &mut Tx, user: UserId, organization: OrgId) -> Result<Option<OrgContext>> {
        let _nothing_is_held = tx;
        self.find(user, organization).await
    }

    /// What a service of an organization is in it; `None` when it is ended, has expired, or is none of this organization's.
    /// Where there are no services, there is never one.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find_service(&self, service: ServiceId, organization: OrgId) -> Result<Option<OrgContext>> {
        let _nobody = (service, organization);
        Ok(None)
    }

    /// How many are in an organization, and what people call it; `None` when it is gone, or nobody counts.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn size(&self, organization: OrgId) -> Result<Option<Size>> {
        let _nobody_counts = organization;
        Ok(None)
    }

    /// Those in an organization whose roles allow something, such as `billing:manage`: a hundred at most. Without an answer of its
    /// own a plugin knows nobody.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_permitted(&self, organization: OrgId, permission: &str) -> Result<BTreeSet<UserId>> {
        let _nobody = (organization, permission);
        Ok(BTreeSet::new())
    }

    /// The organization that has this name in URLs now; names it had before do not count.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find_by_slug(&self, slug: &str) -> Result<Option<OrgName>>;

    /// Every name in URLs that an organization has or had, whether it is still there or not. Without an answer of its own a plugin
    /// knows none.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_slugs(&self, organization: OrgId) -> Result<BTreeSet<String>> {
        let _none_is_known = organization;
        Ok(BTreeSet::new())
    }
}

/// Knows teams and who is in them, as they are now.
#[async_trait]
pub trait TeamContexts: Send + Sync {
    /// The teams of an organization that a person is in, in a fixed order.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_of_user(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamContext>>;

    /// As [`list_of_user`](Self::list_of_user), with the stay in each, read together with it.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_memberships(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamMember>> {
        let teams = self.list_of_user(user, organization).await?;
        Ok(teams.into_iter().map(|context| TeamMember { context, membership: None }).collect())
    }

    /// Every team of an organization, by name: what an invitation may speak of. Without an answer of its own a plugin
    /// has none to speak of.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list(&self, organization: OrgId) -> Result<Vec<TeamName>> {
        let _none_to_speak_of = organization;
        Ok(Vec::new())
    }

    /// How many are in a team, and what people call it; `None` when it is gone, or nobody counts.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn size(&self, organization: OrgId, team: TeamId) -> Result<Option<Size>> {
        let _nobody_counts = (organization, team);
        Ok(None)
    }

    /// Those of them into which a person may bring others. Without an answer of its own a plugin lets nobody.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_open_to(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamName>> {
        let _nobody = (user, organization);
        Ok(Vec::new())
    }
}

/// Whoever knows organizations, as [`Mount::organizations`](crate::Mount::organizations) provides it.
pub struct Organizations(pub Arc<dyn OrganizationContexts>);

/// Whoever knows teams, as [`Mount::teams`](crate::Mount::teams) provides it.
pub struct Teams(pub Arc<dyn TeamContexts>);

impl Organizations {
    /// What a person is in the organization that a grant of theirs lets act for; `None` when they are not in it, or have left
    /// since the grant was made, though they have come back.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn find_for(&self, user: UserId, binding: &GrantBinding) -> Result<Option<OrgContext>> {
        let Some(organization) = binding.organization else { return Ok(None) };
        let found = self.0.find_member(user, organization).await?;
        Ok(found.filter(|member| binding.is_of(member.membership)).map(|member| member.context))
    }

    /// The binding of a grant that is made now, for this organization and these teams of it; `None` when the person is not in
    /// all of them.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn bind(
        &self,
        known: Option<&Teams>,
        user: UserId,
        organization: OrgId,
        teams: BTreeSet<TeamId>,
    ) -> Result<Option<GrantBinding>> {
        let Some(member) = self.0.find_member(user, organization).await? else { return Ok(None) };
        let own = match known {
            Some(known) if !teams.is_empty() => known.0.list_memberships(user, organization).await?,
            _ => Vec::new(),
        };
        let chosen: Vec<&TeamMember> = own.iter().filter(|team| teams.contains(&team.context.id)).collect();
        if chosen.len() != teams.len() {
            return Ok(None);
        }
        let memberships = chosen.iter().filter_map(|team| team.membership).chain(member.membership).collect();
        Ok(Some(GrantBinding { organization: Some(organization), teams, memberships }))
    }
}

impl Teams {
    /// The teams of a person that a grant lets act for. One that the grant names counts for the stay the grant was made for.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_for(
        &self,
        user: UserId,
        organization: OrgId,
        binding: &GrantBinding,
    ) -> Result<Vec<TeamContext>> {
        let own = self.0.list_memberships(user, organization).await?;
        let counts = |team: &TeamMember| {
            binding.teams.is_empty() || binding.includes_team(team.context.id) && binding.is_of(team.membership)
        };
        Ok(own.into_iter().filter(counts).map(|team| team.context).collect())
    }
}
