//! Nonces of ours in proofs (RFC 9449 sections 8 and 9): nobody makes a proof ahead.

use std::time::Duration;

use belgie_api::Clock;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::assert_refused;
use super::dpop::{assert_unproven, binding, bound};
use super::machines::create;
use crate::on_both_engines;
use crate::support::holder::{There, call_with, post_with};
use crate::support::idp::SigningKey;
use crate::support::{Agent, Holder, Reply, Setup, TestGateway};

fn wanting() -> Setup {
    binding("dpop_nonces = true\nopenid_connect = true\npushed_requests = \"allowed\"")
}

fn nonce_of(reply: &Reply) -> String {
    assert_eq!(reply.headers.get_all("dpop-nonce").iter().count(), 1, "{:?}", reply.headers);
    reply.headers["dpop-nonce"].to_str().expect("a plain header").to_owned()
}

/// A refusal for want of a nonce, which comes with it.
#[track_caller]
fn wanted(reply: &Reply) -> String {
    assert_refused(reply, StatusCode::BAD_REQUEST, "use_dpop_nonce");
    nonce_of(reply)
}

/// Sets the clock to where a nonce begins, so that none turns while a test looks at it.
fn begin(gateway: &TestGateway) {
    let seconds = gateway.clock.now().unix_seconds().rem_euclid(120);
    gateway.clock.advance(Duration::from_secs(u64::try_from(120 - seconds).expect("a time")));
}

impl Holder {
    fn proof_with_nonce(&self, url: &str, token: Option<&str>, nonce: &str) -> String {
        self.proof_with("POST", url, token, &json!({ "nonce": nonce }))
    }
}

on_both_engines! {
    async fn a_proof_needs_the_nonce_of_this_time(gateway: TestGateway, setup = wanting()) {
        begin(&gateway);
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let fields = agent.redemption(&agent.code(&mut ada, "openid email").await);
        let (at_token, at_mcp) = (gateway.at("/token"), gateway.mcp_url());
        // Nothing is spent by whoever does not know the nonce yet.
        let nonce = wanted(&post_with(&agent, "/token", &fields, &[&holder.proof("POST", &at_token, None)]).await);
        for wrong in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let proof = holder.proof_with_nonce(&at_token, None, wrong);
            assert_eq!(wanted(&post_with(&agent, "/token", &fields, &[&proof]).await), nonce);
        }
        let given = post_with(&agent, "/token", &fields, &[&holder.proof_with_nonce(&at_token, None, &nonce)]).await;
        let token = bound(&given).access;
        assert_eq!(nonce_of(&given), nonce);

        // The same one is good at the endpoint, and the same is said there (section 9).
        let refused = call_with(&agent, "DPoP", &token, &[&holder.proof("POST", &at_mcp, Some(&token))]).await;
        assert_unproven(&refused, "use_dpop_nonce");
        assert_eq!(nonce_of(&refused), nonce);
        let call = async |nonce: &str| call_with(&agent, "DPoP", &token, &[&holder.proof_with_nonce(&at_mcp, Some(&token), nonce)]).await;
        let seen = call(&nonce).await;
        assert_eq!((seen.status, nonce_of(&seen)), (StatusCode::OK, nonce.clone()), "{}", seen.body);

        // It turns with the clock: the old one goes on for a while, and the answer brings the new one.
        gateway.clock.advance(Duration::from_secs(120));
        let seen = call(&nonce).await;
        let next = nonce_of(&seen);
        assert!(seen.status == StatusCode::OK && next != nonce);
        gateway.clock.advance(Duration::from_secs(120));
        let refused = call(&nonce).await;
        assert_unproven(&refused, "use_dpop_nonce");
        assert!(nonce_of(&refused) != nonce && nonce_of(&refused) != next);
        assert_eq!(call(&next).await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(3600 - 300));
        assert_unproven(&call(&next).await, "use_dpop_nonce");
        // A nonce makes nothing else right.
        let nonce = nonce_of(&call(&next).await);
        let stale = json!({ "nonce": nonce, "iat": 1_000_000_000 });
        assert_unproven(&call_with(&agent, "DPoP", &token, &[&holder.proof_with("POST", &at_mcp, Some(&token), &stale)]).await, "invalid_dpop_proof");
        assert_eq!(call(&nonce).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_nonce_is_wanted_wherever_proofs_are(gateway: TestGateway, setup = wanting()) {
        begin(&gateway);
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        // Whoever uses no key is not troubled.
        let plain = agent.connect(&mut ada, "openid").await;
        let reply = agent.whoami(&plain.access).await;
        assert!(reply.status == StatusCode::OK && reply.headers.get("dpop-nonce").is_none());
        let asked: Vec<(String, String)> = agent.authorization("");
        let fields: Vec<_> = asked.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let (at_par, at_token) = (gateway.at("/par"), gateway.at("/token"));
        let nonce = wanted(&post_with(&agent, "/par", &fields, &[&holder.proof("POST", &at_par, None)]).await);
        let pushed = post_with(&agent, "/par", &fields, &[&holder.proof_with_nonce(&at_par, None, &nonce)]).await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
        let fields = agent.redemption(&agent.code(&mut ada, "openid email").await);
        let token = bound(&post_with(&agent, "/token", &fields, &[&holder.proof_with_nonce(&at_token, None, &nonce)]).await).access;
        let url = gateway.at("/userinfo");
        let ask = async |proof: String| {
            let request = agent.client.post(&url).header("authorization", format!("DPoP {token}")).header("dpop", proof);
            Reply::read(request.send().await.expect("an answer")).await
        };
        let refused = ask(holder.proof("POST", &url, Some(&token))).await;
        assert_eq!((refused.status, &refused.body["error"]), (StatusCode::UNAUTHORIZED, &json!("use_dpop_nonce")));
        assert!(refused.challenge().starts_with("DPoP error=\"use_dpop_nonce\", algs="), "{}", refused.challenge());
        let told = ask(holder.proof_with_nonce(&url, Some(&token), &nonce_of(&refused))).await;
        assert_eq!((told.status, &told.body["email"]), (StatusCode::OK, &json!("ada@example.org")), "{}", told.body);
    }
}

on_both_engines! {
    async fn whoever_lacks_a_nonce_spends_no_assertion(gateway: TestGateway, setup = wanting()) {
        begin(&gateway);
        let key = SigningKey::new("own", jsonwebtoken::Algorithm::ES256);
        let file = gateway.data_dir().join("jwks.json");
        std::fs::write(&file, json!({ "keys": [key.jwk()] }).to_string()).expect("a file");
        let made = create(&gateway, &["--name", "Signer", "--machine", "--scope", "connections:read", "--jwks", file.to_str().expect("text")]).await.expect("a client");
        let id = made["client_id"].as_str().expect("an id");
        let agent = Agent::known_as(&gateway, id, "");
        let holder = Holder::new(&gateway);
        let now = gateway.clock.now().unix_seconds();
        let claims = json!({ "iss": id, "sub": id, "aud": gateway.url, "iat": now, "exp": now + 60, "jti": "only-one" });
        let assertion = key.sign_parts(&json!({ "alg": "ES256", "kid": "own" }), &claims);
        let fields = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned()),
            ("client_assertion", assertion),
        ];
        let url = gateway.at("/token");
        let nonce = wanted(&post_with(&agent, "/token", &fields, &[&holder.proof("POST", &url, None)]).await);
        bound(&post_with(&agent, "/token", &fields, &[&holder.proof_with_nonce(&url, None, &nonce)]).await);
        let again = post_with(&agent, "/token", &fields, &[&holder.proof_with_nonce(&url, None, &nonce)]).await;
        assert_refused(&again, StatusCode::UNAUTHORIZED, "invalid_client");
    }
}

