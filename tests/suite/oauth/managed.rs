//! Clients that manage their own registration (RFC 7592), and those that need an invitation to have one.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::openid::openid;
use super::{assert_invalid_grant, assert_refused, assert_shut};
use crate::on_both_engines;
use crate::support::idp::SigningKey;
use crate::support::{Agent, Browser, Page, Reply, Setup, TestGateway};

const HTTPS: &str = "https://agent.example/callback";

/// A client with what it was told when it registered.
struct Managed {
    agent: Agent,
    told: Value,
}

impl Managed {
    async fn registered(gateway: &TestGateway, document: &Value) -> Self {
        let (agent, told) = Agent::register_document(gateway, document).await;
        Self { agent, told }
    }

    fn text(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.told))
    }

    async fn send(&self, method: Method, token: &str, body: Option<&Value>) -> Reply {
        let request = self.agent.client.request(method, self.text("registration_client_uri")).bearer_auth(token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        Reply::read(request.send().await.expect("an answer")).await
    }

    async fn read(&self) -> Reply {
        self.send(Method::GET, self.text("registration_access_token"), None).await
    }

    async fn put(&self, body: &Value) -> Reply {
        self.send(Method::PUT, self.text("registration_access_token"), Some(body)).await
    }
}

fn document() -> Value {
    json!({
        "client_name": "Suite agent", "redirect_uris": [HTTPS],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    })
}

/// The document with the client's id, as an update wants it, and one member that is another.
fn changed(managed: &Managed, name: &str, value: Value) -> Value {
    let mut body = document();
    body["client_id"] = managed.told["client_id"].clone();
    body[name] = value;
    body
}

async fn page(agent: &Agent, browser: &mut Browser) -> Page {
    browser.get(&agent.authorize_url(&agent.authorization("connections:read"))).await
}

fn by_invitation() -> Setup {
    Setup::default().config("[plugins.oauth-server]\nregistration_open = false\nregistration_by_invitation = true")
}

