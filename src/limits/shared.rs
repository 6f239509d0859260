//! What the endpoints of the authorization server answer to one address or one client, at all nodes together: what one node lets through at
//! most in a minute (twice the number: a full bucket, and what comes back meanwhile), and one share of it more for each node ([`Bookings`]).

use std::sync::Arc;

use async_trait::async_trait;
use belgie_api::db::Db;
use belgie_api::ports::{LimitBucket, Limits};
use belgie_api::{Clock, Failure, Result};

use super::booked::Bookings;
use super::key::subscriber_of;
use super::{LimitsSettings, LocalLimits, whole_seconds};

/// The [`LocalLimits`] of this node, and what all nodes count together.
pub struct SharedLimits {
    local: LocalLimits,
    settings: LimitsSettings,
    bookings: Bookings,
}

impl SharedLimits {
    /// `key`: of the host, so that all nodes book under the same.
    #[must_use]
    pub fn new(local: LocalLimits, settings: LimitsSettings, db: Db, clock: Arc<dyn Clock>, key: [u8; 32]) -> Self {
        Self { local, settings, bookings: Bookings::new(db, clock, key) }
    }

    /// Forgets what does not count any more on this node. To be called about once a minute.
    pub fn sweep(&self) {
        self.local.sweep();
    }

    /// Forgets what does not count any more anywhere, whoever has booked it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge(&self) -> Result<()> {
        self.bookings.purge().await
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
}

#[async_trait]
impl Limits for SharedLimits {
    async fn take(&self, bucket: LimitBucket, key: &str) -> Result<()> {
        self.local.take(bucket, key).await?;
        let Some(most) = self.most(bucket) else { return Ok(()) };
        let bucket = format!("{bucket:?}");
        match self.bookings.take(&[bucket.as_bytes(), subscriber_of(key).as_bytes()], most).await? {
            Some(wait) => Err(Failure::too_many(whole_seconds(wait))),
            None => Ok(()),
        }
    }
}
