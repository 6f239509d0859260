//! Changing one's address, and taking it back from whoever changed it.

use belgie_api::UserId;
use belgie_api::ports::UserChanges;
use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway};

const CONFIRM: &str = "/auth/email/confirm";
const UNDO: &str = "/auth/email/undo";

/// Asks for another address and confirms it.
async fn change(gateway: &TestGateway, browser: &mut Browser, email: &str) {
    browser.fill("/account/email", "/account/email", &[("email", email)]).await;
    let done = browser.fill(&gateway.letter_to(email).await.link(), CONFIRM, &[]).await;
    assert_eq!(done.location(), "/account?done=email");
}

on_both_engines! {
    async fn nothing_changes_before_the_new_address_is_proven(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        ada.fill("/account/email", "/account/email", &[("email", "Ada@New.example")]).await;
        assert!(ada.get("/account").await.body.contains("ada@example.org"));
        let letter = gateway.letter_to("ada@new.example").await;
        let page = ada.get(&letter.link()).await;
        assert!(page.status == StatusCode::OK && ada.get("/account").await.body.contains("ada@example.org"));
        ada.submit(&page.form(CONFIRM), &[]).await;
        let account = ada.get("/account").await.body;
        assert!(account.contains("ada@new.example") && !account.contains("ada@example.org"), "{account}");
        assert_eq!(gateway.browser().sign_in("ada@new.example", PASSWORD).await.status, StatusCode::SEE_OTHER);
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let notice = gateway.letter_to("ada@example.org").await;
        assert!(notice.subject.contains("address") && notice.text.contains("ada@new.example"), "{notice:?}");
    }
}

on_both_engines! {
    async fn an_account_cannot_be_slipped_under_the_owner_of_an_address(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut mallory = gateway.at_home("mallory@example.org").await;
        let mut victim = gateway.at_home("victim@example.org").await;
        mallory.fill("/account/email", "/account/email", &[("email", "victim@work.example")]).await;
        let link = gateway.letter_to("victim@work.example").await.link();
        assert_eq!(victim.get(&link).await.status, StatusCode::NOT_FOUND, "it is not for this account");
        let sent_on = gateway.browser().get(&link).await;
        assert!(sent_on.location().starts_with("/auth/signin"), "whoever is nobody here must sign in first");
    }
}

on_both_engines! {
    async fn a_taken_address_is_neither_taken_nor_told(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        gateway.person("bob@example.org").await;
        let mut answers = Vec::new();
        for email in ["bob@example.org", "free@example.org"] {
            answers.push(ada.fill("/account/email", "/account/email", &[("email", email)]).await.location());
        }
        assert_eq!(answers[0], answers[1]);
        assert!(gateway.letters_to("bob@example.org").await.is_empty());
        // Somebody takes the free one before the link is used.
        gateway.person("free@example.org").await;
        let link = gateway.letter_to("free@example.org").await.link();
        assert_eq!(ada.fill(&link, CONFIRM, &[]).await.status, StatusCode::CONFLICT);
    }
}

on_both_engines! {
    async fn the_old_address_takes_the_account_back_from_an_intruder(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut intruder = gateway.at_home("ada@example.org").await;
        change(&gateway, &mut intruder, "mallory@example.org").await;
        let undo = gateway.letter_to("ada@example.org").await.link();
        change(&gateway, &mut intruder, "mallory@elsewhere.example").await;
        // The intruder has a way back, too, to an address in between; it must not cost the owner hers.
        let between = gateway.letter_to("mallory@example.org").await.link();
        gateway.browser().fill(&between, UNDO, &[]).await;

        let mut ada = gateway.browser();
        assert_eq!(ada.get(&undo).await.status, StatusCode::OK);
        let done = ada.fill(&undo, UNDO, &[]).await;
        assert!(done.body.contains("yours again"), "{}", done.body);
        assert!(!intruder.is_signed_in().await);
        for email in ["ada@example.org", "mallory@example.org", "mallory@elsewhere.example"] {
            let answer = intruder.sign_in(email, PASSWORD).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "the password the intruder knew is gone: {email}");
        }
        let reset = gateway.letter_to("ada@example.org").await.link();
        ada.fill(&reset, "/auth/reset", &[("password", "the owner's very own words")]).await;
        assert_eq!(ada.sign_in("ada@example.org", "the owner's very own words").await.status, StatusCode::SEE_OTHER);
        assert_eq!(ada.get(&undo).await.status, StatusCode::NOT_FOUND);
        assert_eq!(ada.get(&between).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn the_way_back_is_open_for_a_week(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        change(&gateway, &mut ada, "ada@new.example").await;
        let undo = gateway.letter_to("ada@example.org").await.link();
        gateway.clock.advance(std::time::Duration::from_hours(7 * 24 - 1));
        assert_eq!(gateway.browser().get(&undo).await.status, StatusCode::OK);
        gateway.clock.advance(std::time::Duration::from_hours(1));
        assert_eq!(gateway.browser().get(&undo).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn an_address_nobody_proved_gets_no_way_into_the_account(gateway: TestGateway,
        setup = Setup::default().with_mail().config("[sign_in]\nrequire_verified_email = false"))
    {
        // Ada mistyped her address when she signed up, and it is somebody's.
        let mut ada = gateway.signed_in("a.da@example.org").await;
        change(&gateway, &mut ada, "ada@example.org").await;
        assert!(gateway.letters_to("a.da@example.org").await.is_empty());
        assert!(ada.get("/account").await.body.contains("ada@example.org"));
    }
}

/// The application gives an account another address, which nobody has proven.
async fn moves(gateway: &TestGateway, user: UserId) {
    let changes = UserChanges {
        email: Some("ada@elsewhere.example".to_owned()),
        email_verified: Some(false),
        ..UserChanges::default()
    };
    gateway.gateway.identity().change(user, &changes).await.expect("another address");
}

on_both_engines! {
    async fn links_to_an_address_do_nothing_once_the_account_has_another(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let identity = gateway.gateway.identity();
        let user = gateway.person("ada@example.org").await.id;
        let mut reader = gateway.browser();
        reader.sign_in("ada@example.org", PASSWORD).await;
        let link = gateway.letter_to("ada@example.org").await.link();
        let verify = reader.get(&link).await.form("/auth/verify");
        reader.press("/auth/forgot", "ada@example.org", None).await;
        let reset = reader.get(&gateway.letter_to("ada@example.org").await.link()).await.form("/auth/reset");
        moves(&gateway, user).await;
        assert_eq!(reader.get(&link).await.status, StatusCode::NOT_FOUND);
        assert_eq!(reader.submit(&verify, &[]).await.status, StatusCode::NOT_FOUND);
        let refused = reader.submit(&reset, &[("password", "some other words entirely")]).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "whoever reads the old address may be anybody by now");
        let row = identity.row(user).await.expect("an answer").expect("ada");
        assert!(row.email_verified_at.is_none(), "nobody proved the new address");
        assert!(identity.check_password(&row.email, PASSWORD.to_owned()).await.expect("an answer").is_some());
    }
}

on_both_engines! {
    async fn a_change_of_address_that_was_overtaken_does_nothing(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        ada.fill("/account/email", "/account/email", &[("email", "ada@new.example")]).await;
        let form = ada.get(&gateway.letter_to("ada@new.example").await.link()).await.form(CONFIRM);
        let identity = gateway.gateway.identity();
        let user = identity.row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        moves(&gateway, user).await;
        assert_eq!(ada.submit(&form, &[]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(identity.row(user).await.expect("an answer").expect("ada").email, "ada@elsewhere.example");
    }
}
