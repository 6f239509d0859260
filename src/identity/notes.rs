//! What is kept under the links that mails carry, and the pace of those mails.

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::{Kept, OneTime};
use belgie_api::{Failure, PlainToken, Result, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::accounts::Identity;

/// How long a link in a mail works. People look at their mail within the hour, or ask again.
pub(super) const LINK_LIFETIME: Duration = Duration::from_hours(1);
/// The same in the words of the mail.
pub(super) const LINK_MINUTES: u64 = 60;

/// What was kept under a link, and whose it is.
pub(super) struct Note<T> {
    pub(super) user: Option<UserId>,
    pub(super) content: T,
}

fn read<T: DeserializeOwned>(kept: Kept) -> Result<Note<T>> {
    let content = serde_json::from_value(kept.payload).map_err(Failure::internal)?;
    Ok(Note { user: kept.user, content })
}

impl Identity {
    /// Makes a link's token and keeps something under it.
    pub(super) async fn keep_note<T: Serialize>(
        &self,
        tx: &mut Tx,
        purpose: &str,
        user: Option<UserId>,
        content: &T,
        lifetime: Duration,
    ) -> Result<PlainToken> {
        let payload = serde_json::to_value(content).map_err(Failure::internal)?;
        self.keep(tx, purpose, &Kept { user, payload }, lifetime).await
    }

    pub(super) async fn look_note<T: DeserializeOwned>(
        &self,
        purpose: &str,
        token: &PlainToken,
    ) -> Result<Option<Note<T>>> {
        self.look(purpose, token).await?.map(read).transpose()
    }

    pub(super) async fn take_note<T: DeserializeOwned>(
        &self,
        tx: &mut Tx,
        purpose: &str,
        token: &PlainToken,
    ) -> Result<Option<Note<T>>> {
        self.take(tx, purpose, token).await?.map(read).transpose()
    }
}

/// The path of a page with a token.
pub(super) fn path_with(page: &str, token: &PlainToken) -> String {
    format!("{page}?token={}", token.expose())
}

/// A moment as letters say it: "23 November 2026, 08:10 UTC".
pub(super) fn when(now: Timestamp) -> String {
    let text = now.to_string();
    let time = text.split('T').nth(1).and_then(|time| time.get(..5)).unwrap_or_default();
    format!("{}, {time} UTC", now.day())
}
