//! Clients that prove who they are by signing (`private_key_jwt`, RFC 7523 section 2.2, OpenID Connect Core section 9).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use belgie_api::Clock;
use belgie_api::crypto::base64url;
use jsonwebtoken::{Algorithm, Header};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::create;
use super::{assert_invalid_grant, assert_page_alone, assert_refused};
use crate::on_both_engines;
use crate::support::idp::SigningKey;
use crate::support::{Agent, DocumentServer, Reply, Setup, TestGateway, Tokens};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const API: &str = "https://api.example.com";

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A client with a key.
pub(super) struct Signer {
    pub(super) agent: Agent,
    pub(super) key: SigningKey,
}

impl Signer {
    /// A machine of the operator's.
    pub(super) async fn machine(gateway: &TestGateway, algorithm: Algorithm) -> Self {
        Self::made(gateway, algorithm, &["--machine", "--scope", "connections:read"]).await
    }

    async fn made(gateway: &TestGateway, algorithm: Algorithm, more: &[&str]) -> Self {
        let key = SigningKey::new("one", algorithm);
        let file = gateway.data_dir().join("client.jwks.json");
        std::fs::write(&file, json!({ "keys": [key.jwk()] }).to_string()).expect("a file");
        let file = file.to_str().expect("a path");
        let made = create(gateway, &[&["--name", "Signer", "--jwks", file], more].concat()).await.expect("a client");
        assert_eq!(made["token_endpoint_auth_method"], "private_key_jwt");
        assert!(made.get("client_secret").is_none(), "{made}");
        let agent = Agent::known_as(gateway, made["client_id"].as_str().expect("an id"), REDIRECT);
        Self { agent, key }
    }

