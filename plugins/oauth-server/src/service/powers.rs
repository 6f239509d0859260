//! Who may do what with clients: their owner, whoever may manage those of an organization, and operators.

use std::collections::BTreeSet;

use belgie_api::db::Tx;
use belgie_api::ports::{AuditEntry, Organizations};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Failure, OrgId, Result};

use super::OAuth;
use crate::model::client::RegisteredClient;
use crate::model::owned::{CLIENT_MANAGE, ClientCreation, Owner};

/// The scope of accounts that operate the gateway.
const ADMIN: &str = "admin";

/// Who does something about clients: a person on a page, or an agent of theirs, for whom there is no request of a browser.
#[derive(Clone, Copy)]
pub struct Doer<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// The request, if it came from a browser.
    pub info: Option<&'a RequestInfo>,
}

impl Doer<'_> {
    pub(super) fn act(&self, action: &'static str) -> AuditEntry {
        let act = AuditEntry::done(action).by(self.caller);
        match self.info {
            Some(info) => act.during(info),
            None => act,
        }
    }
}

/// Whether an operator acts, in a browser session of their own: agents are never operators here.
pub fn is_operator(caller: &Caller) -> bool {
    caller.session().is_some() && !caller.is_worn() && caller.user().scopes.has_named(ADMIN)
}

impl OAuth {
    /// Whether the caller may see and change what belongs to an owner.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn may_manage(&self, caller: &Caller, owner: Option<Owner>) -> Result<bool> {
        Ok(is_operator(caller)
            || match owner {
                None => false,
                Some(Owner::Person(user)) => {
                    // Who acts for an organization does not act for the person alone.
                    let is_alone = caller.session().is_some() || caller.principal().binding().organization.is_none();
                    caller.service().is_none() && caller.user().id == user && is_alone
                }
                Some(Owner::Organization(organization)) => self.may_manage_in(caller, organization).await?,
            })
    }

    pub(super) async fn may_manage_in(&self, caller: &Caller, organization: OrgId) -> Result<bool> {
        if caller.session().is_none() {
            let place = caller.organization().filter(|place| place.id == organization);
            return Ok(place.is_some_and(|place| place.permissions.contains(CLIENT_MANAGE)));
        }
        let Some(port) = self.host.provided::<Organizations>() else { return Ok(false) };
        let place = port.0.find(caller.user().id, organization).await?;
        Ok(place.is_some_and(|place| place.permissions.contains(CLIENT_MANAGE)))
    }

    /// Whether the settings let the caller make clients.
    pub fn may_make_clients(&self, caller: &Caller) -> bool {
        match self.settings.client_creation {
            ClientCreation::Nobody => false,
            ClientCreation::Operators => is_operator(caller),
            ClientCreation::People => true,
        }
    }

    /// Refuses whoever wears somebody else's session, and looks at who acts while that is held: that their session stands, and
    /// that whoever acts as an operator is one.
    ///
    /// # Errors
    /// 403.
    pub(super) async fn hold_doer(&self, tx: &mut Tx, doer: Doer<'_>, as_operator: bool) -> Result<()> {
        if doer.caller.is_worn() {
            return Err(Failure::forbidden("session.impersonated", "Only the person can do this.")
                .hint("End the impersonation first."));
        }
        self.hold_signed_in(tx, doer.caller, as_operator).await
    }

    /// As [`hold_doer`](Self::hold_doer), for what an operator may do in the name of somebody, too.
    ///
    /// # Errors
    /// 403.
    pub(super) async fn hold_signed_in(&self, tx: &mut Tx, caller: &Caller, as_operator: bool) -> Result<()> {
        let Some(session) = caller.session() else { return Ok(()) };
        let user = caller.user().id;
        let account = self.host.accounts().hold(tx, user).await?;
        let stands = self.host.sessions().hold(tx, session, user).await?;
        let is_operator = account.as_ref().is_some_and(|account| account.scopes.has_named(ADMIN));
        if account.is_none() || !stands || (as_operator && !is_operator) {
            return Err(Failure::forbidden("session.over", "You are not signed in any more.").hint("Sign in again."));
        }
        Ok(())
    }

    /// As [`hold_doer`](Self::hold_doer), with the owner held, too: neither goes, nor does anybody's place there change, until
    /// the transaction ends. Whether whoever acts may, looked at while all that is held.
    ///
    /// # Errors
    /// 403 as there, or when the database does not answer.
    pub(super) async fn hold_manager(
        &self,
        tx: &mut Tx,
        doer: Doer<'_>,
        owner: Option<Owner>,
        as_operator: bool,
    ) -> Result<bool> {
        let caller = doer.caller;
        // In the order in which everybody holds them: people by their ids, then the session, then organizations.
        let own = caller.service().is_none().then(|| caller.user().id);
        let other = match owner {
            Some(Owner::Person(user)) => Some(user),
            _ => None,
        };
        for user in own.into_iter().chain(other).collect::<BTreeSet<_>>() {
            if self.host.accounts().hold(tx, user).await?.is_none() {
                return Ok(false);
            }
        }
        self.hold_doer(tx, doer, as_operator).await?;
        match owner {
            None => Ok(as_operator),
            Some(Owner::Person(user)) => Ok(as_operator || own == Some(user)),
            Some(Owner::Organization(organization)) => {
                let Some(port) = self.host.provided::<Organizations>() else { return Ok(false) };
                if !port.0.hold(tx, organization).await? {
                    return Ok(false);
                }
                if as_operator {
                    return Ok(true);
                }
                // Services change nothing here: a person answers for it.
                let place = port.0.find_held(tx, caller.user().id, organization).await?;
                Ok(place.is_some_and(|place| place.permissions.contains(CLIENT_MANAGE)))
            }
        }
    }

    /// The client, if the caller may see and change it.
    ///
    /// # Errors
    /// 404 otherwise: nobody learns which clients others have.
    pub async fn find_managed(&self, caller: &Caller, id: &belgie_api::ClientId) -> Result<RegisteredClient> {
        let client = self.find_registered(id).await?.ok_or_else(super::secrets::unknown_client)?;
        if self.may_manage(caller, client.standing.owner()).await? {
            return Ok(client);
        }
        Err(super::secrets::unknown_client())
    }

    /// Whether the caller acts as an operator upon this owner's things, and not as the owner.
    pub(super) async fn acts_as_operator(&self, caller: &Caller, owner: Option<Owner>) -> Result<bool> {
        if !is_operator(caller) {
            return Ok(false);
        }
        Ok(match owner {
            Some(Owner::Person(user)) => caller.user().id != user,
            Some(Owner::Organization(organization)) => !self.may_manage_in(caller, organization).await?,
            None => true,
        })
    }
}
