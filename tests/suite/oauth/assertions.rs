//! Assertions of issuers the operator trusts (RFC 7523 section 2.1): for people (ID-JAG, MCP enterprise-managed authorization) and for
//! programs (workload identity).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use belgie_api::Clock;
use belgie_organization::Actor;
use jsonwebtoken::{Algorithm, Header};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::{Machine, create};
use super::{assert_invalid_grant, assert_refused, assert_shut};
use crate::on_both_engines;
use crate::organization::{join, known, organizations, owned_by};
use crate::support::idp::SigningKey;
use crate::support::{Agent, DocumentServer, Engine, Holder, Idp, Reply, Setup, TestGateway};

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ISSUER: &str = "https://id.acme.example";
pub const WEB: [&str; 3] = ["--confidential", "--redirect-uri", "https://web.example/callback"];

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A gateway that trusts an issuer with these lines.
fn trusting(issuer: &str, keys: &str, more: &str) -> Setup {
    Setup::default().config(&format!(
        "[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true\n\
         [[plugins.oauth-server.issuers]]\nissuer = \"{issuer}\"\njwks_uri = \"{keys}\"\n{more}"
    ))
}

/// An enterprise that speaks for its people, and a gateway that believes it.
pub struct Enterprise {
    key: SigningKey,
    pub gateway: TestGateway,
    pub web: Machine,
    _keys: DocumentServer,
}

impl Enterprise {
    pub async fn start(engine: Engine) -> Self {
        Self::signing(engine, Algorithm::ES256).await
    }

    async fn signing(engine: Engine, algorithm: Algorithm) -> Self {
        Self::with(engine, algorithm, "").await
    }

    async fn with(engine: Engine, algorithm: Algorithm, more: &str) -> Self {
        let keys = DocumentServer::start().await;
        let key = SigningKey::new("first", algorithm);
        let address = keys.publish_json("/jwks", &json!({ "keys": [key.jwk()] }));
        let gateway = trusting(ISSUER, &address, &format!("id_jag = true\nemail_domains = [\"acme.example\"]\n{more}"))
            .start(engine)
            .await;
        let web = Machine::made(&gateway, &WEB).await;
        Self { key, gateway, web, _keys: keys }
    }

