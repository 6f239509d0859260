//! The first account: made through a one-time link that only the operator sees.

use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::{PlainToken, Result, TokenKind};

use super::accounts::{CreateError, Identity, NewAccount};
use crate::store::links::NewLink;
use crate::store::{links, users};

const PURPOSE: &str = "set-up";
const LIFETIME: Duration = Duration::from_hours(24);

/// The user scope of operators.
pub const ADMIN: &str = "admin";

impl Identity {
    /// A fresh set-up link while nobody is an operator; links given out before stop working. `None` once somebody is: who
    /// has signed up meanwhile is not asked.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn offer_setup(&self) -> Result<Option<PlainToken>> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if users::is_anybody(&mut tx, ADMIN).await? {
            return Ok(None);
        }
        links::withdraw(&mut tx, PURPOSE).await?;
        let token = TokenKind::Link.mint(self.entropy.as_ref());
        let link = NewLink {
            token: token.hash(),
            purpose: PURPOSE,
            user: None,
            payload: None,
            expires_at: now.plus(LIFETIME),
        };
        links::insert(&mut tx, &link, now).await?;
        tx.commit(now).await?;
        Ok(Some(token))
    }

    /// Whether a set-up link would still be taken. Looking does not use it up: mail scanners and previews only look.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_setup_open(&self, token: &PlainToken) -> Result<bool> {
        let mut conn = self.db.read().await?;
        if users::is_anybody(&mut conn, ADMIN).await? {
            return Ok(false);
        }
        Ok(links::find(&mut conn, token.hash(), PURPOSE, self.clock.now()).await?.is_some())
    }

    /// Makes the account of the first operator, with the user scope `admin`, and uses the link up; `None` when the link is not good.
    ///
    /// # Errors
    /// When the input is not right or the database does not answer; the link stays good.
    pub async fn set_up(&self, token: &PlainToken, account: NewAccount) -> Result<Option<UserContext>, CreateError> {
        let (hash, mut tx) = self.prepare(&account).await?;
        let is_first = !users::is_anybody(&mut tx, ADMIN).await?;
        if !is_first || links::consume(&mut tx, token.hash(), PURPOSE, self.clock.now()).await?.is_none() {
            return Ok(None);
        }
        let user = self.insert(&mut tx, account, hash, "setup").await?;
        tx.commit(self.clock.now()).await?;
        Ok(Some(user))
    }
}
