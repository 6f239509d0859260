//! What those who were never signed in to an account may take of it.

use std::net::IpAddr;

use belgie_api::failure::Result;
use belgie_api::ports::{LimitBucket, Limits};

use super::key::{account_key, neighbourhood_key};

/// The buckets of one thing that strangers share; see [the sums](super).
#[derive(Debug)]
pub struct Shared {
    first: LimitBucket,
    first_near: LimitBucket,
    first_of_all: LimitBucket,
    share: LimitBucket,
    all: LimitBucket,
}

impl Shared {
    /// Attempts to sign in to an account.
    pub const SIGN_IN: Self = Self {
        first: LimitBucket::SignInFirst,
        first_near: LimitBucket::SignInFirstNear,
        first_of_all: LimitBucket::SignInFirstOfAll,
        share: LimitBucket::SignInShare,
        all: LimitBucket::SignInByStrangers,
    };
    /// Mails to a recipient.
    pub const MAIL: Self = Self {
        first: LimitBucket::MailFirst,
        first_near: LimitBucket::MailFirstNear,
        first_of_all: LimitBucket::MailFirstOfAll,
        share: LimitBucket::MailShare,
        all: LimitBucket::MailToRecipient,
    };
}

/// Takes one for an account, in the one spelling of its address, in the name of somebody at an address of the network who
/// may be anybody. The first of each address are there for the owner, who needs few; what follows comes out of what all
/// strangers share.
///
/// # Errors
/// When neither has any left, with the time to wait for the latter.
pub async fn take_as_stranger(limits: &dyn Limits, shared: &Shared, account: &str, address: IpAddr) -> Result<()> {
    let key = account_key(account, address);
    let near = neighbourhood_key(account, address);
    if limits.take(shared.first, &key).await.is_ok()
        && limits.take(shared.first_near, &near).await.is_ok()
        && limits.take(shared.first_of_all, account).await.is_ok()
    {
        return Ok(());
    }
    limits.take(shared.share, &key).await?;
    limits.take(shared.all, account).await
}
