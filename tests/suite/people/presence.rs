//! Dangerous changes ask whether the person is there.

use std::time::Duration;

use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway};

const CONFIRM: &str = "/auth/confirm";
const DANGEROUS: [&str; 4] = ["/account/password", "/account/email", "/account/delete", "/account/export"];

on_both_engines! {
    async fn a_session_left_alone_asks_for_the_password_again(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let form = ada.get("/account/password").await.form("/account/password");
        gateway.clock.advance(Duration::from_mins(11));
        for page in DANGEROUS {
            let sent = ada.get(page).await;
            assert_eq!(sent.location(), format!("{CONFIRM}?return_to={}", page.replace('/', "%2F")));
        }
        let late = ada.submit(&form, &[("password", "some other words entirely")]).await;
        assert!(late.location().starts_with(CONFIRM), "the form asks, too");
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);

        let ask = format!("{CONFIRM}?return_to=/account/email");
        let wrong = ada.fill(&ask, CONFIRM, &[("password", "not the right one")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(ada.fill(&ask, CONFIRM, &[("password", PASSWORD)]).await.location(), "/account/email");
        assert_eq!(ada.get("/account/email").await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_code_by_mail_does_as_well_and_belongs_to_the_session(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let mut thief = ada.clone();
        gateway.clock.advance(Duration::from_mins(11));
        let form = ada.get(CONFIRM).await.form(CONFIRM);
        let page = ada.submit(&form, &[("send", "code"), ("return_to", "/account/email")]).await;
        let code = gateway.letter_to("ada@example.org").await.code();

        let mut bob = gateway.at_home("bob@example.org").await;
        gateway.clock.advance(Duration::from_mins(11));
        assert!(thief.get("/account/email").await.location().starts_with(CONFIRM));
        let handle = page.form(CONFIRM).fields.iter().find(|(name, _)| name == "handle").expect("a handle").1.clone();
        let form = bob.get(CONFIRM).await.form(CONFIRM);
        let stolen = bob.submit(&form, &[("handle", &handle), ("code", &code)]).await;
        assert_ne!(stolen.status, StatusCode::SEE_OTHER);

        let form = ada.get(CONFIRM).await.form(CONFIRM);
        let page = ada.submit(&form, &[("send", "code"), ("return_to", "/account/email")]).await;
        let code = gateway.letter_to("ada@example.org").await.code();
        assert_eq!(ada.submit(&page.form(CONFIRM), &[("code", &code)]).await.location(), "/account/email");
        assert_eq!(ada.get("/account/email").await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn asking_leads_to_pages_of_ours_only(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
            assert_eq!(ada.get(&format!("{CONFIRM}?return_to={elsewhere}")).await.location(), "/account");
        }
        assert!(gateway.browser().get(CONFIRM).await.location().starts_with("/auth/signin"));
    }
}

on_both_engines! {
    async fn a_code_confirms_nobody_but_the_person_it_was_sent_to(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut shared = gateway.at_home("ada@example.org").await;
        gateway.clock.advance(Duration::from_mins(11));
        let form = shared.get(CONFIRM).await.form(CONFIRM);
        let page = shared.submit(&form, &[("send", "code"), ("return_to", "/account/email")]).await;
        let handle = page.form(CONFIRM).fields.iter().find(|(name, _)| name == "handle").expect("a handle").1.clone();
        let code = gateway.letter_to("ada@example.org").await.code();
        shared.post("/auth/signout", &[]).await;
        gateway.at_home("bob@example.org").await;
        shared.sign_in("bob@example.org", PASSWORD).await;
        let token = shared.get("/account/profile").await.form("/account/profile").value("csrf_token");
        let fields = [("csrf_token", token.as_str()), ("handle", &handle), ("code", &code), ("return_to", "/account/email")];
        let refused = shared.post(CONFIRM, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "the same browser, and somebody else in it");
    }
}

on_both_engines! {
    async fn a_code_is_for_its_person_whatever_the_browser_looks_like(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let (ada, bob) = (gateway.person("ada@example.org").await, gateway.person("bob@example.org").await);
        let identity = gateway.gateway.identity();
        let handle = identity.ask_to_confirm(ada.id, "a mark").await.expect("a code is sent");
        let code = gateway.letter_to("ada@example.org").await.code();
        let of_bob = identity.try_to_confirm(bob.id, &handle, &code, "a mark").await.expect("an answer");
        assert_eq!(of_bob, Some(false), "the right code in a browser of the same mark, for somebody else");
        let of_ada = identity.try_to_confirm(ada.id, &handle, &code, "a mark").await.expect("an answer");
        assert_eq!(of_ada, Some(true), "and it is not used up");
    }
}
