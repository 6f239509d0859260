//! What wrapped servers do is counted by the same rules.

use belgie_api::access;
use belgie_api::tools::guard;
use serde_json::{Value, json};

use super::alone;
use super::meter::{METERED, spent, sums, usage_in};
use crate::on_both_engines;
use crate::policy::wrapped::Willing;
use crate::support::{Reply, Setup, Stripe};

const WRAPPED: &str = r#"
[[access]]
tools = ["read", "greet", "notes://open"]
meter = "exports"
"#;

on_both_engines! {
    async fn tools_prompts_and_resources_of_a_wrapped_server_take_from_one_quota(engine: Engine) {
        let stripe = Stripe::start().await;
        let setup = Setup::default().config(&stripe.table()).config(METERED).config(WRAPPED);
        let gateway = setup.build(|builder| builder.guarded(guard("willing", access(), Willing))).start(engine).await;
        let (eve, _) = alone(&gateway, "eve@example.org").await;
        let ask = async |method: &str, params: Value| {
            let mut request = eve.modern().request(method, params.clone());
            if let Some(uri) = params["uri"].as_str() {
                request = request.header("mcp-name", uri);
            }
            Reply::read(request.send().await.expect("an answer")).await
        };
        assert_eq!(usage_in(&eve.modern().call("read", json!({})).await)["used"], 1);
        let prompt = ask("prompts/get", json!({ "name": "greet" })).await;
        assert!(prompt.body["result"]["messages"].is_array(), "{:?}", prompt.body);
        let resource = ask("resources/read", json!({ "uri": "notes://open" })).await;
        assert!(resource.body["result"]["contents"].is_array(), "{:?}", resource.body);
        // What has no meter goes on when nothing is left.
        assert_eq!(eve.modern().call("drop_one", json!({})).await.text(), "did drop_one");
        spent(&eve.modern().call("read", json!({})).await);
        assert_eq!(ask("prompts/get", json!({ "name": "greet" })).await.error_code(), -32034);
        let said = ask("resources/read", json!({ "uri": "notes://open" })).await;
        assert_eq!((said.error_code(), &said.body["error"]["data"]["limit"]), (-32034, &json!(3)), "{:?}", said.body);
        // Errors of the server cost nothing, and nothing is set aside for them.
        let sums = sums(&gateway).await;
        assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(3), &json!(3), &json!(0)), "{sums}");
    }
}

on_both_engines! {
    async fn to_be_told_of_a_resource_costs_nothing_and_can_be_ended_when_nothing_is_left(engine: Engine) {
        let stripe = Stripe::start().await;
        let setup = Setup::default().config(&stripe.table()).config(METERED).config(WRAPPED);
        let gateway = setup.build(|builder| builder.guarded(guard("willing", access(), Willing))).start(engine).await;
        let (eve, _) = alone(&gateway, "eve@example.org").await;
        let session = eve.session().await;
        let ask = async |method: &str| session.send(method, json!({ "uri": "notes://open" })).await;
        for method in ["resources/subscribe", "resources/unsubscribe", "resources/subscribe"] {
            assert!(ask(method).await.body["result"].is_object(), "{method}");
        }
        for _ in 0..3 {
            let read = ask("resources/read").await;
            assert!(read.body["result"]["contents"].is_array(), "{:?}", read.body);
        }
        assert_eq!(ask("resources/read").await.error_code(), -32034);
        let ended = ask("resources/unsubscribe").await;
        assert!(ended.body["result"].is_object(), "{:?}", ended.body);
        let sums = sums(&gateway).await;
        assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(3), &json!(3), &json!(0)), "{sums}");
    }
}
