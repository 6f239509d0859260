//! Teams, as far as invitations speak of them: whoever keeps teams knows which there are.

use std::collections::BTreeSet;

use belgie_api::ports::{TeamName, Teams, Use};
use belgie_api::{OrgId, Result, TeamId};

use super::Organizations;
use crate::actor::Actor;
use crate::model::refusal;

impl Organizations {
    fn port(&self) -> Option<Use<Teams>> {
        self.host.provided()
    }

    /// Whether anybody here keeps teams.
    #[must_use]
    pub fn has_teams(&self) -> bool {
        self.port().is_some()
    }

    /// Every team of an organization, by name.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_teams(&self, id: OrgId) -> Result<Vec<TeamName>> {
        match self.port() {
            Some(port) => port.0.list(id).await,
            None => Ok(Vec::new()),
        }
    }

    /// The teams into which whoever acts may invite.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_teams_open_to(&self, actor: &Actor, id: OrgId) -> Result<Vec<TeamName>> {
        match (self.port(), actor.user_id()) {
            (None, _) => Ok(Vec::new()),
            (Some(port), None) => port.0.list(id).await,
            (Some(port), Some(user)) => {
                let mut open = port.0.list_open_to(user, id).await?;
                open.retain(|team| actor.reaches_team(team.id));
                Ok(open)
            }
        }
    }

    /// The team of an organization that a slug or an id stands for; nothing stands for none. For an agent whose person chose
    /// teams, the others are none.
    ///
    /// # Errors
    /// 404 for whoever is not in the organization, 400 when it has no such team.
    pub async fn team_named(&self, actor: &Actor, id: OrgId, named: Option<&str>) -> Result<Option<TeamId>> {
        let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) else { return Ok(None) };
        self.look(actor, id, None).await?;
        let wanted: Option<TeamId> = named.parse().ok();
        let is_it = |team: &&TeamName| wanted.map_or(team.slug.eq_ignore_ascii_case(named), |wanted| team.id == wanted);
        let teams = self.list_teams(id).await?;
        teams
            .iter()
            .filter(|team| actor.reaches_team(team.id))
            .find(is_it)
            .map(|team| Some(team.id))
            .ok_or_else(refusal::unknown_team)
    }

    /// The teams that slugs and ids stand for, as [`team_named`](Self::team_named) finds each.
    ///
    /// # Errors
    /// As there.
    pub async fn teams_named(
        &self,
        actor: &Actor,
        id: OrgId,
        named: impl IntoIterator<Item = &str>,
    ) -> Result<BTreeSet<TeamId>> {
        let mut teams = BTreeSet::new();
        for name in named {
            teams.extend(self.team_named(actor, id, Some(name)).await?);
        }
        Ok(teams)
    }

    /// The team of an id, while it is there.
    pub(super) async fn find_team(&self, id: OrgId, team: Option<TeamId>) -> Result<Option<TeamName>> {
        let Some(team) = team else { return Ok(None) };
        Ok(self.list_teams(id).await?.into_iter().find(|known| known.id == team))
    }
}
