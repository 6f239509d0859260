//! Leaving: an account goes on its owner's word, and everything that was kept about the person can be taken along.

use belgie_api::ports::{Audit, AuditEntry, AuditFilter};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Result, Timestamp, UserId};
use serde_json::{Value, json};

use super::accounts::Identity;
use super::notes::when;
use crate::audit::{DecisionRow, latest};
use crate::mail::Letter;
use crate::store::{audit, sessions, users};

/// How many acts an export lists, the latest first.
const MOST_ACTS: i64 = 10_000;
/// How many calls of their agents, likewise.
const MOST_CALLS: u32 = 10_000;

impl Identity {
    /// Deletes the account of somebody who proved to be there, with everything in it, and says good-bye by mail.
    ///
    /// # Errors
    /// When a veto refuses or the database does not answer.
    pub async fn close_account(&self, caller: &Caller, info: &RequestInfo) -> Result<()> {
        let user = caller.user();
        let mut tx = self.db.begin().await?;
        // Operators are held before a single person, by whoever holds both.
        self.keep_an_operator(&mut tx, user.id).await?;
        self.hold_caller(&mut tx, caller).await?;
        if !self.delete_in(&mut tx, user.id).await? {
            return Ok(());
        }
        let letter = Letter {
            template: "notice",
            kind: "farewell",
            name: if user.email_verified { &user.name } else { "" },
            path: None,
            facts: json!({ "when": when(self.clock.now()), "device": "", "ip": info.ip }),
        };
        self.post.send_if_possible(&mut tx, &user.email, &letter).await?;
        let entry = AuditEntry { action: "user.deleted", outcome: "done", ..AuditEntry::default() };
        self.audit.record(&mut tx, &entry.by(caller).during(info).to(user.id)).await?;
        tx.commit(self.clock.now()).await
    }

    /// Everything the core keeps about a person, without secrets, and when that was so.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn export(&self, caller: &Caller) -> Result<(Timestamp, Value)> {
        let (id, now) = (caller.user().id, self.clock.now());
        let mut conn = self.db.read().await?;
        let row = users::find(&mut conn, id).await?;
        let sessions = sessions::list(&mut conn, id, now).await?;
        let acts = audit::about(&mut conn, id, MOST_ACTS).await?;
        let own = AuditFilter { user: Some(id), ..AuditFilter::default() };
        let calls = latest(&mut conn, &own, MOST_CALLS).await?;
        let profile = row.map(|row| {
            json!({
                "id": row.id,
                "email": row.email,
                "email_verified_at": row.email_verified_at,
                "name": row.name,
                "image": row.image,
                "has_password": row.password_hash.is_some(),
                "scopes": row.scopes,
                "created_at": row.created_at,
                "updated_at": row.updated_at,
            })
        });
        let session = |row: sessions::SessionRow| {
            json!({
                "id": row.id,
                "created_at": row.created_at,
                "expires_at": row.expires_at,
                "last_seen_at": row.last_seen_at,
                "authenticated_at": row.authenticated_at,
                "method": row.method,
                "worn_by_operator": row.impersonator_id.is_some(),
                "ip": unless_worn(row.ip, row.impersonator_id),
                "user_agent": unless_worn(row.user_agent, row.impersonator_id),
            })
        };
        // What an operator did is the operator's to be named or not; what was done is the person's to know.
        let act = |row: audit::AuditRow| {
            json!({
                "at": row.at,
                "action": row.action,
                "outcome": row.outcome,
                "target": row.target,
                "worn_by_operator": row.impersonator_id.is_some(),
                "ip": row.ip.filter(|_| row.actor_id == Some(id)).and_then(|ip| unless_worn(ip, row.impersonator_id)),
            })
        };
        let call = |row: DecisionRow| {
            json!({
                "at": row.at,
                "organization": row.organization,
                "client": row.client,
                "action": row.kind,
                "target": row.name,
                "decision": row.decision,
                "outcome": row.outcome,
            })
        };
        let core = json!({
            "profile": profile,
            "sessions": sessions.into_iter().map(session).collect::<Vec<_>>(),
            "acts": acts.into_iter().map(act).collect::<Vec<_>>(),
            "calls": calls.into_iter().map(call).collect::<Vec<_>>(),
        });
        Ok((now, core))
    }
}

/// What is known of a device, when it is the person's own: not of an operator who wore the session.
fn unless_worn(of_device: String, worn_by: Option<UserId>) -> Option<String> {
    Some(of_device).filter(|_| worn_by.is_none())
}
