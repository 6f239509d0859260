//! Clients known by the document they publish (MCP client registration, client ID metadata documents).

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::openid::{ALL, id_token, told};
use super::{assert_page_alone, assert_refused, checked, part};
use crate::on_both_engines;
use crate::organization::known;
use crate::support::{Agent, DocumentServer, Published, Setup, TestGateway, Tokens, ToldClient};

const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const UNIDENTIFIED: &str = "The agent cannot be identified.";

fn open_to_loopback() -> Setup {
    Setup::default().config(
        "[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true",
    )
}

fn impatient() -> Setup {
    open_to_loopback().config("metadata_timeout_seconds = 1")
}

fn document(client_id: &str) -> Value {
    json!({
        "client_id": client_id,
        "client_name": "Published agent",
        "redirect_uris": [REDIRECT, "https://agent.example/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

on_both_engines! {
    async fn a_published_client_needs_no_registration(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        server.publish_json("/client.json", &document(&address));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
        let shown = crate::support::unescape(&page.body);
        assert!(shown.contains("<q><bdi>Published agent</bdi></q>"), "{shown}");
        assert!(shown.contains("Published by <strong class=\"host\">127.0.0.1</strong>"), "{shown}");
        assert!(shown.contains(&address), "{shown}");

        let tokens = agent.connect(&mut ada, "").await;
        let caller = agent.whoami(&tokens.access).await;
        assert_eq!(caller.body["result"]["structuredContent"]["client"]["id"], address);
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_eq!(agent.revoke(&renewed.refresh).await.status, StatusCode::OK);
        assert_eq!(server.requests(), 1, "it is kept for a while");

        let moved = Agent::known_as(&gateway, &address, "http://127.0.0.1:50000/callback");
        assert!(moved.consent(&mut ada, "", "allow").await.location().starts_with(&moved.redirect_uri));
    }
}

on_both_engines! {
    async fn an_address_the_document_does_not_list_gets_a_page(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        server.publish_json("/client.json", &document(&address));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        for asked in [
            "https://evil.example/callback",
            "https://agent.example/callback/",
            "https://agent.example:8443/callback",
            "http://localhost:49152/callback",
            "javascript:alert(1)",
        ] {
            let page = agent.ask_with(&mut ada, "redirect_uri", Some(asked)).await;
            assert_page_alone(&page, "does not belong to the agent");
        }
        // Two are listed, so leaving it out says nothing.
        let page = agent.ask_with(&mut ada, "redirect_uri", None).await;
        assert_page_alone(&page, "does not belong to the agent");
    }
}

on_both_engines! {
    async fn a_document_that_is_not_right_gets_a_page(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let spoilt: [(&str, Option<Value>); 20] = [
            ("client_id", None),
            ("client_id", Some(json!(server.at("/other.json")))),
            ("client_id", Some(json!("https://famous.example/client.json"))),
            ("client_id", Some(json!(1))),
            ("client_name", None),
            ("client_name", Some(json!(" \u{200b} "))),
            ("client_secret", Some(json!("mine"))),
            ("client_secret", Some(Value::Null)),
            ("client_secret_expires_at", Some(json!(0))),
            ("token_endpoint_auth_method", Some(json!("client_secret_basic"))),
            ("token_endpoint_auth_method", Some(json!("private_key_jwt"))),
            ("jwks", Some(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "x", "d": "d" }] }))),
            ("redirect_uris", None),
            ("redirect_uris", Some(json!([]))),
            ("redirect_uris", Some(json!(REDIRECT))),
            ("redirect_uris", Some(json!([REDIRECT, 1]))),
            ("redirect_uris", Some(json!([REDIRECT, "javascript:alert(1)"]))),
            ("redirect_uris", Some(json!([REDIRECT, "http://evil.example/"]))),
            ("grant_types", Some(json!(["client_credentials"]))),
            ("response_types", Some(json!(["token"]))),
        ];
        for (number, (member, value)) in spoilt.into_iter().enumerate() {
            let path = format!("/client-{number}.json");
            let address = server.at(&path);
            let mut published = document(&address);
            let members = published.as_object_mut().expect("an object");
            members.remove(member);
            members.extend(value.map(|value| (member.to_owned(), value)));
            server.publish_json(&path, &published);
            let agent = Agent::known_as(&gateway, &address, REDIRECT);
            let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
            assert_page_alone(&page, UNIDENTIFIED);
        }
    }
}