#[track_caller]
fn assert_not_known(reply: &Reply) {
    assert_refused(reply, StatusCode::UNAUTHORIZED, "invalid_token");
    assert_eq!(reply.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
}

on_both_engines! {
    async fn a_client_reads_changes_and_ends_its_own_registration(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let managed = Managed::registered(&gateway, &document()).await;
        let (id, token) = (managed.text("client_id"), managed.text("registration_access_token"));
        assert!(token.starts_with("blg_reg_"), "{token}");
        assert_eq!(managed.text("registration_client_uri"), gateway.at(&format!("/register/{id}")));
        let seen = managed.read().await;
        assert_eq!((seen.status, &seen.body), (StatusCode::OK, &managed.told), "it says again what it said then");
        assert_eq!(seen.headers["cache-control"], "no-store");

        let tokens = managed.agent.connect(&mut ada, "connections:read").await;
        let reply = managed.put(&changed(&managed, "client_name", json!("Another name"))).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert_eq!((&reply.body["client_name"], &reply.body["client_id"]), (&json!("Another name"), &json!(id)));
        assert_eq!(reply.body["registration_access_token"], token);
        assert_eq!(managed.read().await.body, reply.body);
        assert_eq!(managed.agent.whoami(&tokens.access).await.status, StatusCode::OK, "what was given goes on");
        // What is left out is as with a new registration.
        let bare = json!({ "client_id": id, "redirect_uris": [HTTPS], "token_endpoint_auth_method": "none" });
        let reply = managed.put(&bare).await;
        assert_eq!((reply.body.get("client_name"), &reply.body["grant_types"]), (None, &json!(["authorization_code"])));

        let ended = managed.send(Method::DELETE, token, None).await;
        assert_eq!(ended.status, StatusCode::NO_CONTENT);
        assert_not_known(&managed.read().await);
        assert_shut(&managed.agent.whoami(&tokens.access).await);
        let refreshed = managed.agent.refresh(&tokens.refresh).await;
        assert_refused(&refreshed, StatusCode::UNAUTHORIZED, "invalid_client");
        let acts = gateway.gateway.identity().acts(None, 50).await.expect("the record");
        for action in ["client.changed", "client.deleted"] {
            assert!(acts.iter().any(|act| act.action == action), "{action} is on record");
        }
    }
}

on_both_engines! {
    async fn nobody_else_manages_a_registration(gateway: TestGateway) {
        let (own, other) = (Managed::registered(&gateway, &document()).await, Managed::registered(&gateway, &document()).await);
        let token = own.text("registration_access_token");
        let body = changed(&other, "client_name", json!("Mine now"));
        for wrong in [token, "", "x", "blg_reg_guess", &token.replace("blg_reg_", "blg_at_")] {
            for (method, body) in [(Method::GET, None), (Method::PUT, Some(&body)), (Method::DELETE, None)] {
                let reply = other.send(method.clone(), wrong, body).await;
                if wrong.is_empty() {
                    assert!(reply.status.is_client_error(), "{method}");
                } else {
                    assert_not_known(&reply);
                }
            }
        }
        let bare = other.agent.client.get(other.text("registration_client_uri")).send().await.expect("an answer");
        assert_not_known(&Reply::read(bare).await);
        assert_eq!(other.read().await.body, other.told);
        // The operator's own have no such token.
        let (_, made) = gateway.configured_program(&["client", "create", "--name", "N", "--redirect-uri", HTTPS]).await;
        let id = made["client_id"].as_str().expect("an id");
        let request = own.agent.client.get(gateway.at(&format!("/register/{id}"))).bearer_auth(token);
        assert_not_known(&Reply::read(request.send().await.expect("an answer")).await);
    }
}

on_both_engines! {
    async fn a_change_is_held_to_the_rules_of_a_registration(gateway: TestGateway) {
        let managed = Managed::registered(&gateway, &document()).await;
        for (name, value, code) in [
            ("redirect_uris", json!(["http://evil.example/callback"]), "invalid_redirect_uri"),
            ("redirect_uris", json!([]), "invalid_redirect_uri"),
            ("grant_types", json!(["client_credentials"]), "invalid_client_metadata"),
            ("response_types", json!(["token"]), "invalid_client_metadata"),
            ("application_type", json!("toaster"), "invalid_client_metadata"),
            ("client_id", json!("cli_other"), "invalid_client_metadata"),
            ("client_id", Value::Null, "invalid_client_metadata"),
            ("client_secret", json!("mine"), "invalid_client_metadata"),
            ("registration_access_token", json!("mine"), "invalid_client_metadata"),
            ("client_id_issued_at", json!(1), "invalid_client_metadata"),
            // A client with no secret would be given one, or lose it, behind the back of whoever let it in.
            ("token_endpoint_auth_method", json!("client_secret_basic"), "invalid_client_metadata"),
        ] {
            let reply = managed.put(&changed(&managed, name, value)).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, code);
        }
        assert_eq!(managed.read().await.body, managed.told, "nothing has changed");
        // On the person's machine it is native, and never a web application (OpenID Connect Registration section 2).
        let mut native = changed(&managed, "redirect_uris", json!(["http://127.0.0.1/callback"]));
        assert_eq!(managed.put(&native).await.body["application_type"], "native");
        native["application_type"] = json!("web");
        assert_refused(&managed.put(&native).await, StatusCode::BAD_REQUEST, "invalid_redirect_uri");

        let secret = json!({ "redirect_uris": [HTTPS], "token_endpoint_auth_method": "client_secret_post" });
        let confidential = Managed::registered(&gateway, &secret).await;
        let mut body = secret.clone();
        body["client_id"] = confidential.told["client_id"].clone();
        body["client_secret"] = confidential.told["client_secret"].clone();
        body["token_endpoint_auth_method"] = json!("client_secret_basic");
        let reply = confidential.put(&body).await;
        assert_eq!((reply.status, reply.body.get("client_secret")), (StatusCode::OK, None), "{}", reply.body);
        body["token_endpoint_auth_method"] = json!("none");
        assert_refused(&confidential.put(&body).await, StatusCode::BAD_REQUEST, "invalid_client_metadata");
    }
}

