//! People whose address no provider vouches for, where addresses must be proven: a mail decides, and nobody learns from it
//! who has an account, or gets into one that is not theirs.

use belgie::identity::{Ban, By};
use belgie_api::ports::UserChanges;
use reqwest::StatusCode;
use serde_json::json;

use super::{START, arrived, assert_refused, call, closed, link, open, people, prove, sign_in, through, with_idp};
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Idp, Page, Setup, TestGateway};

const ADA: &str = "ada@example.org";
const FINISH: &str = "/auth/signup/finish";

fn with_mail(idp: &Idp) -> Setup {
    open(&idp.table("")).with_mail()
}

/// Comes with an address the provider does not vouch for.
async fn comes(browser: &mut Browser, idp: &Idp) -> Page {
    idp.ways().person["email_verified"] = false.into();
    sign_in(browser, idp).await
}

/// Comes so, and is asked to look into the mail.
async fn is_asked(browser: &mut Browser, idp: &Idp) {
    let page = comes(browser, idp).await;
    assert!(page.status == StatusCode::OK && page.body.contains("Look into your mail"), "{}", page.body);
    assert!(!browser.is_signed_in().await);
}

/// Comes with the address of somebody and with one nobody has, and is told the same.
async fn says_nothing_of_who_has_an_account(gateway: &TestGateway, idp: &Idp) {
    prove(gateway, &gateway.person(ADA).await).await;
    let mut stranger = gateway.browser();
    stranger.get("/auth/signin").await;
    let mut answers = Vec::new();
    for email in [ADA, "new@example.org"] {
        idp.ways().person = json!({ "sub": "mallory", "email": email, "name": "Mallory" });
        let page = comes(&mut stranger, idp).await;
        assert_refused(&mut stranger, &page, "signup_disabled").await;
        assert!(page.body.contains("not linked to an account here"), "{}", page.body);
        answers.push(page.without(email));
    }
    assert_eq!(answers[0], answers[1]);
}

/// Whether whoever sits in front of the provider gets in.
async fn gets_in(gateway: &TestGateway, idp: &Idp) -> bool {
    let mut browser = gateway.browser();
    comes(&mut browser, idp).await;
    browser.is_signed_in().await
}

