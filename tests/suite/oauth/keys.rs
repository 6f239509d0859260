//! The keys tokens are signed with: made once, published, rotated with an overlap.

use std::collections::BTreeSet;

use belgie_api::on;
use reqwest::StatusCode;
use reqwest::header::IF_NONE_MATCH;
use serde_json::{Value, json};

use super::machines::Machine;
use super::{assert_shut, checked, part, published, signing};
use crate::on_both_engines;
use crate::support::{Agent, Engine, Setup, TestGateway, Tokens};

fn names(key: &Value) -> BTreeSet<&str> {
    key.as_object().expect("a key").keys().map(String::as_str).collect()
}

fn kids(keys: &[Value]) -> BTreeSet<String> {
    keys.iter().map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
}

async fn listed(gateway: &TestGateway) -> Vec<(String, String)> {
    let (ok, said) = gateway.program(&["key", "list"]).await;
    assert!(ok, "{said}");
    let keys = said["keys"].as_array().expect("keys").iter();
    let text = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
    keys.map(|key| (text(key, "state"), text(key, "kid"))).collect()
}

fn in_state(keys: &[(String, String)], state: &str) -> Vec<String> {
    keys.iter().filter(|(of, _)| of == state).map(|(_, kid)| kid.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_signed_there_is_no_key() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    assert!(published(&gateway).await.is_empty());
    let (ok, said) = gateway.program(&["key", "rotate"]).await;
    assert_eq!((ok, &said["error"]), (false, &json!("key.none")), "{said}");
    assert!(listed(&gateway).await.is_empty());
}

on_both_engines! {
    async fn the_key_set_holds_public_members_alone_and_may_be_kept(gateway: TestGateway, setup = signing()) {
        let keys = published(&gateway).await;
        assert_eq!(keys.len(), 2, "one that signs and one that waits");
        for key in &keys {
            assert_eq!(names(key), ["alg", "crv", "kid", "kty", "use", "x", "y"].into());
            assert_eq!((&key["alg"], &key["use"]), (&json!("ES256"), &json!("sig")));
        }
        let client = reqwest::Client::new();
        let first = client.get(gateway.at("/jwks")).header("origin", "https://api.example").send().await.expect("an answer");
        let header = |name: &str| first.headers()[name].to_str().expect("a plain header").to_owned();
        assert_eq!(header("content-type"), "application/jwk-set+json");
        assert_eq!(header("cache-control"), "public, max-age=300");
        assert_eq!(header("access-control-allow-origin"), "*");
        let etag = header("etag");
        let again = client.get(gateway.at("/jwks")).header(IF_NONE_MATCH, &etag).send().await.expect("an answer");
        assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &first.headers()["etag"]));
        assert!(again.bytes().await.expect("a body").is_empty());
        let other = client.get(gateway.at("/jwks")).header(IF_NONE_MATCH, "\"other\"").send().await.expect("an answer");
        assert_eq!(other.status(), StatusCode::OK);
    }
}

on_both_engines! {
    async fn private_keys_are_kept_sealed(gateway: TestGateway, setup = signing()) {
        published(&gateway).await;
        let host = gateway.gateway.host();
        let mut conn = host.db().read().await.expect("a connection");
        let sql = "SELECT id, private_key FROM oauth_server_keys";
        let rows = on!(&mut conn, c => sqlx::query_as::<_, (String, String)>(sql).fetch_all(c).await).expect("rows");
        assert_eq!(rows.len(), 2);
        for (id, sealed) in &rows {
            assert!(sealed.starts_with("s1."), "not sealed");
            assert!(host.unseal("oauth-server.signing-key", id.as_bytes(), sealed).is_ok());
            assert!(host.unseal("oauth-server.signing-key", b"another row", sealed).is_err());
        }
    }
}

on_both_engines! {
    async fn many_that_need_the_first_key_at_once_on_two_nodes_get_the_same(
        gateway: TestGateway,
        setup = signing()
    ) {
        let elsewhere = gateway.elsewhere(false).await;
        let both = || async {
            let (here, there) = tokio::join!(published(&gateway), published(&elsewhere));
            (kids(&here), kids(&there))
        };
        let answers = tokio::join!(both(), both(), both(), both());
        let keys = listed(&gateway).await;
        assert_eq!((in_state(&keys, "current").len(), in_state(&keys, "next").len(), keys.len()), (1, 1, 2));
        let known: BTreeSet<String> = keys.into_iter().map(|(_, kid)| kid).collect();
        for (here, there) in [answers.0, answers.1, answers.2, answers.3] {
            assert_eq!((&here, &there), (&known, &known));
        }
    }
}

