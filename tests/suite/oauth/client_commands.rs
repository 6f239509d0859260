//! Clients at the command line: changed there, and made for somebody.

use jsonwebtoken::Algorithm;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::create;
use super::own_clients::{HTTPS, operator};
use crate::on_both_engines;
use crate::organization::{done, known, owned_by, refused};
use crate::provider::read;
use crate::support::idp::SigningKey;
use crate::support::{Agent, Setup, TestGateway};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn with_all() -> Setup {
    Setup::default().config(
        "[plugins.oauth-server]\nopenid_connect = true\ndevice_authorization = true\npushed_requests = \"allowed\"",
    )
}

/// `belgie client update`
async fn update(gateway: &TestGateway, id: &str, arguments: &[&str]) -> Result<Value, Value> {
    let (went_well, said) = gateway.configured_program(&[&["client", "update", id], arguments].concat()).await;
    if went_well { Ok(said) } else { Err(said) }
}

on_both_engines! {
    async fn the_operator_changes_what_is_named_of_a_client_and_nothing_else(gateway: TestGateway, setup = with_all()) {
        let key = SigningKey::new("two", Algorithm::ES256);
        let file = gateway.data_dir().join("client.jwks.json");
        std::fs::write(&file, json!({ "keys": [key.jwk()] }).to_string()).expect("a file");
        let file = file.to_str().expect("a path");
        let made = create(&gateway, &["--name", "Board", "--redirect-uri", HTTPS, "--jwks", file, "--dpop"]).await.expect("a client");
        let id = made["client_id"].as_str().expect("an id");
        let mut root = operator(&gateway).await;
        let trusted = gateway.configured_program(&["client", "trust", id]).await;
        assert!(trusted.0, "{}", trusted.1);

        // The operator's own may be told on the operator's network.
        let channel = "http://127.0.0.1:9/ended";
        let more = [
            "--name", "The board", "--website", "https://agent.example/", "--scope", "connections:read", "--device", "true",
            "--post-logout-redirect-uri", "https://agent.example/bye", "--backchannel-logout-uri", channel, "--pushed-only", "true",
        ];
        let said = update(&gateway, id, &more).await.expect("a change");
        assert_eq!((&said["client_name"], &said["client_uri"]), (&json!("The board"), &json!("https://agent.example/")));
        assert_eq!((&said["scope"], &said["backchannel_logout_uri"]), (&json!("connections:read"), &json!(channel)));
        assert!(said["grant_types"].as_array().expect("grants").contains(&json!(GRANT)), "{said}");
        assert_eq!((&said["require_pushed_authorization_requests"], &said["dpop_bound_access_tokens"]), (&json!(true), &json!(true)));
        assert_eq!((&said["jwks"], &said["trusted"]), (&made["jwks"], &json!(true)), "what is not named stays");
        let less = ["--device", "false", "--dpop", "false", "--website", "", "--scope", "", "--post-logout-redirect-uri", "", "--backchannel-logout-uri", ""];
        let said = update(&gateway, id, &less).await.expect("a change");
        assert_eq!((&said["client_uri"], &said["scope"], &said["backchannel_logout_uri"]), (&Value::Null, &json!(""), &Value::Null));
        assert_eq!((&said["post_logout_redirect_uris"], &said["dpop_bound_access_tokens"]), (&json!([]), &Value::Null));
        let said = update(&gateway, id, &["--jwks-uri", "https://agent.example/keys"]).await.expect("a change");
        assert_eq!((&said["jwks_uri"], &said["jwks"], &said["client_name"]), (&json!("https://agent.example/keys"), &Value::Null, &json!("The board")));
        let (_, listed) = read(&mut root, "/auth/clients?all=true").await;
        assert_eq!(listed["clients"][0]["jwks_uri"], "https://agent.example/keys");
        let acts = gateway.gateway.identity().acts(None, 50).await.expect("the record");
        assert_eq!(acts.iter().filter(|act| act.action == "client.changed").count(), 3);

        for (wrong, code) in [
            (&["--redirect-uri", "http://agent.example/cb"][..], "invalid_redirect_uri"),
            (&["--name", " "], "client.no_name"),
            (&["--website", "javascript:alert(1)"], "client.bad_site"),
            (&["--backchannel-logout-uri", "http://agent.example/ended"], "invalid_client_metadata"),
        ] {
            let said = update(&gateway, id, wrong).await.expect_err("a refusal");
            assert!(said.to_string().contains(code), "{wrong:?}: {said}");
        }
        let nothing = update(&gateway, id, &[]).await.expect_err("a refusal");
        assert!(nothing.to_string().contains("--redirect-uri"), "{nothing}");
        let unknown = update(&gateway, "cli_nowhere", &["--name", "Mine"]).await.expect_err("a refusal");
        assert!(unknown.to_string().contains("client.unknown"), "{unknown}");
    }
}