on_both_engines! {
    async fn who_looks_different_is_asked_about_again_and_its_codes_are_void(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        for (name, value) in [
            ("client_name", json!("Belgie Support")),
            ("redirect_uris", json!([HTTPS, "https://agent.example/other"])),
            ("client_uri", json!("https://elsewhere.example")),
        ] {
            let managed = Managed::registered(&gateway, &document()).await;
            managed.agent.connect(&mut ada, "connections:read").await;
            let remembered = page(&managed.agent, &mut ada).await;
            assert_eq!(remembered.status, StatusCode::SEE_OTHER, "{}", remembered.body);
            let code = remembered.sent_parameter("code").expect("a code");
            // Something that nobody is shown changes nothing of this.
            let reply = managed.put(&changed(&managed, "scope", json!("connections:read"))).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            assert_eq!(page(&managed.agent, &mut ada).await.status, StatusCode::SEE_OTHER);
            let reply = managed.put(&changed(&managed, name, value)).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            assert_invalid_grant(&managed.agent.redeem(&code).await);
            let asked = page(&managed.agent, &mut ada).await;
            assert!(asked.body.contains("Let this agent act for you?"), "{name}: {}", asked.body);
        }
    }
}

on_both_engines! {
    async fn where_registration_is_closed_an_invitation_lets_as_many_in_as_it_says(
        gateway: TestGateway,
        setup = by_invitation()
    ) {
        let metadata = reqwest::get(gateway.at("/.well-known/oauth-authorization-server")).await.expect("an answer");
        let metadata: Value = metadata.json().await.expect("JSON");
        assert_eq!(metadata["registration_endpoint"], json!(gateway.at("/register")));
        let register = async |token: Option<&str>, body: &Value| {
            let request = reqwest::Client::new().post(gateway.at("/register")).json(body);
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            Reply::read(request.send().await.expect("an answer")).await
        };
        let invite = async |more: &[&str]| {
            let (went_well, said) = gateway.configured_program(&[&["client", "invite"], more].concat()).await;
            assert!(went_well, "{said}");
            (said["initial_access_token"].as_str().expect("a token").to_owned(), said["id"].as_str().expect("an id").to_owned())
        };
        for wrong in [None, Some("x"), Some("blg_iat_guess")] {
            assert_refused(&register(wrong, &document()).await, StatusCode::UNAUTHORIZED, "invalid_token");
        }
        let (once, _) = invite(&["--name", "Partner"]).await;
        assert!(once.starts_with("blg_iat_"), "{once}");
        // What cannot be registered uses nothing up.
        let bad = json!({ "redirect_uris": ["http://evil.example"] });
        assert_refused(&register(Some(&once), &bad).await, StatusCode::BAD_REQUEST, "invalid_redirect_uri");
        let told = register(Some(&once), &document()).await;
        assert_eq!(told.status, StatusCode::CREATED, "{}", told.body);
        assert_refused(&register(Some(&once), &document()).await, StatusCode::UNAUTHORIZED, "invalid_token");
        let managed = Managed { agent: Agent::known_as(&gateway, "", HTTPS), told: told.body };
        assert_eq!(managed.read().await.status, StatusCode::OK);

        let (twice, id) = invite(&["--uses", "3", "--ttl", "3600"]).await;
        for _ in 0..2 {
            assert_eq!(register(Some(&twice), &document()).await.status, StatusCode::CREATED);
        }
        let (_, listed) = gateway.configured_program(&["client", "invitations"]).await;
        assert_eq!((&listed["invitations"][0]["id"], &listed["invitations"][0]["uses_left"]), (&json!(id), &json!(1)));
        assert!(!listed.to_string().contains("blg_iat_") && listed["invitations"].as_array().map(Vec::len) == Some(1));
        gateway.clock.advance(Duration::from_secs(3601));
        assert_refused(&register(Some(&twice), &document()).await, StatusCode::UNAUTHORIZED, "invalid_token");
        let (back, id) = invite(&["--ttl", "86400"]).await;
        let (went_well, said) = gateway.configured_program(&["client", "uninvite", &id]).await;
        assert!(went_well, "{said}");
        assert_refused(&register(Some(&back), &document()).await, StatusCode::UNAUTHORIZED, "invalid_token");
        let acts = gateway.gateway.identity().acts(None, 50).await.expect("the record");
        for action in ["client.invited", "client.registered", "client.invitation_withdrawn"] {
            assert!(acts.iter().any(|act| act.action == action), "{action} is on record");
        }
    }
}