    /// What an assertion says that is right.
    fn claims(&self) -> Value {
        let now = self.gateway.clock.now().unix_seconds();
        json!({
            "iss": ISSUER, "sub": "ada-at-acme", "aud": self.gateway.url, "client_id": self.web.agent.client_id,
            "resource": self.gateway.mcp_url(), "scope": "connections:read demo:step-up",
            "iat": now, "exp": now + 300, "jti": format!("j-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            "email": "ada@acme.example",
        })
    }

    fn header(&self) -> Header {
        let typ = Some("oauth-id-jag+jwt".to_owned());
        Header { typ, kid: Some(self.key.id().to_owned()), ..Header::new(self.key.algorithm()) }
    }

    /// An assertion in which some members are others; null leaves one out.
    pub fn assertion(&self, changes: &Value) -> String {
        self.key.sign(&self.header(), &spoilt(self.claims(), changes))
    }

    pub async fn ask(&self, assertion: &str, more: &[(&str, &str)]) -> Reply {
        self.web.post("/token", &[&[("grant_type", GRANT), ("assertion", assertion)], more].concat()).await
    }
}

fn spoilt(mut claims: Value, changes: &Value) -> Value {
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        members.remove(name);
        if !value.is_null() {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

on_both_engines! {
    async fn an_enterprise_lets_its_people_in_without_asking_them(engine: Engine) {
        let acme = Enterprise::start(engine).await;
        let (ada, mut of_ada) = known(&acme.gateway, "ada@acme.example").await;
        let reply = acme.ask(&acme.assertion(&json!({})), &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert_eq!((&reply.body["scope"], &reply.body["token_type"]), (&json!("connections:read demo:step-up"), &json!("Bearer")));
        assert!(reply.body.get("refresh_token").is_none() && reply.headers["cache-control"] == "no-store");
        let token = reply.body["access_token"].as_str().expect("a token");
        let seen = acme.web.agent.whoami(token).await.body["result"]["structuredContent"].clone();
        assert_eq!((&seen["user"]["id"], &seen["client"]["id"]), (&json!(ada.id), &json!(acme.web.agent.client_id)), "{seen}");
        // Less is asked for, and named by the address our own way to write it; the person sees it and cuts it off.
        let less = acme.ask(&acme.assertion(&json!({})), &[("scope", "connections:read admin"), ("resource", &acme.gateway.mcp_url())]).await;
        assert_eq!(less.body["scope"], "connections:read", "{}", less.body);
        let page = of_ada.get("/account").await;
        assert!(page.body.contains("Nightly"), "{}", page.body);
        let form = page.form("/account/connections/revoke");
        of_ada.submit(&form, &[]).await;
        let alive = [token, less.body["access_token"].as_str().expect("a token")];
        let mut shut = 0;
        for token in alive {
            shut += usize::from(acme.web.agent.whoami(token).await.status == StatusCode::UNAUTHORIZED);
        }
        assert_eq!(shut, 2, "it is one agent, however often it came");
        gateway_time(&acme.gateway, 3600);
        for token in alive {
            assert_shut(&acme.web.agent.whoami(token).await);
        }
    }
}

on_both_engines! {
    async fn the_people_of_an_enterprise_act_for_its_organization_while_they_are_in_it(engine: Engine) {
        let acme = Enterprise::with(engine, Algorithm::ES256, "organization = \"acme\"").await;
        let (owner, _) = known(&acme.gateway, "owner@else.example").await;
        let (ada, _) = known(&acme.gateway, "ada@acme.example").await;
        // There is no such organization yet, then the person is not in it.
        assert_invalid_grant(&acme.ask(&acme.assertion(&json!({})), &[]).await);
        let organization = owned_by(&acme.gateway, owner.id, "acme").await;
        let other = owned_by(&acme.gateway, owner.id, "globex").await;
        join(&acme.gateway, other.id, ada.id, "member").await;
        assert_invalid_grant(&acme.ask(&acme.assertion(&json!({})), &[]).await);

        join(&acme.gateway, organization.id, ada.id, "admin").await;
        let own = acme.gateway.at("/o/acme/mcp");
        for resource in [acme.gateway.mcp_url(), own.clone()] {
            let reply = acme.ask(&acme.assertion(&json!({ "resource": resource })), &[]).await;
            assert_eq!((reply.status, &reply.body["organization"]), (StatusCode::OK, &json!(organization.id)), "{}", reply.body);
            let token = reply.body["access_token"].as_str().expect("a token");
            let seen = acme.web.agent.modern(&resource, token).call("whoami", json!({})).await.body["result"]["structuredContent"].clone();
            assert_eq!((&seen["organization"]["slug"], &seen["organization"]["roles"]), (&json!("acme"), &json!(["admin"])), "{seen}");
        }
        let elsewhere = json!({ "resource": acme.gateway.at("/o/globex/mcp") });
        assert_refused(&acme.ask(&acme.assertion(&elsewhere), &[]).await, StatusCode::BAD_REQUEST, "invalid_target");

        let reply = acme.ask(&acme.assertion(&json!({ "resource": own })), &[]).await;
        let token = reply.body["access_token"].as_str().expect("a token").to_owned();
        organizations(&acme.gateway).remove_member(&Actor::host(), organization.id, ada.id).await.expect("removed");
        assert_shut(&acme.web.agent.modern(&own, &token).call("whoami", json!({})).await);
        assert_invalid_grant(&acme.ask(&acme.assertion(&json!({})), &[]).await);
    }
}

on_both_engines! {
    async fn an_assertion_for_a_person_may_call_its_algorithm_by_its_full_name(engine: Engine) {
        let acme = Enterprise::signing(engine, Algorithm::EdDSA).await;
        known(&acme.gateway, "ada@acme.example").await;
        for (alg, status) in [("Ed25519", StatusCode::OK), ("EdDSA", StatusCode::OK), ("Ed448", StatusCode::BAD_REQUEST)] {
            let header = json!({ "alg": alg, "typ": "oauth-id-jag+jwt", "kid": acme.key.id() });
            let reply = acme.ask(&acme.key.sign_parts(&header, &acme.claims()), &[]).await;
            assert_eq!(reply.status, status, "{alg} {}", reply.body);
        }
    }
}

fn gateway_time(gateway: &TestGateway, seconds: u64) {
    gateway.clock.advance(Duration::from_secs(seconds));
}

on_both_engines! {
    async fn an_assertion_for_a_person_that_is_not_quite_right_lets_nobody_in(engine: Engine) {
        let acme = Enterprise::start(engine).await;
        known(&acme.gateway, "ada@acme.example").await;
        known(&acme.gateway, "ada@evil.example").await;
        acme.gateway.person("bob@acme.example").await;
        let now = acme.gateway.clock.now().unix_seconds();
        for wrong in [
            json!({ "iss": "https://id.evil.example" }),
            json!({ "iss": format!("{ISSUER}/") }),
            json!({ "aud": "https://elsewhere.example" }),
            json!({ "aud": [acme.gateway.url, "https://elsewhere.example"] }),
            json!({ "aud": acme.gateway.at("/token") }),
            json!({ "client_id": null }),
            json!({ "client_id": "cli_another" }),
            json!({ "exp": null }),
            json!({ "exp": now - 31 }),
            json!({ "exp": now + 7200 }),
            json!({ "iat": null }),
            json!({ "iat": now + 120 }),
            json!({ "nbf": now + 120 }),
            json!({ "jti": null }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "email": null }),
            json!({ "email": "nobody@acme.example" }),
            json!({ "email": "ada@evil.example" }),
            json!({ "email": "bob@acme.example" }),
            json!({ "email_verified": false }),
            json!({ "resource": 7 }),
        ] {
            assert_invalid_grant(&acme.ask(&acme.assertion(&wrong), &[]).await);
        }
        for (wrong, code) in [
            (json!({ "resource": "https://elsewhere.example" }), "invalid_target"),
            (json!({ "resource": [acme.gateway.mcp_url(), "https://elsewhere.example"] }), "invalid_target"),
            (json!({ "resource": acme.gateway.at("/o/acme/mcp") }), "invalid_target"),
            (json!({ "scope": "unheard:of" }), "invalid_scope"),
            (json!({ "scope": "admin" }), "invalid_scope"),
            (json!({ "scope": null }), "invalid_scope"),
        ] {
            assert_refused(&acme.ask(&acme.assertion(&wrong), &[]).await, StatusCode::BAD_REQUEST, code);
        }
        let more = acme.ask(&acme.assertion(&json!({ "scope": "connections:read" })), &[("scope", "demo:step-up")]).await;
        assert_refused(&more, StatusCode::BAD_REQUEST, "invalid_scope");
        // Another key, another kind, another way to sign.
        let stranger = SigningKey::new("first", Algorithm::ES256);
        let typed = |typ: Option<&str>| Header { typ: typ.map(str::to_owned), ..acme.header() };
        let shared = jsonwebtoken::EncodingKey::from_secret(acme.key.public());
        let hmac = Header { alg: Algorithm::HS256, ..acme.header() };
        for forged in [
            stranger.sign(&acme.header(), &acme.claims()),
            acme.key.sign(&typed(Some("at+jwt")), &acme.claims()),
            acme.key.sign(&typed(Some("JWT")), &acme.claims()),
            acme.key.sign(&typed(None), &acme.claims()),
            jsonwebtoken::encode(&hmac, &acme.claims(), &shared).expect("a token"),
            "x".to_owned(),
        ] {
            let reply = acme.ask(&forged, &[]).await;
            assert_invalid_grant(&reply);
        }
        assert_eq!(acme.ask(&acme.assertion(&json!({})), &[]).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn an_assertion_for_a_person_is_taken_once_and_from_its_client_alone(engine: Engine) {
        let acme = Enterprise::start(engine).await;
        known(&acme.gateway, "ada@acme.example").await;
        let assertion = acme.assertion(&json!({}));
        let other = Machine::made(&acme.gateway, &WEB).await;
        let fields = [("grant_type", GRANT), ("assertion", assertion.as_str())];
        assert_invalid_grant(&other.post("/token", &fields).await);
        let guess = Machine { secret: "blg_cs_guess".to_owned(), agent: acme.web.agent.clone(), made: Value::Null };
        assert_refused(&guess.post("/token", &fields).await, StatusCode::UNAUTHORIZED, "invalid_client");
        let public = Agent::register(&acme.gateway).await;
        let of_public = acme.assertion(&json!({ "client_id": public.client_id }));
        let own = [("grant_type", GRANT.to_owned()), ("assertion", of_public), ("client_id", public.client_id.clone())];
        assert_refused(&public.post("/token", &own).await, StatusCode::BAD_REQUEST, "unauthorized_client");
        let replies = futures::future::join_all((0..6).map(|_| acme.ask(&assertion, &[]))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
        assert_invalid_grant(&acme.ask(&assertion, &[]).await);
        let (went_well, said) = acme.gateway.configured_program(&["user", "ban", "--email", "ada@acme.example"]).await;
        assert!(went_well, "{said}");
        assert_invalid_grant(&acme.ask(&acme.assertion(&json!({})), &[]).await);
    }
}

on_both_engines! {
    async fn whoever_is_linked_is_found_whatever_address_is_named(engine: Engine) {
        let idp = Idp::start().await;
        let more = format!("id_jag = true\n[sign_up]\nopen = true\n{}", idp.table(""));
        let gateway = trusting(&idp.at(""), &idp.at("/jwks"), &more).start(engine).await;
        let mut ada = gateway.browser();
        let out = ada.get("/auth/provider/acme/start").await;
        let back = ada.get(&idp.agree_by_query(&out.location())).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.body);
        known(&gateway, "bob@example.org").await;
        let web = Machine::made(&gateway, &WEB).await;
        let key = idp.ways().key.clone();
        let now = gateway.clock.now().unix_seconds();
        let sign = |sub: &str, jti: &str| {
            let claims = json!({
                "iss": idp.at(""), "sub": sub, "aud": gateway.url, "client_id": web.agent.client_id, "scope": "connections:read",
                "iat": now, "exp": now + 300, "jti": jti, "email": "bob@example.org",
            });
            let header = Header { typ: Some("oauth-id-jag+jwt".to_owned()), kid: Some(key.id().to_owned()), ..Header::new(key.algorithm()) };
            key.sign(&header, &claims)
        };
        let reply = web.post("/token", &[("grant_type", GRANT), ("assertion", &sign("ada-1", "1"))]).await;
        let token = reply.body["access_token"].as_str().unwrap_or_else(|| panic!("{}", reply.body));
        let seen = web.agent.whoami(token).await.body["result"]["structuredContent"].clone();
        assert_eq!(seen["user"]["email"], "ada@example.org", "{seen}");
        // Without a domain of its own an issuer names nobody by an address.
        assert_invalid_grant(&web.post("/token", &[("grant_type", GRANT), ("assertion", &sign("bob-1", "2"))]).await);
    }
}

on_both_engines! {
    async fn a_workload_is_the_machine_its_issuer_says_it_is(engine: Engine) {
        let keys = DocumentServer::start().await;
        let key = SigningKey::new("first", Algorithm::RS256);
        let address = keys.publish_json("/jwks", &json!({ "keys": [key.jwk()] }));
        let gateway = Setup::default().start(engine).await;
        let made = create(&gateway, &["--name", "Deployer", "--machine", "--scope", "connections:read"]).await.expect("a client");
        let id = made["client_id"].as_str().expect("an id").to_owned();
        let trust = format!(
            "\n[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true\n\
             [[plugins.oauth-server.issuers]]\nissuer = \"https://ci.example\"\njwks_uri = \"{address}\"\n\
             [[plugins.oauth-server.issuers.workloads]]\nclient = \"{id}\"\n\
             claims = {{ sub = \"repo:acme/app:ref:refs/heads/main\", environment = \"production\" }}\n"
        );
        let node = gateway.with_other_config(|config| format!("{config}{trust}")).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let there = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { node.serve(listener).await });
        let host = gateway.url.strip_prefix("http://").expect("an address").to_owned();
        let client = reqwest::Client::new();
        let post = async |fields: &[(&str, &str)]| {
            let request = client.post(format!("{there}/token")).header("host", host.clone()).form(fields);
            Reply::read(request.send().await.expect("an answer")).await
        };
        let claims = |changes: &Value| {
            let now = gateway.clock.now().unix_seconds();
            let claims = json!({
                "iss": "https://ci.example", "sub": "repo:acme/app:ref:refs/heads/main", "environment": "production",
                "aud": gateway.url, "iat": now, "exp": now + 300, "jti": format!("w-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            });
            spoilt(claims, changes)
        };
        let header = Header { kid: Some("first".to_owned()), ..Header::new(Algorithm::RS256) };
        let sign = |changes: &Value| key.sign(&header, &claims(changes));
        let good = sign(&json!({}));
        let reply = post(&[("grant_type", GRANT), ("assertion", &good), ("scope", "connections:read")]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let token = reply.body["access_token"].as_str().expect("a token").to_owned();
        let agent = Agent::known_as(&gateway, &id, "");
        let seen = agent.whoami(&token).await.body["result"]["structuredContent"].clone();
        assert_eq!((&seen["service"]["name"], &seen["client"]["id"]), (&json!("Deployer"), &json!(id)), "{seen}");
        assert_invalid_grant(&post(&[("grant_type", GRANT), ("assertion", &good)]).await);
        // One that is held by a key is for whoever shows that key, and is not taken from anybody else.
        let (own, other) = (Holder::new(&gateway), Holder::new(&gateway));
        let held = sign(&json!({ "cnf": { "jkt": own.thumbprint() } }));
        let fields = [("grant_type", GRANT), ("assertion", &held)];
        let shown = async |holder: &Holder| {
            let proof = holder.proof("POST", &gateway.at("/token"), None);
            let request = client.post(format!("{there}/token")).header("host", host.clone()).header("dpop", proof).form(&fields);
            Reply::read(request.send().await.expect("an answer")).await
        };
        assert_invalid_grant(&post(&fields).await);
        assert_invalid_grant(&shown(&other).await);
        let reply = shown(&own).await;
        assert_eq!((reply.status, &reply.body["token_type"]), (StatusCode::OK, &json!("DPoP")), "{}", reply.body);
        for wrong in [
            json!({ "sub": "repo:acme/app:ref:refs/heads/main2" }),
            json!({ "sub": "repo:evil/app:ref:refs/heads/main" }),
            json!({ "environment": null }),
            json!({ "environment": ["production"] }),
            json!({ "iss": "https://ci.evil.example" }),
            json!({ "aud": "https://elsewhere.example" }),
            json!({ "jti": null }),
            json!({ "exp": null }),
        ] {
            assert_invalid_grant(&post(&[("grant_type", GRANT), ("assertion", &sign(&wrong))]).await);
        }
        let stranger = SigningKey::new("first", Algorithm::RS256);
        assert_invalid_grant(&post(&[("grant_type", GRANT), ("assertion", &stranger.sign(&header, &claims(&json!({}))))]).await);
        // It speaks for no person, and a kind of its own is none.
        for kind in ["oauth-id-jag+jwt", "at+jwt"] {
            let typed = Header { typ: Some(kind.to_owned()), ..header.clone() };
            let reply = post(&[("grant_type", GRANT), ("assertion", &key.sign(&typed, &claims(&json!({})))), ("client_id", &id)]).await;
            assert!(reply.status.is_client_error() && reply.body.get("access_token").is_none(), "{kind} {}", reply.body);
        }
        let named = post(&[("grant_type", GRANT), ("assertion", &sign(&json!({}))), ("client_id", "cli_another")]).await;
        assert_refused(&named, StatusCode::UNAUTHORIZED, "invalid_client");
        let more = post(&[("grant_type", GRANT), ("assertion", &sign(&json!({}))), ("scope", "demo:step-up")]).await;
        assert_refused(&more, StatusCode::BAD_REQUEST, "invalid_scope");
        let (went_well, said) = gateway.configured_program(&["client", "revoke", &id]).await;
        assert!(went_well, "{said}");
        assert_refused(&post(&[("grant_type", GRANT), ("assertion", &sign(&json!({})))]).await, StatusCode::BAD_REQUEST, "unauthorized_client");
        serving.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_says_whether_assertions_let_somebody_in() {
    let document_of = async |gateway: &TestGateway| -> Value {
        let answer = reqwest::get(gateway.at("/.well-known/oauth-authorization-server")).await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    let has_grant =
        |document: &Value| document["grant_types_supported"].as_array().expect("a list").contains(&json!(GRANT));
    let plain = Setup::default().start(Engine::Sqlite).await;
    let document = document_of(&plain).await;
    assert!(!has_grant(&document) && document.get("authorization_grant_profiles_supported").is_none());
    let web = Machine::made(&plain, &WEB).await;
    for assertion in ["x", "e30.e30.AA"] {
        let reply = web.post("/token", &[("grant_type", GRANT), ("assertion", assertion)]).await;
        assert_refused(&reply, StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let workloads = "[[plugins.oauth-server.issuers.workloads]]\nclient = \"cli_x\"\nclaims = { sub = \"x\" }";
    let gateway = trusting("https://ci.example", "https://ci.example/jwks", workloads).start(Engine::Sqlite).await;
    let document = document_of(&gateway).await;
    assert!(has_grant(&document) && document.get("authorization_grant_profiles_supported").is_none());
    let gateway = trusting(ISSUER, "https://id.acme.example/jwks", "id_jag = true").start(Engine::Sqlite).await;
    let document = document_of(&gateway).await;
    let profile = json!(["urn:ietf:params:oauth:grant-profile:id-jag"]);
    assert_eq!((has_grant(&document), &document["authorization_grant_profiles_supported"]), (true, &profile));
}

#[test]
fn an_issuer_that_would_let_anybody_in_stops_the_start() {
    let check = |lines: &str| {
        let text = format!(
            "[[plugins.oauth-server.issuers]]\nissuer = \"https://ci.example\"\njwks_uri = \"https://ci.example/jwks\"\n{lines}"
        );
        let raw = belgie::config::RawConfig::from_text(&text);
        belgie::Belgie::builder(raw).check().map(drop).map_err(|error| error.to_string())
    };
    check("id_jag = true").expect("it speaks for people");
    for (lines, said) in [
        ("id_jag = true\norganization = \"Not a slug\"", "organization"),
        ("", "speaks for nobody"),
        ("[[plugins.oauth-server.issuers.workloads]]\nclient = \"cli_x\"", "every program of this issuer would fit"),
        (
            "id_jag = true\n[[plugins.oauth-server.issuers]]\nissuer = \"https://ci.example\"\njwks_uri = \"https://ci.example/jwks\"\nid_jag = true",
            "stands here twice",
        ),
    ] {
        let error = check(lines).expect_err("no such issuer");
        assert!(error.contains(said), "{error}");
    }
}
