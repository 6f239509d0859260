//! What a person sees of the agents that act for them, and how they cut one off.

use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, GrantId, Result, UserId};

use super::OAuth;
use crate::model::grant::{Grant, GrantKind, RevokeReason};
use crate::model::refusal::unknown_connection;
use crate::store;

/// How many connections of one agent are listed one by one.
const SHOWN_TOGETHER: i64 = 10;

impl OAuth {
    /// The grants of a person that are in force, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_connections(&self, user: UserId) -> Result<Vec<Grant>> {
        store::grants::list_live(&mut self.host.db().read().await?, user, self.host.now()).await
    }

    /// The same for the account page: of one client for one organization the newest ten.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_shown_connections(&self, user: UserId) -> Result<Vec<Grant>> {
        store::grants::list_shown(&mut self.host.db().read().await?, user, self.host.now(), SHOWN_TOGETHER).await
    }

    /// Those of the caller that act for what the caller acts for: one organization, or the person alone. An agent learns
    /// nothing of the other organizations its person is in.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_connections_beside(&self, caller: &Caller) -> Result<Vec<Grant>> {
        let organization = caller.principal().binding().organization;
        let mut conn = self.host.db().read().await?;
        store::grants::list_live_for(&mut conn, caller.user().id, organization, self.host.now()).await
    }

    /// Ends a grant of the caller, with every token that came from it; with `all_of_it`, every grant that the same agent has from
    /// them for the same organization. Each sign-in of an agent makes another, and whoever cuts it off means them all. Ending it
    /// twice is fine.
    ///
    /// # Errors
    /// 404 when it is not the caller's.
    pub async fn disconnect(&self, caller: &Caller, info: &RequestInfo, grant: GrantId, all_of_it: bool) -> Result<()> {
        let (now, user) = (self.host.now(), caller.user().id);
        let mut tx = self.host.db().begin().await?;
        // The person first, as everywhere.
        self.hold_signed_in(&mut tx, caller, false).await?;
        let known = store::grants::find_of_user(&mut tx, grant, user).await?.ok_or_else(unknown_connection)?;
        let mut ended = vec![grant];
        if all_of_it && known.kind == GrantKind::Agent {
            let organization = known.binding.organization_id;
            ended = store::grants::list_ids_of(&mut tx, user, &known.client_id, organization, now).await?;
        }
        for grant in ended {
            let act = AuditEntry::done("connection.revoked").by(caller).during(info);
            self.end_grant(&mut tx, grant, RevokeReason::Person, act, now).await?;
        }
        tx.commit(now).await
    }
}
