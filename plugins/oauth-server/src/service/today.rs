//! What is left today of what a person once gave: nothing that is told of a grant may be older than this.

use std::collections::BTreeSet;

use belgie_api::ports::Teams;
use belgie_api::{ClientId, GrantBinding, Result, ScopeSet, TeamId, UserId};

use super::OAuth;
use crate::claims::About;
use crate::model::refusal;
use crate::model::request::{AuthorizationRequest, narrow_resources};

/// What a grant gives today.
#[derive(Clone, Debug)]
pub(super) struct Today {
    /// Its scopes, without those that the account has lost.
    pub(super) scopes: ScopeSet,
    /// For whom it lets act: of its teams, where it names any, those that the person is still in as they were.
    pub(super) binding: GrantBinding,
}

impl Today {
    /// About whom, and for which client, an application may say more.
    pub(super) fn about<'a>(&'a self, user: UserId, client: &'a ClientId) -> About<'a> {
        About { user: Some(user), client, scopes: &self.scopes, binding: &self.binding }
    }
}

impl OAuth {
    /// What a grant of a person for these resources gives today. `None` when that is nothing: the person is gone, or no more
    /// in the organization as they were, or in none of the teams that were named (no team would read as every one), or a
    /// resource is not that organization's any more.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub(super) async fn today(
        &self,
        user: UserId,
        granted: &ScopeSet,
        binding: GrantBinding,
        resources: &[String],
    ) -> Result<Option<Today>> {
        let Some(account) = self.host.accounts().find(user).await? else { return Ok(None) };
        if !self.stands(user, &binding, resources).await? {
            return Ok(None);
        }
        let scopes = granted.within_account(&account.scopes);
        Ok(self.teams_today(user, binding).await?.map(|binding| Today { scopes, binding }))
    }

    /// The same for a request that a person has allowed.
    ///
    /// # Errors
    /// `invalid_grant` when nothing is left of it.
    pub(super) async fn today_of(&self, user: UserId, request: &AuthorizationRequest) -> Result<Today> {
        let today = self.today(user, &request.scopes, request.binding.clone(), &request.resources).await?;
        today.ok_or_else(refusal::invalid_grant)
    }

    /// What of that a token for these of its resources is going to hold, as an application is asked about it.
    ///
    /// # Errors
    /// Before the gateway serves.
    pub(super) fn today_at(&self, today: &Today, granted: &[String], asked: &[String]) -> Result<Today> {
        // Whoever asks for others is refused, once it is clear that the code is theirs.
        let places = narrow_resources(granted, asked).unwrap_or_else(|_| granted.to_vec());
        Ok(Today { scopes: self.had_at(&today.scopes, &places)?, ..today.clone() })
    }

    async fn teams_today(&self, user: UserId, binding: GrantBinding) -> Result<Option<GrantBinding>> {
        let Some(organization) = binding.organization.filter(|_| !binding.teams.is_empty()) else {
            return Ok(Some(binding));
        };
        let Some(port) = self.host.provided::<Teams>() else { return Ok(None) };
        let left = port.list_for(user, organization, &binding).await?;
        let teams: BTreeSet<TeamId> = left.into_iter().map(|team| team.id).collect();
        Ok((!teams.is_empty()).then_some(GrantBinding { teams, ..binding }))
    }
}
