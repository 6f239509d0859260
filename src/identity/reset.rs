//! A forgotten password: a link to the address lets its owner choose another.

use belgie_api::context::UserContext;
use belgie_api::ports::{Audit, AuditEntry};
use belgie_api::web::RequestInfo;
use belgie_api::{Event, PlainToken, Result, Timestamp, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accounts::{Identity, is_email};
use super::notes::{LINK_LIFETIME, LINK_MINUTES, Note, path_with, when};
use crate::mail::Letter;
use crate::store::links;
use crate::store::users::lock::lock;
use crate::store::users::{self, UserRow, normalize_email};

const PURPOSE: &str = "core.reset";

#[derive(Serialize, Deserialize)]
struct ResetNote {
    email: String,
}

/// A password somebody chose anew.
pub struct Chosen {
    /// The password.
    pub password: String,
    /// Whether agents, personal access tokens and linked accounts end as well: somebody else may have been in the account.
    pub cuts_off: bool,
}

/// What came of a new password.
pub enum Reset {
    /// It is the password from now on. `cut_off`: whether agents, tokens and linked accounts have ended, because that was
    /// asked for or nobody had proven the address before.
    Done {
        /// The person.
        user: UserContext,
        /// Whether they have.
        cut_off: bool,
        /// When.
        at: Timestamp,
    },
    /// It will not do; the link stays good.
    Problem(String),
    /// The link is not good any more.
    Over,
}

impl Identity {
    /// Sends a link to choose another password, if there is an account. Nobody learns whether there is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ask_to_reset(&self, email: &str) -> Result<()> {
        let email = normalize_email(email);
        if !is_email(&email) {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let row = users::find_by_email(&mut tx, &email).await?.filter(|row| !row.is_banned(now));
        let token = self.keep_reset(&mut tx, row.as_ref(), &email).await?;
        let name = row.as_ref().filter(|row| row.email_verified_at.is_some()).map_or("", |row| row.name.as_str());
        let token = if row.is_some() { token } else { TokenKind::Link.mint(self.entropy.as_ref()) };
        let letter = Letter {
            template: "action",
            kind: "reset",
            name,
            path: Some(path_with("/auth/reset", &token)),
            facts: json!({ "minutes": LINK_MINUTES }),
        };
        if row.is_some() {
            self.post.send(&mut tx, &email, &letter).await?;
        } else {
            self.post.pretend(&mut tx, &email, &letter).await?;
        }
        tx.commit(now).await
    }

    /// Makes the token of such a link.
    pub(super) async fn keep_reset(
        &self,
        tx: &mut belgie_api::db::Tx,
        row: Option<&UserRow>,
        email: &str,
    ) -> Result<PlainToken> {
        let asked = ResetNote { email: email.to_owned() };
        self.keep_note(tx, PURPOSE, row.map(|row| row.id), &asked, LINK_LIFETIME).await
    }

    /// The address whose password a link changes, without using it up; `None` when it is not good any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_at_reset(&self, token: &PlainToken) -> Result<Option<String>> {
        let note = self.look_note::<ResetNote>(PURPOSE, token).await?;
        Ok(note.filter(|note| note.user.is_some()).map(|note| note.content.email))
    }

    /// Uses the link up: the password is another, the address is proven, every session ends, and every other such link. Where
    /// that is asked for, so does everything else that lets somebody in.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reset_password(&self, token: &PlainToken, chosen: Chosen, info: &RequestInfo) -> Result<Reset> {
        let Chosen { password, cuts_off } = chosen;
        let Some(Note { user: Some(user), content }) = self.look_note::<ResetNote>(PURPOSE, token).await? else {
            return Ok(Reset::Over);
        };
        if let Some(problem) = self.password_problem(&password, &content.email).await? {
            return Ok(Reset::Problem(problem));
        }
        let hash = self.hasher.hash(password).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let row = lock(&mut tx, user).await?;
        if self.take_note::<ResetNote>(&mut tx, PURPOSE, token).await?.is_none() {
            return Ok(Reset::Over);
        }
        let row = row.filter(|row| row.email == content.email && !row.is_banned(now));
        let Some(row) = row else { return Ok(Reset::Over) };
        let cut_off = cuts_off || row.email_verified_at.is_none();
        let proven = self.note_proof(&mut tx, &row, false).await?;
        if cuts_off {
            self.cut_off(&mut tx, &row).await?;
        }
        links::withdraw_of(&mut tx, PURPOSE, user).await?;
        users::set_password(&mut tx, user, Some(&hash), now).await?;
        users::note_secured(&mut tx, user, now).await?;
        self.end_all_sessions(&mut tx, user).await?;
        tx.emit(Event::UserChanged { user });
        let letter = Letter {
            template: "notice",
            kind: "password_reset",
            name: &row.name,
            path: None,
            facts: json!({ "when": when(now), "device": "", "ip": info.ip, "cut_off": cut_off }),
        };
        self.post.send_if_possible(&mut tx, &row.email, &letter).await?;
        let entry = AuditEntry { action: "password.reset", outcome: "done", ..AuditEntry::default() };
        let entry = entry.during(info).to(user).with(json!({ "cut_off": cut_off }));
        self.audit.record(&mut tx, &entry).await?;
        tx.commit(now).await?;
        Ok(Reset::Done { user: proven, cut_off, at: now })
    }
}
