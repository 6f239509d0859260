//! Taken away in this process: the very next call is refused, although the one before was answered from memory.

use std::time::Duration;

use belgie::config::RawConfig;
use belgie::{Belgie, Gateway};
use reqwest::StatusCode;

use super::by_cookie;
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Connected, Reply, TestGateway, Tokens};

/// Runs a command of a plugin inside this process.
async fn command(gateway: &Gateway, words: &[&str]) {
    let nouns = Belgie::builder(RawConfig::from_text("")).commands();
    let noun = nouns.into_iter().find(|noun| noun.command.get_name() == words[0]).expect("the command");
    let matches = noun.command.clone().get_matches_from(words);
    (noun.run)(gateway.host().clone(), matches).await.expect("the command succeeds");
}

on_both_engines! {
    async fn a_revoked_access_token_is_refused_and_its_grant_goes_on(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let fields = [("token", ada.tokens.access.clone()), ("client_id", ada.agent.client_id.clone())];
        assert_eq!(ada.agent.post("/revoke", &fields).await.status, StatusCode::OK);
        ada.is_refused().await;

        ada.tokens = Tokens::of(&ada.agent.refresh(&ada.tokens.refresh).await);
        ada.is_let_in().await;
    }
}

on_both_engines! {
    async fn a_revoked_refresh_token_takes_the_access_tokens_with_it(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let fields = [("token", ada.tokens.refresh.clone()), ("client_id", ada.agent.client_id.clone())];
        assert_eq!(ada.agent.post("/revoke", &fields).await.status, StatusCode::OK);
        ada.is_refused().await;
        assert_eq!(ada.agent.refresh(&ada.tokens.refresh).await.status, StatusCode::BAD_REQUEST);
    }
}

on_both_engines! {
    async fn a_refresh_token_that_comes_twice_ends_the_tokens_of_both(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let stolen = ada.tokens.clone();
        let renewed = Tokens::of(&ada.agent.refresh(&stolen.refresh).await);
        ada.tokens = Tokens::of(&ada.agent.refresh(&renewed.refresh).await);
        ada.is_let_in().await;
        assert_eq!(ada.agent.refresh(&stolen.refresh).await.status, StatusCode::BAD_REQUEST);
        ada.is_refused().await;
        ada.tokens = stolen;
        ada.is_refused().await;
    }
}

on_both_engines! {
    async fn a_connection_cut_on_the_account_page_is_cut_and_no_other(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.org").await;
        ada.is_let_in().await;
        let other = ada.through_another_agent(&gateway).await;
        other.is_let_in().await;
        let cut = ada.browser.get("/account").await.form("/account/connections/revoke");
        assert_eq!(ada.browser.submit(&cut, &[]).await.status, StatusCode::SEE_OTHER);
        // The newest stands first.
        other.is_refused().await;
        ada.is_let_in().await;

        let cut = ada.browser.get("/account").await.form("/account/connections/revoke");
        ada.browser.submit(&cut, &[]).await;
        ada.is_refused().await;
        bob.is_let_in().await;
    }
}

