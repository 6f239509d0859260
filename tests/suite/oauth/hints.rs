//! `id_token_hint`: whom a client means (OpenID Connect Core 1.0 section 3.1.2.1).

use std::time::Duration;

use reqwest::StatusCode;

use super::assert_sent_back;
use super::openid::{ALL, id_token, openid, request, told};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, TestGateway};

on_both_engines! {
    async fn whom_a_client_means_is_asked_and_nobody_else(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        gateway.person("bob@example.org").await;
        let agent = Agent::register_with(&gateway, "https://agent.example/callback").await;
        let hint = id_token(&told(&agent, &mut ada, ALL, &[]).await).to_owned();
        // An id token that is over says as well whom it was about.
        gateway.clock.advance(Duration::from_secs(7200));
        let silent = [("id_token_hint", hint.as_str()), ("prompt", "none")];
        let page = ada.get(&request(&agent, ALL, &silent)).await;
        assert!(page.sent_parameter("code").is_some(), "{}", page.location());

        let mut bob = gateway.browser();
        bob.sign_in("bob@example.org", PASSWORD).await;
        agent.connect(&mut bob, "").await;
        assert_sent_back(&agent, &bob.get(&request(&agent, ALL, &silent)).await, "login_required");
        let asked = bob.get(&request(&agent, ALL, &[("id_token_hint", &hint)])).await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
        assert!(asked.location().starts_with("/auth/signin?"), "{}", asked.location());
        // He is asked to be somebody else, and as the one who was meant goes on.
        let form = bob.get(&asked.location()).await.form("/auth/signin");
        let again = bob.submit(&form, &[("email", "bob@example.org"), ("password", PASSWORD)]).await.location();
        let still = bob.get(&again).await.location();
        assert!(still.starts_with("/auth/signin?"), "{still}");
        let form = bob.get(&still).await.form("/auth/signin");
        let back = bob.submit(&form, &[("email", "ada@example.org"), ("password", PASSWORD)]).await.location();
        let page = bob.get(&back).await;
        assert!(page.sent_parameter("code").is_some(), "{}", page.location());
    }
}

on_both_engines! {
    async fn what_is_no_id_token_of_the_client_is_no_hint(gateway: TestGateway, setup = openid().config("access_token_format = \"jwt\"")) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, other) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        let own = told(&agent, &mut ada, ALL, &[]).await;
        let foreign = id_token(&told(&other, &mut ada, ALL, &[]).await).to_owned();
        let (start, _) = id_token(&own).rsplit_once('.').expect("a signed token");
        let unsigned = format!("{start}.AAAA");
        let access = own.body["access_token"].as_str().expect("a signed access token");
        for garbage in ["junk", "a.b.c", &unsigned, &foreign, access] {
            for prompt in ["none", "consent"] {
                let page = ada.get(&request(&agent, ALL, &[("id_token_hint", garbage), ("prompt", prompt)])).await;
                assert_sent_back(&agent, &page, "invalid_request");
            }
        }
    }
}
