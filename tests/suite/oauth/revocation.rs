//! Tokens given back (RFC 7009).

use reqwest::StatusCode;
use serde_json::json;

use super::{assert_invalid_grant, assert_refused, assert_shut};
use crate::on_both_engines;
use crate::support::{Agent, TestGateway, Tokens};

on_both_engines! {
    async fn an_access_token_given_back_is_refused_at_once_and_its_grant_goes_on(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        for _ in 0..2 {
            assert_eq!(agent.revoke(&tokens.access).await.status, StatusCode::OK);
            assert_shut(&agent.whoami(&tokens.access).await);
        }
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_eq!(agent.whoami(&renewed.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_refresh_token_given_back_takes_everything_with_it(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        let second = Tokens::of(&agent.refresh(&first.refresh).await);
        assert_eq!(agent.whoami(&second.access).await.status, StatusCode::OK);
        for _ in 0..2 {
            assert_eq!(agent.revoke(&second.refresh).await.status, StatusCode::OK);
        }
        for tokens in [&first, &second] {
            assert_shut(&agent.whoami(&tokens.access).await);
            assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
        }
    }
}

on_both_engines! {
    async fn an_unknown_token_is_as_good_as_given_back(gateway: TestGateway) {
        let agent = Agent::register(&gateway).await;
        for token in ["x", "blg_at_x", "eyJhbGciOiJub25lIn0.e30."] {
            let reply = agent.revoke(token).await;
            assert_eq!((reply.status, reply.body), (StatusCode::OK, json!({})));
        }
        for kind in [belgie_api::TokenKind::Access, belgie_api::TokenKind::Refresh, belgie_api::TokenKind::Session] {
            let minted = kind.mint(&belgie_api::entropy::SystemEntropy);
            assert_eq!(agent.revoke(minted.expose()).await.status, StatusCode::OK);
        }
        assert_refused(&agent.revoke("").await, StatusCode::BAD_REQUEST, "invalid_request");
    }
}

on_both_engines! {
    async fn nobody_gives_back_what_is_anothers(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, thief) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        let tokens = agent.connect(&mut ada, "").await;
        for token in [&tokens.access, &tokens.refresh] {
            assert_invalid_grant(&thief.revoke(token).await);
            let fields = [("token", token.clone())];
            let nobody = agent.post("/revoke", &fields).await;
            assert_refused(&nobody, StatusCode::UNAUTHORIZED, "invalid_client");
            let stranger = Agent::known_as(&gateway, "cli_00000000000000000000000000000000", "");
            assert_refused(&stranger.revoke(token).await, StatusCode::UNAUTHORIZED, "invalid_client");
        }
        // A browser session is no token of a client.
        let session = ada.cookie("belgie_session").expect("a session").to_owned();
        assert_eq!(agent.revoke(&session).await.status, StatusCode::OK);
        assert!(ada.is_signed_in().await);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        Tokens::of(&agent.refresh(&tokens.refresh).await);
    }
}
