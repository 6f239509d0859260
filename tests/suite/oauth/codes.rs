//! Authorization codes in the wrong hands, twice, too late, or without their proof (OAuth 2.1 section 4.1.3, RFC 7636).

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;

use super::{assert_invalid_grant, assert_refused, assert_sent_back, assert_shut};
use crate::on_both_engines;
use crate::support::{Agent, Reply, TestGateway, Tokens};

on_both_engines! {
    async fn a_code_that_comes_twice_is_refused_and_the_tokens_of_the_first_time_die(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let code = agent.code(&mut ada, "").await;
        let tokens = Tokens::of(&agent.redeem(&code).await);
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        for token in [&tokens.access, &renewed.access] {
            assert_eq!(agent.whoami(token).await.status, StatusCode::OK);
        }
        assert_invalid_grant(&agent.redeem(&code).await);
        for token in [&tokens.access, &renewed.access] {
            assert_shut(&agent.whoami(token).await);
        }
        assert_invalid_grant(&agent.refresh(&renewed.refresh).await);
    }
}

on_both_engines! {
    async fn of_many_redemptions_at_once_exactly_one_wins_and_its_tokens_die_with_the_replay(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let code = agent.code(&mut ada, "").await;
        let replies = join_all((0..12).map(|_| agent.redeem(&code))).await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == StatusCode::OK);
        assert_eq!(won.len(), 1);
        for reply in lost {
            assert_invalid_grant(reply);
        }
        let tokens = Tokens::of(won[0]);
        assert_shut(&agent.whoami(&tokens.access).await);
        assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
    }
}

on_both_engines! {
    async fn a_wrong_verifier_is_refused_and_spends_the_code(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let challenge = agent.challenge();
        let longer = format!("{}x", agent.verifier);
        for wrong in [challenge.as_str(), longer.as_str(), "too-short", &"x".repeat(64)] {
            let code = agent.code(&mut ada, "").await;
            assert_invalid_grant(&agent.redeem_with(&code, "code_verifier", Some(wrong)).await);
            assert_invalid_grant(&agent.redeem(&code).await);
        }
    }
}

on_both_engines! {
    async fn a_code_is_worth_nothing_without_a_verifier(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        for verifier in [None, Some("")] {
            let code = agent.code(&mut ada, "").await;
            let reply = agent.redeem_with(&code, "code_verifier", verifier).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_request");
        }
    }
}

on_both_engines! {
    async fn a_request_without_a_proper_challenge_is_sent_back(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        for (name, value) in [
            ("code_challenge", None),
            ("code_challenge", Some("")),
            ("code_challenge", Some("not-a-hash")),
            ("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c+")),
            ("code_challenge_method", None),
            ("code_challenge_method", Some("plain")),
            ("code_challenge_method", Some("s256")),
            ("code_challenge_method", Some("S512")),
        ] {
            assert_sent_back(&agent, &agent.ask_with(&mut ada, name, value).await, "invalid_request");
        }
    }
}

on_both_engines! {
    async fn a_challenge_sent_as_plain_cannot_be_met_by_itself(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let mut agent = Agent::register(&gateway).await;
        let code = agent.code(&mut ada, "").await;
        agent.verifier = agent.challenge();
        assert_invalid_grant(&agent.redeem(&code).await);
    }
}

on_both_engines! {
    async fn a_stolen_code_is_worth_nothing_to_another_client_and_stays_good_for_its_own(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, thief) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        let code = agent.code(&mut ada, "").await;
        assert_invalid_grant(&thief.redeem(&code).await);
        let stranger = Agent::known_as(&gateway, "cli_00000000000000000000000000000000", &agent.redirect_uri);
        assert_refused(&stranger.redeem(&code).await, StatusCode::UNAUTHORIZED, "invalid_client");
        let nobody = agent.redeem_with(&code, "client_id", None).await;
        assert_refused(&nobody, StatusCode::UNAUTHORIZED, "invalid_client");
        let address = Agent::known_as(&gateway, "https://thief.example/client.json", &agent.redirect_uri);
        assert_invalid_grant(&address.redeem(&code).await);
        let tokens = Tokens::of(&agent.redeem(&code).await);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        // Nor does a thief who comes late end what came of it.
        assert_invalid_grant(&thief.redeem(&code).await);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_code_is_good_for_a_minute(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let (in_time, late) = (agent.code(&mut ada, "").await, agent.code(&mut ada, "").await);
        gateway.clock.advance(Duration::from_secs(30));
        Tokens::of(&agent.redeem(&in_time).await);
        gateway.clock.advance(Duration::from_secs(30));
        assert_invalid_grant(&agent.redeem(&late).await);
    }
}

on_both_engines! {
    async fn a_code_is_redeemed_with_the_very_redirect_uri_it_was_sent_to(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let other_port = "http://127.0.0.1:49153/callback";
        for wrong in [None, Some(""), Some(other_port), Some("http://127.0.0.1:49152/callback/"), Some("http://localhost:49152/callback")] {
            let code = agent.code(&mut ada, "").await;
            assert_invalid_grant(&agent.redeem_with(&code, "redirect_uri", wrong).await);
        }
    }
}

on_both_engines! {
    async fn no_other_secret_passes_for_a_code(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let code = agent.code(&mut ada, "").await;
        let session = ada.cookie("belgie_session").expect("a session").to_owned();
        let shorter = &code[..code.len() - 1];
        for wrong in [tokens.access.as_str(), &tokens.refresh, &session, shorter, &code.to_uppercase(), "x"] {
            assert_invalid_grant(&agent.redeem(wrong).await);
        }
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        Tokens::of(&agent.redeem(&code).await);
    }
}

on_both_engines! {
    async fn a_token_request_says_everything_once_in_a_form(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let code = agent.code(&mut ada, "").await;
        for name in ["grant_type", "code", "client_id", "code_verifier", "redirect_uri", "unheard_of"] {
            let mut fields = agent.redemption(&code);
            let value = fields.iter().find(|(other, _)| *other == name).map_or("x", |(_, value)| value).to_owned();
            fields.extend([(name, value.clone()), (name, value)]);
            assert_refused(&agent.post("/token", &fields).await, StatusCode::BAD_REQUEST, "invalid_request");
        }
        let in_query = agent.authorize_url(&[]).replace("/authorize", "/token");
        let request = agent.client.post(in_query).query(&agent.redemption(&code));
        let answer = Reply::read(request.send().await.expect("an answer")).await;
        assert_refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
        let as_json = agent.client.post(gateway.at("/token")).json(&agent.redemption(&code)).send().await;
        let answer = Reply::read(as_json.expect("an answer")).await;
        assert_refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
        let unknown = agent.redeem_with(&code, "grant_type", Some("password")).await;
        assert_refused(&unknown, StatusCode::BAD_REQUEST, "unsupported_grant_type");
        Tokens::of(&agent.redeem(&code).await);
    }
}