    /// What an assertion says that is right.
    pub(super) fn claims(&self, gateway: &TestGateway) -> Value {
        let now = gateway.clock.now().unix_seconds();
        json!({
            "iss": self.agent.client_id, "sub": self.agent.client_id, "aud": gateway.url,
            "iat": now, "exp": now + 60, "jti": format!("n-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        })
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.key.id().to_owned()), ..Header::new(self.key.algorithm()) }
    }

    fn assertion(&self, gateway: &TestGateway) -> String {
        self.key.sign(&self.header(), &self.claims(gateway))
    }

    /// An assertion in which some members are others; null leaves one out.
    fn spoilt(&self, gateway: &TestGateway, changes: &Value) -> String {
        let mut claims = self.claims(gateway);
        let members = claims.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        self.key.sign(&self.header(), &claims)
    }

    pub(super) async fn post(&self, path: &str, assertion: &str, fields: &[(&str, &str)]) -> Reply {
        let own = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
        let fields: Vec<_> = own.iter().chain(fields).map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.agent.post(path, &fields).await
    }

    pub(super) async fn ask(&self, assertion: &str) -> Reply {
        self.post("/token", assertion, &[("grant_type", "client_credentials")]).await
    }

    /// Redeems a code with a good assertion.
    pub(super) async fn redeem(&self, gateway: &TestGateway, code: &str) -> Reply {
        let fields = self.agent.redemption(code);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post("/token", &self.assertion(gateway), &fields).await
    }

    async fn refresh(&self, gateway: &TestGateway, token: &str) -> Reply {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post("/token", &self.assertion(gateway), &fields).await
    }
}

#[track_caller]
pub(super) fn assert_unproven(reply: &Reply) {
    assert_refused(reply, StatusCode::UNAUTHORIZED, "invalid_client");
}

fn open_to_loopback() -> Setup {
    Setup::default().config(
        "[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true",
    )
}

on_both_engines! {
    async fn a_machine_signs_who_it_is_with_any_of_four_algorithms(gateway: TestGateway) {
        for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256] {
            let machine = Signer::machine(&gateway, algorithm).await;
            let reply = machine.ask(&machine.assertion(&gateway)).await;
            assert_eq!(reply.status, StatusCode::OK, "{algorithm:?} {}", reply.body);
            let token = reply.body["access_token"].as_str().expect("a token");
            let seen = machine.agent.whoami(token).await.body["result"]["structuredContent"].clone();
            assert_eq!(seen["service"]["name"], "Signer", "{seen}");
            assert!(reply.body.get("refresh_token").is_none());
        }
        let machine = Signer::machine(&gateway, Algorithm::ES256).await;
        // Our issuer with a slash is we as well; several numbers are moments.
        let now = gateway.clock.now().unix_seconds();
        for right in [
            json!({ "aud": format!("{}/", gateway.url) }),
            json!({ "aud": [gateway.url] }),
            json!({ "iat": null, "nbf": now }),
            json!({ "exp": now + 600 }),
        ] {
            let reply = machine.ask(&machine.spoilt(&gateway, &right)).await;
            assert_eq!(reply.status, StatusCode::OK, "{right} {}", reply.body);
        }
        let named = [("grant_type", "client_credentials"), ("client_id", machine.agent.client_id.as_str())];
        assert_eq!(machine.post("/token", &machine.assertion(&gateway), &named).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn an_assertion_that_is_not_quite_right_proves_nothing(gateway: TestGateway) {
        let machine = Signer::machine(&gateway, Algorithm::ES256).await;
        let other = Signer::machine(&gateway, Algorithm::ES256).await;
        let now = gateway.clock.now().unix_seconds();
        for wrong in [
            json!({ "iss": other.agent.client_id }),
            json!({ "sub": other.agent.client_id }),
            json!({ "iss": other.agent.client_id, "sub": other.agent.client_id }),
            json!({ "iss": null }),
            json!({ "sub": null }),
            json!({ "aud": gateway.at("/token") }),
            json!({ "aud": null }),
            json!({ "aud": "https://elsewhere.example" }),
            json!({ "aud": [gateway.url, "https://elsewhere.example"] }),
            json!({ "aud": gateway.mcp_url() }),
            json!({ "aud": gateway.at("/introspect") }),
            json!({ "exp": null }),
            json!({ "exp": now - 31 }),
            json!({ "exp": now + 3600 }),
            json!({ "exp": "soon" }),
            json!({ "iat": now + 120 }),
            json!({ "nbf": now + 120 }),
            json!({ "jti": null }),
            json!({ "jti": "" }),
            json!({ "jti": 7 }),
            json!({ "jti": "x".repeat(256) }),
        ] {
            let reply = machine.ask(&machine.spoilt(&gateway, &wrong)).await;
            assert_unproven(&reply);
        }
        assert_eq!(machine.ask(&machine.assertion(&gateway)).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_signature_of_anybody_else_and_none_at_all_prove_nothing(gateway: TestGateway) {
        let machine = Signer::machine(&gateway, Algorithm::RS256).await;
        let claims = machine.claims(&gateway);
        let stranger = SigningKey::new("one", Algorithm::RS256);
        let shared = jsonwebtoken::EncodingKey::from_secret(machine.key.public());
        let hmac = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &shared).expect("a token");
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let none = format!("{}.{}.AA", part(&json!({ "alg": "none" })), part(&claims));
        let unsigned = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims));
        let good = machine.assertion(&gateway);
        let (start, _) = good.rsplit_once('.').expect("a signed token");
        let mut brought = machine.header();
        brought.jwk = serde_json::from_value(stranger.jwk()).ok();
        let mut typed = machine.header();
        typed.typ = Some("at+jwt".to_owned());
        let mut named = machine.header();
        named.kid = Some("two".to_owned());
        for forged in [
            stranger.sign(&Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::RS256) }, &claims),
            stranger.sign(&brought, &claims),
            machine.key.sign(&typed, &claims),
            machine.key.sign(&named, &claims),
            hmac,
            none,
            format!("{start}.AAAA"),
        ] {
            assert_unproven(&machine.ask(&forged).await);
        }
        for junk in [unsigned.as_str(), "x", "a.b.c", "..", start] {
            assert_unproven(&machine.ask(junk).await);
        }
        assert_eq!(machine.ask(&good).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn an_assertion_is_taken_once_at_all_nodes_together(gateway: TestGateway) {
        let machine = Signer::machine(&gateway, Algorithm::EdDSA).await;
        let assertion = machine.assertion(&gateway);
        assert_eq!(machine.ask(&assertion).await.status, StatusCode::OK);
        assert_unproven(&machine.ask(&assertion).await);
        // A node beside it, with the same public address.
        let node = gateway.second_node().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let there = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { node.serve(listener).await });
        let host = gateway.url.strip_prefix("http://").expect("an address").to_owned();
        let ask_there = async |assertion: &str| {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_assertion_type", TYPE),
                ("client_assertion", assertion),
            ];
            let request = machine.agent.client.post(format!("{there}/token")).header("host", host.clone()).form(&form);
            Reply::read(request.send().await.expect("an answer")).await
        };
        assert_unproven(&ask_there(&assertion).await);
        let second = machine.assertion(&gateway);
        assert_eq!(ask_there(&second).await.status, StatusCode::OK);
        assert_unproven(&machine.ask(&second).await);
        // Another client may use the same name for its own.
        let other = Signer::machine(&gateway, Algorithm::EdDSA).await;
        for signer in [&machine, &other] {
            let named = signer.spoilt(&gateway, &json!({ "jti": "the-same" }));
            assert_eq!(signer.ask(&named).await.status, StatusCode::OK);
        }
        // Of many at once one gets in.
        let third = machine.assertion(&gateway);
        let replies = futures::future::join_all((0..8).map(|_| machine.ask(&third))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
        serving.abort();
    }
}

