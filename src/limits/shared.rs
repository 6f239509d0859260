//! What the endpoints of the authorization server answer to one address or one client, at all nodes together.
//!
//! A limit by node adds up: whoever asks ten nodes gets ten times as much. So what a node lets through it books in the database, in
//! shares of a twentieth, and a share that is booked is used without another look. The first share of each minute is free, so those who ask little
//! cost nothing. Together all nodes let through what one lets through at most in a minute (twice the number: a full bucket, and what comes back
//! meanwhile), and one share more for each node.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use belgie_api::crypto::hmac_sha256;
use belgie_api::db::Db;
use belgie_api::ports::{LimitBucket, Limits};
use belgie_api::{Clock, Failure, Result, Timestamp};
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::key::subscriber_of;
use super::{LimitsSettings, LocalLimits, whole_seconds};
use crate::store::turns::{self, Booked};

/// How long what is booked counts.
const WINDOW: Duration = Duration::from_mins(1);
/// Into how many shares a limit is divided.
const SHARES: i64 = 20;
/// How many keys are remembered; one takes some hundred bytes.
const REMEMBERED: u64 = 20_000;

/// The [`LocalLimits`] of this node, and what all nodes count together.
pub struct SharedLimits {
    local: LocalLimits,
    settings: LimitsSettings,
    db: Db,
    clock: Arc<dyn Clock>,
    key: [u8; 32],
    shares: Cache<[u8; 32], Arc<Mutex<Share>>>,
}

/// What this node may still let through without a look.
struct Share {
    left: i64,
    ends_at: Timestamp,
    is_over: bool,
}

impl SharedLimits {
    /// `key`: of the host, so that all nodes book under the same.
    #[must_use]
    pub fn new(local: LocalLimits, settings: LimitsSettings, db: Db, clock: Arc<dyn Clock>, key: [u8; 32]) -> Self {
        let shares = Cache::builder()
            .name("limit_shares")
            .max_capacity(REMEMBERED)
            .time_to_idle(WINDOW.saturating_mul(2))
            .build();
        Self { local, settings, db, clock, key, shares }
    }

    /// Forgets what does not count any more on this node. To be called about once a minute.
    pub fn sweep(&self) {
        self.local.sweep();
    }

    /// Forgets what does not count any more anywhere.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge(&self) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        turns::purge(&mut tx, now).await?;
        tx.commit(now).await
    }

    /// What all nodes together let through in a minute; `None` for what is counted on each node alone.
    fn most(&self, bucket: LimitBucket) -> Option<i64> {
        let settings = match bucket {
            LimitBucket::Token => self.settings.token,
            LimitBucket::Client => self.settings.client,
            LimitBucket::Revoke => self.settings.revoke,
            LimitBucket::Introspect => self.settings.introspect,
            LimitBucket::UserInfo => self.settings.user_info,
            LimitBucket::Register => self.settings.register,
            LimitBucket::Manage => self.settings.manage,
            LimitBucket::Authorize => self.settings.authorize,
            _ => return None,
        };
        Some(i64::from(settings.burst.get()) + i64::from(settings.per_minute.get()))
    }

    async fn take_of_all(&self, bucket: LimitBucket, key: &str, most: i64) -> Result<()> {
        let share = (most / SHARES).max(1);
        let bucket = format!("{bucket:?}");
        let key = hmac_sha256(&self.key, &[bucket.as_bytes(), subscriber_of(key).as_bytes()]);
        let now = self.clock.now();
        let first = || Share { left: share, ends_at: now.plus(WINDOW), is_over: false };
        let held = self.shares.get_with(key, || Arc::new(Mutex::new(first())));
        let mut held = held.lock().await;
        if held.ends_at <= now {
            *held = first();
        }
        if held.left == 0 && !held.is_over {
            let Booked { taken, ends_at } = self.book(&key, share, now).await?;
            // The first share of each node is free, and counts here as one.
            let is_over = taken + share > most;
            *held = Share { left: if is_over { 0 } else { share }, ends_at, is_over };
        }
        if held.is_over {
            return Err(Failure::too_many(whole_seconds(held.ends_at.since(now))));
        }
        held.left -= 1;
        Ok(())
    }

    async fn book(&self, key: &[u8], share: i64, now: Timestamp) -> Result<Booked> {
        let mut tx = self.db.begin().await?;
        let booked = turns::book(&mut tx, key, share, now.plus(WINDOW), now).await?;
        tx.commit(now).await?;
        Ok(booked)
    }
}

#[async_trait]
impl Limits for SharedLimits {
    async fn take(&self, bucket: LimitBucket, key: &str) -> Result<()> {
        self.local.take(bucket, key).await?;
        match self.most(bucket) {
            Some(most) => self.take_of_all(bucket, key, most).await,
            None => Ok(()),
        }
    }
}
