//! Another address for an account. Nothing changes before the new address is proven, in the browser of the person whose
//! account it is: else somebody could hand their own account to the owner of a foreign address, and wait for what the
//! owner puts into it. The old address is told, and can take the change back for a week.

use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::Act;
use belgie_api::ports::{Audit, AuditEntry, UserChanges};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Event, PlainToken, Result, Timestamp, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accounts::{Identity, context, is_email};
use super::notes::{LINK_LIFETIME, LINK_MINUTES, Note, path_with, when};
use crate::mail::Letter;
use crate::store::links;
use crate::store::users::lock::lock;
use crate::store::users::{self, UserRow, normalize_email};

const CHANGE: &str = "core.email-change";
pub(super) const UNDO: &str = "core.email-undo";
const UNDO_LIFETIME: Duration = Duration::from_hours(7 * 24);

#[derive(Serialize, Deserialize)]
struct Addresses {
    old: String,
    new: String,
    /// Whether the old one was proven.
    was_verified: bool,
    /// When the link was made.
    at: Timestamp,
}

/// What came of a change of address.
pub enum EmailChange {
    /// The account has this address now.
    Done(String),
    /// Somebody else has it by now.
    Taken,
    /// The link is not good any more, or not for this account.
    Over,
}

impl Identity {
    /// Sends a link to the new address. Whether it has an account already nobody learns. Earlier links end.
    ///
    /// # Errors
    /// What is wrong with the address, or when the database does not answer.
    pub async fn ask_to_change_email(&self, caller: &Caller, new: &str) -> Result<Option<String>> {
        let user = caller.user();
        let new = normalize_email(new);
        if !is_email(&new) {
            return Ok(Some("This is not an e-mail address.".to_owned()));
        }
        if new == user.email {
            return Ok(Some("This is your address already.".to_owned()));
        }
        let mut tx = self.db.begin().await?;
        let is_taken = users::is_taken(&mut tx, &new, user.id).await?;
        links::withdraw_of(&mut tx, CHANGE, user.id).await?;
        let addresses = Addresses {
            old: user.email.clone(),
            new: new.clone(),
            was_verified: user.email_verified,
            at: self.clock.now(),
        };
        let token = self.keep_note(&mut tx, CHANGE, Some(user.id), &addresses, LINK_LIFETIME).await?;
        let token = if is_taken { TokenKind::Link.mint(self.entropy.as_ref()) } else { token };
        let letter = Letter {
            template: "action",
            kind: "email_change",
            name: "",
            path: Some(path_with("/auth/email/confirm", &token)),
            facts: json!({ "minutes": LINK_MINUTES }),
        };
        if is_taken {
            self.post.pretend(&mut tx, &new, &letter).await?;
        } else {
            self.post.send(&mut tx, &new, &letter).await?;
        }
        tx.commit(self.clock.now()).await?;
        Ok(None)
    }

