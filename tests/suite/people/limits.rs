//! Guessing is slow, and nobody can make it slow for the owner.

use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway};

/// The limits everybody has, but for those of addresses: the suite has one address, and here everybody has another.
fn strict() -> Setup {
    Setup::default().without_generous_limits().config(
        "[limits]\nsign_in_per_minute = 6000\nsign_in_per_account_per_minute = 10\nsign_in_from_new_devices_per_hour = 15",
    )
}

/// The limits everybody has, behind a proxy that says where somebody comes from. Mail works.
fn everywhere() -> Setup {
    let limits = "[limits]\nsign_in_per_minute = 6000\nmails_per_minute = 6000";
    Setup::default()
        .with_mail()
        .without_generous_limits()
        .server("trusted_proxies = [\"127.0.0.1/32\"]")
        .config(&format!("{limits}\nsign_in_from_new_devices_per_hour = 8"))
}

/// Guesses until it is told to wait.
async fn exhaust(browser: &mut Browser, email: &str) -> usize {
    for n in 0..40 {
        if browser.sign_in(email, "a guess of twelve").await.status == StatusCode::TOO_MANY_REQUESTS {
            return n;
        }
    }
    panic!("nobody stops the guessing");
}

/// Asks for mails until it is told to wait.
async fn exhaust_mails(browser: &mut Browser, action: &str, email: &str) -> usize {
    for n in 0..40 {
        if browser.press(action, email, None).await.status == StatusCode::TOO_MANY_REQUESTS {
            return n;
        }
    }
    panic!("nobody stops the mails");
}

on_both_engines! {
    async fn whoever_guesses_is_stopped_and_the_owner_is_not(gateway: TestGateway, setup = strict()) {
        let mut owner = gateway.signed_in("ada@example.org").await;
        owner.post("/auth/signout", &[]).await;
        assert!(exhaust(&mut gateway.browser(), "ada@example.org").await <= 10);

        let stranger = gateway.browser().sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(stranger.status, StatusCode::TOO_MANY_REQUESTS, "even the right password is one of a stranger");
        let known = owner.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(known.status, StatusCode::SEE_OTHER, "the browser the owner used before has a bucket of its own");
    }
}

on_both_engines! {
    async fn one_address_guesses_at_one_account_only_so_often(gateway: TestGateway,
        setup = Setup::default().without_generous_limits().config(
            "[limits]\nsign_in_per_minute = 6000\nsign_in_per_account_per_minute = 6\nsign_in_from_new_devices_per_hour = 6000"))
    {
        gateway.person("ada@example.org").await;
        assert!(exhaust(&mut gateway.browser(), "ada@example.org").await <= 7);
        let other = gateway.browser().sign_in("bob@example.org", "a guess of twelve").await;
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "another account has a bucket of its own");
    }
}

on_both_engines! {
    async fn a_known_browser_guesses_no_longer_than_others(gateway: TestGateway, setup = strict()) {
        let mut thief = gateway.signed_in("ada@example.org").await;
        thief.post("/auth/signout", &[]).await;
        assert!(exhaust(&mut thief, "ada@example.org").await <= 10);
    }
}