on_both_engines! {
    async fn whoever_has_keys_proves_it_in_no_other_way_and_in_one_way_only(gateway: TestGateway) {
        let machine = Signer::machine(&gateway, Algorithm::ES256).await;
        let id = machine.agent.client_id.clone();
        let grant = ("grant_type", "client_credentials".to_owned());
        let alone = [grant.clone(), ("client_id", id.clone())];
        assert_unproven(&machine.agent.post("/token", &alone).await);
        let with_secret = [grant.clone(), ("client_id", id.clone()), ("client_secret", "blg_cs_guess".to_owned())];
        assert_unproven(&machine.agent.post("/token", &with_secret).await);
        let both = [("grant_type", "client_credentials"), ("client_secret", "blg_cs_guess")];
        let reply = machine.post("/token", &machine.assertion(&gateway), &both).await;
        assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_request");
        let request = machine.agent.client.post(gateway.at("/token")).basic_auth(&id, Some("x")).form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", TYPE),
            ("client_assertion", &machine.assertion(&gateway)),
        ]);
        let reply = Reply::read(request.send().await.expect("an answer")).await;
        assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_request");
        for kind in ["urn:ietf:params:oauth:client-assertion-type:saml2-bearer", ""] {
            let fields = [grant.clone(), ("client_assertion_type", kind.to_owned()), ("client_assertion", machine.assertion(&gateway))];
            assert_refused(&machine.agent.post("/token", &fields).await, StatusCode::BAD_REQUEST, "invalid_request");
        }
        let another = [("grant_type", "client_credentials"), ("client_id", "cli_another")];
        assert_unproven(&machine.post("/token", &machine.assertion(&gateway), &another).await);
        // A client with a secret has no keys to be taken for.
        let secret = super::machines::Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let thief = Signer { agent: secret.agent.clone(), key: SigningKey::new("one", Algorithm::ES256) };
        assert_unproven(&thief.ask(&thief.assertion(&gateway)).await);
    }
}