    /// The address a link would give this person's account, without using it up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_at_email_change(&self, caller: &Caller, token: &PlainToken) -> Result<Option<String>> {
        let note = self.look_note::<Addresses>(CHANGE, token).await?;
        Ok(note.filter(|note| note.user == Some(caller.user().id)).map(|note| note.content.new))
    }

    /// Uses the link up: the account has the new address, and the old one is told and given a way back.
    ///
    /// # Errors
    /// When a veto refuses or the database does not answer.
    pub async fn change_email(&self, caller: &Caller, token: &PlainToken, info: &RequestInfo) -> Result<EmailChange> {
        if self.look_at_email_change(caller, token).await?.is_none() {
            return Ok(EmailChange::Over);
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        self.hold_caller(&mut tx, caller).await?;
        let Some(Note { user: Some(user), content }) = self.take_note::<Addresses>(&mut tx, CHANGE, token).await?
        else {
            return Ok(EmailChange::Over);
        };
        let Some(mut row) = users::find(&mut tx, user).await?.filter(|row| row.email == content.old) else {
            return Ok(EmailChange::Over);
        };
        if users::is_taken(&mut tx, &content.new, user).await? {
            return Ok(EmailChange::Taken);
        }
        let changes =
            UserChanges { email: Some(content.new.clone()), email_verified: Some(true), ..UserChanges::default() };
        self.veto(&mut tx, Act::Update { user: &context(row.clone()), changes: &changes }).await?;
        let was_verified = row.email_verified_at.is_some();
        (row.email, row.email_verified_at) = (content.new.clone(), Some(now));
        users::update(&mut tx, &row, now).await?;
        tx.emit(Event::UserChanged { user });
        let content = Addresses { at: now, was_verified, ..content };
        self.tell_old_address(&mut tx, &row, info, &content).await?;
        let entry = AuditEntry { action: "email.changed", outcome: "done", ..AuditEntry::default() };
        self.audit.record(&mut tx, &entry.by(caller).during(info).to(user)).await?;
        tx.commit(now).await?;
        Ok(EmailChange::Done(content.new))
    }

    /// Tells the old address, and gives it a way back. Not one that nobody proved: whoever reads it may be anybody, and the
    /// way back would be a way into the account of somebody else.
    async fn tell_old_address(
        &self,
        tx: &mut Tx,
        row: &UserRow,
        info: &RequestInfo,
        content: &Addresses,
    ) -> Result<()> {
        if !content.was_verified {
            return Ok(());
        }
        let undo = self.keep_note(tx, UNDO, Some(row.id), content, UNDO_LIFETIME).await?;
        let letter = Letter {
            template: "notice",
            kind: "email_changed",
            name: &row.name,
            path: Some(path_with("/auth/email/undo", &undo)),
            facts: json!({ "when": when(content.at), "device": "", "ip": info.ip, "new_email": content.new }),
        };
        self.post.send(tx, &content.old, &letter).await
    }

    /// The address a link would bring back, without using it up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_at_email_undo(&self, token: &PlainToken) -> Result<Option<String>> {
        Ok(self.look_note::<Addresses>(UNDO, token).await?.map(|note| note.content.old))
    }

    /// Takes a change of address back. Whoever made it was in the account, so everything that lets somebody in ends: the
    /// password, sessions, grants, tokens, and links that wait. The old address gets a link to choose a password.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn undo_email_change(&self, token: &PlainToken, info: &RequestInfo) -> Result<EmailChange> {
        let now = self.clock.now();
        let Some(Note { user: Some(user), .. }) = self.look_note::<Addresses>(UNDO, token).await? else {
            return Ok(EmailChange::Over);
        };
        let mut tx = self.db.begin().await?;
        let Some(mut row) = lock(&mut tx, user).await? else { return Ok(EmailChange::Over) };
        let Some(Note { content, .. }) = self.take_note::<Addresses>(&mut tx, UNDO, token).await? else {
            return Ok(EmailChange::Over);
        };
        if users::is_taken(&mut tx, &content.old, user).await? {
            return Ok(EmailChange::Taken);
        }
        row.email.clone_from(&content.old);
        // The link came to this address, so it is proven, whatever it was before.
        row.email_verified_at = Some(now);
        users::update(&mut tx, &row, now).await?;
        // Not the links to undo earlier changes: an intruder who changed the address twice could take the owner's back.
        self.reclaim(&mut tx, &row, content.at).await?;
        tx.emit(Event::UserChanged { user });
        self.tell_of_undo(&mut tx, &context(row.clone()), info, &content).await?;
        tx.commit(now).await?;
        Ok(EmailChange::Done(content.old))
    }

    async fn tell_of_undo(
        &self,
        tx: &mut Tx,
        user: &UserContext,
        info: &RequestInfo,
        addresses: &Addresses,
    ) -> Result<()> {
        let row = users::find(tx, user.id).await?;
        let reset = self.keep_reset(tx, row.as_ref(), &addresses.old).await?;
        let letter = Letter {
            template: "notice",
            kind: "email_undone",
            name: &user.name,
            path: Some(path_with("/auth/reset", &reset)),
            facts: json!({ "when": when(self.clock.now()), "device": "", "ip": info.ip }),
        };
        self.post.send(tx, &addresses.old, &letter).await?;
        let entry = AuditEntry { action: "email.change_undone", outcome: "done", ..AuditEntry::default() };
        self.audit.record(tx, &entry.during(info).to(user.id)).await
    }
}
