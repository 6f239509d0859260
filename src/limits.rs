//! Rate limits: of this node, in memory, and for the endpoints of the authorization server and the calls of a plan of all nodes together
//! ([`SharedLimits`], [`PlanRates`]).
//!
//! Every [`LimitBucket`] is a token bucket (GCRA) per key. They are there to make guessing and flooding dear, not to count exactly; those that are
//! of this node alone add up.
//!
//! # What a key is
//! For the buckets "by address" the key is the client's IP address. Addresses of IPv6 are taken together by their first
//! 64 bits (RFC 4291 section 2.5.4), since a single subscriber can use any of the rest; where an account is part of the
//! key, by their first 48.
//!
//! # Why nobody can be locked out of an account
//! A bucket that counted the attempts at an account from wherever would be a gift: whoever knows an e-mail address
//! could keep it empty and its owner outside. So the key of [`LimitBucket::SignInByAccount`] is made by [`account_key`]
//! from the account **and** the address of the client: a guesser empties a bucket that only those behind the same
//! address share. What such a key adds to the bucket by address is that the latter can be wide enough for an office
//! full of people behind one address, while guessing at one of them stays narrow.
//!
//! Guessing from many addresses is slowed by a bucket per account that strangers share, and mail to one recipient by one
//! per recipient. Neither is ever asked of a browser that was signed in to the account before, nor of a session of it:
//! those have buckets of their own. And no single address can empty them: its share ([`account_key`] again, in
//! [`LimitBucket::SignInShare`] and [`LimitBucket::MailShare`]) is half.
//!
//! Two addresses could, and so keep out an owner who comes with a browser that was never signed in. Therefore the first
//! attempts of every address at an account pass by what strangers share ([`take_as_stranger`]), under a larger bucket
//! that first attempts share with each other. The sums, with the numbers of the usual configuration:
//!
//! | | sign-in | mail |
//! |---|---|---|
//! | first attempts of one address: at once, and then | 3, one in 4 hours | 2, one in 4 hours |
//! | first attempts of one neighbourhood in an hour | 60 | 10 |
//! | first attempts of all addresses in an hour | 10 x 60 = 600 | 3 x 10 = 30 |
//! | addresses to empty that once; it is back at | 200; one in 6 s | 15; one in 2 min |
//! | addresses to **keep** it empty (one attempt in 4 hours each) | 2,400 | 120 |
//! | neighbourhoods they must be in | 10 | 3 |
//! | what n addresses get through in an hour, in the long run | 60 + n/4, 660 at most | 10 + n/4, 40 at most |
//!
//! An address is one of IPv4 or a /48 of IPv6 here, the most a site is given (RFC 6177), so a network of one's own
//! counts as one. A neighbourhood is a /20 of IPv4 or a /32 of IPv6: blocks of 256 addresses are rented by the month, and
//! whoever announces a network is given thousands of sites side by side. What remains: whoever has thousands of addresses
//! in many places, or hundreds in the owner's neighbourhood, can make an owner wait in a browser that was never signed in.
//!
//! # Memory
//! Keys are chosen by strangers, so they are not kept: a key is mapped by a keyed hash to one of 2^18 slots per bucket,
//! and that many slots (a few megabytes) is the most a flood can fill. Two keys that share a slot share its limit;
//! nobody outside can make that happen, because the hash is keyed anew on every start. [`LocalLimits::sweep`] forgets
//! the slots that are full again.

mod booked;
mod key;
mod plans;
mod shared;
mod strangers;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use belgie_api::entropy::Entropy;
use belgie_api::failure::{Failure, Result};
use belgie_api::ports::{LimitBucket, Limits};
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

pub use self::booked::Bookings;
pub use self::key::account_key;
use self::key::{Slot, Slots};
pub use self::plans::PlanRates;
pub use self::shared::SharedLimits;
pub use self::strangers::{Shared, take_as_stranger};

/// How many sign-in attempts at an account pass by what strangers share, for each address; see [the sums](self).
const FIRST_SIGN_INS: NonZeroU32 = at_least_one(3);
/// The same for mails to a recipient.
const FIRST_MAILS: NonZeroU32 = at_least_one(2);
/// How long it takes until one of them is back.
const FIRST_COMES_BACK: Duration = Duration::from_secs(4 * 60 * 60);
/// How much more than what strangers share first attempts at an account may be, from all addresses together.
const FIRST_SIGN_INS_OF_ALL: NonZeroU32 = at_least_one(10);
/// The same for mails to a recipient, each of which is a nuisance.
const FIRST_MAILS_OF_ALL: NonZeroU32 = at_least_one(3);

