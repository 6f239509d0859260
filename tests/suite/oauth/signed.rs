//! Signed access tokens (RFC 9068): others can check them, and here they end at once all the same.

use std::time::Duration;

use belgie_api::crypto::base64url;
use belgie_api::on;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::Machine;
use super::{assert_invalid_grant, assert_shut, checked, part, published, signing};
use crate::on_both_engines;
use crate::organization::{known, owned_by};
use crate::support::gateway::PASSWORD;
use crate::support::idp::SigningKey;
use crate::support::{Agent, Connected, Engine, Setup, TestGateway, Tokens, changed};

on_both_engines! {
    async fn a_signed_token_says_what_the_standard_wants_and_opens_the_endpoint(
        gateway: TestGateway,
        setup = signing()
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let token = &ada.tokens.access;
        let header = part(token, 0);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
        let mut claims = checked(&gateway, token).await;
        let moment = |name: &str| claims[name].as_i64().expect("a moment");
        assert_eq!(moment("exp") - moment("iat"), 3600);
        assert!((0..60).contains(&(moment("iat") - moment("auth_time"))), "{claims}");
        assert!(claims["jti"].as_str().is_some_and(|id| id.starts_with("tok_")), "{claims}");
        let members = claims.as_object_mut().expect("claims");
        members.retain(|name, _| !["exp", "iat", "auth_time", "jti"].contains(&name.as_str()));
        assert_eq!(claims, json!({
            "iss": gateway.url, "sub": ada.person.id, "aud": gateway.mcp_url(),
            "client_id": ada.agent.client_id, "scope": "connections:read",
        }));
        for _ in 0..2 {
            let seen = ada.agent.whoami(token).await.body["result"]["structuredContent"].clone();
            assert_eq!((&seen["user"]["id"], &seen["scopes"]), (&json!(ada.person.id), &json!(["connections:read"])));
        }
    }
}

on_both_engines! {
    async fn a_renewed_token_remembers_when_the_person_was_there(gateway: TestGateway, setup = signing()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let there = part(&ada.tokens.access, 1)["auth_time"].clone();
        gateway.clock.advance(Duration::from_secs(1800));
        let renewed = Tokens::of(&ada.agent.refresh(&ada.tokens.refresh).await);
        let claims = part(&renewed.access, 1);
        assert_eq!(claims["auth_time"], there);
        assert!(claims["iat"].as_i64() >= there.as_i64().map(|there| there + 1800), "{claims}");
    }
}

on_both_engines! {
    async fn a_signed_token_names_the_organization_it_acts_for(gateway: TestGateway, setup = signing()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let claims = checked(&gateway, &agent.tokens.access).await;
        assert_eq!((&claims["organization"], &claims["teams"]), (&json!(acme.id), &json!([])));
        agent.is_let_in().await;
        // Made for the endpoint of everybody, it does not open that of the organization.
        let (client, url) = (reqwest::Client::new(), gateway.at("/o/acme/mcp"));
        let there = crate::support::Modern { client: &client, url: &url, token: Some(&agent.tokens.access) };
        assert_eq!(there.call("whoami", json!({})).await.status, StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn a_signed_token_ends_at_once_whichever_way_it_ends(gateway: TestGateway, setup = signing()) {
        // Given back, alone.
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let thief = Agent::register(&gateway).await;
        assert_invalid_grant(&thief.revoke(&ada.tokens.access).await);
        ada.is_let_in().await;
        assert_eq!(ada.agent.revoke(&ada.tokens.access).await.status, StatusCode::OK);
        ada.is_refused().await;
        checked(&gateway, &ada.tokens.access).await;
        ada.tokens = Tokens::of(&ada.agent.refresh(&ada.tokens.refresh).await);
        ada.is_let_in().await;
        // With its grant, and with its person.
        assert_eq!(ada.agent.revoke(&ada.tokens.refresh).await.status, StatusCode::OK);
        ada.is_refused().await;
        let eve = Connected::new(&gateway, "eve@example.org").await;
        eve.is_let_in().await;
        let (ok, said) = gateway.program(&["user", "ban", "--email", "eve@example.org"]).await;
        assert!(ok, "{said}");
        eve.is_refused().await;
        // In time.
        let bob = Connected::new(&gateway, "bob@example.org").await;
        bob.is_let_in().await;
        gateway.clock.advance(Duration::from_secs(3601));
        bob.is_refused().await;
    }
}

/// What the gateway signs with: its own key, as nobody outside can have it.
async fn own_key(gateway: &TestGateway) -> EncodingKey {
    let host = gateway.gateway.host();
    let mut conn = host.db().read().await.expect("a connection");
    let sql = "SELECT id, private_key FROM oauth_server_keys WHERE current_at IS NOT NULL";
    let (id, sealed) =
        on!(&mut conn, c => sqlx::query_as::<_, (String, String)>(sql).fetch_one(c).await).expect("a key");
    EncodingKey::from_ec_der(&host.unseal("oauth-server.signing-key", id.as_bytes(), &sealed).expect("it opens"))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()))
}

