//! Scopes that imply others (MCP authorization, "Scope Challenge Handling"), and scopes of one resource alone (RFC 8707).

use reqwest::StatusCode;
use serde_json::json;

use super::exchange::{exchange, server};
use super::machines::Machine;
use super::narrowed::narrow;
use super::{assert_refused, assert_sent_back, checked};
use crate::on_both_engines;
use crate::organization::{done, owned_by};
use crate::provider::read;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Page, Setup, TestGateway, Tokens, changed, unescape};

const API: &str = "https://reports.example";
const HTTPS: &str = "https://agent.example/callback";

/// `echo` wants the narrow scope, `add` the broad one.
fn setup() -> Setup {
    let scopes = "\
        [[access]]\ntools = [\"echo\"]\nscopes = [\"texts:read\"]\n\
        [[access]]\ntools = [\"add\"]\nscopes = [\"texts:write\"]\n\
        [[scope]]\nname = \"texts:read\"\ndescription = \"Read your texts\"\n\
        [[scope]]\nname = \"texts:write\"\ndescription = \"Change your texts\"\nimplies = [\"texts:read\"]\n\
        [[scope]]\nname = \"texts:all\"\ndescription = \"Do everything with texts\"\nimplies = [\"texts:write\"]\n";
    Setup::default().config(scopes)
}

/// The same with another server's scopes; at that server alone they can be had.
fn with_reports() -> Setup {
    let scopes = format!(
        "[plugins.oauth-server]\nopenid_connect = true\nresources = [\"{API}\", \"https://plain.example\"]\ntoken_exchange = true\n\
         token_exchange_resources = [\"{API}\"]\naccess_token_format = \"jwt\"\n\
         [[scope]]\nname = \"reports:read\"\ndescription = \"Read your reports\"\ndefault = true\nresources = [\"{API}\"]\n\
         [[scope]]\nname = \"reports:write\"\ndescription = \"Change your reports\"\nimplies = [\"reports:read\"]\n\
         resources = [\"{API}\"]\n\
         [[scope]]\nname = \"shared:use\"\ndescription = \"Use the shared endpoint\"\ndefault = true\nresources = [\"/mcp\"]\n\
         [[scope]]\nname = \"own:use\"\ndescription = \"Use an organization's endpoint\"\ndefault = true\n\
         resources = [\"/o/{{slug}}/mcp\"]\n"
    );
    setup().config(&scopes)
}

async fn ask(agent: &Agent, browser: &mut Browser, scope: &str, resource: Option<&str>) -> Page {
    let asked = changed(agent.authorization(scope), "resource".to_owned(), resource.map(str::to_owned));
    browser.get(&agent.authorize_url(&asked)).await
}

/// The scopes that somebody ends up with who allows all that was asked, and the tokens.
async fn given(agent: &Agent, browser: &mut Browser, scope: &str, resource: Option<&str>) -> (String, Tokens) {
    let page = ask(agent, browser, scope, resource).await;
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
    let reply = agent.redeem_with(&code, "resource", resource).await;
    (reply.body["scope"].as_str().unwrap_or_default().to_owned(), Tokens::of(&reply))
}

on_both_engines! {
    async fn a_broader_scope_satisfies_whoever_asks_for_a_narrower_one(gateway: TestGateway, setup = setup()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let url = gateway.mcp_url();
        let page = ask(&agent, &mut ada, "texts:all", None).await;
        let said = unescape(&page.body);
        let includes = "This includes: Read your texts; Change your texts.";
        assert!(said.contains("Do everything with texts") && said.contains(includes), "{said}");
        let all = agent.connect(&mut ada, "texts:all").await;
        let list = agent.modern(&url, &all.access).send("tools/list", json!({})).await;
        assert!(["echo", "add"].iter().all(|tool| list.tool_names().contains(tool)), "{}", list.body);
        assert_eq!(agent.modern(&url, &all.access).call("echo", json!({ "text": "a" })).await.status, StatusCode::OK);
        assert_eq!(agent.modern(&url, &all.access).call("add", json!({ "a": 1, "b": 2 })).await.status, StatusCode::OK);

        // Less is asked for than was granted: what it implies.
        let narrow = agent.refresh_with(&all.refresh, &[("scope", "texts:read")]).await;
        assert_eq!(narrow.body["scope"], "texts:read");
        let narrow = Tokens::of(&narrow);
        assert_eq!(agent.modern(&url, &narrow.access).call("echo", json!({ "text": "a" })).await.status, StatusCode::OK);
        let refused = agent.modern(&url, &narrow.access).call("add", json!({ "a": 1, "b": 2 })).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let challenge = refused.headers["www-authenticate"].to_str().expect("text");
        assert!(challenge.contains("insufficient_scope") && challenge.contains("texts:write"), "{challenge}");
        // The grant is what it was.
        let again = agent.refresh_with(&narrow.refresh, &[("scope", "texts:write")]).await;
        assert_eq!(again.body["scope"], "texts:write");

        // It does not go the other way.
        let (scope, less) = given(&agent, &mut ada, "texts:read", None).await;
        assert_eq!(scope, "texts:read");
        let wider = agent.refresh_with(&less.refresh, &[("scope", "texts:write")]).await;
        assert_refused(&wider, StatusCode::BAD_REQUEST, "invalid_scope");
        let refused = agent.modern(&url, &less.access).call("add", json!({ "a": 1, "b": 2 })).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn what_a_broader_scope_allows_is_known_to_other_servers_and_to_machines(gateway: TestGateway, setup = setup()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let answering = server(&gateway, &gateway.mcp_url()).await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "texts:write").await;
        let told = answering.post("/introspect", &[("token", &tokens.access)]).await.body;
        assert_eq!(told["scope"], "texts:read texts:write");

        let machine = Machine::made(&gateway, &["--machine", "--scope", "texts:all"]).await;
        let narrow = machine.ask(&[("scope", "texts:read")]).await;
        assert_eq!((narrow.status, &narrow.body["scope"]), (StatusCode::OK, &json!("texts:read")));
        let token = machine.token(&[]).await;
        let called = machine.agent.modern(&gateway.mcp_url(), &token).call("echo", json!({ "text": "a" })).await;
        assert_eq!(called.status, StatusCode::OK);
        assert_refused(&machine.ask(&[("scope", "connections:read")]).await, StatusCode::BAD_REQUEST, "invalid_scope");
    }
}

