//! Open sign-up on a host that can send mail: nothing is made before the address is proven, so there is nothing to take,
//! and nobody learns which addresses have an account.

use belgie_api::context::UserContext;
use belgie_api::ports::NewUser;
use belgie_api::{PlainToken, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accounts::{CreateError, Identity, NewAccount, shorten};
use super::notes::{LINK_LIFETIME, LINK_MINUTES, Note, path_with};
use crate::mail::Letter;
use crate::store::users::{self, normalize_email};

const PURPOSE: &str = "core.sign-up";

#[derive(Serialize, Deserialize)]
struct Wanted {
    email: String,
    name: String,
    password_hash: String,
    browser: String,
    return_to: Option<String>,
}

/// A link that finishes an account, looked at.
#[derive(Debug)]
pub struct Finish {
    /// The address.
    pub email: String,
    /// Whether the password typed at sign-up counts. In another browser it does not: whoever typed it may be a stranger.
    pub keeps_password: bool,
    /// Where it leads, in the browser that asked.
    pub return_to: Option<String>,
}

/// What came of finishing.
pub enum Finished {
    /// The account is there.
    Made(UserContext, Option<String>),
    /// Somebody with this address was faster.
    Taken,
    /// The link is not good any more.
    Over,
    /// The password, which had to be chosen anew, will not do.
    Problem(String),
}

impl Identity {
    /// Sends a mail to the address: the link that finishes the account, or that there is one already. `browser`: the mark
    /// of the browser that asks.
    ///
    /// # Errors
    /// When the input is not right, which does not depend on who has an account; or the database does not answer.
    pub async fn ask_to_sign_up(
        &self,
        account: NewAccount,
        browser: &str,
        return_to: Option<String>,
    ) -> Result<(), CreateError> {
        let (password_hash, mut tx) = self.prepare(&account).await?;
        let email = normalize_email(&account.email);
        let is_taken = users::find_by_email(&mut tx, &email).await?.is_some();
        let name = shorten(&account.name);
        let wanted = Wanted { email: email.clone(), name, password_hash, browser: browser.to_owned(), return_to };
        let token = self.keep_note(&mut tx, PURPOSE, None, &wanted, LINK_LIFETIME).await?;
        let letter = Letter {
            template: "action",
            kind: if is_taken { "taken" } else { "sign_up" },
            // Whoever signs up can write anything here, and anybody's address above it.
            name: "",
            path: (!is_taken).then(|| path_with("/auth/signup/finish", &token)),
            facts: json!({ "minutes": LINK_MINUTES }),
        };
        self.post.send(&mut tx, &email, &letter).await?;
        Ok(tx.commit(self.clock.now()).await?)
    }

    /// Looks at a link without using it up; `None` when it is not good any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_at_finish(&self, token: &PlainToken, browser: &str) -> Result<Option<Finish>> {
        let note = self.look_note::<Wanted>(PURPOSE, token).await?;
        Ok(note.map(|Note { content, .. }| {
            let is_ours = content.browser == browser;
            let return_to = content.return_to.filter(|_| is_ours);
            Finish { email: content.email, keeps_password: is_ours, return_to }
        }))
    }

    /// Uses the link up and makes the account, with its address proven. `password`: chosen anew, in another browser.
    ///
    /// # Errors
    /// When a veto refuses or the database does not answer.
    pub async fn finish_sign_up(&self, token: &PlainToken, browser: &str, password: String) -> Result<Finished> {
        let Some(Note { content, .. }) = self.look_note::<Wanted>(PURPOSE, token).await? else {
            return Ok(Finished::Over);
        };
        let is_ours = content.browser == browser;
        let hash = if is_ours {
            content.password_hash
        } else if let Some(problem) = self.password_problem(&password, &content.email).await? {
            return Ok(Finished::Problem(problem));
        } else {
            self.hasher.hash(password).await?
        };
        let mut tx = self.db.begin().await?;
        if self.take_note::<Wanted>(&mut tx, PURPOSE, token).await?.is_none() {
            return Ok(Finished::Over);
        }
        // The name belongs to whoever typed it, as the password does.
        let name = if is_ours { content.name } else { String::new() };
        let user = NewUser { email: content.email, email_verified: true, name, ..NewUser::default() };
        let Some(user) = self.insert_user(&mut tx, &user, Some(hash), "password").await? else {
            return Ok(Finished::Taken);
        };
        tx.commit(self.clock.now()).await?;
        Ok(Finished::Made(user, content.return_to.filter(|_| is_ours)))
    }
}
