//! Open sign-up on a host that can send mail: nothing is made before the address is proven, so there is nothing to take,
//! and nobody learns which addresses have an account.

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::Act;
use belgie_api::ports::{NewUser, Newcomer};
use belgie_api::{PlainToken, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::accounts::{CreateError, Identity, NewAccount, is_email, shorten};
use super::notes::{LINK_LIFETIME, LINK_MINUTES, Note, path_with};
use super::port::no_address;
use crate::mail::Letter;
use crate::store::users::{self, normalize_email};

const PURPOSE: &str = "core.sign-up";

#[derive(Serialize, Deserialize)]
struct WaitingSignUp {
    email: String,
    name: String,
    image: Option<String>,
    password_hash: Option<String>,
    brought: Option<Brought>,
    browser: String,
    return_to: Option<String>,
}

/// What somebody brought who came by a way of a plugin.
#[derive(Serialize, Deserialize)]
struct Brought {
    method: String,
    way: String,
    thing: Value,
}

/// A link that finishes an account, looked at.
#[derive(Debug)]
pub struct Finish {
    /// The address.
    pub email: String,
    /// Whether it is opened in the browser that asked. Anywhere else neither the password nor what was brought counts:
    /// whoever asked may be a stranger.
    pub is_ours: bool,
    /// What people call the way the person came by, when it was one of a plugin.
    pub way: Option<String>,
    /// Where it leads, in the browser that asked.
    pub return_to: Option<String>,
}

/// What came of finishing.
pub enum Finished {
    /// The account is there.
    Made {
        /// The person.
        user: UserContext,
        /// How the person came.
        method: String,
        /// Where to go.
        return_to: Option<String>,
    },
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
        let (password_hash, tx) = self.prepare(&account).await?;
        let wanted = WaitingSignUp {
            email: normalize_email(&account.email),
            name: shorten(&account.name),
            image: None,
            password_hash: Some(password_hash),
            brought: None,
            browser: browser.to_owned(),
            return_to,
        };
        Ok(self.send_last_step(tx, &wanted).await?)
    }

    /// The same for somebody a plugin brings.
    ///
    /// # Errors
    /// When the address is none, or the database does not answer.
    pub async fn ask_newcomer(&self, newcomer: Newcomer, browser: &str) -> Result<()> {
        let Newcomer { user, method, way, brought, return_to } = newcomer;
        let email = normalize_email(&user.email);
        if !is_email(&email) {
            return Err(no_address());
        }
        let wanted = WaitingSignUp {
            email,
            name: shorten(&user.name),
            image: user.image,
            password_hash: None,
            brought: Some(Brought { method, way, thing: brought }),
            browser: browser.to_owned(),
            return_to,
        };
        self.send_last_step(self.db.begin().await?, &wanted).await
    }

    /// Does the same work for every address, so that nobody learns whether it has an account.
    async fn send_last_step(&self, mut tx: Tx, wanted: &WaitingSignUp) -> Result<()> {
        let is_taken = users::find_by_email(&mut tx, &wanted.email).await?.is_some();
        let token = self.keep_note(&mut tx, PURPOSE, None, wanted, LINK_LIFETIME).await?;
        let letter = Letter {
            template: "action",
            kind: if is_taken { "taken" } else { "sign_up" },
            // Whoever signs up can write anything here, and anybody's address above it.
            name: "",
            path: (!is_taken).then(|| path_with("/auth/signup/finish", &token)),
            facts: json!({ "minutes": LINK_MINUTES }),
        };
        self.post.send(&mut tx, &wanted.email, &letter).await?;
        tx.commit(self.clock.now()).await
    }

    /// Looks at a link without using it up; `None` when it is not good any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_at_finish(&self, token: &PlainToken, browser: &str) -> Result<Option<Finish>> {
        let note = self.look_note::<WaitingSignUp>(PURPOSE, token).await?;
        Ok(note.map(|Note { content, .. }| {
            let is_ours = content.browser == browser;
            let return_to = content.return_to.filter(|_| is_ours);
            Finish { email: content.email, is_ours, way: content.brought.map(|brought| brought.way), return_to }
        }))
    }

    /// Uses the link up and makes the account, with its address proven. `password`: chosen anew, in another browser, where
    /// passwords are a way in.
    ///
    /// # Errors
    /// When a veto refuses, among them whoever brought the person; or when the database does not answer.
    pub async fn finish_sign_up(&self, token: &PlainToken, browser: &str, password: String) -> Result<Finished> {
        let Some(Note { content, .. }) = self.look_note::<WaitingSignUp>(PURPOSE, token).await? else {
            return Ok(Finished::Over);
        };
        let is_ours = content.browser == browser;
        let hash = if is_ours {
            content.password_hash
        } else if !self.rules.signs_in_by_password {
            None
        } else if let Some(problem) = self.password_problem(&password, &content.email).await? {
            return Ok(Finished::Problem(problem));
        } else {
            Some(self.hasher.hash(password).await?)
        };
        let mut tx = self.db.begin().await?;
        if self.take_note::<WaitingSignUp>(&mut tx, PURPOSE, token).await?.is_none() {
            return Ok(Finished::Over);
        }
        // Whatever was typed or brought belongs to whoever asked, as the password does.
        let brought = content.brought.filter(|_| is_ours);
        let (name, image) = if is_ours { (content.name, content.image) } else { (String::new(), None) };
        let method = brought.as_ref().map_or("password", |brought| brought.method.as_str()).to_owned();
        let user = NewUser { email: content.email, email_verified: true, name, image, ..NewUser::default() };
        let Some(user) = self.insert_user(&mut tx, &user, hash, &method).await? else {
            return Ok(Finished::Taken);
        };
        if let Some(Brought { method, thing, .. }) = &brought {
            self.veto(&mut tx, Act::Bring { user: &user, method, brought: thing }).await?;
        }
        tx.commit(self.clock.now()).await?;
        Ok(Finished::Made { user, method, return_to: content.return_to.filter(|_| is_ours) })
    }
}