on_both_engines! {
    async fn being_known_for_one_account_helps_with_no_other(gateway: TestGateway, setup = strict()) {
        gateway.person("ada@example.org").await;
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        mallory.post("/auth/signout", &[]).await;
        assert!(exhaust(&mut mallory, "ada@example.org").await <= 10);
        assert_eq!(mallory.sign_in("mallory@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
        let cookie = mallory.cookie("belgie_session_device").expect("a device cookie").to_owned();
        let mut forger = gateway.browser();
        forger.plant("belgie_session_device", &cookie.replace('.', "x."));
        let refused = forger.sign_in("mallory@example.org", "a guess of twelve").await;
        assert_ne!(refused.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn mails_are_asked_for_only_so_often(
        gateway: TestGateway,
        setup = Setup::default().with_mail().without_generous_limits().config("[limits]\nmails_per_minute = 6000")
    ) {
        gateway.person("ada@example.org").await;
        for (email, written_to) in [("ada@example.org", 7), ("nobody@example.org", 0)] {
            for n in 1..=8 {
                let answer = gateway.browser().press("/auth/link", email, None).await;
                let expected = if n <= 7 { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
                assert_eq!(answer.status, expected, "{email}, mail {n}");
            }
            assert_eq!(gateway.letters_to(email).await.len(), written_to);
        }
    }
}

on_both_engines! {
    async fn no_single_address_keeps_anybody_out(gateway: TestGateway, setup = everywhere()) {
        gateway.person("ada@example.org").await;
        let mut mallory = gateway.browser().at_address("198.51.100.1");
        assert_eq!(exhaust(&mut mallory, "ada@example.org").await, 3 + 4, "the first, and half of what strangers share");
        assert_eq!(exhaust_mails(&mut mallory, "/auth/code", "ada@example.org").await, 2 + 5);
        let mut ada = gateway.browser().at_address("192.0.2.1");
        let answer = ada.sign_in("ada@example.org", PASSWORD).await;
        assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS, "a new browser elsewhere");
        assert_eq!(ada.press("/auth/link", "ada@example.org", None).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn however_many_strangers_ask_the_owner_gets_in_and_gets_mail(gateway: TestGateway, setup = everywhere()) {
        let mut known = gateway.at_home("ada@example.org").await;
        let mut signed_in = known.clone();
        known.post("/auth/signout", &[]).await;
        signed_in.sign_in("ada@example.org", PASSWORD).await;
        let mut mails = 0;
        for host in 1..=4 {
            let mut stranger = gateway.browser().at_address(&format!("198.{host}.100.1"));
            exhaust(&mut stranger, "ada@example.org").await;
            mails += exhaust_mails(&mut stranger, "/auth/forgot", "ada@example.org").await;
        }
        assert_eq!(mails, 10 + 4 * 2, "the owner's mailbox is not flooded");
        let mut elsewhere = gateway.browser().at_address("203.0.113.1");
        for _ in 0..2 {
            let wrong = elsewhere.sign_in("ada@example.org", "a slip of the pen").await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "what strangers share is used up, and yet");
        }
        assert_ne!(elsewhere.sign_in("ada@example.org", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
        let mut beside = gateway.browser().at_address("203.0.113.1");
        assert_eq!(exhaust_mails(&mut beside, "/auth/link", "ada@example.org").await, 2);
        let guess = beside.sign_in("ada@example.org", "a guess of twelve").await;
        assert_eq!(guess.status, StatusCode::TOO_MANY_REQUESTS, "but only so often");

        for action in ["/auth/link", "/auth/code", "/auth/forgot"] {
            let answer = known.press(action, "ada@example.org", None).await;
            assert_eq!(answer.status, StatusCode::OK, "{action} in a browser that is known");
        }
        assert_eq!(known.sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);

        gateway.clock.advance(std::time::Duration::from_secs(11 * 60));
        let form = signed_in.get("/auth/confirm?return_to=/account/password").await.form("/auth/confirm");
        let asked = signed_in.submit(&form, &[("send", "1"), ("password", "")]).await;
        assert_eq!(asked.status, StatusCode::OK, "a code for who is signed in");
        let confirmed = signed_in.submit(&form, &[("password", PASSWORD)]).await;
        assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn the_networks_of_one_site_guess_as_one(gateway: TestGateway, setup = everywhere()) {
        gateway.person("ada@example.org").await;
        let guessed = exhaust(&mut gateway.browser().at_address("2001:db8:1:1::1"), "ada@example.org").await;
        let more = exhaust(&mut gateway.browser().at_address("2001:db8:1:2::1"), "ada@example.org").await;
        assert_eq!((guessed, more), (3 + 4, 0));
        let answer = gateway.browser().at_address("2001:db8:2::1").sign_in("ada@example.org", PASSWORD).await;
        assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    }
}

on_both_engines! {
    async fn an_owner_is_not_written_to_without_end_either(gateway: TestGateway, setup = everywhere()) {
        let mut known = gateway.at_home("ada@example.org").await;
        known.post("/auth/signout", &[]).await;
        assert_eq!(exhaust_mails(&mut known, "/auth/link", "ada@example.org").await, 10);
        assert_eq!(exhaust_mails(&mut known, "/auth/link", "bob@example.org").await, 2 + 5, "with others it is a stranger");
    }
}

on_both_engines! {
    async fn an_account_at_a_foreign_address_is_no_way_to_flood_its_owner(
        gateway: TestGateway,
        setup = everywhere().config("[sign_in]\nrequire_verified_email = \"false\"")
    ) {
        gateway.person("victim@example.org").await;
        let mut mails = 0;
        for _ in 0..3 {
            let mut browser = gateway.browser().at_address("198.51.100.1");
            let signed_in = browser.sign_in("victim@example.org", PASSWORD).await;
            assert_eq!(signed_in.status, StatusCode::SEE_OTHER);
            assert!(browser.cookie("belgie_session_device").is_none(), "nor does it make browsers known");
            for _ in 0..6 {
                let form = browser.get("/account").await.form("/account/email/verify");
                mails += usize::from(browser.submit(&form, &[]).await.status == StatusCode::SEE_OTHER);
            }
        }
        assert_eq!(mails, 2 + 5, "what one address may ask for, in however many sessions");
    }
}

on_both_engines! {
    async fn a_new_browser_is_told_by_mail_and_a_known_one_is_not(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut known = gateway.at_home("ada@example.org").await;
        gateway.clock.advance(std::time::Duration::from_hours(1));
        let before = gateway.letters().await.len();
        known.post("/auth/signout", &[]).await;
        known.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(gateway.letters().await.len(), before);

        gateway.browser().sign_in("ada@example.org", PASSWORD).await;
        let letter = gateway.letter_to("ada@example.org").await;
        assert!(letter.subject.contains("new sign-in") && letter.text.contains("127.0.0.1"), "{letter:?}");
    }
}

on_both_engines! {
    async fn a_person_changes_the_password_so_often_and_is_told_every_time_or_nearly(gateway: TestGateway,
        setup = Setup::default().without_generous_limits().with_mail().config("[limits]\nsign_in_per_account_per_minute = 4\nmails_per_recipient_per_hour = 2"))
    {
        let mut ada = gateway.at_home("ada@example.org").await;
        let form = ada.get("/account/password").await.form("/account/password");
        let before = gateway.letters_to("ada@example.org").await.len();
        let mut statuses = Vec::new();
        for round in 0..5 {
            let password = format!("some other words entirely {round}");
            statuses.push(ada.submit(&form, &[("password", &password)]).await.status.as_u16());
        }
        assert_eq!(statuses, [303, 303, 303, 303, 429]);
        let notices = gateway.letters_to("ada@example.org").await.len() - before;
        assert_eq!(notices, 2, "whoever is in the account cannot have any number of mails sent");
    }
}