/// How much one bucket holds and how fast it fills up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSettings {
    /// How many can be taken at once.
    pub burst: NonZeroU32,
    /// How many come back in a minute.
    pub per_minute: NonZeroU32,
}

/// The size of every bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsSettings {
    /// [`LimitBucket::SignInByAddress`].
    pub sign_in_by_address: BucketSettings,
    /// [`LimitBucket::SignInByAccount`].
    pub sign_in_by_account: BucketSettings,
    /// [`LimitBucket::SignInByStrangers`]: how many in an hour.
    pub sign_in_by_strangers_per_hour: NonZeroU32,
    /// [`LimitBucket::SignInByDevice`].
    pub sign_in_by_device: BucketSettings,
    /// [`LimitBucket::MailByAddress`].
    pub mail_by_address: BucketSettings,
    /// [`LimitBucket::MailToRecipient`] and [`LimitBucket::MailByOwner`]: how many in an hour.
    pub mail_to_recipient_per_hour: NonZeroU32,
    /// [`LimitBucket::SignUp`].
    pub sign_up: BucketSettings,
    /// [`LimitBucket::Register`].
    pub register: BucketSettings,
    /// [`LimitBucket::Authorize`].
    pub authorize: BucketSettings,
    /// [`LimitBucket::Billing`].
    pub billing: BucketSettings,
    /// [`LimitBucket::Token`].
    pub token: BucketSettings,
    /// [`LimitBucket::Client`].
    pub client: BucketSettings,
    /// [`LimitBucket::Revoke`].
    pub revoke: BucketSettings,
    /// [`LimitBucket::Introspect`].
    pub introspect: BucketSettings,
    /// [`LimitBucket::UserInfo`].
    pub user_info: BucketSettings,
    /// [`LimitBucket::Manage`].
    pub manage: BucketSettings,
}

type Limiter<C> = RateLimiter<Slot, DashMapStateStore<Slot>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// [`Limits`] of this node alone. `C` is the limiter's own monotonic clock: a limit must not move when somebody
/// corrects the time of day.
pub struct LocalLimits<C: Clock = DefaultClock> {
    slots: Slots,
    clock: C,
    sign_in_by_address: Limiter<C>,
    sign_in_by_account: Limiter<C>,
    sign_in_first: Limiter<C>,
    sign_in_first_near: Limiter<C>,
    sign_in_first_of_all: Limiter<C>,
    sign_in_share: Limiter<C>,
    sign_in_by_strangers: Limiter<C>,
    sign_in_by_device: Limiter<C>,
    mail_by_address: Limiter<C>,
    mail_first: Limiter<C>,
    mail_first_near: Limiter<C>,
    mail_first_of_all: Limiter<C>,
    mail_share: Limiter<C>,
    mail_to_recipient: Limiter<C>,
    mail_by_owner: Limiter<C>,
    sign_up: Limiter<C>,
    register: Limiter<C>,
    authorize: Limiter<C>,
    billing: Limiter<C>,
    token: Limiter<C>,
    client: Limiter<C>,
    revoke: Limiter<C>,
    introspect: Limiter<C>,
    user_info: Limiter<C>,
    manage: Limiter<C>,
}

impl LocalLimits {
    /// Full buckets of these sizes.
    #[must_use]
    pub fn new(settings: &LimitsSettings, entropy: &dyn Entropy) -> Self {
        Self::with_clock(settings, entropy, DefaultClock::default())
    }
}

impl<C: Clock + Clone> LocalLimits<C> {
    /// Full buckets of these sizes, on this clock.
    #[must_use]
    pub fn with_clock(settings: &LimitsSettings, entropy: &dyn Entropy, clock: C) -> Self {
        let limiter = |bucket: BucketSettings| {
            let quota = Quota::per_minute(bucket.per_minute).allow_burst(bucket.burst);
            RateLimiter::dashmap_with_clock(quota, clock.clone())
        };
        let hourly = |number| RateLimiter::dashmap_with_clock(Quota::per_hour(number), clock.clone());
        let first = |burst: NonZeroU32| {
            let quota = Quota::with_period(FIRST_COMES_BACK).unwrap_or(Quota::per_hour(NonZeroU32::MIN));
            RateLimiter::dashmap_with_clock(quota.allow_burst(burst), clock.clone())
        };
        let strangers = settings.sign_in_by_strangers_per_hour;
        let mails = settings.mail_to_recipient_per_hour;
        Self {
            slots: Slots::new(entropy),
            sign_in_by_address: limiter(settings.sign_in_by_address),
            sign_in_by_account: limiter(settings.sign_in_by_account),
            sign_in_first: first(FIRST_SIGN_INS),
            sign_in_first_near: hourly(strangers),
            sign_in_first_of_all: hourly(strangers.saturating_mul(FIRST_SIGN_INS_OF_ALL)),
            sign_in_share: hourly(half(strangers)),
            sign_in_by_strangers: hourly(strangers),
            sign_in_by_device: limiter(settings.sign_in_by_device),
            mail_by_address: limiter(settings.mail_by_address),
            mail_first: first(FIRST_MAILS),
            mail_first_near: hourly(mails),
            mail_first_of_all: hourly(mails.saturating_mul(FIRST_MAILS_OF_ALL)),
            mail_share: hourly(half(mails)),
            mail_to_recipient: hourly(mails),
            mail_by_owner: hourly(mails),
            sign_up: limiter(settings.sign_up),
            register: limiter(settings.register),
            authorize: limiter(settings.authorize),
            billing: limiter(settings.billing),
            token: limiter(settings.token),
            client: limiter(settings.client),
            revoke: limiter(settings.revoke),
            introspect: limiter(settings.introspect),
            user_info: limiter(settings.user_info),
            manage: limiter(settings.manage),
            clock,
        }
    }
}

