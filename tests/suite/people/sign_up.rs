//! Open sign-up with mail: the answer never says who has an account, and nobody is given an account by a stranger.

use std::time::Duration;

use reqwest::StatusCode;

use super::open_with_mail;
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Page, TestGateway};

async fn sign_up(browser: &mut Browser, email: &str, name: &str) -> Page {
    browser.fill("/auth/signup", "/auth/signup", &[("email", email), ("name", name), ("password", PASSWORD)]).await
}

on_both_engines! {
    async fn an_account_begins_with_the_link_in_the_mail(gateway: TestGateway, setup = open_with_mail()) {
        let mut browser = gateway.browser();
        let page = browser.get("/auth/signup?return_to=/account/profile").await;
        let fields = [("email", "Ada@Example.org"), ("name", "Ada"), ("password", PASSWORD)];
        let answer = browser.submit(&page.form("/auth/signup"), &fields).await;
        assert!(answer.status == StatusCode::OK && answer.body.contains("Look into your mail"), "{}", answer.body);
        assert!(gateway.gateway.identity().list().await.expect("people").is_empty(), "nothing is made yet");

        let letter = gateway.letter_to("ada@example.org").await;
        for _ in 0..2 {
            let scanned = gateway.browser().get(&letter.link()).await;
            assert_eq!(scanned.status, StatusCode::OK, "a mail scanner that looks uses nothing up");
            assert_eq!(scanned.headers["referrer-policy"], "no-referrer");
        }
        let done = browser.fill(&letter.link(), "/auth/signup/finish", &[]).await;
        assert_eq!((done.status, done.location().as_str()), (StatusCode::SEE_OTHER, "/account/profile"));
        let account = browser.get("/account").await.body;
        assert!(account.contains("Confirmed") && account.contains("Ada"), "{account}");
        assert_eq!(browser.get(&letter.link()).await.status, StatusCode::NOT_FOUND);
        assert!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.location() == "/account");
    }
}

on_both_engines! {
    async fn the_answer_is_the_same_for_a_taken_address(gateway: TestGateway, setup = open_with_mail()) {
        gateway.person("ada@example.org").await;
        let mut answers = Vec::new();
        for email in ["ada@example.org", "new@example.org"] {
            let mut browser = gateway.browser();
            answers.push(sign_up(&mut browser, email, "Mallory").await.without(email));
        }
        assert_eq!(answers[0], answers[1]);
        let taken = gateway.letter_to("ada@example.org").await;
        assert!(taken.subject.contains("already") && !taken.text.contains("token="), "{taken:?}");
        assert!(taken.text.contains("/auth/signin") && taken.text.contains("/auth/forgot"));
        assert!(gateway.letter_to("new@example.org").await.text.contains("token="));
    }
}

on_both_engines! {
    async fn what_is_wrong_with_the_input_is_said_whoever_has_an_account(gateway: TestGateway, setup = open_with_mail()) {
        gateway.person("ada@example.org").await;
        let mut answers = Vec::new();
        for email in ["ada@example.org", "new@example.org"] {
            let mut browser = gateway.browser();
            let fields = [("email", email), ("name", ""), ("password", "Password1234")];
            let page = browser.fill("/auth/signup", "/auth/signup", &fields).await;
            assert!(page.body.contains("common or leaked"), "{}", page.body);
            let csrf = page.form("/auth/signup").fields[0].1.clone();
            answers.push((page.status, page.without(email).1.replace(&csrf, "CSRF")));
        }
        assert_eq!(answers[0], answers[1]);
        assert!(gateway.letters().await.is_empty());
    }
}

on_both_engines! {
    async fn a_stranger_who_began_the_account_has_no_password_to_it(gateway: TestGateway, setup = open_with_mail()) {
        sign_up(&mut gateway.browser(), "victim@example.org", "Visit evil.example").await;
        let letter = gateway.letter_to("victim@example.org").await;
        assert!(!letter.text.contains("evil.example"), "a stranger's words do not travel in our mail: {}", letter.text);

        let mut victim = gateway.browser();
        let page = victim.get(&letter.link()).await;
        assert!(page.body.contains("did not begin this account in this browser"), "{}", page.body);
        let form = page.form("/auth/signup/finish");
        let refused = victim.submit(&form, &[]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "a password must be chosen here");
        victim.submit(&form, &[("password", "the owner's very own words")]).await;
        assert!(victim.is_signed_in().await);

        assert_eq!(gateway.browser().sign_in("victim@example.org", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let mut again = gateway.browser();
        again.sign_in("victim@example.org", "the owner's very own words").await;
        assert!(again.is_signed_in().await);
    }
}

on_both_engines! {
    async fn a_link_that_is_old_or_of_another_kind_makes_nothing(gateway: TestGateway, setup = open_with_mail()) {
        let mut browser = gateway.browser();
        sign_up(&mut browser, "ada@example.org", "Ada").await;
        let letter = gateway.letter_to("ada@example.org").await;
        for page in ["/auth/reset", "/auth/verify", "/auth/link/open", "/auth/email/undo", "/auth/setup"] {
            let other = browser.get(&format!("{page}?token={}", letter.token())).await;
            assert_eq!(other.status, StatusCode::NOT_FOUND, "{page}");
        }
        let form = browser.get(&letter.link()).await.form("/auth/signup/finish");
        gateway.clock.advance(Duration::from_secs(3_601));
        assert_eq!(browser.submit(&form, &[]).await.status, StatusCode::NOT_FOUND);
        assert!(gateway.gateway.identity().list().await.expect("people").is_empty());
    }
}