on_both_engines! {
    async fn a_machine_keeps_to_what_a_machine_is(gateway: TestGateway, setup = with_all()) {
        let made = create(&gateway, &["--name", "Nightly", "--machine", "--scope", "connections:read"]).await.expect("a client");
        let id = made["client_id"].as_str().expect("an id");
        for wrong in [
            &["--redirect-uri", HTTPS][..], &["--device", "true"], &["--pushed-only", "true"], &["--backchannel-logout-uri", "https://agent.example/e"],
        ] {
            let said = update(&gateway, id, wrong).await.expect_err("a refusal");
            assert!(said.to_string().contains("client.asks_nobody"), "{wrong:?}: {said}");
        }
        let said = update(&gateway, id, &["--name", "Weekly", "--dpop", "true"]).await.expect("a change");
        assert_eq!((&said["client_name"], &said["grant_types"]), (&json!("Weekly"), &made["grant_types"]));
    }
}

on_both_engines! {
    async fn a_client_that_is_made_for_somebody_is_theirs(gateway: TestGateway, setup = with_all()) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let own = ["--name", "Notes", "--redirect-uri", HTTPS, "--owner", "Ada@example.org"];
        let own = create(&gateway, &own).await.expect("a client");
        let there = create(&gateway, &["--name", "Board", "--redirect-uri", HTTPS, "--owner-org", "acme", "--confidential"]).await.expect("a client");
        assert_eq!((&own["owner_user"], &there["owner_organization"]), (&json!(ada.id), &json!(acme.id)));
        assert_eq!((&own["origin"], there["client_secret"].is_string()), (&json!("owner"), true));
        for (query, id) in [("", &own), (&*format!("?organization={}", acme.id), &there)] {
            let (_, said) = read(&mut of_ada, &format!("/auth/clients{query}")).await;
            assert_eq!(said["clients"][0]["client_id"], id["client_id"], "{said}");
        }
        let change = json!({ "client_id": own["client_id"], "client_name": "Mine" });
        assert_eq!(refused(&mut of_eve, "/auth/clients/update", change.clone()).await.0, StatusCode::NOT_FOUND);
        done(&mut of_ada, "/auth/clients/update", change).await;
        // Nothing of it is the operator's: strangers hear of its faults on a page.
        let agent = Agent::known_as(&gateway, own["client_id"].as_str().expect("an id"), HTTPS);
        let page = of_eve.get(&agent.authorize_url(&agent.authorization("nosuch:scope"))).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.location());
        let acts = gateway.gateway.identity().acts(None, 50).await.expect("the record");
        assert!(acts.iter().any(|act| act.action == "client.created" && act.organization_id == Some(acme.id)));

        for (wrong, said) in [
            (&["--owner", "nobody@example.org"][..], "client.no_such_owner"),
            (&["--owner-org", "nowhere"], "client.no_such_owner"),
            (&["--owner", "ada@example.org", "--owner-org", "acme"], "cannot be used with"),
            (&["--owner", "ada@example.org", "--resource-server", "https://api.example"], "cannot be used with"),
            (&["--owner", "ada@example.org", "--backchannel-logout-uri", "http://127.0.0.1:9/e"], "invalid_client_metadata"),
        ] {
            let refusal = create(&gateway, &[&["--name", "Notes", "--redirect-uri", HTTPS], wrong].concat()).await.expect_err("a refusal");
            assert!(refusal.to_string().contains(said), "{wrong:?}: {refusal}");
        }
    }
}
