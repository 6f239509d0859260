//! What a person sees of the agents that act for them, and how they cut one off.

use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Failure, GrantId, Result, UserId};

use super::OAuth;
use crate::model::grant::{Grant, RevokeReason};
use crate::store;

impl OAuth {
    /// The grants of a person that are in force, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_connections(&self, user: UserId) -> Result<Vec<Grant>> {
        store::grants::list_live(&mut self.host.db().read().await?, user, self.host.now()).await
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

    /// Ends a grant of the caller, with every token that came from it. Ending it twice is fine.
    ///
    /// # Errors
    /// 404 when it is not the caller's.
    pub async fn disconnect(&self, caller: &Caller, info: &RequestInfo, grant: GrantId) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        // The person first, as everywhere.
        self.hold_signed_in(&mut tx, caller, false).await?;
        if !store::grants::is_of_user(&mut tx, grant, caller.user().id).await? {
            return Err(Failure::not_found("connection.unknown", "There is no such connection."));
        }
        let act = AuditEntry::done("connection.revoked").by(caller).during(info);
        self.end_grant(&mut tx, grant, RevokeReason::Person, act, now).await?;
        tx.commit(now).await
    }
}
