//! Forgotten passwords.

use std::time::Duration;

use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway};

const NEW: &str = "some other words entirely";
const RESET: &str = "/auth/reset";

on_both_engines! {
    async fn a_new_password_ends_every_session_and_is_said_by_mail(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut thief = gateway.at_home("ada@example.org").await;
        let mut ada = gateway.browser();
        ada.fill("/auth/forgot", "/auth/forgot", &[("email", "ada@example.org")]).await;
        let letter = gateway.letter_to("ada@example.org").await;
        assert_eq!(gateway.browser().get(&letter.link()).await.status, StatusCode::OK);

        let form = ada.get(&letter.link()).await.form(RESET);
        let refused = ada.submit(&form, &[("password", "qwertyuiop123")]).await;
        assert!(refused.body.contains("common or leaked"), "{}", refused.body);
        let done = ada.submit(&form, &[("password", NEW)]).await;
        assert!(done.status == StatusCode::OK && done.body.contains("Your password is changed"), "{}", done.body);
        assert_eq!(ada.submit(&form, &[("password", "yet another one, please")]).await.status, StatusCode::NOT_FOUND);
        assert!(!thief.is_signed_in().await);
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(ada.sign_in("ada@example.org", NEW).await.status, StatusCode::SEE_OTHER);
        assert!(gateway.letters_to("ada@example.org").await.iter().any(|letter| letter.subject.contains("was reset")));
    }
}

on_both_engines! {
    async fn one_reset_ends_the_other_links(gateway: TestGateway, setup = Setup::default().with_mail()) {
        // Of an account nobody has proven everything ends; of a proven one these links must be named.
        gateway.person("ada@example.org").await;
        gateway.at_home("bob@example.org").await;
        for email in ["ada@example.org", "bob@example.org"] {
            let mut browser = gateway.browser();
            for _ in 0..2 {
                browser.press("/auth/forgot", email, None).await;
            }
            let letters = gateway.letters_to(email).await;
            let resets = letters.iter().filter(|letter| letter.text.contains(RESET));
            let links: Vec<String> = resets.map(crate::support::Letter::link).collect();
            assert_eq!(links.len(), 2, "{email}: {letters:?}");
            browser.fill(&links[0], RESET, &[("password", NEW)]).await;
            assert_eq!(browser.get(&links[1]).await.status, StatusCode::NOT_FOUND, "{email}");
        }
    }
}

on_both_engines! {
    async fn an_old_link_resets_nothing(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut ada = gateway.browser();
        ada.press("/auth/forgot", "ada@example.org", None).await;
        let form = ada.get(&gateway.letter_to("ada@example.org").await.link()).await.form(RESET);
        gateway.clock.advance(Duration::from_secs(3_601));
        assert_eq!(ada.submit(&form, &[("password", NEW)]).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn whoever_is_suspended_in_between_resets_nothing(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.at_home("ada@example.org").await;
        let mut ada = gateway.browser();
        ada.press("/auth/forgot", "ada@example.org", None).await;
        let form = ada.get(&gateway.letter_to("ada@example.org").await.link()).await.form(RESET);
        let (ok, said) = gateway.configured_program(&["user", "ban", "--email", "ada@example.org"]).await;
        assert!(ok, "{said}");
        assert_eq!(ada.submit(&form, &[("password", NEW)]).await.status, StatusCode::NOT_FOUND);
        let (ok, said) = gateway.configured_program(&["user", "unban", "--email", "ada@example.org"]).await;
        assert!(ok, "{said}");
        let old = gateway.browser().sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(old.status, StatusCode::SEE_OTHER, "the password is what it was");
    }
}
