//! What mail has proven is worth nothing for an account that has changed since.

use std::time::Duration;

use belgie_api::UserId;
use belgie_api::ports::UserChanges;
use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway};

const CONFIRM: &str = "/auth/confirm";
const CODE: &str = "/auth/code";
const NEW: &str = "some other words entirely";

async fn id_of(gateway: &TestGateway, email: &str) -> UserId {
    gateway.gateway.identity().row_by_email(email).await.expect("an answer").expect("a person").id
}

/// The account gets another proven address.
async fn moves(gateway: &TestGateway, user: UserId, email: &str) {
    let changes = UserChanges { email: Some(email.to_owned()), email_verified: Some(true), ..UserChanges::default() };
    gateway.gateway.identity().change(user, &changes).await.expect("another address");
}

on_both_engines! {
    async fn a_code_sent_to_an_address_the_account_has_left_makes_no_session_fresh(gateway: TestGateway, setup = Setup::default().with_mail()) {
        // Somebody has the browser and reads the old mailbox, which is why the owner leaves it.
        let mut thief = gateway.at_home("ada@example.org").await;
        gateway.clock.advance(Duration::from_mins(11));
        let form = thief.get(CONFIRM).await.form(CONFIRM);
        let page = thief.submit(&form, &[("send", "code"), ("return_to", "/account/email")]).await;
        let code = gateway.letter_to("ada@example.org").await.code();
        moves(&gateway, id_of(&gateway, "ada@example.org").await, "ada@new.example").await;
        let refused = thief.submit(&page.form(CONFIRM), &[("code", &code)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        // Nor when somebody else has the address by now.
        gateway.person("ada@example.org").await;
        let refused = thief.submit(&page.form(CONFIRM), &[("code", &code)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert!(thief.get("/account/email").await.location().starts_with(CONFIRM));

        let page = thief.submit(&form, &[("send", "code"), ("return_to", "/account/email")]).await;
        let code = gateway.letter_to("ada@new.example").await.code();
        assert_eq!(thief.submit(&page.form(CONFIRM), &[("code", &code)]).await.location(), "/account/email");
    }
}

on_both_engines! {
    async fn a_link_or_code_to_an_address_the_account_has_left_signs_nobody_in(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        ada.post("/auth/signout", &[]).await;
        ada.press("/auth/link", "ada@example.org", None).await;
        let link = ada.get(&gateway.letter_to("ada@example.org").await.link()).await.form("/auth/link/open");
        let typing = ada.press(CODE, "ada@example.org", None).await.form(CODE);
        let code = gateway.letter_to("ada@example.org").await.code();
        moves(&gateway, id_of(&gateway, "ada@example.org").await, "ada@new.example").await;
        assert_eq!(ada.submit(&link, &[]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(ada.submit(&typing, &[("code", &code)]).await.status, StatusCode::NOT_FOUND);
        assert!(!ada.is_signed_in().await);
    }
}

on_both_engines! {
    async fn links_of_an_account_that_is_gone_do_nothing_to_the_next_of_its_address(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let (identity, mut ada) = (gateway.gateway.identity(), gateway.at_home("ada@example.org").await);
        let mut mailbox = gateway.browser();
        ada.fill("/account/email", "/account/email", &[("email", "ada@new.example")]).await;
        ada.fill(&gateway.letter_to("ada@new.example").await.link(), "/auth/email/confirm", &[]).await;
        let undo = mailbox.get(&gateway.letter_to("ada@example.org").await.link()).await.form("/auth/email/undo");
        ada.fill("/account/email", "/account/email", &[("email", "ada@third.example")]).await;
        let change = ada.get(&gateway.letter_to("ada@third.example").await.link()).await.form("/auth/email/confirm");
        gateway.browser().press("/auth/forgot", "ada@new.example", None).await;
        let reset = mailbox.get(&gateway.letter_to("ada@new.example").await.link()).await.form("/auth/reset");
        gateway.person("bob@example.org").await;
        let mut bob = gateway.browser();
        bob.sign_in("bob@example.org", PASSWORD).await;
        let verify = bob.get(&gateway.letter_to("bob@example.org").await.link()).await.form("/auth/verify");
        for email in ["ada@new.example", "bob@example.org"] {
            assert!(identity.delete(id_of(&gateway, email).await).await.expect("an answer"), "{email}");
            gateway.person(email).await;
        }

        assert_eq!(mailbox.submit(&reset, &[("password", NEW)]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(bob.submit(&verify, &[]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(mailbox.submit(&undo, &[]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(ada.submit(&change, &[]).await.status, StatusCode::FORBIDDEN, "it is the form of a session that is over");
        for email in ["ada@new.example", "bob@example.org"] {
            let row = identity.row_by_email(email).await.expect("an answer").expect("the next one");
            assert!(row.email_verified_at.is_none(), "{email}");
            assert!(identity.check_password(email, PASSWORD.to_owned()).await.expect("an answer").is_some(), "{email}");
        }
        let everybody = identity.list().await.expect("people");
        assert_eq!(everybody.len(), 2, "{everybody:?}");
    }
}

/// Sends a token to an address that takes one, from a form of another page.
async fn send_on(browser: &mut Browser, action: &str, token: &str) -> StatusCode {
    let mut form = browser.get("/account/profile").await.form("/account/profile");
    action.clone_into(&mut form.action);
    browser.submit(&form, &[("token", token)]).await.status
}

on_both_engines! {
    async fn whoever_sends_the_link_of_somebody_elses_change_changes_nothing(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut mallory = gateway.at_home("mallory@example.org").await;
        let mut victim = gateway.at_home("victim@example.org").await;
        mallory.fill("/account/email", "/account/email", &[("email", "victim@work.example")]).await;
        let token = gateway.letter_to("victim@work.example").await.token();
        assert_eq!(send_on(&mut victim, "/auth/email/confirm", &token).await, StatusCode::NOT_FOUND);
        let everybody = gateway.gateway.identity().list().await.expect("people");
        let addresses: Vec<&str> = everybody.iter().map(|(user, _)| user.email.as_str()).collect();
        assert_eq!(addresses, ["mallory@example.org", "victim@example.org"]);
    }
}

on_both_engines! {
    async fn of_several_new_addresses_the_last_one_counts(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        for email in ["ada@mistyped.example", "ada@new.example"] {
            ada.fill("/account/email", "/account/email", &[("email", email)]).await;
        }
        let first = gateway.letter_to("ada@mistyped.example").await;
        assert_eq!(ada.get(&first.link()).await.status, StatusCode::NOT_FOUND);
        assert_eq!(send_on(&mut ada, "/auth/email/confirm", &first.token()).await, StatusCode::NOT_FOUND);
        let second = gateway.letter_to("ada@new.example").await.link();
        assert_eq!(ada.fill(&second, "/auth/email/confirm", &[]).await.location(), "/account?done=email");
    }
}

on_both_engines! {
    async fn of_several_links_that_prove_an_address_the_last_one_counts(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut ada = gateway.browser();
        for _ in 0..2 {
            ada.sign_in("ada@example.org", PASSWORD).await;
        }
        let letters = gateway.letters_to("ada@example.org").await;
        assert_eq!(letters.len(), 2, "{letters:?}");
        assert_eq!(ada.get(&letters[1].link()).await.status, StatusCode::NOT_FOUND);
        assert_eq!(ada.fill(&letters[0].link(), "/auth/verify", &[]).await.status, StatusCode::OK);
    }
}