on_both_engines! {
    async fn a_client_that_registers_keys_signs_for_codes_refreshes_and_revocations(gateway: TestGateway) {
        let key = SigningKey::new("one", Algorithm::ES256);
        let document = json!({
            "client_name": "Signer", "redirect_uris": [REDIRECT], "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
            "jwks": { "keys": [key.jwk()] },
        });
        let (agent, registered) = Agent::register_document(&gateway, &document).await;
        assert_eq!(registered["jwks"], document["jwks"]);
        assert_eq!(registered["token_endpoint_auth_signing_alg"], "ES256");
        assert!(registered.get("client_secret").is_none());
        let signer = Signer { agent, key };
        let mut ada = gateway.signed_in("ada@example.org").await;
        let code = signer.agent.code(&mut ada, "").await;
        assert_unproven(&signer.agent.redeem(&code).await);
        let tokens = Tokens::of(&signer.redeem(&gateway, &code).await);
        assert_eq!(signer.agent.whoami(&tokens.access).await.status, StatusCode::OK);
        assert_unproven(&signer.agent.refresh(&tokens.refresh).await);
        let renewed = Tokens::of(&signer.refresh(&gateway, &tokens.refresh).await);
        assert_unproven(&signer.agent.revoke(&renewed.refresh).await);
        assert_eq!(signer.agent.whoami(&renewed.access).await.status, StatusCode::OK);
        let given_back = [("token", renewed.refresh.as_str())];
        assert_eq!(signer.post("/revoke", &signer.assertion(&gateway), &given_back).await.status, StatusCode::OK);
        assert_invalid_grant(&signer.refresh(&gateway, &renewed.refresh).await);
        // The operator's machines alone act without a person, keys or not.
        assert_refused(&signer.ask(&signer.assertion(&gateway)).await, StatusCode::BAD_REQUEST, "unauthorized_client");
        for (member, value) in [
            ("jwks", Value::Null),
            ("jwks", json!({ "keys": [] })),
            ("jwks", json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })),
            ("jwks_uri", json!("https://agent.example/jwks")),
            ("token_endpoint_auth_signing_alg", json!("HS256")),
        ] {
            let mut wrong = document.clone();
            wrong[member] = value;
            let request = signer.agent.client.post(gateway.at("/register")).json(&wrong);
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_client_metadata");
        }
    }
}

on_both_engines! {
    async fn keys_that_are_published_may_change_and_are_not_asked_for_each_time(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let first = SigningKey::new("first", Algorithm::ES256);
        let address = server.publish_json("/jwks", &json!({ "keys": [first.jwk()] }));
        let made = create(&gateway, &["--name", "Signer", "--machine", "--scope", "connections:read", "--jwks-uri", &address]).await;
        let id = made.expect("a client")["client_id"].as_str().expect("an id").to_owned();
        let machine = Signer { agent: Agent::known_as(&gateway, &id, ""), key: first };
        for _ in 0..3 {
            assert_eq!(machine.ask(&machine.assertion(&gateway)).await.status, StatusCode::OK);
        }
        assert_eq!(server.requests(), 1, "they are kept for a while");
        let second = SigningKey::new("second", Algorithm::ES256);
        server.publish_json("/jwks", &json!({ "keys": [second.jwk()] }));
        let renewed = Signer { agent: machine.agent.clone(), key: second };
        // An unknown key makes us look again, once in a minute.
        for _ in 0..3 {
            assert_unproven(&renewed.ask(&renewed.assertion(&gateway)).await);
        }
        assert_eq!(server.requests(), 1);
        gateway.clock.advance(Duration::from_secs(60));
        assert_eq!(renewed.ask(&renewed.assertion(&gateway)).await.status, StatusCode::OK);
        assert_eq!(server.requests(), 2);
        assert_unproven(&machine.ask(&machine.assertion(&gateway)).await);
    }
}

on_both_engines! {
    async fn keys_are_never_fetched_from_inside(gateway: TestGateway) {
        let server = DocumentServer::start().await;
        let key = SigningKey::new("one", Algorithm::ES256);
        let address = server.publish_json("/jwks", &json!({ "keys": [key.jwk()] }));
        for inside in [address.as_str(), "https://127.0.0.1/jwks", "https://localhost/jwks", "https://10.0.0.1/jwks", "http://a.example/jwks"] {
            let document = json!({
                "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": inside,
            });
            let request = reqwest::Client::new().post(gateway.at("/register")).json(&document);
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_client_metadata");
            let refused = create(&gateway, &["--name", "M", "--machine", "--scope", "connections:read", "--jwks-uri", inside]).await;
            assert_eq!(refused.expect_err("no such client")["error"], "client.bad_keys");
        }
        assert_eq!(server.requests(), 0);
    }
}