on_both_engines! {
    async fn an_answer_that_is_no_document_gets_a_page(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let good = server.at("/good.json");
        server.publish_json("/good.json", &document(&good));
        let sized = |path: &str, size: usize| {
            let mut document = document(&server.at(path));
            document["padding"] = json!("");
            let missing = size - document.to_string().len();
            document["padding"] = json!("x".repeat(missing));
            assert_eq!(document.to_string().len(), size);
            Published::Document("application/json", document.to_string())
        };
        let whole = document(&server.at("/failing.json")).to_string();
        for (path, published) in [
            ("/missing.json", Published::Status(StatusCode::NOT_FOUND)),
            ("/empty.json", Published::Status(StatusCode::NO_CONTENT)),
            ("/broken.json", Published::Status(StatusCode::INTERNAL_SERVER_ERROR)),
            ("/failing.json", Published::Failing(StatusCode::NOT_FOUND, whole.clone())),
            ("/moved.json", Published::Redirect(good.clone())),
            ("/large.json", sized("/large.json", 6 * 1024)),
            ("/a-byte-too-large.json", sized("/a-byte-too-large.json", 5 * 1024 + 1)),
            ("/html.json", Published::Document("text/html", "<!doctype html>".to_owned())),
            ("/cut.json", Published::Document("application/json", whole[..100].to_owned())),
            ("/list.json", Published::Document("application/json", format!("[{whole}]"))),
            ("/bytes.json", Published::Document("application/json", "\u{0}".to_owned())),
        ] {
            let agent = Agent::known_as(&gateway, &server.publish(path, published), REDIRECT);
            let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
            assert_page_alone(&page, UNIDENTIFIED);
        }
        let requests = server.requests();
        assert_eq!(requests, 11, "every one was asked once, and no redirect was followed");

        let fits = Agent::known_as(&gateway, &server.publish("/fits.json", sized("/fits.json", 5 * 1024)), REDIRECT);
        assert_eq!(ada.get(&fits.authorize_url(&fits.authorization(""))).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_server_that_never_finishes_is_not_waited_for(gateway: TestGateway, setup = impatient()) {
        let server = DocumentServer::start().await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        for published in [Published::Silence, Published::Stalling, Published::Endless] {
            let agent = Agent::known_as(&gateway, &server.publish("/slow.json", published), REDIRECT);
            let asked_at = Instant::now();
            let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
            assert_page_alone(&page, UNIDENTIFIED);
            assert!(asked_at.elapsed() < Duration::from_secs(4), "waited for {:?}", asked_at.elapsed());
        }
        assert_eq!(server.requests(), 3);
    }
}

on_both_engines! {
    async fn a_failure_is_not_kept(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let address = server.publish("/client.json", Published::Status(StatusCode::NOT_FOUND));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        let url = agent.authorize_url(&agent.authorization(""));
        assert_page_alone(&ada.get(&url).await, UNIDENTIFIED);
        server.publish_json("/client.json", &document(&address));
        assert_eq!(ada.get(&url).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_published_client_is_public_and_speaks_for_itself_alone(gateway: TestGateway, setup = open_to_loopback()) {
        let server = DocumentServer::start().await;
        let (address, other) = (server.at("/client.json"), server.at("/other.json"));
        for address in [&address, &other] {
            let path = address.rsplit_once('/').expect("a path").1;
            server.publish_json(&format!("/{path}"), &document(address));
        }
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        let code = agent.code(&mut ada, "").await;
        let with_secret = agent.redeem_with(&code, "client_secret", Some("mine")).await;
        assert_refused(&with_secret, StatusCode::UNAUTHORIZED, "invalid_client");
        let thief = Agent::known_as(&gateway, &other, REDIRECT);
        assert_refused(&thief.redeem(&code).await, StatusCode::BAD_REQUEST, "invalid_grant");
        let upper = agent.redeem_with(&code, "client_id", Some(&address.replace("http:", "HTTP:"))).await;
        assert_refused(&upper, StatusCode::UNAUTHORIZED, "invalid_client");
        Tokens::of(&agent.redeem(&code).await);
    }
}

on_both_engines! {
    async fn a_published_client_knows_people_by_names_of_its_own_and_is_told_of_ended_sessions(
        gateway: TestGateway,
        setup = open_to_loopback().config("openid_connect = true")
    ) {
        const HTTPS: &str = "https://agent.example/callback";
        let (server, ear) = (DocumentServer::start().await, ToldClient::start().await);
        let published = |path: &str, more: Value| {
            let address = server.at(path);
            let mut document = document(&address);
            document["redirect_uris"] = json!([HTTPS]);
            document.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            server.publish_json(path, &document);
            Agent::known_as(&gateway, &address, HTTPS)
        };
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let plain = published("/plain.json", json!({}));
        let own = published("/own.json", json!({ "subject_type": "pairwise", "backchannel_logout_uri": ear.url }));
        let of_plain = part(id_token(&told(&plain, &mut browser, ALL, &[]).await), 1);
        let reply = told(&own, &mut browser, ALL, &[]).await;
        let claims = part(id_token(&reply), 1);
        assert_eq!(of_plain["sub"], json!(ada.id));
        let name = claims["sub"].as_str().expect("a text");
        assert!(name.len() == 43 && !name.contains("usr_"), "{name}");
        // A client of the same host that registered itself is of the same sector.
        let registered = json!({ "client_name": "Wiki", "redirect_uris": [HTTPS], "subject_type": "pairwise", "token_endpoint_auth_method": "none" });
        let (same, _) = Agent::register_document(&gateway, &registered).await;
        assert_eq!(part(id_token(&told(&same, &mut browser, ALL, &[]).await), 1)["sub"], claims["sub"]);
        let renewed = own.refresh(reply.body["refresh_token"].as_str().expect("a token")).await;
        assert_eq!(part(id_token(&renewed), 1)["sub"], claims["sub"], "at a refresh, too");

        browser.post("/auth/signout", &[]).await;
        let tokens = ear.tokens(1).await;
        let said = checked(&gateway, &tokens[0]).await;
        assert_eq!((&said["aud"], &said["sub"], &said["sid"]), (&json!(own.client_id), &claims["sub"], &claims["sid"]));
        assert_eq!(ear.heard().len(), 1, "who does not want to be told is not");
    }
}

on_both_engines! {
    async fn wishes_of_a_document_are_held_to_the_rules_of_a_registration(
        gateway: TestGateway,
        setup = open_to_loopback().config("openid_connect = true")
    ) {
        let server = DocumentServer::start().await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        for (n, more) in [
            json!({ "backchannel_logout_uri": "http://elsewhere.example/told" }),
            json!({ "backchannel_logout_uri": "com.example.app:/told" }),
            json!({ "subject_type": "secret" }),
            // Redirect URIs on people's own machines are no sector.
            json!({ "subject_type": "pairwise" }),
            json!({ "subject_type": "pairwise", "sector_identifier_uri": "http://agent.example/sector.json" }),
            // A list that cannot be had lists nobody.
            json!({ "subject_type": "pairwise", "sector_identifier_uri": "https://127.0.0.1:9/sector.json" }),
            // A device is answered nowhere, so nothing proves of which sector it is.
            json!({
                "subject_type": "pairwise", "redirect_uris": ["https://agent.example/callback"],
                "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
            }),
        ].into_iter().enumerate() {
            let path = format!("/{n}.json");
            let address = server.at(&path);
            let mut document = document(&address);
            document.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            server.publish_json(&path, &document);
            let agent = Agent::known_as(&gateway, &address, REDIRECT);
            let page = ada.get(&agent.authorize_url(&agent.authorization("openid"))).await;
            assert_page_alone(&page, UNIDENTIFIED);
        }
    }
}

on_both_engines! {
    async fn a_client_whose_document_gives_it_other_names_for_people_is_asked_about_again(
        gateway: TestGateway,
        setup = open_to_loopback().config("openid_connect = true")
    ) {
        const HTTPS: &str = "https://agent.example/callback";
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        let publish = |kind: &str, name: &str| {
            let mut document = document(&address);
            document["redirect_uris"] = json!([HTTPS]);
            document["subject_type"] = json!(kind);
            document["client_name"] = json!(name);
            server.publish_json("/client.json", &document);
        };
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, HTTPS);
        let url = agent.authorize_url(&agent.authorization("openid"));
        publish("pairwise", "Published agent");
        agent.connect(&mut ada, "openid").await;
        assert!(ada.get(&url).await.sent_parameter("code").is_some(), "it is remembered");
        gateway.clock.advance(Duration::from_secs(301));
        publish("pairwise", "Another name");
        assert!(ada.get(&url).await.sent_parameter("code").is_some(), "what it calls itself is no name of hers");
        assert_eq!(server.requests(), 2);
        for kind in ["public", "pairwise"] {
            gateway.clock.advance(Duration::from_secs(301));
            publish(kind, "Published agent");
            let asked = ada.get(&url).await;
            assert!(asked.body.contains("Let this agent act for you?"), "{kind}: {}", asked.body);
            agent.connect(&mut ada, "openid").await;
            assert!(ada.get(&url).await.sent_parameter("code").is_some(), "{kind}: it is remembered anew");
        }
    }
}