impl<C: Clock> LocalLimits<C> {
    /// Forgets the slots that are full again and gives their memory back. To be called about once a minute.
    pub fn sweep(&self) {
        for limiter in self.all() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// How many slots are remembered, in all buckets together.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.all().into_iter().map(RateLimiter::len).sum()
    }

    fn all(&self) -> [&Limiter<C>; 25] {
        [
            &self.sign_in_by_address,
            &self.sign_in_by_account,
            &self.sign_in_first,
            &self.sign_in_first_near,
            &self.sign_in_first_of_all,
            &self.sign_in_share,
            &self.sign_in_by_strangers,
            &self.sign_in_by_device,
            &self.mail_by_address,
            &self.mail_first,
            &self.mail_first_near,
            &self.mail_first_of_all,
            &self.mail_share,
            &self.mail_to_recipient,
            &self.mail_by_owner,
            &self.sign_up,
            &self.register,
            &self.authorize,
            &self.billing,
            &self.token,
            &self.client,
            &self.revoke,
            &self.introspect,
            &self.user_info,
            &self.manage,
        ]
    }

    fn limiter(&self, bucket: LimitBucket) -> &Limiter<C> {
        match bucket {
            LimitBucket::SignInByAddress => &self.sign_in_by_address,
            LimitBucket::SignInByAccount => &self.sign_in_by_account,
            LimitBucket::SignInFirst => &self.sign_in_first,
            LimitBucket::SignInFirstNear => &self.sign_in_first_near,
            LimitBucket::SignInFirstOfAll => &self.sign_in_first_of_all,
            LimitBucket::SignInShare => &self.sign_in_share,
            LimitBucket::SignInByStrangers => &self.sign_in_by_strangers,
            LimitBucket::SignInByDevice => &self.sign_in_by_device,
            LimitBucket::MailByAddress => &self.mail_by_address,
            LimitBucket::MailFirst => &self.mail_first,
            LimitBucket::MailFirstNear => &self.mail_first_near,
            LimitBucket::MailFirstOfAll => &self.mail_first_of_all,
            LimitBucket::MailShare => &self.mail_share,
            LimitBucket::MailToRecipient => &self.mail_to_recipient,
            LimitBucket::MailByOwner => &self.mail_by_owner,
            LimitBucket::SignUp => &self.sign_up,
            LimitBucket::Register => &self.register,
            LimitBucket::Authorize => &self.authorize,
            LimitBucket::Billing => &self.billing,
            LimitBucket::Token => &self.token,
            LimitBucket::Client => &self.client,
            LimitBucket::Revoke => &self.revoke,
            LimitBucket::Introspect => &self.introspect,
            LimitBucket::UserInfo => &self.user_info,
            LimitBucket::Manage => &self.manage,
        }
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// Rounded up, so that a bucket of one can be taken from.
fn half(number: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(number.get().div_ceil(2)).unwrap_or(NonZeroU32::MIN)
}

#[async_trait]
impl<C: Clock + Send + Sync> Limits for LocalLimits<C> {
    async fn take(&self, bucket: LimitBucket, key: &str) -> Result<()> {
        self.limiter(bucket).check_key(&self.slots.of(key)).map_err(|refused| {
            let wait = refused.earliest_possible().duration_since(self.clock.now());
            Failure::too_many(whole_seconds(wait.into()))
        })
    }
}

/// `Retry-After` counts in whole seconds (RFC 9110 section 10.2.3); rounded up, or the caller would
/// come back too early.
fn whole_seconds(wait: Duration) -> Duration {
    let more = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(more).max(1))
}