on_both_engines! {
    async fn an_agent_that_signed_in_many_times_is_one_agent_and_one_click_cuts_it_off(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let other = ada.through_another_agent(&gateway).await;
        let mut all = Vec::new();
        for _ in 0..12 {
            let page = ada.browser.get(&ada.agent.authorize_url(&ada.agent.authorization("connections:read"))).await;
            let answer = ada.browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
            all.push(Tokens::of(&ada.agent.redeem(&answer.sent_parameter("code").expect("a code")).await));
        }
        let page = ada.browser.get("/account").await;
        assert_eq!(page.body.matches("action=\"/account/connections/revoke\"").count(), 2, "{}", page.body);
        assert!(page.body.contains("It signed in several times"), "{}", page.body);
        assert_eq!(ada.browser.submit(&page.form("/account/connections/revoke"), &[]).await.status, StatusCode::SEE_OTHER);
        ada.is_refused().await;
        for tokens in all {
            assert_eq!(ada.agent.whoami(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
            assert_eq!(ada.agent.refresh(&tokens.refresh).await.status, StatusCode::BAD_REQUEST);
        }
        other.is_let_in().await;
    }
}

on_both_engines! {
    async fn nobody_cuts_the_connection_of_somebody_else(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let mut mallory = Connected::new(&gateway, "mallory@example.org").await;
        let hers = ada.browser.get("/account").await.form("/account/connections/revoke");
        let id = &hers.fields.iter().find(|(name, _)| name == "connection_id").expect("an id").1;
        let own = mallory.browser.get("/account").await.form("/account/connections/revoke");
        assert_eq!(mallory.browser.submit(&own, &[("connection_id", id)]).await.status, StatusCode::NOT_FOUND);
        let fields = [("token", ada.tokens.access.clone()), ("client_id", mallory.agent.client_id.clone())];
        assert_eq!(mallory.agent.post("/revoke", &fields).await.status, StatusCode::BAD_REQUEST);
        ada.is_let_in().await;
    }
}

on_both_engines! {
    async fn a_deleted_account_takes_its_agents_with_it(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.org").await;
        ada.is_let_in().await;
        assert_eq!(by_cookie(&gateway, &ada.browser, "whoami").send().await.expect("an answer").status(), StatusCode::OK);
        assert!(gateway.gateway.identity().delete(ada.person.id).await.expect("an answer"));
        ada.is_refused().await;
        let page = by_cookie(&gateway, &ada.browser, "whoami").send().await.expect("an answer");
        assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
        assert!(!ada.browser.is_signed_in().await);
        assert_eq!(ada.agent.refresh(&ada.tokens.refresh).await.status, StatusCode::BAD_REQUEST);
        bob.is_let_in().await;
    }
}

on_both_engines! {
    async fn a_deleted_client_is_refused_for_everybody(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let mut bob = Connected::new(&gateway, "bob@example.org").await;
        let other = ada.through_another_agent(&gateway).await;
        bob.agent = ada.agent.clone();
        bob.tokens = bob.agent.connect(&mut bob.browser, "").await;
        for connected in [&ada, &bob, &other] {
            connected.is_let_in().await;
        }
        command(&gateway.gateway, &["client", "revoke", &ada.agent.client_id]).await;
        ada.is_refused().await;
        bob.is_refused().await;
        other.is_let_in().await;
    }
}

on_both_engines! {
    async fn signing_out_ends_what_the_browser_may_and_not_what_agents_may(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let stolen = ada.browser.clone();
        let with_cookie = || by_cookie(&gateway, &stolen, "whoami");
        let who = Reply::read(with_cookie().send().await.expect("an answer")).await;
        assert_eq!(who.body["result"]["structuredContent"]["client"]["id"], "web", "{}", who.body);
        ada.browser.post("/auth/signout", &[]).await;
        assert_eq!(with_cookie().send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
        ada.is_let_in().await;
    }
}

on_both_engines! {
    async fn a_session_ended_from_another_device_is_refused(gateway: TestGateway) {
        let there = gateway.signed_in("ada@example.org").await;
        let with_cookie = || by_cookie(&gateway, &there, "whoami");
        assert_eq!(with_cookie().send().await.expect("an answer").status(), StatusCode::OK);
        let mut here = gateway.browser();
        here.sign_in("ada@example.org", PASSWORD).await;
        let form = here.get("/account").await.form("/account/sessions/revoke-others");
        here.submit(&form, &[]).await;
        assert_eq!(with_cookie().send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn a_token_ends_at_its_time_although_it_is_remembered(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        gateway.clock.advance(Duration::from_secs(3590));
        ada.is_let_in().await;
        gateway.clock.advance(Duration::from_secs(10));
        ada.is_refused().await;
        ada.tokens = Tokens::of(&ada.agent.refresh(&ada.tokens.refresh).await);
        ada.is_let_in().await;
    }
}