with_idp! {
    async fn a_newcomer_proves_the_address_by_mail_and_signs_in_with_the_provider(gateway, idp, setup = with_mail) {
        let mut ada = gateway.browser();
        is_asked(&mut ada, &idp).await;
        assert!(people(&gateway).await.is_empty(), "nobody blocks the owner of the address");
        let letter = gateway.letter_to(ADA).await;
        let page = ada.get(&letter.link()).await;
        assert!(page.body.contains("sign in to with Acme") && !page.body.contains("type=\"password\""), "{}", page.body);
        let done = ada.submit(&page.form(FINISH), &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        assert!(ada.is_signed_in().await);
        let everybody = people(&gateway).await;
        assert_eq!((everybody.len(), everybody[0].email_verified, everybody[0].name.as_str()), (1, true, "Ada"));
        assert_eq!(ada.get(&letter.link()).await.status, StatusCode::NOT_FOUND, "a link works once");
        assert!(gets_in(&gateway, &idp).await, "from now on as everybody");
        let (status, answer) = call(&mut ada, "/auth/provider/acme/access-token", json!({})).await;
        assert_eq!(status, StatusCode::OK, "the tokens waited, too: {answer}");
    }
}

with_idp! {
    async fn where_the_newcomer_wanted_to_go_is_not_forgotten(gateway, idp, setup = with_mail) {
        let mut ada = gateway.browser();
        idp.ways().person["email_verified"] = false.into();
        through(&mut ada, &idp, &format!("{START}?return_to=%2Faccount%2Fprofile")).await;
        let done = ada.fill(&gateway.letter_to(ADA).await.link(), FINISH, &[]).await;
        assert_eq!(done.location(), "/account/profile");
    }
}

with_idp! {
    async fn an_address_that_has_an_account_gets_the_same_answer_and_its_owner_a_mail(gateway, idp, setup = with_mail) {
        let mut owner = gateway.at_home(ADA).await;
        let banned = gateway.person("banned@example.org").await;
        gateway.gateway.identity().ban(banned.id, &Ban::default(), By::Host).await.expect("a ban");
        let mut stranger = gateway.browser();
        stranger.get("/auth/signin").await;
        let mut answers = Vec::new();
        for email in [ADA, "banned@example.org", "new@example.org"] {
            idp.ways().person = json!({ "sub": "mallory", "email": email, "name": "Mallory" });
            let page = comes(&mut stranger, &idp).await;
            assert!(!stranger.is_signed_in().await);
            answers.push(page.without(email));
        }
        assert!(answers.iter().all(|answer| *answer == answers[2]), "{answers:#?}");
        assert!(gateway.letter_to(ADA).await.subject.contains("You have an account"));
        assert!(gateway.letter_to("new@example.org").await.subject.contains("Finish your account"));
        assert!(!owner.get("/account").await.body.contains("/account/unlink/"), "nothing is linked");
        assert_eq!(people(&gateway).await.len(), 2);
    }
}

with_idp! {
    async fn a_stranger_who_brings_the_owners_address_stays_outside_the_day_the_owner_proves_it(gateway, idp, setup = with_mail) {
        let mut attacker = gateway.browser();
        idp.ways().person = json!({ "sub": "mallory", "email": ADA, "name": "Mallory" });
        is_asked(&mut attacker, &idp).await;

        // The owner finds the mail and makes something of it, in a browser of their own.
        let mut owner = gateway.browser();
        let page = owner.get(&gateway.letter_to(ADA).await.link()).await;
        assert!(page.body.contains("You did not begin this account in this browser"), "{}", page.body);
        let form = page.form(FINISH);
        assert_eq!(owner.submit(&form, &[]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "a password is needed");
        owner.submit(&form, &[("password", "the owner's very own words")]).await;
        assert!(owner.is_signed_in().await);
        let ada = people(&gateway).await[0].clone();
        assert_eq!((ada.email.as_str(), ada.name.as_str()), (ADA, ""), "a stranger's name is no name");
        let account = owner.get("/account").await.body;
        assert!(!account.contains("/account/unlink/") && !account.contains("The only way into"), "{account}");

        assert!(!gets_in(&gateway, &idp).await, "the stranger's account there opens nothing");
        assert!(!attacker.is_signed_in().await);
        assert_eq!(gateway.browser().sign_in(ADA, PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

with_idp! {
    async fn a_stranger_who_comes_first_does_not_keep_the_owner_out(gateway, idp, setup = with_mail) {
        idp.ways().person = json!({ "sub": "mallory", "email": ADA });
        is_asked(&mut gateway.browser(), &idp).await;
        idp.ways().person = json!({ "sub": "ada-1", "email": ADA });
        let mut ada = gateway.browser();
        is_asked(&mut ada, &idp).await;
        ada.fill(&gateway.letter_to(ADA).await.link(), FINISH, &[]).await;
        assert!(ada.is_signed_in().await && gets_in(&gateway, &idp).await);
        idp.ways().person = json!({ "sub": "mallory", "email": ADA });
        assert!(!gets_in(&gateway, &idp).await);
    }
}

with_idp! {
    async fn nobody_can_be_flooded_with_such_mails(gateway, idp,
        setup = |idp: &Idp| with_mail(idp).without_generous_limits().config("[limits]\nmails_per_minute = 6000\nsign_up_per_minute = 6000"))
    {
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(comes(&mut gateway.browser(), &idp).await.status);
        }
        let count = gateway.letters_to(ADA).await.len();
        assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), count);
        assert_eq!(*statuses.last().expect("an answer"), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(count, 2 + 5, "the first two, and half of ten, are the most one address takes");
    }
}

with_idp! {
    async fn where_sign_up_is_closed_nobody_is_written_to_or_learns_who_has_an_account(gateway, idp,
        setup = |idp: &Idp| closed(&idp.table("")).with_mail())
    {
        says_nothing_of_who_has_an_account(&gateway, &idp).await;
        assert!(gateway.letters().await.is_empty());
    }
}

with_idp! {
    async fn where_sign_up_is_closed_and_no_mail_is_sent_nobody_learns_who_has_an_account(gateway, idp,
        setup = |idp: &Idp| closed(&idp.table("")))
    {
        says_nothing_of_who_has_an_account(&gateway, &idp).await;
    }
}

with_idp! {
    async fn a_provider_that_may_make_accounts_lets_nobody_else_make_one(gateway, idp,
        setup = |idp: &Idp| closed(&idp.table("sign_up = \"open\"")).with_mail())
    {
        let mut ada = gateway.browser();
        is_asked(&mut ada, &idp).await;
        let link = gateway.letter_to(ADA).await.link();
        let page = gateway.browser().get(&link).await;
        assert!(page.status == StatusCode::FORBIDDEN && page.body.contains("in which you began"), "{}", page.body);
        ada.fill(&link, FINISH, &[]).await;
        assert!(ada.is_signed_in().await);
    }
}

with_idp! {
    async fn a_program_with_a_token_is_told_and_nobody_is_written_to(gateway, idp, setup = with_mail) {
        let mut app = gateway.browser();
        idp.ways().person["email_verified"] = false.into();
        let (_, nonce) = call(&mut app, "/auth/provider/acme/nonce", json!({})).await;
        let token = idp.id_token(nonce["nonce"].as_str());
        let (status, answer) = call(&mut app, "/auth/provider/acme/signin/id-token", json!({ "id_token": token })).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::FORBIDDEN, Some("email_not_verified")));
        assert!(gateway.letters().await.is_empty() && people(&gateway).await.is_empty());
    }
}

with_idp! {
    async fn an_account_there_that_was_linked_meanwhile_makes_no_account(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("allow_different_link_emails = true")).with_mail())
    {
        let mut ada = gateway.browser();
        is_asked(&mut ada, &idp).await;
        let mail = gateway.letter_to(ADA).await.link();
        let mut bob = gateway.at_home("bob@example.org").await;
        assert_eq!(link(&mut bob, &idp).await.location(), "/account");
        let page = ada.fill(&mail, FINISH, &[]).await;
        assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
        assert!(!ada.is_signed_in().await);
        assert_eq!(people(&gateway).await.len(), 1);
    }
}

with_idp! {
    async fn whoever_is_linked_and_lost_the_proof_proves_it_again_by_mail(gateway, idp, setup = with_mail) {
        idp.ways().person["email_verified"] = true.into();
        arrived(&gateway, &idp).await;
        let ada = people(&gateway).await[0].clone();
        let changes = UserChanges { email_verified: Some(false), ..UserChanges::default() };
        for (stays, is_elsewhere) in [(true, false), (false, true)] {
            gateway.gateway.identity().change(ada.id, &changes).await.expect("a change");
            let mut browser = gateway.browser();
            is_asked(&mut browser, &idp).await;
            let letter = gateway.letter_to(ADA).await;
            assert!(letter.subject.contains("Confirm your address"), "{}", letter.subject);
            let mut reader = if is_elsewhere { gateway.browser() } else { browser.clone() };
            let page = reader.fill(&letter.link(), "/auth/verify", &[]).await;
            assert!(page.body.contains("Your address is confirmed"), "{}", page.body);
            // Proven by whoever came with the account there, it stays a way in; proven by somebody else, it ends.
            assert_eq!(gets_in(&gateway, &idp).await, stays);
        }
    }
}
