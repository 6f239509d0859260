//! Proving an address with a link.

use belgie_api::context::UserContext;
use belgie_api::{PlainToken, Result, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accounts::Identity;
use super::notes::{LINK_LIFETIME, LINK_MINUTES, Note, path_with};
use crate::mail::Letter;
use crate::store::users::lock::lock;
use crate::store::{links, users};

const PURPOSE: &str = "core.verify";

#[derive(Serialize, Deserialize)]
struct VerifyNote {
    email: String,
    browser: String,
}

/// A link to prove an address, looked at.
#[derive(Debug)]
pub struct Verification {
    /// The address.
    pub email: String,
    /// Whether whoever follows it must name the password to keep it.
    pub asks_password: bool,
}

/// Who follows a link.
pub struct Follower<'a> {
    /// The mark of the browser.
    pub browser: &'a str,
    /// Who is signed in there.
    pub user: Option<UserId>,
    /// The password of the account, if it was named.
    pub password: Option<String>,
}

impl Identity {
    /// Sends the link that proves the address of an account; nothing when it is proven already. Earlier links end.
    /// `browser`: the mark of the browser that asks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn send_verification(&self, user: UserId, browser: &str) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let Some(row) = users::find(&mut tx, user).await?.filter(|row| row.email_verified_at.is_none()) else {
            return Ok(());
        };
        links::withdraw_of(&mut tx, PURPOSE, user).await?;
        let asked = VerifyNote { email: row.email.clone(), browser: browser.to_owned() };
        let token = self.keep_note(&mut tx, PURPOSE, Some(user), &asked, LINK_LIFETIME).await?;
        let letter = Letter {
            template: "action",
            kind: "verify",
            // The name was perhaps given by somebody else, who would like to have us write it to the owner.
            name: "",
            path: Some(path_with("/auth/verify", &token)),
            facts: json!({ "minutes": LINK_MINUTES }),
        };
        self.post.send(&mut tx, &row.email, &letter).await?;
        tx.commit(now).await
    }

    /// Looks at a link without using it up; `None` when it is not good any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_at_verification(
        &self,
        token: &PlainToken,
        follower: &Follower<'_>,
    ) -> Result<Option<Verification>> {
        let Some(Note { user: Some(user), content }) = self.look_note::<VerifyNote>(PURPOSE, token).await? else {
            return Ok(None);
        };
        let row = users::find(&mut self.db.read().await?, user).await?;
        let Some(row) = row.filter(|row| row.email == content.email) else { return Ok(None) };
        let asks_password = row.password_hash.is_some() && !is_same(&content, user, follower);
        Ok(Some(Verification { email: content.email, asks_password }))
    }

    /// Uses the link up. What was in the account before stays only for whoever asked for the link, is signed in, or names
    /// the password; see `proof`. `None` when the link is not good any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn verify(&self, token: &PlainToken, follower: Follower<'_>) -> Result<Option<UserContext>> {
        let Some(Note { user: Some(user), content }) = self.look_note::<VerifyNote>(PURPOSE, token).await? else {
            return Ok(None);
        };
        let knows_password = match &follower.password {
            Some(password) => self.check_password(&content.email, password.clone()).await?.is_some(),
            None => false,
        };
        let mut tx = self.db.begin().await?;
        let row = lock(&mut tx, user).await?.filter(|row| row.email == content.email);
        if self.take_note::<VerifyNote>(&mut tx, PURPOSE, token).await?.is_none() {
            return Ok(None);
        }
        let Some(row) = row else { return Ok(None) };
        let user = self.note_proof(&mut tx, &row, knows_password || is_same(&content, user, &follower)).await?;
        tx.commit(self.clock.now()).await?;
        Ok(Some(user))
    }
}

fn is_same(asked: &VerifyNote, user: UserId, follower: &Follower<'_>) -> bool {
    asked.browser == follower.browser || follower.user == Some(user)
}
