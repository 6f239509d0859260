use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use belgie_api::entropy::{Entropy, SystemEntropy};
use belgie_api::ports::{LimitBucket, Limits};
use governor::clock::FakeRelativeClock;

use super::{BucketSettings, LimitsSettings, LocalLimits, Shared, account_key, take_as_stranger};

/// Always the same: no run of the tests may depend on which slots happen to be shared.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Three at once, then one every ten seconds.
fn limits() -> (LocalLimits<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (LocalLimits::with_clock(&settings(3, 6), &Fixed, clock.clone()), clock)
}

fn settings(burst: u32, per_minute: u32) -> LimitsSettings {
    let number = |number| NonZeroU32::new(number).unwrap();
    let bucket = BucketSettings { burst: number(burst), per_minute: number(per_minute) };
    LimitsSettings {
        sign_in_by_address: bucket,
        sign_in_by_account: bucket,
        sign_in_by_strangers_per_hour: number(burst),
        sign_in_by_device: bucket,
        mail_by_address: bucket,
        mail_to_recipient_per_hour: number(burst),
        sign_up: bucket,
        register: bucket,
        authorize: bucket,
        billing: bucket,
        token: bucket,
        client: bucket,
        revoke: bucket,
        introspect: bucket,
        user_info: bucket,
        manage: bucket,
    }
}

/// How many of ten tries are let through.
async fn taken(limits: &impl Limits, bucket: LimitBucket, key: &str) -> usize {
    let mut taken = 0;
    for _ in 0..10 {
        taken += usize::from(limits.take(bucket, key).await.is_ok());
    }
    taken
}

#[tokio::test]
async fn an_empty_bucket_says_when_to_come_back_and_then_lets_one_through() {
    let (limits, clock) = limits();
    assert_eq!(taken(&limits, LimitBucket::Token, "192.0.2.1").await, 3);
    clock.advance(Duration::from_millis(2_500));
    let refused = limits.take(LimitBucket::Token, "192.0.2.1").await.unwrap_err();
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(8)));

    clock.advance(Duration::from_millis(7_500));
    assert_eq!(taken(&limits, LimitBucket::Token, "192.0.2.1").await, 1);
}

#[tokio::test]
async fn every_bucket_and_every_key_counts_for_itself() {
    let (limits, _clock) = limits();
    for bucket in [
        LimitBucket::SignInByAddress,
        LimitBucket::SignInByAccount,
        LimitBucket::SignInByStrangers,
        LimitBucket::SignInByDevice,
        LimitBucket::MailByAddress,
        LimitBucket::MailToRecipient,
        LimitBucket::MailByOwner,
        LimitBucket::SignUp,
        LimitBucket::Register,
        LimitBucket::Authorize,
        LimitBucket::Billing,
        LimitBucket::Token,
        LimitBucket::Revoke,
        LimitBucket::Introspect,
        LimitBucket::UserInfo,
        LimitBucket::Manage,
    ] {
        assert_eq!(taken(&limits, bucket, "192.0.2.1").await, 3);
        assert_eq!(taken(&limits, bucket, "192.0.2.2").await, 3);
    }
}

#[tokio::test]
async fn the_addresses_of_one_subscriber_count_as_one() {
    let (limits, _clock) = limits();
    assert_eq!(taken(&limits, LimitBucket::SignUp, "2001:db8:1:2::3").await, 3);
    assert_eq!(taken(&limits, LimitBucket::SignUp, "2001:db8:1:2:ffff::4").await, 0);
    assert_eq!(taken(&limits, LimitBucket::SignUp, "2001:db8:1:3::3").await, 3);

    assert_eq!(taken(&limits, LimitBucket::SignUp, "192.0.2.1").await, 3);
    assert_eq!(taken(&limits, LimitBucket::SignUp, "::ffff:192.0.2.1").await, 0);
}

