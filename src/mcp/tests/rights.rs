//! Who may what, seen from outside.

use axum::http::StatusCode;
use serde_json::json;

use super::support::{Bench, METADATA, ada, caller, in_session};

#[tokio::test]
async fn a_narrow_token_is_told_everything_it_lacks_at_once() {
    for bench in Bench::both() {
        let answer = bench.call(&caller(1, "cli_one", "a profile"), "two", json!({})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let expected = format!(
            r#"Bearer error="insufficient_scope", error_description="This operation needs more rights", scope="a b profile", resource_metadata="{METADATA}""#
        );
        assert_eq!(answer.challenge(), expected);
        assert_eq!(answer.json()["id"], 7);
        assert_eq!(answer.json()["error"]["data"], json!({ "scope": "b" }));
        assert_eq!(bench.call(&caller(1, "cli_one", "a b"), "two", json!({})).await.text(), "nothing");
    }
}

#[tokio::test]
async fn a_narrow_token_is_told_in_sessions_too() {
    let bench = Bench::new(super::support::settings());
    let session = bench.open(&ada()).await;
    let message = json!({ "jsonrpc": "2.0", "id": "s", "method": "tools/call", "params": { "name": "two" } });
    let answer = bench.ask(&ada(), in_session(&session, &message)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.challenge().contains(r#"scope="a b""#), "{}", answer.challenge());
    assert_eq!(answer.json()["id"], "s");
    // With another token of the same client the session goes on.
    let answer = bench.ask(&caller(1, "cli_one", "a b"), in_session(&session, &message)).await;
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""text":"nothing""#));
}

#[tokio::test]
async fn a_hidden_tool_sounds_like_one_that_does_not_exist() {
    for bench in Bench::both() {
        let hidden = bench.call(&ada(), "secret", json!({})).await;
        let unknown = bench.call(&ada(), "nosuch", json!({})).await;
        assert_eq!((hidden.status, hidden.code()), (StatusCode::OK, -32602));
        assert_eq!(hidden.headers.keys().collect::<Vec<_>>(), unknown.headers.keys().collect::<Vec<_>>());
        let text = |answer: &super::support::Answer| String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(text(&hidden).replace("secret", "nosuch"), text(&unknown));
        assert_eq!(hidden.json()["error"]["message"], "Unknown tool: secret");
    }
}

#[tokio::test]
async fn a_small_plan_is_a_result_the_model_can_read() {
    for bench in Bench::both() {
        let answer = bench.call(&ada(), "grown", json!({})).await;
        assert_eq!(answer.status, StatusCode::OK);
        let result = answer.json()["result"].take();
        assert_eq!(result["isError"], true);
        assert_eq!(result["structuredContent"]["error"], "access.plan_too_small");
    }
}