fn with(document: &Value, name: &str, value: Value) -> Value {
    let mut changed = document.clone();
    changed[name] = value;
    changed
}

on_both_engines! {
    async fn nothing_opens_the_endpoint_that_was_not_signed_and_kept_here(gateway: TestGateway, setup = signing()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let good = &ada.tokens.access;
        let (header, claims) = (part(good, 0), part(good, 1));
        let kid = header["kid"].as_str().expect("an id");
        let (signed, signature) = good.rsplit_once('.').expect("a signature");
        let (_, body) = signed.split_once('.').expect("a header");
        let joined = |header: &Value| format!("{}.{body}.{signature}", base64url(header.to_string().as_bytes()));
        let mut forged = vec![
            ("no algorithm", unsigned(&with(&header, "alg", json!("none")), &claims)),
            ("no algorithm, with the signature", joined(&with(&header, "alg", json!("none")))),
            ("another key id", joined(&with(&header, "kid", json!("unheard-of")))),
            ("no key id", joined(&json!({ "alg": "ES256", "typ": "at+jwt" }))),
            ("another type", joined(&with(&header, "typ", json!("JWT")))),
            ("another algorithm", joined(&with(&header, "alg", json!("RS256")))),
            ("a critical member", joined(&with(&header, "crit", json!(["exp"])))),
            ("no signature", format!("{signed}.")),
            ("half a signature", good[..good.len() - 20].to_owned()),
            ("a longer signature", format!("{good}AAAA")),
            ("other claims", {
                let more = with(&claims, "scope", json!("connections:read admin"));
                format!("{}.{}.{signature}", good.split_once('.').expect("a header").0, base64url(more.to_string().as_bytes()))
            }),
            ("five parts", format!("{good}.a.b")),
            ("white space", format!("{signed}. {signature}")),
        ];
        // The public key as a shared secret, in every spelling somebody may have tried (RFC 8725 section 2.1).
        let jwk = published(&gateway).await.into_iter().find(|key| key["kid"] == kid).expect("the key");
        let secrets = [jwk.to_string(), format!("{}{}", jwk["x"], jwk["y"]), jwk["x"].as_str().expect("x").to_owned()];
        for secret in secrets {
            let mut head = Header::new(Algorithm::HS256);
            (head.typ, head.kid) = (Some("at+jwt".to_owned()), Some(kid.to_owned()));
            let key = EncodingKey::from_secret(secret.as_bytes());
            forged.push(("a shared secret", jsonwebtoken::encode(&head, &claims, &key).expect("a token")));
        }
        // Somebody else's key under our id, and one that the token brings along.
        let own = SigningKey::new(kid, Algorithm::ES256);
        let mut head = Header::new(Algorithm::ES256);
        (head.typ, head.kid) = (Some("at+jwt".to_owned()), Some(kid.to_owned()));
        forged.push(("another key", own.sign(&head, &claims)));
        head.jwk = serde_json::from_value(own.jwk()).ok();
        forged.push(("a key it brings", own.sign(&head, &claims)));
        // Even our own signature is worth nothing without the row.
        let key = own_key(&gateway).await;
        let mut head = Header::new(Algorithm::ES256);
        (head.typ, head.kid) = (Some("at+jwt".to_owned()), Some(kid.to_owned()));
        for (name, value) in [
            ("jti", json!("tok_00000000000000000000000000000000")),
            ("aud", json!(gateway.at("/o/acme/mcp"))),
            ("iss", json!("https://evil.example")),
            ("exp", json!(4_000_000_000_u32)),
            ("scope", json!("admin")),
        ] {
            let changed = with(&claims, name, value);
            forged.push(("our key, without a row", jsonwebtoken::encode(&head, &changed, &key).expect("a token")));
        }
        for (what, token) in &forged {
            let reply = ada.agent.whoami(token).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{what}: {token}");
            assert_shut(&reply);
        }
        ada.is_let_in().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_resources_that_want_signed_tokens_get_them_and_personal_ones_stay_opaque() {
    let setup = "[plugins.oauth-server]\naccess_token_jwt_resources = [\"/mcp\"]";
    let gateway = Setup::default().config(setup).start(Engine::Sqlite).await;
    let ada = Connected::new(&gateway, "ada@example.org").await;
    assert_eq!(part(&ada.tokens.access, 0)["typ"], "at+jwt");
    let line = ["token", "create", "--email", "ada@example.org", "--scope", "connections:read", "--ttl", "60"];
    let (ok, made) = gateway.program(&line).await;
    assert!(ok && made["token"].as_str().is_some_and(|token| token.starts_with("blg_pat_")), "{made}");

    let other = "[plugins.oauth-server]\naccess_token_jwt_resources = [\"/o/acme/mcp\"]";
    let gateway = Setup::default().config(other).start(Engine::Sqlite).await;
    let ada = Connected::new(&gateway, "ada@example.org").await;
    assert!(ada.tokens.access.starts_with("blg_at_"));
    ada.is_let_in().await;

    let places = "[plugins.oauth-server]\nresources = [\"https://api.example\"]\n\
                  access_token_jwt_resources = [\"/o/{slug}/mcp\", \"https://api.example\"]";
    let gateway = Setup::default().config(places).start(Engine::Sqlite).await;
    let ada = gateway.person("ada@example.org").await;
    let acme = owned_by(&gateway, ada.id, "acme").await;
    for (place, is_signed) in
        [(gateway.mcp_url(), false), (gateway.at("/o/acme/mcp"), true), ("https://api.example".to_owned(), true)]
    {
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", PASSWORD).await;
        let agent = Agent::register(&gateway).await;
        let asked = changed(agent.authorization("connections:read"), "resource".to_owned(), Some(place.clone()));
        let page = browser.get(&agent.authorize_url(&asked)).await;
        let fields = [("decision", "allow"), ("organization", &acme.id.to_string())];
        let answer = browser.submit(&page.form("/authorize"), &fields).await;
        let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
        let token = Tokens::of(&agent.redeem_with(&code, "resource", Some(&place)).await).access;
        assert_eq!(!token.starts_with("blg_at_"), is_signed, "{place}: {token}");
    }
}

on_both_engines! {
    async fn what_never_was_heard_is_said_again_word_for_word(gateway: TestGateway, setup = signing()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let first = Tokens::of(&ada.agent.refresh(&ada.tokens.refresh).await);
        let again = Tokens::of(&ada.agent.refresh(&ada.tokens.refresh).await);
        assert!((&first.access, &first.refresh) == (&again.access, &again.refresh), "another pair");
        assert_eq!(checked(&gateway, &again.access).await["sub"], json!(ada.person.id));
    }
}

on_both_engines! {
    async fn a_machine_has_signed_tokens_and_they_end_at_once_as_well(gateway: TestGateway, setup = signing()) {
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let token = machine.token(&[]).await;
        let claims = checked(&gateway, &token).await;
        assert_eq!((&claims["sub"], &claims["client_id"]), (&machine.made["service"], &json!(machine.agent.client_id)));
        assert_eq!((&claims["aud"], &claims["scope"]), (&json!(gateway.mcp_url()), &json!("connections:read")));
        assert!(claims.get("auth_time").is_none(), "nobody was there: {claims}");
        for _ in 0..2 {
            let seen = machine.agent.whoami(&token).await.body["result"]["structuredContent"].clone();
            assert_eq!(seen["service"]["id"], machine.made["service"], "{seen}");
        }
        assert_eq!(machine.post("/revoke", &[("token", &token)]).await.status, StatusCode::OK);
        assert_shut(&machine.agent.whoami(&token).await);
    }
}
