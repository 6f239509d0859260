//! Rate limits of one process, by bucket and key (GCRA, through the governor crate).
//!
//! Sign-in is limited by client address and, more tightly, by address *and* account together: somebody who guesses at an
//! account from elsewhere empties a bucket of their own, so nobody can lock the owner out.

use std::collections::HashMap;
use std::num::NonZeroU32;

use async_trait::async_trait;
use belgie_api::ports::{LimitBucket, Limits};
use belgie_api::{Failure, Result};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// How many a minute each bucket gives; as many may come at once.
#[derive(Clone, Copy, Debug)]
pub struct LimitSettings {
    /// Sign-in attempts from one address.
    pub sign_in_by_address: NonZeroU32,
    /// Sign-in attempts from one address at one account.
    pub sign_in_by_account: NonZeroU32,
    /// New accounts from one address.
    pub sign_up: NonZeroU32,
    /// Registrations of OAuth clients from one address.
    pub register: NonZeroU32,
    /// Authorization requests from one address.
    pub authorize: NonZeroU32,
    /// Calls of the token and revocation endpoints from one address.
    pub token: NonZeroU32,
}

/// The limits of one process.
pub struct LocalLimits {
    buckets: HashMap<LimitBucket, DefaultKeyedRateLimiter<String>>,
    clock: DefaultClock,
}

impl LocalLimits {
    /// Full buckets.
    #[must_use]
    pub fn new(settings: LimitSettings) -> Self {
        let bucket = |per_minute: NonZeroU32| RateLimiter::keyed(Quota::per_minute(per_minute));
        let buckets = HashMap::from([
            (
                LimitBucket::SignInByAddress,
                bucket(settings.sign_in_by_address),
            ),
            (
                LimitBucket::SignInByAccount,
                bucket(settings.sign_in_by_account),
            ),
            (LimitBucket::SignUp, bucket(settings.sign_up)),
            (LimitBucket::Register, bucket(settings.register)),
            (LimitBucket::Authorize, bucket(settings.authorize)),
            (LimitBucket::Token, bucket(settings.token)),
        ]);
        Self {
            buckets,
            clock: DefaultClock::default(),
        }
    }

    /// Forgets keys whose bucket is full again, so that memory follows traffic.
    pub fn sweep(&self) {
        for bucket in self.buckets.values() {
            bucket.retain_recent();
            bucket.shrink_to_fit();
        }
    }
}

#[async_trait]
impl Limits for LocalLimits {
    async fn take(&self, bucket: LimitBucket, key: &str) -> Result<()> {
        let limiter = self
            .buckets
            .get(&bucket)
            .ok_or_else(|| Failure::internal(format!("no limit for {bucket:?}")))?;
        limiter
            .check_key(&key.to_owned())
            .map_err(|until| Failure::too_many(until.wait_time_from(self.clock.now())))
    }
}