on_both_engines! {
    async fn nobody_is_asked_again_about_what_they_allowed_along_with_more(gateway: TestGateway, setup = setup()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        given(&agent, &mut ada, "texts:write", None).await;
        let narrower = ask(&agent, &mut ada, "texts:read", None).await;
        assert!(narrower.sent_parameter("code").is_some(), "{}", narrower.body);
        let broader = ask(&agent, &mut ada, "texts:all", None).await;
        assert_eq!(broader.status, StatusCode::OK, "{}", broader.location());
        assert!(broader.body.contains("Let this agent act for you?"), "{}", broader.body);
    }
}

on_both_engines! {
    async fn what_goes_along_with_what_is_left_is_not_said_to_be_taken(gateway: TestGateway, setup = setup()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "texts:read texts:write").await;
        narrow(&mut ada, &["texts:read"]).await;
        let page = ada.get("/account").await;
        assert!(page.body.contains("texts:read") && page.body.contains("texts:write"), "{}", page.body);
        let renewed = agent.refresh(&tokens.refresh).await;
        assert_eq!(renewed.body["scope"], "texts:read texts:write");
        narrow(&mut ada, &["texts:write"]).await;
        let renewed = agent.refresh(&Tokens::of(&renewed).refresh).await;
        assert_eq!(renewed.body["scope"], "texts:read");
        let token = Tokens::of(&renewed).access;
        let refused = agent.modern(&gateway.mcp_url(), &token).call("add", json!({ "a": 1, "b": 2 })).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn what_goes_along_with_what_a_consent_allows_no_more_goes_from_what_is_connected(gateway: TestGateway, setup = setup()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        given(&agent, &mut ada, "texts:write connections:read", None).await;
        let unasked = ask(&agent, &mut ada, "texts:read connections:read", None).await;
        let tokens = Tokens::of(&agent.redeem(&unasked.sent_parameter("code").expect("a code")).await);
        let url = gateway.mcp_url();
        let echo = async || agent.modern(&url, &tokens.access).call("echo", json!({ "text": "a" })).await.status;
        assert_eq!(echo().await, StatusCode::OK);
        let (_, said) = read(&mut ada, "/auth/consents").await;
        let less = json!({ "id": said["consents"][0]["id"], "scopes": ["connections:read"] });
        done(&mut ada, "/auth/consents/narrow", less).await;
        assert_eq!(echo().await, StatusCode::FORBIDDEN, "reading was allowed along with writing alone");
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_scope_of_one_resource_is_had_there_alone(gateway: TestGateway, setup = with_reports()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let at_api = Some(API);
        let (scope, _) = given(&agent, &mut ada, "reports:write texts:all openid", at_api).await;
        assert_eq!(scope, "openid reports:write", "what counts there, and who the person is");
        let (scope, _) = given(&agent, &mut ada, "", at_api).await;
        assert_eq!(scope, "reports:read", "what everybody gets there");
        let (scope, _) = given(&agent, &mut ada, "", None).await;
        assert_eq!(scope, "connections:read shared:use", "and here");
        assert_sent_back(&agent, &ask(&agent, &mut ada, "reports:read", None).await, "invalid_scope");
        assert_sent_back(&agent, &ask(&agent, &mut ada, "texts:read", at_api).await, "invalid_scope");
        // A resource that no scope names has those of this host, as before.
        let (scope, _) = given(&agent, &mut ada, "texts:read", Some("https://plain.example")).await;
        assert_eq!(scope, "texts:read");

        let here = server(&gateway, &gateway.mcp_url()).await;
        let (_, tokens) = given(&agent, &mut ada, "texts:read connections:read", None).await;
        let made = exchange(&here, &tokens.access, &[("resource", API)]).await;
        assert_refused(&made, StatusCode::BAD_REQUEST, "invalid_scope");
        let (_, tokens) = given(&agent, &mut ada, "reports:write", at_api).await;
        let claims = checked(&gateway, &tokens.access).await;
        assert_eq!((&claims["aud"], &claims["scope"]), (&json!(API), &json!("reports:read reports:write")));
    }
}

on_both_engines! {
    async fn a_token_for_two_resources_is_told_apart_when_it_is_narrowed_to_one(gateway: TestGateway, setup = with_reports()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let mut asked = changed(agent.authorization("reports:read texts:read"), "resource".to_owned(), Some(gateway.mcp_url()));
        asked.push(("resource".to_owned(), API.to_owned()));
        let page = ada.get(&agent.authorize_url(&asked)).await;
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
        let api = agent.redeem_with(&code, "resource", Some(API)).await;
        assert_eq!(api.body["scope"], "reports:read");
        let refresh = Tokens::of(&api).refresh;
        let ours = agent.refresh_with(&refresh, &[("resource", &gateway.mcp_url())]).await;
        assert_eq!(ours.body["scope"], "texts:read");
        let both = agent.refresh(&Tokens::of(&ours).refresh).await;
        assert_eq!(both.body["scope"], "reports:read texts:read");
        for (place, scope) in [(API, "reports:read"), (gateway.mcp_url().as_str(), "texts:read")] {
            let told = server(&gateway, place).await.post("/introspect", &[("token", &Tokens::of(&both).access)]).await.body;
            assert_eq!((&told["scope"], &told["aud"]), (&json!(scope), &json!([place])), "{told}");
        }
    }
}

on_both_engines! {
    async fn endpoints_announce_their_own_scopes_and_tokens_by_hand_have_no_others(gateway: TestGateway, setup = with_reports()) {
        let metadata = async |path: &str| -> serde_json::Value {
            reqwest::get(gateway.at(path)).await.expect("an answer").json().await.expect("JSON")
        };
        let shared = metadata("/.well-known/oauth-protected-resource/mcp").await;
        assert_eq!(shared["scopes_supported"], json!(["connections:read", "shared:use"]));
        let own = metadata("/.well-known/oauth-protected-resource/o/nowhere/mcp").await;
        assert_eq!(own["scopes_supported"], json!(["connections:read", "own:use"]));
        let challenge = reqwest::Client::new().post(gateway.at("/o/nowhere/mcp")).send().await.expect("an answer");
        let challenge = challenge.headers()["www-authenticate"].to_str().expect("text").to_owned();
        assert!(challenge.contains("scope=\"connections:read own:use\""), "{challenge}");

        let mut ada = gateway.signed_in("ada@example.org").await;
        let form = ada.get("/account/tokens/new").await;
        assert!(form.body.contains("shared:use") && !form.body.contains("reports:read"), "{}", form.body);
        let create = async |scope: &str, more: &[&str]| {
            let start = ["token", "create", "--email", "ada@example.org", "--ttl", "60", "--scope", scope];
            gateway.configured_program(&[&start, more].concat()).await
        };
        let (went_well, said) = create("reports:read", &[]).await;
        assert!(!went_well && said["error"] == "token.unknown_scope", "{said}");
        let (went_well, said) = create("reports:read", &["--resource", API]).await;
        assert!(went_well, "{said}");
        let (went_well, said) = create("texts:read", &["--resource", API]).await;
        assert!(!went_well, "{said}");
    }
}

on_both_engines! {
    async fn a_token_for_two_endpoints_of_ours_has_at_each_what_can_be_had_there(gateway: TestGateway, setup = with_reports()) {
        let ada = gateway.person("ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", PASSWORD).await;
        let agent = Agent::register(&gateway).await;
        let (shared, own) = (gateway.mcp_url(), gateway.at("/o/acme/mcp"));
        let scopes = "connections:read own:use shared:use texts:read";
        let mut asked = changed(agent.authorization(scopes), "resource".to_owned(), Some(shared.clone()));
        asked.push(("resource".to_owned(), own.clone()));
        let page = browser.get(&agent.authorize_url(&asked)).await;
        let fields = [("decision", "allow"), ("organization", &acme.id.to_string())];
        let answer = browser.submit(&page.form("/authorize"), &fields).await;
        let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
        let tokens = Tokens::of(&agent.redeem_with(&code, "resource", None).await);
        // In turns: what is remembered of one endpoint is not taken for the other.
        for _ in 0..2 {
            for (url, scopes) in [
                (&shared, ["connections:read", "shared:use", "texts:read"]),
                (&own, ["connections:read", "own:use", "texts:read"]),
            ] {
                let seen = agent.modern(url, &tokens.access).call("whoami", json!({})).await;
                assert_eq!(seen.body["result"]["structuredContent"]["scopes"], json!(scopes), "{url}: {}", seen.body);
            }
        }
    }
}