on_both_engines! {
    async fn nodes_agree_on_nonces_and_other_hosts_have_others(engine: Engine) {
        let gateway = wanting().start(engine.clone()).await;
        begin(&gateway);
        let agent = Agent::register(&gateway).await;
        let fields = [("grant_type", "client_credentials".to_owned()), ("client_id", agent.client_id.clone())];
        let nonce_at = async |agent: &Agent, gateway: &TestGateway, url: &str| {
            wanted(&post_with(agent, "/token", &fields, &[&Holder::new(gateway).proof("POST", url, None)]).await)
        };
        let nonce = nonce_at(&agent, &gateway, &gateway.at("/token")).await;
        let there = There::at(&gateway, gateway.second_node().await, &agent).await;
        assert_eq!(nonce_at(&there.agent, &gateway, &gateway.at("/token")).await, nonce);
        let other = wanting().start(engine).await;
        other.clock.advance(Duration::from_secs(u64::try_from(gateway.clock.now().unix_seconds() - other.clock.now().unix_seconds()).unwrap_or_default()));
        let stranger = Agent::known_as(&other, &agent.client_id, "");
        assert_ne!(nonce_at(&stranger, &other, &other.at("/token")).await, nonce);
    }
}

on_both_engines! {
    async fn a_nonce_that_is_none_is_refused_where_none_is_wanted(gateway: TestGateway) {
        begin(&gateway);
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let fields = [("grant_type", "refresh_token".to_owned()), ("refresh_token", "x".to_owned()), ("client_id", agent.client_id.clone())];
        let url = gateway.at("/token");
        let nonce = wanted(&post_with(&agent, "/token", &fields, &[&holder.proof_with_nonce(&url, None, "made up")]).await);
        let reply = post_with(&agent, "/token", &fields, &[&holder.proof_with_nonce(&url, None, &nonce)]).await;
        assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_grant");
        let document: Value = reqwest::get(gateway.at("/.well-known/oauth-authorization-server")).await.expect("an answer").json().await.expect("JSON");
        assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256", "EdDSA", "Ed25519", "RS256", "PS256"]));
    }
}
