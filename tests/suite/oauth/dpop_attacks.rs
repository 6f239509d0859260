//! What attackers try on proofs of keys (RFC 9449 sections 4.3 and 11).

use std::time::Duration;

use belgie::api::db::Pools;
use belgie_api::Clock;
use belgie_api::crypto::{base64url, sha256};
use futures::future::join_all;
use jsonwebtoken::Algorithm;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::assert_refused;
use super::dpop::{assert_unproven, bound};
use crate::on_both_engines;
use crate::support::holder::{There, altered, call_with, post_with};
use crate::support::{Agent, Holder, TestGateway};

/// Proofs of a holder that are not quite right for a POST to `url`; each with why.
fn spoilt(holder: &Holder, gateway: &TestGateway, url: &str, token: Option<&str>) -> Vec<(String, &'static str)> {
    let now = gateway.clock.now().unix_seconds();
    let claims = |changes: &Value| holder.proof_with("POST", url, token, changes);
    let header =
        |changes: &Value| holder.key.sign_parts(&altered(holder.header(), changes), &holder.claims("POST", url, token));
    let with_member = |name: &str, value: Value| {
        let mut jwk = holder.jwk();
        jwk[name] = value;
        header(&json!({ "jwk": jwk }))
    };
    let stranger = Holder::new(gateway);
    let unsigned = |alg: &str, signature: &str| {
        let parts = [altered(holder.header(), &json!({ "alg": alg })), holder.claims("POST", url, token)];
        format!("{}.{signature}", parts.map(|part| base64url(part.to_string().as_bytes())).join("."))
    };
    let shared = {
        let header = altered(holder.header(), &json!({ "alg": "HS256" }));
        let message =
            [header, holder.claims("POST", url, token)].map(|part| base64url(part.to_string().as_bytes())).join(".");
        let secret = jsonwebtoken::EncodingKey::from_secret(holder.key.public());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).expect("a signature");
        format!("{message}.{signature}")
    };
    let oct = json!({ "kty": "oct", "k": base64url(b"0123456789abcdef0123456789abcdef") });
    let right = claims(&json!({}));
    vec![
        (claims(&json!({ "htm": "GET" })), "another method"),
        (claims(&json!({ "htm": "post" })), "a method in another case"),
        (claims(&json!({ "htm": null })), "no method"),
        (claims(&json!({ "htu": "https://evil.example/token" })), "another host"),
        (claims(&json!({ "htu": format!("{url}/") })), "another path"),
        (claims(&json!({ "htu": gateway.at("/revoke") })), "another endpoint"),
        (claims(&json!({ "htu": "/token" })), "no whole address"),
        (claims(&json!({ "htu": null })), "no address"),
        (claims(&json!({ "iat": now - 301 })), "too old"),
        (claims(&json!({ "iat": now + 310 })), "of the future"),
        (claims(&json!({ "iat": null })), "of no time"),
        (claims(&json!({ "iat": "now" })), "of a time that is none"),
        (claims(&json!({ "jti": null })), "without a name"),
        (claims(&json!({ "jti": "" })), "with an empty name"),
        (claims(&json!({ "jti": "x".repeat(256) })), "with a name without end"),
        (header(&json!({ "typ": "JWT" })), "another kind"),
        (header(&json!({ "typ": "at+jwt" })), "an access token's kind"),
        (header(&json!({ "typ": null })), "no kind"),
        (header(&json!({ "jwk": null })), "no key"),
        (header(&json!({ "jwk": null, "kid": "key" })), "a key by its name"),
        (header(&json!({ "crit": ["exp"], "exp": 1 })), "something that must be understood"),
        (header(&json!({ "jwk": stranger.jwk() })), "another's key"),
        (header(&json!({ "alg": "EdDSA" })), "another algorithm than the key's"),
        (header(&json!({ "alg": "ES384" })), "an algorithm nobody may use"),
        (with_member("d", json!("AAAA")), "a private key"),
        (with_member("k", json!("AAAA")), "a shared secret beside it"),
        (with_member("use", json!("enc")), "a key for something else"),
        (header(&json!({ "jwk": oct, "alg": "HS256" })), "a shared secret for a key"),
        (unsigned("none", ""), "no signature"),
        (unsigned("none", "AA"), "a signature that is none"),
        (unsigned("ES256", "AAAA"), "a made-up signature"),
        (shared, "signed with the public key as a secret"),
        (format!("{right}, {}", claims(&json!({}))), "two in one header"),
        (format!("{}x", &right[..right.len() - 1]), "a broken signature"),
        ("junk".to_owned(), "junk"),
        (String::new(), "nothing"),
        (format!("{right}{}", "A".repeat(5000)), "too long"),
    ]
}

on_both_engines! {
    async fn a_proof_that_is_not_quite_right_gets_nothing_and_spends_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let fields = agent.redemption(&agent.code(&mut ada, "connections:read").await);
        for (proof, why) in spoilt(&holder, &gateway, &gateway.at("/token"), None) {
            let reply = post_with(&agent, "/token", &fields, &[&proof]).await;
            assert_eq!(reply.body["error"], "invalid_dpop_proof", "{why}: {}", reply.body);
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        }
        let [one, other] = [(); 2].map(|()| holder.proof("POST", &gateway.at("/token"), None));
        let twice = post_with(&agent, "/token", &fields, &[&one, &other]).await;
        assert_refused(&twice, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        // Query and fragment do not count (section 4.3), nor does the way an address is written.
        let address = format!("{}?x=1#y", gateway.at("/token").replace("http://", "HTTP://"));
        let proof = holder.proof_with("POST", "", None, &json!({ "htu": address, "iat": gateway.clock.now().unix_seconds() - 290 }));
        bound(&post_with(&agent, "/token", &fields, &[&proof]).await);
    }
}