#[tokio::test]
async fn whoever_guesses_at_an_account_does_not_lock_its_owner_out() {
    let (limits, _clock) = limits();
    let (guesser, owner): (IpAddr, IpAddr) = ("198.51.100.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
    let spellings = ["ada@example.org", "Ada@Example.org ", "ADA@EXAMPLE.ORG"];
    let mut guesses = 0;
    for spelling in spellings {
        guesses += taken(&limits, LimitBucket::SignInByAccount, &account_key(spelling, guesser)).await;
    }
    assert_eq!(guesses, 3, "another spelling is no other account");
    assert_eq!(taken(&limits, LimitBucket::SignInByAccount, &account_key("ada@example.org", owner)).await, 3);
}

#[tokio::test]
async fn no_single_address_can_empty_what_strangers_share() {
    let (limits, _clock) = limits();
    for bucket in [LimitBucket::SignInShare, LimitBucket::MailShare] {
        assert_eq!(taken(&limits, bucket, "192.0.2.1 ada@example.org").await, 2, "half of three, rounded up");
    }
}

/// How many of ten tries of one address at one account are let through.
async fn tried(limits: &impl Limits, shared: &Shared, address: &str) -> usize {
    let mut tried = 0;
    for _ in 0..10 {
        tried +=
            usize::from(take_as_stranger(limits, shared, "ada@example.org", address.parse().unwrap()).await.is_ok());
    }
    tried
}

#[tokio::test]
async fn the_first_of_every_address_pass_by_what_strangers_share() {
    for (shared, first, of_all) in [(Shared::SIGN_IN, 3, 30), (Shared::MAIL, 2, 9)] {
        let (limits, clock) = limits();
        let mut tries = Vec::new();
        for place in 1..=4 {
            tries.push(tried(&limits, &shared, &format!("192.{place}.2.1")).await);
        }
        assert_eq!(tries, [first + 2, first + 1, first, first], "the share of three is used up by two");

        for place in 5..=20 {
            tries.push(tried(&limits, &shared, &format!("192.{place}.2.1")).await);
        }
        assert_eq!(tries.iter().sum::<usize>(), of_all + 3, "whoever they are, they get no more than this");

        clock.advance(Duration::from_secs(3600));
        assert_eq!(tried(&limits, &shared, "192.1.2.1").await, 2, "only the share is back for whoever was here");
        assert_eq!(tried(&limits, &shared, "198.51.100.1").await, first + 1, "and the first for others");
        clock.advance(Duration::from_secs(3 * 3600));
        assert_eq!(tried(&limits, &shared, "192.1.2.1").await, 1 + 2, "one of the first comes back in four hours");
    }
}

#[tokio::test]
async fn a_site_counts_as_one_address_at_an_account() {
    let (limits, _clock) = limits();
    assert_eq!(tried(&limits, &Shared::SIGN_IN, "2001:db8:1:1::1").await, 5);
    assert_eq!(tried(&limits, &Shared::SIGN_IN, "2001:db8:1:ffff::1").await, 0, "the same site");
    assert_eq!(tried(&limits, &Shared::SIGN_IN, "2001:db9:2:1::1").await, 3 + 1, "another site");
}

#[tokio::test]
async fn whoever_rents_a_whole_network_keeps_nobody_out_who_is_elsewhere() {
    for (rented, far) in [
        (["198.51.96.1", "198.51.97.1", "198.51.111.1"], "198.51.112.1"),
        (["2001:db8:1::1", "2001:db8:2::1", "2001:db8:ffff::1"], "2001:db9:1::1"),
    ] {
        for (shared, first) in [(Shared::SIGN_IN, 3), (Shared::MAIL, 2)] {
            let (limits, _clock) = limits();
            let mut tries = 0;
            for address in rented {
                tries += tried(&limits, &shared, address).await;
            }
            assert_eq!(tries, 3 + 3, "what strangers share, and no more of the first than that: {shared:?}");
            assert_eq!(tried(&limits, &shared, far).await, first, "{shared:?}");
        }
    }
}

#[tokio::test]
async fn the_sweep_forgets_full_buckets_only() {
    let (limits, clock) = limits();
    for host in 0..100 {
        limits.take(LimitBucket::Register, &format!("192.0.2.{host}")).await.unwrap();
    }
    assert_eq!(limits.remembered(), 100);
    limits.sweep();
    assert_eq!(limits.remembered(), 100);

    clock.advance(Duration::from_secs(60));
    assert_eq!(taken(&limits, LimitBucket::Register, "198.51.100.1").await, 3);
    limits.sweep();
    assert_eq!(limits.remembered(), 1);
    assert_eq!(taken(&limits, LimitBucket::Register, "198.51.100.1").await, 0);
}

#[tokio::test]
async fn a_flood_of_keys_fills_a_bounded_memory() {
    let (limits, _clock) = limits();
    for number in 0..300_000_u32 {
        let _ = limits.take(LimitBucket::SignInByAddress, &number.to_string()).await;
    }
    assert!(limits.remembered() < 1 << 18);
}

#[tokio::test]
async fn the_machines_own_clock_and_entropy_do_as_well() {
    let limits = LocalLimits::new(&settings(2, 1), &SystemEntropy);
    assert_eq!(taken(&limits, LimitBucket::Token, "192.0.2.1").await, 2);
}
