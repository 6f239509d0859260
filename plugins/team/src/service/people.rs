//! What the rest of the host asks about the people in teams.

use std::sync::Arc;

use belgie_api::context::TeamContext;
use belgie_api::plugin::DataExport;
use belgie_api::ports::{Size, TeamContexts, TeamMember as TeamStay, TeamName};
use belgie_api::{OrgId, Result, TeamId, UserId, async_trait};
use serde_json::{Value, json};

use super::Teams;
use crate::model::member::TeamMembership;
use crate::model::team::Team;

/// Teams as others know them.
pub struct People(pub Arc<Teams>);

fn named(teams: Vec<Team>) -> Vec<TeamName> {
    teams.into_iter().map(|Team { id, slug, name, .. }| TeamName { id, slug, name }).collect()
}

#[async_trait]
impl TeamContexts for People {
    async fn list_of_user(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamContext>> {
        let teams = self.0.list_of_user_in(user, organization).await?;
        Ok(teams.into_iter().map(Into::into).collect())
    }

    async fn list_memberships(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamStay>> {
        let teams = self.0.list_of_user_in(user, organization).await?;
        let stay = |own: TeamMembership| TeamStay { membership: Some(own.membership_id), context: own.into() };
        Ok(teams.into_iter().map(stay).collect())
    }

    async fn list(&self, organization: OrgId) -> Result<Vec<TeamName>> {
        Ok(named(self.0.list_all(organization).await?))
    }

    async fn size(&self, organization: OrgId, team: TeamId) -> Result<Option<Size>> {
        self.0.size(organization, team).await
    }

    async fn list_open_to(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamName>> {
        Ok(named(self.0.list_open_to(user, organization).await?))
    }
}

#[async_trait]
impl DataExport for People {
    fn id(&self) -> &'static str {
        "team"
    }

    async fn export(&self, user: UserId) -> Result<Value> {
        Ok(json!({ "memberships": self.0.list_for(user).await? }))
    }
}
