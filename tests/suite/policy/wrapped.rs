//! A wrapped server under the operator's file: its tools, prompts, resources and completions, known at the start or not.

use belgie::access::{Question, Thing};
use belgie::rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult, CompletionInfo,
    ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult, JsonObject, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, Prompt, PromptMessage,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
    Role, ServerCapabilities, ServerConfig, SubscribeRequestParams, Tool, UnsubscribeRequestParams,
};
use belgie::rmcp::service::RequestContext;
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::access;
use belgie_api::tools::guard;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Both, refusal, scope};
use crate::on_both_engines;
use crate::support::{Connected, Reply, Setup, TestGateway};

type Page = Option<PaginatedRequestParams>;
type Context = RequestContext<RoleServer>;

/// A server that does whatever it is asked.
pub struct Willing;

impl ServerHandler for Willing {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_prompts().enable_completions();
        ServerConfig::new(capabilities.enable_resources().enable_resources_subscribe().build())
    }

    async fn list_tools(&self, _: Page, _: Context) -> Result<ListToolsResult, ErrorData> {
        let mut schema = JsonObject::new();
        schema.insert("type".to_owned(), "object".into());
        let item = |name: &'static str| Tool::new(name, "Does it", schema.clone());
        Ok(ListToolsResult::with_all_items(vec![item("read"), item("drop_all"), item("drop_one"), item("own")]))
    }

    async fn call_tool(&self, request: CallToolRequestParams, _: Context) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("did {}", request.name))]).into())
    }

    async fn list_prompts(&self, _: Page, _: Context) -> Result<ListPromptsResult, ErrorData> {
        let item = |name: &str| Prompt::new(name, None::<String>, None);
        Ok(ListPromptsResult::with_all_items(vec![item("greet"), item("insult")]))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: Context) -> Result<GetPromptResponse, ErrorData> {
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, request.name)]).into())
    }

    async fn list_resources(&self, _: Page, _: Context) -> Result<ListResourcesResult, ErrorData> {
        let item = |uri: &str| Resource::new(uri, "thing");
        Ok(ListResourcesResult::with_all_items(vec![item("notes://open"), item("notes://private/1")]))
    }

    async fn list_resource_templates(&self, _: Page, _: Context) -> Result<ListResourceTemplatesResult, ErrorData> {
        let item = |uri: &str| ResourceTemplate::new(uri, "things");
        Ok(ListResourceTemplatesResult::with_all_items(vec![item("notes://{id}"), item("notes://private/{id}")]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(ReadResourceResult::new(vec![ResourceContents::text("content", request.uri)]).into())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn complete(&self, _: CompleteRequestParams, _: Context) -> Result<CompleteResult, ErrorData> {
        Ok(CompleteResult::new(CompletionInfo::new(vec!["completed".to_owned()]).expect("one value")))
    }
}

const FILE: &str = "
[[access]]
tools = ['drop_*', 'insult', 'notes://private/*', 'own']
scopes = ['willing:all']

[[access]]
tools = ['*_all', 'insult', 'notes://private/*']
deny = true

[[access]]
tools = ['read', 'greet']
when = \"arguments.what == 'this'\"
";

fn setup() -> Setup {
    let willing = guard("willing", access(), Willing).tool("own", access().scope("willing:own"));
    Setup::default()
        .config(FILE)
        .build(|builder| builder.guarded(willing).scope(scope("willing:all")).scope(scope("willing:own")))
}

fn names(reply: &Reply, list: &str, key: &str) -> Vec<String> {
    let items = reply.body["result"][list].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item[key].as_str().unwrap_or_default().to_owned()).collect()
}

on_both_engines! {
    async fn tools_of_a_wrapped_server_are_under_the_file_though_nobody_knew_their_names(
        gateway: TestGateway,
        setup = setup()
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let both = Both::of(&ada).await;
        assert_eq!(both.lists("drop_all").await, [false, false]);
        for name in ["read", "drop_one", "own"] {
            assert_eq!(both.lists(name).await, [true, true], "{name}");
        }
        for (reply, absent) in both.call("drop_all", json!({})).await.iter().zip(both.call("absent", json!({})).await) {
            assert_eq!(reply.body.to_string().replace("drop_all", "absent"), absent.body.to_string());
        }
        for reply in both.call("drop_one", json!({})).await {
            assert_eq!(reply.status, StatusCode::FORBIDDEN);
            assert!(reply.challenge().contains("willing:all"), "{}", reply.challenge());
        }
        for reply in both.call("own", json!({})).await {
            let challenge = reply.challenge();
            assert!(challenge.contains("willing:all") && challenge.contains("willing:own"), "both rules: {challenge}");
        }
        for reply in both.call("read", json!({ "what": "this" })).await {
            assert_eq!(reply.text(), "did read", "{:?}", reply.body);
        }
        for reply in both.call("read", json!({ "what": "that" })).await {
            assert_eq!(refusal(&reply), "access.arguments_refused");
        }
        let bob = Connected::with_scope(&gateway, "bob@example.org", "willing:all willing:own").await;
        for name in ["drop_one", "own"] {
            for reply in Both::of(&bob).await.call(name, json!({})).await {
                assert_eq!(reply.text(), format!("did {name}"));
            }
        }
    }
}

on_both_engines! {
    async fn prompts_resources_and_completions_are_under_the_file(gateway: TestGateway, setup = setup()) {
        let ada = Connected::with_scope(&gateway, "ada@example.org", "willing:all").await;
        let both = Both::of(&ada).await;
        for (method, list, key, expected) in [
            ("prompts/list", "prompts", "name", "greet"),
            ("resources/list", "resources", "uri", "notes://open"),
            ("resources/templates/list", "resourceTemplates", "uriTemplate", "notes://{id}"),
        ] {
            for reply in both.ask(method, json!({})).await {
                assert_eq!(names(&reply, list, key), [expected], "{method}");
            }
        }
        let prompt = |name: &str, what: &str| json!({ "name": name, "arguments": { "what": what } });
        for reply in both.ask("prompts/get", prompt("greet", "this")).await {
            assert_eq!(reply.body["result"]["messages"][0]["content"]["text"], "greet", "{:?}", reply.body);
        }
        for reply in both.ask("prompts/get", prompt("greet", "that")).await {
            assert!(reply.body["error"]["message"].as_str().is_some_and(|said| said.contains("these arguments")));
        }
        for reply in both.ask("prompts/get", prompt("insult", "this")).await {
            assert_eq!(reply.body["error"]["message"], "Unknown prompt: insult", "{:?}", reply.body);
        }
        let read = async |uri: &str| {
            let params = json!({ "uri": uri });
            let modern = ada.modern().request("resources/read", params.clone()).header("mcp-name", uri);
            let modern = Reply::read(modern.send().await.expect("an answer")).await;
            [modern, both.session.send("resources/read", params).await]
        };
        for reply in read("notes://open").await {
            assert_eq!(reply.body["result"]["contents"][0]["text"], "content", "{:?}", reply.body);
        }
        for reply in read("notes://private/1").await {
            assert_eq!(reply.body["error"]["message"], "Resource not found: notes://private/1", "{:?}", reply.body);
        }
        let complete = |reference: Value, value: &str| {
            json!({ "ref": reference, "argument": { "name": "what", "value": value } })
        };
        let prompt = |name: &str| json!({ "type": "ref/prompt", "name": name });
        let template = |uri: &str| json!({ "type": "ref/resource", "uri": uri });
        for params in [complete(prompt("greet"), "this"), complete(template("notes://{id}"), "x")] {
            for reply in both.ask("completion/complete", params.clone()).await {
                assert_eq!(reply.body["result"]["completion"]["values"][0], "completed", "{params}: {:?}", reply.body);
            }
        }
        for params in [
            complete(prompt("greet"), "th"),
            complete(prompt("insult"), "this"),
            complete(template("notes://private/{id}"), "x"),
        ] {
            for reply in both.ask("completion/complete", params.clone()).await {
                assert!(reply.body["error"].is_object(), "{params}: {:?}", reply.body);
            }
        }
    }
}

on_both_engines! {
    async fn a_scope_that_the_file_asks_for_is_a_challenge_for_prompts_and_resources_too(
        gateway: TestGateway,
        setup = Setup::default().config("[[access]]\ntools = ['greet', 'notes://*']\nscopes = ['willing:all']\n").build(
            |builder| builder.guarded(guard("willing", access(), Willing)).scope(scope("willing:all"))
        )
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let both = Both::of(&ada).await;
        let reference = json!({ "ref": { "type": "ref/prompt", "name": "greet" }, "argument": { "name": "a", "value": "" } });
        for (method, params) in [
            ("prompts/get", json!({ "name": "greet" })),
            ("completion/complete", reference),
        ] {
            for reply in both.ask(method, params.clone()).await {
                assert_eq!(reply.status, StatusCode::FORBIDDEN, "{method}: {:?}", reply.body);
                assert!(reply.challenge().contains("willing:all"), "{}", reply.challenge());
            }
        }
        let read = both.session.send("resources/read", json!({ "uri": "notes://open" })).await;
        assert_eq!(read.status, StatusCode::FORBIDDEN, "{:?}", read.body);
        let other = both.session.send("prompts/get", json!({ "name": "insult" })).await;
        assert_eq!(other.body["result"]["messages"][0]["content"]["text"], "insult");
    }
}

on_both_engines! {
    async fn prompts_and_resources_are_explained_as_they_are_decided(gateway: TestGateway, setup = setup()) {
        let ada = Connected::with_scope(&gateway, "ada@example.org", "willing:all").await;
        let ask = async |thing: Thing, name: &str, scopes: &str, arguments: Option<Value>| {
            let question = Question {
                user: "ada@example.org".to_owned(),
                scopes: Some(scopes.parse().expect("scopes")),
                thing,
                name: name.to_owned(),
                arguments: arguments.map(|arguments| serde_json::from_value(arguments).expect("an object")),
                ..Question::default()
            };
            let said = gateway.gateway.explain(&question).await.expect("an answer").json();
            assert_eq!(said[thing.word()], name, "{said}");
            ["preflight", "list", "call"].map(|place| said["trace"][place]["outcome"].as_str().unwrap_or_default().to_owned())
        };
        let all = "willing:all";
        for (thing, name, scopes, expected) in [
            (Thing::Prompt, "greet", "", ["passes", "listed", "open"]),
            (Thing::Prompt, "insult", all, ["passes", "hidden", "hidden"]),
            (Thing::Prompt, "own", "", ["insufficient_scope", "listed", "scope_missing"]),
            (Thing::Resource, "notes://open", "", ["passes", "listed", "allowed"]),
            (Thing::Resource, "notes://private/1", all, ["passes", "hidden", "hidden"]),
            // A rule for what is called, got and read alike.
            (Thing::Tool, "drop_all", all, ["passes", "hidden", "hidden"]),
        ] {
            assert_eq!(ask(thing, name, scopes, None).await, expected, "{thing:?} {name}");
        }
        assert_eq!(ask(Thing::Prompt, "greet", "", Some(json!({ "what": "this" }))).await[2], "allowed");
        assert_eq!(ask(Thing::Prompt, "greet", "", Some(json!({ "what": "that" }))).await[2], "arguments_refused");
        // And so it is.
        let modern = ada.modern();
        let got = async |method: &str, params: Value| {
            let uri = params["uri"].as_str().map(ToOwned::to_owned);
            let request = modern.request(method, params);
            let request = if let Some(uri) = uri { request.header("mcp-name", uri) } else { request };
            Reply::read(request.send().await.expect("an answer")).await.body.get("result").is_some()
        };
        assert!(got("prompts/get", json!({ "name": "greet", "arguments": { "what": "this" } })).await);
        assert!(!got("prompts/get", json!({ "name": "greet", "arguments": { "what": "that" } })).await);
        assert!(!got("prompts/get", json!({ "name": "insult" })).await);
        assert!(got("resources/read", json!({ "uri": "notes://open" })).await);
        assert!(!got("resources/read", json!({ "uri": "notes://private/1" })).await);
    }
}
