use belgie_api::axum::http::StatusCode;
use belgie_api::{Event, GrantId};
use serde_json::Value;

use super::support::Bench;

async fn section(bench: &Bench, person: &belgie_api::Caller) -> Value {
    let html = bench.parts.account_sections[0].render(&bench.visitor(Some(person))).await.unwrap();
    serde_json::from_str(&html).unwrap()
}

#[tokio::test]
async fn a_person_sees_their_own_agents_and_cuts_one_off() {
    for bench in Bench::every().await {
        let (ada, eve) = (bench.sign_up("ada@belgie.example").await, bench.sign_up("eve@belgie.example").await);
        let client = bench.register().await;
        let (access, refresh) = bench.connect(&ada, &client).await;
        let grant = bench.verify(&access).await.unwrap().grant.unwrap();
        let shown = section(&bench, &ada).await;
        assert_eq!(shown["csrf_token"], "csrf");
        let connection = &shown["connections"][0];
        assert_eq!(connection["id"], grant.to_string());
        assert_eq!((&connection["client_name"], &connection["kind"]), (&"Agent".into(), &"agent".into()));
        assert_eq!(connection["scopes"][0]["description"], "Do notes:read");
        assert_eq!(connection["last_used_at"], "just now");
        assert_eq!(connection["expires_at"], Value::Null);
        assert_eq!(section(&bench, &eve).await["connections"], Value::Array(vec![]));

        let id = grant.to_string();
        let revoke =
            async |person, id: &str| bench.post("/account/connections/revoke", &[("connection_id", id)], person).await;
        assert_eq!(revoke(Some(&eve), &id).await.status, StatusCode::NOT_FOUND);
        assert_eq!(revoke(None, &id).await.status, StatusCode::UNAUTHORIZED);
        for nonsense in ["", "x", &GrantId::new(bench.host.clock(), bench.host.entropy()).to_string()] {
            assert_eq!(revoke(Some(&ada), nonsense).await.status, StatusCode::NOT_FOUND);
        }
        assert!(bench.verify(&access).await.is_some());

        for _ in 0..2 {
            let answer = revoke(Some(&ada), &id).await;
            assert_eq!((answer.status, answer.location().path()), (StatusCode::SEE_OTHER, "/account"));
        }
        assert!(bench.heard(&Event::GrantRevoked { grant }));
        assert!(bench.verify(&access).await.is_none());
        assert_eq!(bench.refresh(&client, &refresh).await.error(), "invalid_grant");
        assert_eq!(section(&bench, &ada).await["connections"], Value::Array(vec![]));
    }
}

#[tokio::test]
async fn the_tool_has_a_rule_and_a_schema() {
    for bench in Bench::every().await {
        assert!(bench.parts.problems.is_empty(), "{:?}", bench.parts.problems);
        let entry = &bench.parts.tools[0];
        assert_eq!(entry.tool.name, "list_my_connections");
        assert!(entry.rule.as_ref().unwrap().scopes().has_named("connections:read"));
        assert!(entry.tool.output_schema.is_some());
        assert_eq!(entry.tool.annotations.as_ref().unwrap().read_only_hint, Some(true));
    }
}
