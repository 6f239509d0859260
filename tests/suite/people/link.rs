//! Links that sign in.

use std::time::Duration;

use reqwest::StatusCode;

use super::open_with_mail;
use crate::on_both_engines;
use crate::support::{Agent, Setup, TestGateway};

const OPEN: &str = "/auth/link/open";

on_both_engines! {
    async fn a_link_signs_in_once_and_leads_where_one_wanted_to_go(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let answer = browser.press("/auth/link", "ADA@example.org", Some("/account/profile")).await;
        assert!(answer.body.contains("Look into your mail"), "{}", answer.body);
        let letter = gateway.letter_to("ada@example.org").await;

        let scanned = gateway.browser().get(&letter.link()).await;
        assert!(scanned.status == StatusCode::OK && scanned.body.contains("ada@example.org"));
        assert!(!browser.is_signed_in().await);
        let form = browser.get(&letter.link()).await.form(OPEN);
        let done = browser.submit(&form, &[]).await;
        assert_eq!((done.status, done.location().as_str()), (StatusCode::SEE_OTHER, "/account/profile"));
        assert!(browser.get("/account").await.body.contains("Confirmed"), "whoever reads the mail has proved the address");

        let mut thief = gateway.browser();
        assert_eq!(thief.get(&letter.link()).await.status, StatusCode::NOT_FOUND);
        let mut form = thief.get("/auth/signin").await.form("/auth/signin");
        OPEN.clone_into(&mut form.action);
        assert_eq!(thief.submit(&form, &[("token", &letter.token())]).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn a_link_of_somebody_known_signs_in_once(gateway: TestGateway, setup = Setup::default().with_mail()) {
        // Proving an address withdraws the links of the account, so only where it is proven already does a link end by its use.
        let mut ada = gateway.at_home("ada@example.org").await;
        ada.post("/auth/signout", &[]).await;
        ada.press("/auth/link", "ada@example.org", None).await;
        let letter = gateway.letter_to("ada@example.org").await;
        let form = ada.get(&letter.link()).await.form(OPEN);
        let mut second = ada.clone();
        assert_eq!(ada.submit(&form, &[]).await.location(), "/account");
        assert_eq!(second.get(&letter.link()).await.status, StatusCode::NOT_FOUND);
        assert_eq!(second.submit(&form, &[]).await.status, StatusCode::NOT_FOUND);
        assert!(!second.is_signed_in().await);
    }
}

on_both_engines! {
    async fn in_another_browser_a_link_says_whose_it_is_and_leads_nowhere_else(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("mallory@example.org").await;
        gateway.browser().press("/auth/link", "mallory@example.org", Some("/account/email")).await;
        let letter = gateway.letter_to("mallory@example.org").await;
        let mut victim = gateway.browser();
        let page = victim.get(&letter.link()).await;
        assert!(page.body.contains("mallory@example.org"), "{}", page.body);
        assert!(page.body.contains("did not ask for this link in this browser"), "{}", page.body);
        assert!(!victim.is_signed_in().await, "looking signs nobody in");
        assert_eq!(victim.submit(&page.form(OPEN), &[]).await.location(), "/account");
    }
}

on_both_engines! {
    async fn where_sign_up_is_open_a_link_makes_the_account(gateway: TestGateway, setup = open_with_mail()) {
        let mut browser = gateway.browser();
        browser.press("/auth/link", "new@example.org", None).await;
        let link = gateway.letter_to("new@example.org").await.link();
        assert_eq!(browser.fill(&link, OPEN, &[]).await.status, StatusCode::SEE_OTHER);
        let account = browser.get("/account").await.body;
        assert!(account.contains("new@example.org") && account.contains("None set"), "{account}");
    }
}

on_both_engines! {
    async fn nobody_learns_who_has_an_account(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        for page in ["/auth/link", "/auth/forgot"] {
            let mut answers = Vec::new();
            for email in ["ada@example.org", "bob@example.org"] {
                answers.push(gateway.browser().press(page, email, None).await.without(email));
            }
            assert_eq!(answers[0], answers[1], "{page}");
        }
        assert_eq!(gateway.letters_to("ada@example.org").await.len(), 2);
        assert!(gateway.letters_to("bob@example.org").await.is_empty(), "where sign-up is closed nobody else is written to");
    }
}

on_both_engines! {
    async fn an_old_link_is_no_link(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        browser.press("/auth/link", "ada@example.org", None).await;
        let form = browser.get(&gateway.letter_to("ada@example.org").await.link()).await.form(OPEN);
        gateway.clock.advance(Duration::from_secs(3_601));
        assert_eq!(browser.submit(&form, &[]).await.status, StatusCode::NOT_FOUND);
        assert!(!browser.is_signed_in().await);
    }
}

on_both_engines! {
    async fn without_mail_nothing_that_needs_it_is_there(gateway: TestGateway) {
        let mut browser = gateway.browser();
        let page = browser.get("/auth/signin").await.body;
        assert!(!page.contains("E-mail me") && !page.contains("Forgot"), "{page}");
        for way in ["/auth/link", "/auth/code", "/auth/forgot"] {
            assert_eq!(browser.press(way, "ada@example.org", None).await.status, StatusCode::NOT_FOUND, "{way}");
        }
        assert_eq!(browser.get("/dev/outbox").await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn what_the_operator_switches_off_is_not_offered(
        gateway: TestGateway,
        setup = Setup::default().with_mail().config("[sign_in]\npassword = false\nmagic_link = false")
    ) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let page = browser.get("/auth/signin").await;
        assert!(!page.body.contains("type=\"password\"") && !page.body.contains("a link"), "{}", page.body);
        let form = page.form("/auth/code");
        let mut password = form.clone();
        "/auth/signin".clone_into(&mut password.action);
        let fields = [("email", "ada@example.org"), ("password", crate::support::gateway::PASSWORD)];
        assert_eq!(browser.submit(&password, &fields).await.status, StatusCode::NOT_FOUND);
        assert_eq!(browser.submit(&form, &fields[..1]).await.status, StatusCode::OK);
        assert_eq!(gateway.letters_to("ada@example.org").await.len(), 1);
    }
}

on_both_engines! {
    async fn the_sign_in_page_says_which_agent_one_signs_in_for(gateway: TestGateway) {
        let agent = Agent::register(&gateway).await;
        let mut stranger = gateway.browser();
        let sent = stranger.get(&agent.authorize_url(&agent.authorization(""))).await;
        let page = stranger.get(&sent.location()).await;
        assert!(page.body.contains("to continue to") && page.body.contains("Suite agent"), "{}", page.body);
        let plain = stranger.get("/auth/signin?return_to=/account").await;
        assert!(!plain.body.contains("to continue to"), "{}", plain.body);
        let unknown = stranger.get("/auth/signin?return_to=/authorize?client_id=https://evil.example/x").await;
        assert!(unknown.status == StatusCode::OK && !unknown.body.contains("to continue to"));
    }
}
