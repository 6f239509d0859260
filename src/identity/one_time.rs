//! Single-use tokens that something is kept under.

use std::time::Duration;

use async_trait::async_trait;
use belgie_api::db::Tx;
use belgie_api::ports::{Kept, OneTime};
use belgie_api::{Failure, PlainToken, Result, TokenKind};

use super::accounts::Identity;
use crate::store::links::{self, LinkRow, NewLink};

#[async_trait]
impl OneTime for Identity {
    async fn keep(&self, tx: &mut Tx, purpose: &str, kept: &Kept, lifetime: Duration) -> Result<PlainToken> {
        let now = self.clock.now();
        let token = TokenKind::Link.mint(self.entropy.as_ref());
        let payload = serde_json::to_vec(&kept.payload).map_err(Failure::internal)?;
        let payload = self.keys.seal(purpose, token.hash().as_bytes(), &payload)?;
        let link = NewLink {
            token: token.hash(),
            purpose,
            user: kept.user,
            payload: Some(&payload),
            expires_at: now.plus(lifetime),
        };
        links::insert(tx, &link, now).await?;
        Ok(token)
    }

    async fn look(&self, purpose: &str, token: &PlainToken) -> Result<Option<Kept>> {
        let mut conn = self.db.read().await?;
        let row = links::find(&mut conn, token.hash(), purpose, self.clock.now()).await?;
        row.map(|row| self.open(purpose, token, row)).transpose()
    }

    async fn take(&self, tx: &mut Tx, purpose: &str, token: &PlainToken) -> Result<Option<Kept>> {
        let row = links::consume(tx, token.hash(), purpose, self.clock.now()).await?;
        row.map(|row| self.open(purpose, token, row)).transpose()
    }
}

impl Identity {
    pub(super) fn open(&self, purpose: &str, token: &PlainToken, row: LinkRow) -> Result<Kept> {
        let payload = row.payload.ok_or_else(|| Failure::internal("a link has nothing kept under it"))?;
        let payload = self.keys.unseal(purpose, token.hash().as_bytes(), &payload)?;
        let payload = serde_json::from_slice(&payload).map_err(Failure::internal)?;
        Ok(Kept { user: row.user_id, payload })
    }
}