on_both_engines! {
    async fn a_proof_that_is_not_quite_right_opens_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let token = bound(&holder.redeem(&agent, &agent.code(&mut ada, "").await).await).access;
        let other = bound(&holder.redeem(&agent, &agent.code(&mut ada, "").await).await).access;
        let url = gateway.mcp_url();
        let ath = |of: &str| json!({ "ath": base64url(&sha256(of.as_bytes())) });
        let of_other_tokens = [json!({ "ath": null }), ath(&other), ath(""), json!({ "ath": token }), json!({ "ath": 7 })];
        let of_other_tokens = of_other_tokens.iter().map(|changes| (holder.proof_with("POST", &url, Some(&token), changes), "another token"));
        for (proof, why) in spoilt(&holder, &gateway, &url, Some(&token)).into_iter().chain(of_other_tokens) {
            let reply = call_with(&agent, "DPoP", &token, &[&proof]).await;
            assert_eq!(reply.body["error"], "invalid_dpop_proof", "{why}: {}", reply.body);
            assert_unproven(&reply, "invalid_dpop_proof");
        }
        let [one, two] = [(); 2].map(|()| holder.proof("POST", &url, Some(&token)));
        assert_unproven(&call_with(&agent, "DPoP", &token, &[&one, &two]).await, "invalid_dpop_proof");
        // Who has both, token and key of another client, still has another token.
        assert_unproven(&Holder::new(&gateway).whoami(&agent, &token).await, "invalid_token");
        assert_eq!(holder.whoami(&agent, &token).await.status, StatusCode::OK);
        // The token itself has to be good: a proof makes no other of it.
        agent.revoke(&token).await;
        assert_unproven(&holder.whoami(&agent, &token).await, "invalid_token");
        assert_eq!(holder.whoami(&agent, &other).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_proof_is_taken_once_at_all_nodes_together(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let there = There::at(&gateway, gateway.second_node().await, &agent).await;
        let token = bound(&holder.redeem(&agent, &agent.code(&mut ada, "").await).await).access;
        let proof = holder.proof("POST", &gateway.mcp_url(), Some(&token));
        let calls = join_all((0..12).map(|number| {
            let (agent, token, proof) = (if number % 2 == 0 { &agent } else { &there.agent }, &token, &proof);
            async move { call_with(agent, "DPoP", token, &[proof]).await }
        })).await;
        assert_eq!(calls.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
        assert_unproven(&call_with(&there.agent, "DPoP", &token, &[&proof]).await, "invalid_dpop_proof");
        gateway.clock.advance(Duration::from_secs(290));
        assert_unproven(&call_with(&agent, "DPoP", &token, &[&proof]).await, "invalid_dpop_proof");
        // The same at the token endpoint, where the name of one key's proof is nothing to another key.
        let named = |holder: &Holder| holder.proof_with("POST", &gateway.at("/token"), None, &json!({ "jti": "the same" }));
        let proof = named(&holder);
        let fields = agent.redemption(&agent.code(&mut ada, "").await);
        bound(&post_with(&agent, "/token", &fields, &[&proof]).await);
        let fields = agent.redemption(&agent.code(&mut ada, "").await);
        assert_refused(&post_with(&agent, "/token", &fields, &[&proof]).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        bound(&post_with(&agent, "/token", &fields, &[&named(&Holder::new(&gateway))]).await);
    }
}

const KEPT: &str = "SELECT COUNT(*) FROM oauth_server_proofs";

async fn count_kept(gateway: &TestGateway) -> i64 {
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(KEPT).fetch_one(readers).await.expect("a count"),
        Pools::Postgres(pool) => sqlx::query_scalar(KEPT).fetch_one(pool).await.expect("a count"),
    }
}

on_both_engines! {
    async fn proofs_are_remembered_no_longer_than_they_are_good(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let token = bound(&holder.redeem(&agent, &agent.code(&mut ada, "").await).await).access;
        holder.whoami(&agent, &token).await;
        assert_eq!(count_kept(&gateway).await, 2);
        // What bears no good signature, or comes from nobody we know, leaves nothing behind.
        let nobody = Agent { client_id: "cli_nobody".to_owned(), ..agent.clone() };
        holder.redeem(&nobody, "x").await;
        assert_eq!(holder.whoami(&agent, "blg_at_junk").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(Holder::new(&gateway).whoami(&agent, &token).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(count_kept(&gateway).await, 2);
        gateway.clock.advance(Duration::from_secs(610));
        // Whoever begins to serve forgets what is over, and does so again and again.
        let other = gateway.elsewhere(false).await;
        let begin = std::time::Instant::now();
        while count_kept(&other).await > 0 {
            assert!(begin.elapsed() < crate::support::PATIENCE, "a proof is remembered longer than it is good");
        }
    }
}