on_both_engines! {
    async fn a_rotation_on_the_command_line_is_heard_at_once_and_ends_no_token(
        gateway: TestGateway,
        setup = signing()
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let before = agent.connect(&mut ada, "").await;
        let first = listed(&gateway).await;
        assert_eq!(in_state(&first, "current"), [part(&before.access, 0)["kid"].as_str().expect("an id")]);

        // The next key is a moment old, and whoever keeps our keys does not know it yet.
        let (ok, said) = gateway.program(&["key", "rotate"]).await;
        assert_eq!((ok, &said["error"]), (false, &json!("key.too_young")), "{said}");
        let (ok, said) = gateway.program(&["key", "rotate", "--alg", "es256", "--now"]).await;
        assert!(ok, "{said}");
        let rotated = &said["rotated"][0];
        assert_eq!(rotated["retired"].as_str(), in_state(&first, "current").first().map(String::as_str));
        assert_eq!(rotated["current"].as_str(), in_state(&first, "next").first().map(String::as_str));

        // This server has remembered the old key for a second at most of five minutes, and signs with the new one.
        let after = Tokens::of(&agent.refresh(&before.refresh).await);
        assert_eq!(part(&after.access, 0)["kid"], rotated["current"]);
        let keys = published(&gateway).await;
        let expected = ["retired", "current", "next"].map(|state| rotated[state].as_str().expect("an id").to_owned());
        assert_eq!(kids(&keys), expected.into());
        for token in [&before.access, &after.access] {
            assert_eq!(agent.whoami(token).await.status, StatusCode::OK);
            checked(&gateway, token).await;
        }
        let listed = listed(&gateway).await;
        assert_eq!((in_state(&listed, "retired").len(), listed.len()), (1, 3));
    }
}

on_both_engines! {
    async fn a_key_that_others_have_is_over_at_once_on_every_node_with_all_it_signed(
        gateway: TestGateway,
        setup = signing().config("openid_connect = true")
    ) {
        let elsewhere = gateway.elsewhere(false).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let before = agent.connect(&mut ada, "").await;
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let of_machine = machine.token(&[]).await;
        let mut there = elsewhere.browser();
        there.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let other = Agent::register(&elsewhere).await;
        let of_other = other.connect(&mut there, "").await.access;
        let all = [(&agent, &before.access), (&other, &of_other), (&agent, &of_machine)];
        for (agent, token) in all {
            assert_eq!(agent.whoami(token).await.status, StatusCode::OK);
        }
        let leaked = part(&before.access, 0)["kid"].as_str().expect("an id").to_owned();
        let next = listed(&gateway).await.into_iter().find(|(state, _)| state == "next");
        let (ok, said) = gateway.program(&["key", "revoke", &leaked]).await;
        assert!(ok, "{said}");
        assert_eq!((&said["kid"], &said["alg"], &said["tokens_revoked"]), (&json!(leaked), &json!("ES256"), &json!(3)));
        assert!(next.is_some() && said["current"].is_string(), "{said}");

        for node in [&gateway, &elsewhere] {
            let keys = kids(&published(node).await);
            assert!(!keys.contains(&leaked) && keys.contains(said["current"].as_str().expect("an id")), "{keys:?}");
        }
        for (agent, token) in all {
            assert_shut(&agent.whoami(token).await);
        }
        // Nothing else ends, and there is a key to sign with.
        let after = Tokens::of(&agent.refresh(&before.refresh).await);
        assert_eq!(part(&after.access, 0)["kid"], said["current"]);
        assert_eq!(agent.whoami(&after.access).await.status, StatusCode::OK);
        let es256 = published(&gateway).await.iter().filter(|key| key["alg"] == "ES256").count();
        assert_eq!(es256, 2, "one that signs and one that waits");
        let (ok, said) = gateway.program(&["key", "revoke", &leaked]).await;
        assert_eq!((ok, &said["error"]), (false, &json!("key.unknown")), "{said}");
    }
}

on_both_engines! {
    async fn keys_of_every_kind_can_sign(engine: Engine) {
        for (name, algorithm) in [("eddsa", "EdDSA"), ("rs256", "RS256")] {
            let settings = format!("[plugins.oauth-server]\naccess_token_format = \"jwt\"\naccess_token_algorithm = \"{name}\"");
            let engine = match &engine {
                Engine::Sqlite => Engine::Sqlite,
                Engine::Postgres(_) => Engine::postgres().await.expect("another database"),
            };
            let gateway = Setup::default().config(&settings).start(engine).await;
            let mut ada = gateway.signed_in("ada@example.org").await;
            let agent = Agent::register(&gateway).await;
            let token = agent.connect(&mut ada, "").await.access;
            assert_eq!(part(&token, 0)["alg"], algorithm);
            checked(&gateway, &token).await;
            assert_eq!(agent.whoami(&token).await.status, StatusCode::OK);
        }
    }
}
