//! Browsers that are known to an account, until it is taken back.

use std::time::Duration;

use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway};

const ADA: &str = "ada@example.org";
const NEW: &str = "some other words entirely";

/// Signs out and in again; how many letters that made.
async fn comes_again(gateway: &TestGateway, browser: &mut Browser, password: &str) -> usize {
    browser.post("/auth/signout", &[]).await;
    let before = gateway.letters_to(ADA).await.len();
    assert_eq!(browser.sign_in(ADA, password).await.status, StatusCode::SEE_OTHER);
    gateway.letters_to(ADA).await.len() - before
}

async fn resets(gateway: &TestGateway, browser: &mut Browser) {
    browser.fill("/auth/forgot", "/auth/forgot", &[("email", ADA)]).await;
    let link = gateway.letter_to(ADA).await.link();
    let done = browser.fill(&link, "/auth/reset", &[("password", NEW)]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
}

on_both_engines! {
    async fn whoever_is_put_out_of_an_account_is_a_stranger_afterwards(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut owner = gateway.at_home(ADA).await;
        let mut intruder = gateway.browser();
        intruder.sign_in(ADA, PASSWORD).await;
        gateway.clock.advance(Duration::from_hours(1));
        assert_eq!(comes_again(&gateway, &mut intruder, PASSWORD).await, 0, "known by now");

        resets(&gateway, &mut owner).await;
        assert_eq!(comes_again(&gateway, &mut intruder, NEW).await, 1, "the owner hears of it");
        let letter = gateway.letter_to(ADA).await;
        assert!(letter.subject.contains("new sign-in"), "{letter:?}");
        assert_eq!(comes_again(&gateway, &mut owner, NEW).await, 0, "the browser in which the mail was read");
    }
}

on_both_engines! {
    async fn whoever_is_signed_out_with_another_password_is_a_stranger_afterwards(gateway: TestGateway,
        setup = Setup::default().with_mail())
    {
        let mut owner = gateway.at_home(ADA).await;
        let mut intruder = gateway.browser();
        intruder.sign_in(ADA, PASSWORD).await;
        gateway.clock.advance(Duration::from_hours(1));
        for browser in [&mut intruder, &mut owner] {
            assert_eq!(comes_again(&gateway, browser, PASSWORD).await, 0, "known by now");
        }
        gateway.clock.advance(Duration::from_secs(1));
        let fields = [("password", NEW), ("end_others", "yes")];
        let done = owner.fill("/account/password", "/account/password", &fields).await;
        assert_eq!(done.location(), "/account?done=password");
        assert!(!intruder.is_signed_in().await);
        assert_eq!(comes_again(&gateway, &mut intruder, NEW).await, 1, "the owner hears of it");
        assert_eq!(comes_again(&gateway, &mut owner, NEW).await, 0, "the browser in which it was changed");
    }
}

on_both_engines! {
    async fn what_strangers_used_up_stops_whoever_was_put_out_and_not_the_owner(gateway: TestGateway,
        setup = Setup::default().with_mail().without_generous_limits().config(
            "[limits]\nsign_in_per_minute = 6000\nsign_in_per_account_per_minute = 10\nsign_in_from_new_devices_per_hour = 6"))
    {
        let mut owner = gateway.at_home(ADA).await;
        let mut intruder = owner.clone();
        assert_eq!(comes_again(&gateway, &mut intruder, PASSWORD).await, 0);
        resets(&gateway, &mut owner).await;
        let mut stranger = gateway.browser();
        for _ in 0..6 {
            stranger.sign_in(ADA, "a guess of twelve").await;
        }
        let refused = intruder.sign_in(ADA, NEW).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "it has no bucket of its own any more");
        assert_eq!(owner.sign_in(ADA, NEW).await.status, StatusCode::SEE_OTHER);
    }
}
