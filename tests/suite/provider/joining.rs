//! Who gets whose account.

use belgie::identity::{Ban, By};
use reqwest::StatusCode;
use serde_json::json;

use super::{START, arrived, assert_refused, closed, open, people, prove, sign_in, through, with_idp};
use crate::support::gateway::PASSWORD;
use crate::support::{Idp, unescape};

with_idp! {
    async fn a_proven_address_joins_the_account_of_that_address(gateway, idp) {
        let ada = gateway.person("ada@example.org").await;
        prove(&gateway, &ada).await;
        idp.ways().person["email"] = "ADA@Example.org".into();
        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await.len(), 1);
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", PASSWORD).await;
        assert!(browser.is_signed_in().await, "the password is still a way in");
    }
}

with_idp! {
    async fn an_address_the_provider_has_not_proven_opens_no_account(gateway, idp) {
        let ada = gateway.person("ada@example.org").await;
        prove(&gateway, &ada).await;
        for claim in [json!(false), json!("false"), json!(null), json!("yes")] {
            idp.ways().person["email_verified"] = claim;
            let mut attacker = gateway.browser();
            let page = sign_in(&mut attacker, &idp).await;
            assert_eq!(page.status, StatusCode::CONFLICT);
            assert_refused(&mut attacker, &page, "account_not_linked").await;
        }
    }
}

with_idp! {
    async fn an_account_made_before_its_owner_came_is_not_shared_with_whoever_made_it(gateway, idp) {
        // Pre-registration hijack: the attacker made an account with the victim's address and waits.
        let mut attacker = gateway.signed_in("ada@example.org").await;
        let mut victim = gateway.browser();
        let page = sign_in(&mut victim, &idp).await;
        assert_refused(&mut victim, &page, "account_not_linked").await;
        assert!(page.body.contains("then link the two on your account page"), "{}", page.body);
        assert!(!attacker.get("/account").await.body.contains("/account/unlink/"), "nothing was linked");
        assert_eq!(idp.count("/token"), 1);
    }
}

with_idp! {
    async fn a_trusted_provider_proves_addresses_by_its_word(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("trusted_for_account_linking = true")))
    {
        let ada = gateway.person("ada@example.org").await;
        prove(&gateway, &ada).await;
        idp.ways().person["email_verified"] = false.into();
        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await.len(), 1);
    }
}

with_idp! {
    async fn joining_can_be_switched_off(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("allow_implicit_account_linking = false")))
    {
        let ada = gateway.person("ada@example.org").await;
        prove(&gateway, &ada).await;
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_refused(&mut browser, &page, "account_not_linked").await;
    }
}

with_idp! {
    async fn an_address_that_changes_hands_at_the_provider_opens_nothing(gateway, idp) {
        arrived(&gateway, &idp).await;
        // The account is bound to the subject: Ada keeps hers under a new address there, and whoever gets the old one
        // does not get hers.
        idp.ways().person["email"] = "ada@elsewhere.example".into();
        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await.len(), 1);
        idp.ways().person = json!({ "sub": "mallory", "email": "ada@example.org", "email_verified": false });
        let mut mallory = gateway.browser();
        let page = sign_in(&mut mallory, &idp).await;
        assert_refused(&mut mallory, &page, "account_not_linked").await;
    }
}

with_idp! {
    async fn without_an_address_there_is_no_new_account(gateway, idp) {
        idp.ways().person = json!({ "sub": "ada-1" });
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_refused(&mut browser, &page, "email_missing").await;
    }
}

with_idp! {
    async fn where_sign_up_is_closed_a_provider_makes_no_account(gateway, idp,
        setup = |idp: &Idp| closed(&format!("{}{}", idp.table(""), idp.table_of("open", "sign_up = \"open\""))))
    {
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert_refused(&mut browser, &page, "signup_disabled").await;
        through(&mut browser, &idp, "/auth/provider/open/start").await;
        assert!(browser.is_signed_in().await, "unless the operator lets this provider");
    }
}

with_idp! {
    async fn making_accounts_can_be_kept_to_links_that_say_so(gateway, idp,
        setup = |idp: &Idp| open(&format!("{}{}", idp.table("disable_implicit_sign_up = true"), idp.table_of("never", "disable_sign_up = true"))))
    {
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_refused(&mut browser, &page, "signup_disabled").await;
        let page = through(&mut browser, &idp, "/auth/provider/never/start?request_sign_up=true").await;
        assert_refused(&mut browser, &page, "signup_disabled").await;
        through(&mut browser, &idp, &format!("{START}?request_sign_up=true")).await;
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn where_addresses_are_to_be_proven_the_owner_takes_over_what_a_stranger_prepared(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("")).with_mail())
    {
        gateway.person("ada@example.org").await;
        arrived(&gateway, &idp).await;
        let people = people(&gateway).await;
        assert!(people.len() == 1 && people[0].email_verified);
        let mut stranger = gateway.browser();
        let page = stranger.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "the password of whoever made the account has ended");
        assert!(!stranger.is_signed_in().await);
    }
}

with_idp! {
    async fn the_page_for_new_accounts_makes_them_where_links_must_say_so(gateway, idp,
        setup = |idp: &Idp| open(&format!("[sign_in]\npassword = false\n{}", idp.table("disable_implicit_sign_up = true"))))
    {
        let mut browser = gateway.browser();
        let page = unescape(&browser.get("/auth/signin?return_to=/account/profile").await.body);
        assert!(page.contains("href=\"/auth/signup?return_to="), "{page}");
        let page = unescape(&browser.get("/auth/signup?return_to=/account/profile").await.body);
        assert!(!page.contains("type=\"password\""), "{page}");
        let wanted = format!("{START}?return_to=%2Faccount%2Fprofile&request_sign_up=true");
        assert!(page.contains(&format!("href=\"{wanted}\"")), "{page}");
        assert_eq!(through(&mut browser, &idp, &wanted).await.location(), "/account/profile");
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn a_sign_in_to_a_closed_account_leaves_no_trace_in_it(gateway, idp) {
        arrived(&gateway, &idp).await;
        let ada = people(&gateway).await[0].id;
        gateway.gateway.identity().ban(ada, &Ban::default(), By::Host).await.expect("a ban");
        let before = super::tokens::row(&gateway).await;
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("This account is suspended."), "{}", page.body);
        assert_refused(&mut browser, &page, "account.suspended").await;
        assert_eq!(super::tokens::row(&gateway).await, before, "no token is stored");
    }
}