on_both_engines! {
    async fn a_resource_server_may_sign_and_nobody_who_answers_for_nothing(
        gateway: TestGateway,
        setup = Setup::default().config(&format!("[plugins.oauth-server]\nresources = [\"{API}\"]"))
    ) {
        let api = Signer::made(&gateway, Algorithm::ES256, &["--resource-server", API]).await;
        let machine = Signer::machine(&gateway, Algorithm::ES256).await;
        let asked = [("grant_type", "client_credentials"), ("resource", API)];
        let reply = machine.post("/token", &machine.assertion(&gateway), &asked).await;
        let token = reply.body["access_token"].as_str().expect("a token").to_owned();
        let ask = [("token", token.as_str())];
        let told = api.post("/introspect", &api.assertion(&gateway), &ask).await;
        assert_eq!((told.status, &told.body["active"]), (StatusCode::OK, &json!(true)), "{}", told.body);
        assert_unproven(&machine.post("/introspect", &machine.assertion(&gateway), &ask).await);
        let replayed = api.assertion(&gateway);
        assert_eq!(api.post("/introspect", &replayed, &ask).await.status, StatusCode::OK);
        assert_unproven(&api.post("/introspect", &replayed, &ask).await);
    }
}

on_both_engines! {
    async fn a_published_client_with_keys_gets_nothing_without_them(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let key = SigningKey::new("one", Algorithm::EdDSA);
        let address = server.at("/client.json");
        let document = json!({
            "client_id": address, "client_name": "Published signer", "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": server.at("/jwks"),
        });
        server.publish_json("/client.json", &document);
        server.publish_json("/jwks", &json!({ "keys": [key.jwk()] }));
        let signer = Signer { agent: Agent::known_as(&gateway, &address, REDIRECT), key };
        let mut ada = gateway.signed_in("ada@example.org").await;
        let stolen = signer.agent.code(&mut ada, "").await;
        assert_unproven(&signer.agent.redeem(&stolen).await);
        assert_invalid_grant(&signer.redeem(&gateway, &stolen).await);
        let code = signer.agent.code(&mut ada, "").await;
        let tokens = Tokens::of(&signer.redeem(&gateway, &code).await);
        assert_unproven(&signer.agent.refresh(&tokens.refresh).await);
        assert_unproven(&signer.agent.revoke(&tokens.refresh).await);
        let renewed = Tokens::of(&signer.refresh(&gateway, &tokens.refresh).await);
        assert_eq!(signer.agent.whoami(&renewed.access).await.status, StatusCode::OK);
        // Somebody else's key says nothing about it, nor does a document without keys.
        let thief = Signer { agent: signer.agent.clone(), key: SigningKey::new("one", Algorithm::EdDSA) };
        assert_unproven(&thief.refresh(&gateway, &renewed.refresh).await);
        let plain = server.at("/plain.json");
        let mut public = document.clone();
        (public["client_id"], public["token_endpoint_auth_method"]) = (json!(plain), json!("none"));
        server.publish_json("/plain.json", &public);
        let plain = Signer { agent: Agent::known_as(&gateway, &plain, REDIRECT), key: signer.key.clone() };
        let code = plain.agent.code(&mut ada, "").await;
        assert_unproven(&plain.redeem(&gateway, &code).await);
        Tokens::of(&plain.agent.redeem(&code).await);
        // A document that says private_key_jwt and shows no key stands for nobody.
        let keyless = server.at("/keyless.json");
        public["client_id"] = json!(keyless);
        public["token_endpoint_auth_method"] = json!("private_key_jwt");
        public.as_object_mut().expect("an object").remove("jwks_uri");
        server.publish_json("/keyless.json", &public);
        let agent = Agent::known_as(&gateway, &keyless, REDIRECT);
        assert_page_alone(&ada.get(&agent.authorize_url(&agent.authorization(""))).await, "cannot be identified");
    }
}
