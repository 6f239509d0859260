//! Signing in with a link sent by mail.

use belgie_api::context::UserContext;
use belgie_api::ports::NewUser;
use belgie_api::{PlainToken, Result, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accounts::{Identity, context, is_email};
use super::notes::{LINK_LIFETIME, LINK_MINUTES, Note, path_with};
use crate::mail::Letter;
use crate::store::users::lock::lock_by_email;
use crate::store::users::{self, normalize_email};

const PURPOSE: &str = "core.link";

#[derive(Serialize, Deserialize)]
struct LinkNote {
    email: String,
    browser: String,
    return_to: Option<String>,
}

/// A link, looked at.
#[derive(Debug)]
pub struct SignInLink {
    /// Whom it signs in.
    pub email: String,
    /// Whether it was asked for in this browser.
    pub is_ours: bool,
    /// Where it leads, in this browser.
    pub return_to: Option<String>,
}

/// Somebody who came with a link or a code.
pub struct CameByMail {
    /// The account, which may be new.
    pub user: UserContext,
    /// Where to go, if the browser that asked is the one that came.
    pub return_to: Option<String>,
}

impl Identity {
    /// Sends a link to whoever reads this address: somebody with an account or, where sign-up is open, somebody new.
    /// Nobody learns which, or that there is nobody: the same work is done. `browser`: the mark of the browser that asks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ask_for_link(&self, email: &str, browser: &str, return_to: Option<String>) -> Result<()> {
        let email = normalize_email(email);
        if !is_email(&email) {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let row = users::find_by_email(&mut tx, &email).await?;
        // Somebody who is banned gets the link, too, and reads behind it how the account stands.
        let is_welcome = row.is_some() || self.rules.sign_up_open;
        let asked = LinkNote { email: email.clone(), browser: browser.to_owned(), return_to };
        let user = row.as_ref().map(|row| row.id);
        let token = self.keep_note(&mut tx, PURPOSE, user, &asked, LINK_LIFETIME).await?;
        // A token nobody was sent fits nothing.
        let token = if is_welcome { token } else { TokenKind::Link.mint(self.entropy.as_ref()) };
        let letter = Letter {
            template: "action",
            kind: if user.is_some() { "link" } else { "link_new" },
            name: "",
            path: Some(path_with("/auth/link/open", &token)),
            facts: json!({ "minutes": LINK_MINUTES }),
        };
        if is_welcome {
            self.post.send(&mut tx, &email, &letter).await?;
        } else {
            self.post.pretend(&mut tx, &email, &letter).await?;
        }
        tx.commit(now).await
    }

    /// Looks at a link without using it up; `None` when it is not good any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_at_link(&self, token: &PlainToken, browser: &str) -> Result<Option<SignInLink>> {
        let note = self.look_note::<LinkNote>(PURPOSE, token).await?;
        Ok(note.map(|Note { content, .. }| {
            let is_ours = content.browser == browser;
            SignInLink { is_ours, email: content.email, return_to: content.return_to.filter(|_| is_ours) }
        }))
    }

    /// Uses a link up and says who came with it; `None` when it is not good any more. In another browser than the one that
    /// asked it does not lead where that one wanted to go: whoever sent the link there may have chosen that.
    ///
    /// # Errors
    /// When a veto refuses or the database does not answer.
    pub async fn follow_link(&self, token: &PlainToken, browser: &str) -> Result<Option<CameByMail>> {
        let Some(Note { content, .. }) = self.look_note::<LinkNote>(PURPOSE, token).await? else { return Ok(None) };
        let mut tx = self.db.begin().await?;
        lock_by_email(&mut tx, &content.email).await?;
        let Some(Note { content, .. }) = self.take_note::<LinkNote>(&mut tx, PURPOSE, token).await? else {
            return Ok(None);
        };
        let is_ours = content.browser == browser;
        let user = self.arrive(&mut tx, &content.email, "link").await?;
        tx.commit(self.clock.now()).await?;
        Ok(user.map(|user| CameByMail { user, return_to: content.return_to.filter(|_| is_ours) }))
    }

    /// The account of somebody who has just proved to read this address; a new one where sign-up is open.
    pub(super) async fn arrive(
        &self,
        tx: &mut belgie_api::db::Tx,
        email: &str,
        method: &str,
    ) -> Result<Option<UserContext>> {
        if let Some(row) = lock_by_email(tx, email).await? {
            if row.is_banned(self.clock.now()) {
                return Ok(Some(context(row)));
            }
            return self.note_proof(tx, &row, false).await.map(Some);
        }
        if !self.rules.sign_up_open {
            return Ok(None);
        }
        let user = NewUser { email: email.to_owned(), email_verified: true, ..NewUser::default() };
        self.insert_user(tx, &user, None, method).await
    }
}
