//! What all nodes let through together.
//!
//! A limit by node adds up: whoever asks ten nodes gets ten times as much. So what a node lets through it books in the database, in
//! shares of a twentieth, and a share that is booked is used without another look. The first share of each minute is free, so those who ask little
//! cost nothing. Together all nodes let through what may be let through in a minute, and one share more for each node.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::crypto::hmac_sha256;
use belgie_api::db::Db;
use belgie_api::{Clock, Result, Timestamp};
use moka::sync::Cache;
use tokio::sync::Mutex;

use crate::store::turns::{self, Booked};

/// How long what is booked counts.
const WINDOW: Duration = Duration::from_mins(1);
/// Into how many shares a limit is divided.
const SHARES: i64 = 20;
/// How many keys are remembered; one takes some hundred bytes.
const REMEMBERED: u64 = 20_000;

/// What is booked by this node, and what all nodes count together.
pub struct Bookings {
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

impl Bookings {
    /// `key`: of the host, so that all nodes book under the same.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, key: [u8; 32]) -> Self {
        let shares = Cache::builder()
            .name("limit_shares")
            .max_capacity(REMEMBERED)
            .time_to_idle(WINDOW.saturating_mul(2))
            .build();
        Self { db, clock, key, shares }
    }

    /// Takes one of `most` in a minute; how long there is none, where all are taken. `whose`: what is limited and by whom.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take(&self, whose: &[&[u8]], most: i64) -> Result<Option<Duration>> {
        let share = (most / SHARES).max(1);
        let key = hmac_sha256(&self.key, whose);
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
            return Ok(Some(held.ends_at.since(now)));
        }
        held.left -= 1;
        Ok(None)
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

    async fn book(&self, key: &[u8], share: i64, now: Timestamp) -> Result<Booked> {
        let mut tx = self.db.begin().await?;
        let booked = turns::book(&mut tx, key, share, now.plus(WINDOW), now).await?;
        tx.commit(now).await?;
        Ok(booked)
    }
}
