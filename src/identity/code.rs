//! Codes of six digits, sent by mail and typed into the browser that asked for them.
//!
//! A code alone is worth nothing: it is checked against a handle that only the asking browser was given, five times at
//! most, for ten minutes. So a code that somebody is talked into telling does not work anywhere else, and whoever guesses
//! has to have a mail sent for every five guesses.

use std::time::Duration;

use belgie_api::crypto::constant_time_eq;
use belgie_api::db::Tx;
use belgie_api::{Failure, PlainToken, Result, TokenKind, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accounts::{Identity, is_email};
use super::mail_link::CameByMail;
use crate::mail::Letter;
use crate::store::links::{self, NewLink};
use crate::store::users::lock::lock_by_email;
use crate::store::users::{self, normalize_email};

const SIGN_IN: &str = "core.code";
const CONFIRM: &str = "core.confirm-code";
const LIFETIME: Duration = Duration::from_mins(10);
const MINUTES: u64 = 10;
const MOST_TRIES: i64 = 5;
const DIGITS: usize = 6;

#[derive(Serialize, Deserialize)]
struct Sent {
    code: String,
    email: String,
    browser: String,
    return_to: Option<String>,
    /// Whether the code was sent to anybody.
    is_real: bool,
}

/// Whose a right code is.
#[derive(PartialEq, Eq)]
struct Owners {
    /// The person it was sent to; `None` for somebody new.
    of_code: Option<UserId>,
    /// Whose account has the address now.
    of_address: Option<UserId>,
}

/// What came of a try.
pub enum CodeTry {
    /// It is the code.
    Right(CameByMail),
    /// It is not; more tries are left.
    Wrong,
    /// The handle is not good any more: used, expired, or tried too often.
    Over,
}

impl Identity {
    /// Sends a code to whoever reads this address and gives the handle it is typed in with. Nobody learns whether there is
    /// an account. `browser`: the mark of the browser that asks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ask_for_code(&self, email: &str, browser: &str, return_to: Option<String>) -> Result<PlainToken> {
        let email = normalize_email(email);
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let row = users::find_by_email(&mut tx, &email).await?;
        // Somebody who is banned gets the code, too, and reads behind it how the account stands.
        let is_welcome = is_email(&email) && (row.is_some() || self.rules.sign_up_open);
        let sent = Sent { code: self.new_code(), email, browser: browser.to_owned(), return_to, is_real: is_welcome };
        let handle = self.send_code(&mut tx, SIGN_IN, row.map(|row| row.id), &sent).await?;
        tx.commit(now).await?;
        Ok(handle)
    }

    /// Sends a code to somebody who is signed in, to show that the person is there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ask_to_confirm(&self, user: UserId, browser: &str) -> Result<PlainToken> {
        let mut tx = self.db.begin().await?;
        let row = users::find(&mut tx, user).await?.ok_or_else(|| Failure::internal("nobody is signed in"))?;
        let sent = Sent {
            code: self.new_code(),
            email: row.email,
            browser: browser.to_owned(),
            return_to: None,
            is_real: true,
        };
        let handle = self.send_code(&mut tx, CONFIRM, Some(user), &sent).await?;
        tx.commit(self.clock.now()).await?;
        Ok(handle)
    }

    async fn send_code(&self, tx: &mut Tx, purpose: &str, user: Option<UserId>, sent: &Sent) -> Result<PlainToken> {
        let now = self.clock.now();
        let handle = TokenKind::Interaction.mint(self.entropy.as_ref());
        let payload = serde_json::to_vec(sent).map_err(Failure::internal)?;
        let payload = self.keys.seal(purpose, handle.hash().as_bytes(), &payload)?;
        let expires_at = now.plus(LIFETIME);
        let link = NewLink { token: handle.hash(), purpose, user, payload: Some(&payload), expires_at };
        links::insert(tx, &link, now).await?;
        let letter = Letter {
            template: "code",
            kind: if purpose == CONFIRM { "confirm" } else { "sign_in" },
            name: "",
            path: None,
            facts: json!({ "code": sent.code, "minutes": MINUTES }),
        };
        if sent.is_real {
            self.post.send(tx, &sent.email, &letter).await?;
        } else {
            self.post.pretend(tx, &sent.email, &letter).await?;
        }
        Ok(handle)
    }

    /// Tries a code and says who came with it.
    ///
    /// # Errors
    /// When a veto refuses or the database does not answer.
    pub async fn try_code(&self, handle: &PlainToken, code: &str, browser: &str) -> Result<CodeTry> {
        let Some((mut tx, sent, _)) = self.check_code(SIGN_IN, handle, code, browser).await? else {
            return self.after_wrong(SIGN_IN, handle).await;
        };
        let user = self.arrive(&mut tx, &sent.email, "code").await?;
        tx.commit(self.clock.now()).await?;
        Ok(user.map_or(CodeTry::Over, |user| CodeTry::Right(CameByMail { user, return_to: sent.return_to })))
    }

    /// Tries a code that is to show that this person is there; `None` when it is wrong and no tries are left.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn try_to_confirm(
        &self,
        user: UserId,
        handle: &PlainToken,
        code: &str,
        browser: &str,
    ) -> Result<Option<bool>> {
        // Whoever reads the mail of an address that the account has left shows nothing about its person.
        if let Some((tx, _, owners)) = self.check_code(CONFIRM, handle, code, browser).await?
            && owners == (Owners { of_code: Some(user), of_address: Some(user) })
        {
            tx.commit(self.clock.now()).await?;
            return Ok(Some(true));
        }
        Ok(matches!(self.after_wrong(CONFIRM, handle).await?, CodeTry::Wrong).then_some(false))
    }

    /// Counts the try, whatever comes of it, and uses the handle up when the code is right.
    async fn check_code(
        &self,
        purpose: &str,
        handle: &PlainToken,
        code: &str,
        browser: &str,
    ) -> Result<Option<(Tx, Sent, Owners)>> {
        let now = self.clock.now();
        let mut counting = self.db.begin().await?;
        let row = links::count_try(&mut counting, handle.hash(), purpose, now, MOST_TRIES).await?;
        counting.commit(now).await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = row.payload.ok_or_else(|| Failure::internal("a handle has no code"))?;
        let opened = self.keys.unseal(purpose, handle.hash().as_bytes(), &sealed)?;
        let sent: Sent = serde_json::from_slice(&opened).map_err(Failure::internal)?;
        let typed: String = code.chars().filter(char::is_ascii_digit).collect();
        let fits = constant_time_eq(typed.as_bytes(), sent.code.as_bytes());
        if !(fits && sent.is_real && sent.browser == browser) {
            return Ok(None);
        }
        let mut tx = self.db.begin().await?;
        let of_address = lock_by_email(&mut tx, &sent.email).await?.map(|row| row.id);
        let used = links::consume(&mut tx, handle.hash(), purpose, now).await?;
        Ok(used.map(|row| (tx, sent, Owners { of_code: row.user_id, of_address })))
    }

    async fn after_wrong(&self, purpose: &str, handle: &PlainToken) -> Result<CodeTry> {
        let mut conn = self.db.read().await?;
        let row = links::find(&mut conn, handle.hash(), purpose, self.clock.now()).await?;
        Ok(if row.is_some_and(|row| row.attempts < MOST_TRIES) { CodeTry::Wrong } else { CodeTry::Over })
    }

    /// Six digits, every one as likely as the other: of 64 random bits, the rest of a division is off by less than 10^-13.
    fn new_code(&self) -> String {
        let mut random = [0_u8; 8];
        self.entropy.fill(&mut random);
        format!("{:0DIGITS$}", u64::from_be_bytes(random) % 1_000_000)
    }
}
