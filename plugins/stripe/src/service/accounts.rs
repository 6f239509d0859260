//! Whose plan somebody may decide on.

use belgie_api::ports::{BillingSubject, OrgName, Organizations, Teams, Use};
use belgie_api::{Caller, OrgId, Result, TeamId, UserId};

use super::Billing;
use crate::lifecycle::Deed;
use crate::model::refusal;

/// What an organization's roles must allow. It is a permission of the organization plugin.
pub(super) const MANAGE: &str = "billing:manage";

/// Somebody who has a plan, or could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub subject: BillingSubject,
    /// What people call it.
    pub name: String,
    /// Whether the person who asks may choose and pay its plan.
    pub may_manage: bool,
}

impl Billing {
    /// The account of this id, as the person sees it: themselves, an organization or a team they are in. Without an id it is
    /// themselves.
    ///
    /// # Errors
    /// 404 when there is none that the person may know of.
    pub async fn account(&self, caller: &Caller, id: Option<&str>) -> Result<Account> {
        let user = caller.user().id;
        let Some(id) = id else { return Ok(own(caller)) };
        if id.parse::<UserId>().is_ok_and(|named| named == user) {
            return Ok(own(caller));
        }
        if let Ok(organization) = id.parse::<OrgId>() {
            return self.organization(user, organization).await?.ok_or_else(refusal::unknown_account);
        }
        match id.parse::<TeamId>() {
            Ok(team) => self.team(user, team).await?.ok_or_else(refusal::unknown_account),
            Err(_) => Err(refusal::unknown_account()),
        }
    }

    /// The same, for whoever wants to decide on its plan.
    ///
    /// # Errors
    /// 404 when there is none that the person may know of, 403 when their roles do not allow it or an operator wears the
    /// session.
    pub async fn account_to_manage(&self, caller: &Caller, id: Option<&str>, deed: Deed) -> Result<Account> {
        if caller.is_worn() {
            return Err(refusal::worn());
        }
        let mut account = self.account(caller, id).await?;
        account.may_manage = self.may(caller, &account, deed).await?;
        if account.may_manage { Ok(account) } else { Err(refusal::forbidden()) }
    }

    /// Whether somebody may do this: with their own account always, else what a listener says, or their roles.
    pub(crate) async fn may(&self, caller: &Caller, account: &Account, deed: Deed) -> Result<bool> {
        if account.subject == (BillingSubject::User { user: caller.user().id }) {
            return Ok(true);
        }
        for listener in self.listeners.all() {
            if let Some(may) = listener.may(caller, account, deed).await? {
                return Ok(may);
            }
        }
        Ok(account.may_manage)
    }

    async fn organization(&self, user: UserId, id: OrgId) -> Result<Option<Account>> {
        let Some(organizations) = self.host.provided::<Organizations>() else { return Ok(None) };
        let Some(own) = organizations.0.find(user, id).await? else { return Ok(None) };
        let name = name_of(&organizations, user, id).await?.unwrap_or(own.slug);
        let may_manage = own.permissions.contains(MANAGE);
        Ok(Some(Account { subject: BillingSubject::Organization { organization: id }, name, may_manage }))
    }

    /// A team's plan is decided on by whoever decides on that of its organization.
    async fn team(&self, user: UserId, id: TeamId) -> Result<Option<Account>> {
        let provided = (self.host.provided::<Organizations>(), self.host.provided::<Teams>());
        let (Some(organizations), Some(teams)) = provided else { return Ok(None) };
        for OrgName { id: organization, .. } in organizations.0.list_of_user(user).await? {
            let Some(own) = organizations.0.find(user, organization).await? else { continue };
            let may_manage = own.permissions.contains(MANAGE);
            let found = teams.0.list(organization).await?.into_iter().find(|team| team.id == id);
            if let Some(team) = found {
                let is_in = teams.0.list_of_user(user, organization).await?.iter().any(|own| own.id == id);
                let subject = BillingSubject::Team { organization, team: id };
                return Ok((is_in || may_manage).then_some(Account { subject, name: team.name, may_manage }));
            }
        }
        Ok(None)
    }
}

fn own(caller: &Caller) -> Account {
    let user = caller.user();
    let name = if user.name.is_empty() { &user.email } else { &user.name };
    Account { subject: BillingSubject::User { user: user.id }, name: name.clone(), may_manage: true }
}

async fn name_of(organizations: &Use<Organizations>, user: UserId, id: OrgId) -> Result<Option<String>> {
    let all = organizations.0.list_of_user(user).await?;
    Ok(all.into_iter().find(|organization| organization.id == id).map(|organization| organization.name))
}