on_both_engines! {
    async fn of_many_who_come_with_one_invitation_at_once_one_is_let_in(gateway: TestGateway, setup = by_invitation()) {
        let (_, said) = gateway.configured_program(&["client", "invite"]).await;
        let token = said["initial_access_token"].as_str().expect("a token");
        let client = reqwest::Client::new();
        let ask = || client.post(gateway.at("/register")).json(&document()).bearer_auth(token).send();
        let answers = futures::future::join_all((0..8).map(|_| ask())).await;
        let statuses: Vec<StatusCode> = answers.into_iter().map(|answer| answer.expect("an answer").status()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CREATED).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [StatusCode::CREATED, StatusCode::UNAUTHORIZED].contains(status)), "{statuses:?}");
    }
}

on_both_engines! {
    async fn where_nobody_can_register_nobody_is_invited(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nregistration_open = false")
    ) {
        let (went_well, said) = gateway.configured_program(&["client", "invite"]).await;
        assert!(!went_well && said["error"] == "client.registration_closed", "{said}");
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let request = reqwest::Client::new().request(method, gateway.at("/register/cli_x"));
            assert_eq!(request.send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
        }
    }
}

on_both_engines! {
    async fn a_client_keeps_the_names_by_which_it_knows_people(gateway: TestGateway, setup = openid()) {
        let mut own_names = document();
        own_names["subject_type"] = json!("pairwise");
        for (first, other) in [(own_names.clone(), document()), (document(), own_names.clone()), (own_names, json!({
            "redirect_uris": ["https://other.example/callback"], "subject_type": "pairwise", "token_endpoint_auth_method": "none",
        }))] {
            let managed = Managed::registered(&gateway, &first).await;
            let with_id = |mut body: Value| {
                body["client_id"] = managed.told["client_id"].clone();
                body
            };
            assert_refused(&managed.put(&with_id(other)).await, StatusCode::BAD_REQUEST, "invalid_client_metadata");
            assert_eq!(managed.read().await.body, managed.told, "nothing has changed");
            let same = managed.put(&with_id(first)).await;
            assert_eq!(same.status, StatusCode::OK, "{}", same.body);
        }
    }
}

on_both_engines! {
    async fn the_operator_vouches_for_no_client_that_has_become_another(gateway: TestGateway, setup = openid()) {
        let mut secret = document();
        secret["token_endpoint_auth_method"] = json!("client_secret_post");
        let mut keyed = document();
        keyed["token_endpoint_auth_method"] = json!("private_key_jwt");
        keyed["jwks"] = json!({ "keys": [SigningKey::new("one", Algorithm::ES256).jwk()] });
        let other_keys = json!({ "keys": [SigningKey::new("two", Algorithm::ES256).jwk()] });
        for (first, name, value, is_another) in [
            (&secret, "scope", json!("connections:read"), false),
            (&secret, "token_endpoint_auth_method", json!("client_secret_basic"), true),
            (&secret, "client_name", json!("Belgie Support"), true),
            (&secret, "backchannel_logout_uri", json!("https://agent.example/told"), true),
            (&secret, "post_logout_redirect_uris", json!(["https://agent.example/bye"]), true),
            (&keyed, "jwks", other_keys, true),
        ] {
            let managed = Managed::registered(&gateway, first).await;
            let id = managed.text("client_id");
            let (went_well, said) = gateway.configured_program(&["client", "trust", id]).await;
            assert!(went_well && said["trusted"] == json!(true), "{said}");
            let mut body = first.clone();
            body["client_id"] = managed.told["client_id"].clone();
            body[name] = value;
            let reply = managed.put(&body).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            let (_, listed) = gateway.configured_program(&["client", "list"]).await;
            let clients = listed["clients"].as_array().expect("a list");
            let own = clients.iter().find(|client| client["client_id"] == json!(id)).expect("the client");
            assert_eq!(own["trusted"], json!(!is_another), "{name}");
        }
    }
}
