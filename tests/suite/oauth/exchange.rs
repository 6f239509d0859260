//! Tokens for tokens (RFC 8693): less, for one place, no longer, and only while the first one lasts.

use std::time::Duration;

use belgie_api::on;
use belgie_api::ports::{AuditFilter, RecordKind, Stretch};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::Machine;
use super::{assert_refused, assert_shut, checked};
use crate::on_both_engines;
use crate::support::{Agent, Browser, Connected, Reply, Setup, TestGateway, Tokens, changed, unescape};

const FORGET: &str = "DELETE FROM oauth_server_access_tokens WHERE actors IS NOT NULL";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const API: &str = "https://api.example.com";
const OTHER: &str = "https://other.example.com";

pub fn exchanging() -> Setup {
    Setup::default().config(&format!(
        "[plugins.oauth-server]\ntoken_exchange = true\nresources = [\"{API}\", \"{OTHER}\"]\n\
         token_exchange_resources = [\"{OTHER}\"]"
    ))
}

fn signing() -> Setup {
    exchanging().config("access_token_format = \"jwt\"")
}

/// Asks for a token for a token.
pub async fn exchange(client: &Machine, subject: &str, more: &[(&str, &str)]) -> Reply {
    let own = [("grant_type", GRANT), ("subject_token", subject), ("subject_token_type", ACCESS)];
    client.post("/token", &[&own, more].concat()).await
}

async fn exchanged(client: &Machine, subject: &str, more: &[(&str, &str)]) -> String {
    let reply = exchange(client, subject, more).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!((&reply.body["issued_token_type"], &reply.body["token_type"]), (&json!(ACCESS), &json!("Bearer")));
    assert!(reply.body.get("refresh_token").is_none() && reply.body.get("id_token").is_none());
    assert_eq!(reply.headers["cache-control"], "no-store");
    reply.body["access_token"].as_str().expect("a token").to_owned()
}

/// A resource server that answers for this resource. The command is told the gateway's address, so that it knows its own ones.
pub async fn server(gateway: &TestGateway, resource: &str) -> Machine {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(["client", "create", "--name", "Server", "--resource-server", resource, "--json", "--config"]);
    command.arg(gateway.config_file()).env("BELGIE_BASE_URL", &gateway.url);
    let output = command.output().await.expect("the program runs");
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    Machine {
        agent: Agent::known_as(gateway, &text("client_id"), ""),
        secret: text("client_secret"),
        made: made.clone(),
    }
}

/// A person lets an agent in for a resource.
async fn connect(agent: &Agent, browser: &mut Browser, scope: &str, resource: &str) -> Tokens {
    let asked = changed(agent.authorization(scope), "resource".to_owned(), Some(resource.to_owned()));
    let page = browser.get(&agent.authorize_url(&asked)).await;
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", page.body));
    Tokens::of(&agent.redeem_with(&code, "resource", Some(resource)).await)
}

async fn introspect(server: &Machine, token: &str) -> Value {
    server.post("/introspect", &[("token", token)]).await.body
}

on_both_engines! {
    async fn a_resource_server_goes_on_for_the_person_with_less_and_says_who_acts(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (front, back) = (server(&gateway, &gateway.mcp_url()).await, server(&gateway, OTHER).await);
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read demo:step-up").await;
        let reply = exchange(&front, &tokens.access, &[("scope", "connections:read"), ("audience", OTHER)]).await;
        assert_eq!(reply.body["scope"], "connections:read", "{}", reply.body);
        let token = reply.body["access_token"].as_str().expect("a token");
        let told = introspect(&back, token).await;
        assert_eq!((&told["active"], &told["scope"], &told["aud"]), (&json!(true), &json!("connections:read"), &json!([OTHER])), "{told}");
        let ids = (front.agent.client_id.as_str(), agent.client_id.as_str());
        assert_eq!((&told["client_id"], &told["act"]), (&json!(ids.0), &json!({ "sub": ids.0, "act": { "sub": ids.1 } })));
        // It opens nothing else.
        assert_shut(&agent.whoami(token).await);
        // The next one in the line is named, too.
        let second = exchanged(&back, token, &[]).await;
        let told = introspect(&back, &second).await;
        let act = json!({ "sub": back.agent.client_id, "act": { "sub": ids.0, "act": { "sub": ids.1 } } });
        assert_eq!((&told["client_id"], &told["act"]), (&json!(back.agent.client_id), &act), "{told}");
        // The first token is untouched, and no chain stands in it.
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        assert!(introspect(&front, &tokens.access).await.get("act").is_none());
    }
}

on_both_engines! {
    async fn a_signed_token_says_who_acts_in_it(gateway: TestGateway, setup = signing()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let front = server(&gateway, &gateway.mcp_url()).await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read").await;
        let token = exchanged(&front, &tokens.access, &[("resource", OTHER)]).await;
        let (before, claims) = (checked(&gateway, &tokens.access).await, checked(&gateway, &token).await);
        assert_eq!((&claims["sub"], &claims["aud"], &claims["client_id"]), (&before["sub"], &json!(OTHER), &json!(front.agent.client_id)));
        assert_eq!(claims["act"], json!({ "sub": front.agent.client_id, "act": { "sub": agent.client_id } }));
        assert!(claims["exp"].as_i64() <= before["exp"].as_i64() && before.get("act").is_none());
    }
}

on_both_engines! {
    async fn an_exchanged_token_is_never_more_than_the_one_it_comes_from(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let front = server(&gateway, &gateway.mcp_url()).await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read").await;
        for more in ["demo:step-up", "connections:read demo:step-up", "admin"] {
            assert_refused(&exchange(&front, &tokens.access, &[("scope", more)]).await, StatusCode::BAD_REQUEST, "invalid_scope");
        }
        // Where nobody let the agent act, and the operator lets nothing lead.
        for elsewhere in [API, "https://elsewhere.example", &gateway.at("/o/acme/mcp")] {
            let refused = exchange(&front, &tokens.access, &[("resource", elsewhere)]).await;
            assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_target");
        }
        let two = exchange(&front, &tokens.access, &[("resource", OTHER), ("resource", &gateway.mcp_url())]).await;
        assert_refused(&two, StatusCode::BAD_REQUEST, "invalid_target");
        gateway.clock.advance(Duration::from_secs(3000));
        let reply = exchange(&front, &tokens.access, &[]).await;
        let lasts = reply.body["expires_in"].as_u64().expect("a number");
        assert!((590..=600).contains(&lasts), "as long as the first, and no longer: {lasts}");
        let token = reply.body["access_token"].as_str().expect("a token").to_owned();
        assert_eq!(agent.whoami(&token).await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(600));
        assert_shut(&agent.whoami(&token).await);
        assert_refused(&exchange(&front, &tokens.access, &[]).await, StatusCode::BAD_REQUEST, "invalid_request");
    }
}

on_both_engines! {
    async fn an_exchange_leads_nowhere_that_the_token_did_not(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (front, back) = (server(&gateway, &gateway.mcp_url()).await, server(&gateway, OTHER).await);
        // What the operator lets servers do is nothing the agent may do for itself: nobody was asked about it.
        let web = Machine::made(&gateway, &["--confidential", "--redirect-uri", "https://web.example/callback"]).await;
        let agent = Agent { redirect_uri: "https://web.example/callback".to_owned(), ..web.agent.clone() };
        let code = agent.code(&mut ada, "connections:read").await;
        let tokens = Tokens::of(&agent.redeem_with(&code, "client_secret", Some(&web.secret)).await);
        let refused = exchange(&web, &tokens.access, &[("resource", OTHER)]).await;
        assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_target");
        assert_eq!(exchange(&web, &tokens.access, &[("resource", &gateway.mcp_url())]).await.status, StatusCode::OK);
        // Who is shown a token for their own place does not come back to where it was from.
        let there = exchanged(&front, &tokens.access, &[("resource", OTHER)]).await;
        let refused = exchange(&back, &there, &[("resource", &gateway.mcp_url())]).await;
        assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_target");
        assert_eq!(exchange(&back, &there, &[("resource", OTHER)]).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_token_is_exchanged_by_those_whose_business_it_is(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (front, stranger) = (server(&gateway, &gateway.mcp_url()).await, server(&gateway, API).await);
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let of_machine = machine.token(&[]).await;
        let invalid = (StatusCode::BAD_REQUEST, "invalid_request");
        for (client, subject) in [
            (&stranger, tokens.access.as_str()),
            (&machine, &tokens.access),
            (&front, &tokens.refresh),
            (&front, "blg_at_junk"),
            (&front, "x"),
            (&front, &of_machine),
        ] {
            assert_refused(&exchange(client, subject, &[]).await, invalid.0, invalid.1);
        }
        for (name, value) in [
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
            ("actor_token", "x"),
        ] {
            let own = [("grant_type", GRANT), ("subject_token", tokens.access.as_str()), ("subject_token_type", ACCESS)];
            let fields: Vec<_> = own.into_iter().filter(|(other, _)| *other != name).chain([(name, value)]).collect();
            assert_refused(&front.post("/token", &fields).await, invalid.0, invalid.1);
        }
        // Whoever holds a token and cannot prove who they are gets nothing for it.
        let fields = [
            ("grant_type", GRANT.to_owned()),
            ("subject_token", tokens.access.clone()),
            ("subject_token_type", ACCESS.to_owned()),
            ("client_id", agent.client_id.clone()),
        ];
        assert_refused(&agent.post("/token", &fields).await, StatusCode::BAD_REQUEST, "unauthorized_client");
        let guess = Machine { secret: "blg_cs_guess".to_owned(), ..server(&gateway, &gateway.mcp_url()).await };
        assert_refused(&exchange(&guess, &tokens.access, &[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        // A client may hand less of its own to a part of itself.
        let web = Machine::made(&gateway, &["--confidential", "--redirect-uri", "https://web.example/callback"]).await;
        let of_web = Agent { redirect_uri: "https://web.example/callback".to_owned(), ..web.agent.clone() };
        let code = of_web.code(&mut ada, "connections:read").await;
        let mut fields = of_web.redemption(&code);
        fields.push(("client_secret", web.secret.clone()));
        let own = Tokens::of(&of_web.post("/token", &fields).await);
        let token = exchanged(&web, &own.access, &[]).await;
        assert_eq!(introspect(&front, &token).await["act"], json!({ "sub": web.agent.client_id }));
    }
}

on_both_engines! {
    async fn what_was_made_of_a_token_ends_with_it_at_once(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let front = server(&gateway, &gateway.mcp_url()).await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let (first, second) = (exchanged(&front, &tokens.access, &[]).await, exchanged(&front, &tokens.access, &[]).await);
        let third = exchanged(&front, &first, &[]).await;
        for token in [&first, &second, &third] {
            assert_eq!(agent.whoami(token).await.status, StatusCode::OK);
        }
        // Its own client gives one back; the agent cannot, and ends all by giving back its own.
        assert_refused(&agent.revoke(&second).await, StatusCode::BAD_REQUEST, "invalid_grant");
        assert_eq!(front.post("/revoke", &[("token", second.as_str())]).await.status, StatusCode::OK);
        assert_shut(&agent.whoami(&second).await);
        assert_eq!(agent.whoami(&third).await.status, StatusCode::OK);
        assert_eq!(agent.revoke(&tokens.access).await.status, StatusCode::OK);
        for token in [&tokens.access, &first, &third] {
            assert_shut(&agent.whoami(token).await);
        }
        // A person who cuts the agent off cuts off whoever acts for it.
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        let token = exchanged(&front, &renewed.access, &[]).await;
        assert_eq!(agent.whoami(&token).await.status, StatusCode::OK);
        assert_eq!(agent.revoke(&renewed.refresh).await.status, StatusCode::OK);
        assert_shut(&agent.whoami(&token).await);
    }
}

on_both_engines! {
    async fn an_exchanged_token_ends_with_its_client_and_its_person(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (front, other) = (server(&gateway, &gateway.mcp_url()).await, server(&gateway, &gateway.mcp_url()).await);
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let (of_front, of_other) = (exchanged(&front, &tokens.access, &[]).await, exchanged(&other, &tokens.access, &[]).await);
        for token in [&of_front, &of_other] {
            assert_eq!(agent.whoami(token).await.status, StatusCode::OK);
        }
        // What somebody else was given for the token of a client that goes, goes too.
        let in_chain = exchanged(&other, &of_front, &[]).await;
        assert_eq!(agent.whoami(&in_chain).await.status, StatusCode::OK);
        let (went_well, said) = gateway.configured_program(&["client", "revoke", &front.agent.client_id]).await;
        assert!(went_well, "{said}");
        assert_shut(&agent.whoami(&of_front).await);
        assert_shut(&agent.whoami(&in_chain).await);
        assert_eq!(agent.whoami(&of_other).await.status, StatusCode::OK);
        let (went_well, said) = gateway.configured_program(&["user", "ban", "--email", "ada@example.org"]).await;
        assert!(went_well, "{said}");
        assert_shut(&agent.whoami(&of_other).await);
        assert_refused(&exchange(&other, &tokens.access, &[]).await, StatusCode::BAD_REQUEST, "invalid_request");
    }
}

on_both_engines! {
    async fn a_token_for_elsewhere_is_exchanged_there_and_no_chain_grows_without_end(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let api = server(&gateway, API).await;
        let agent = Agent::register(&gateway).await;
        let tokens = connect(&agent, &mut ada, "connections:read", API).await;
        let mut token = exchanged(&api, &tokens.access, &[]).await;
        for _ in 0..6 {
            token = exchanged(&server(&gateway, API).await, &token, &[]).await;
        }
        let refused = exchange(&server(&gateway, API).await, &token, &[]).await;
        assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_request");
    }
}

on_both_engines! {
    async fn who_acts_for_whom_is_told_to_tools_on_record_and_to_the_person(gateway: TestGateway, setup = exchanging()) {
        let person = gateway.person("ada@example.org").await;
        let agent = Connected::of(&gateway, &person, "connections:read", None).await;
        let (front, back) = (server(&gateway, &gateway.mcp_url()).await, server(&gateway, &gateway.mcp_url()).await);
        let first = exchanged(&front, &agent.tokens.access, &[]).await;
        let second = exchanged(&back, &first, &[]).await;
        let ids = [&back, &front].map(|server| json!(server.agent.client_id));
        let chains = [json!([]), json!([ids[1], agent.agent.client_id]), json!([ids[0], ids[1], agent.agent.client_id])];
        for (token, chain) in [&agent.tokens.access, &first, &second].into_iter().zip(&chains) {
            let seen = agent.agent.whoami(token).await.body["result"]["structuredContent"].clone();
            assert_eq!(&seen["actors"], chain, "{seen}");
            let modern = agent.agent.modern(&agent.mcp_url, token);
            assert_eq!(modern.call("list_my_connections", json!({})).await.status, StatusCode::OK);
        }
        let wanted = AuditFilter { name: Some("whoami".to_owned()), only: Some(RecordKind::Decision), ..AuditFilter::default() };
        let page = gateway.gateway.host().audit().list(&wanted, Stretch::After(None, 10)).await.expect("the record");
        let kept: Vec<Value> = page.records.iter().map(|record| json!(record.actors)).collect();
        assert_eq!(kept, chains);
        let mut browser = agent.browser.clone();
        let grant = page.records[0].grant.expect("a grant");
        let shown = unescape(&browser.get(&format!("/account/connections/{grant}")).await.body);
        let plain = |row: &str| row.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<String>();
        let rows = shown.split("</dd>").map(|row| plain(row.rsplit("<dt>").next().unwrap_or_default()));
        let lines: Vec<String> = rows.filter(|row| row.contains("1 call, last")).collect();
        assert_eq!(lines.len(), 6, "{shown}");
        for tool in ["whoami", "list_my_connections"] {
            let of_tool = || lines.iter().filter(move |line| line.starts_with(tool));
            assert!(of_tool().any(|line| !line.contains(", by ")), "the agent itself: {lines:#?}");
            assert!(of_tool().any(|line| line.ends_with(", by Server for Suite agent")), "{lines:#?}");
            assert!(of_tool().any(|line| line.ends_with(", by Server for Server for Suite agent")), "{lines:#?}");
        }
        // When the tokens are forgotten, it is still known who acted.
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(FORGET).execute(c).await.map(drop)).expect("they go");
        tx.commit(host.now()).await.expect("a commit");
        let shown = unescape(&browser.get(&format!("/account/connections/{grant}")).await.body);
        assert!(shown.contains("<bdi>Server</bdi>"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_no_token_is_exchanged() {
    for (setup, is_on) in [(Setup::default(), false), (exchanging(), true)] {
        let gateway = setup.start(crate::support::Engine::Sqlite).await;
        let answer = reqwest::get(gateway.at("/.well-known/oauth-authorization-server")).await.expect("an answer");
        let document: Value = answer.json().await.expect("JSON");
        assert_eq!(document["grant_types_supported"].as_array().expect("a list").contains(&json!(GRANT)), is_on);
        let front = server(&gateway, &gateway.mcp_url()).await;
        let code = if is_on { "invalid_request" } else { "unsupported_grant_type" };
        assert_refused(&exchange(&front, "blg_at_junk", &[]).await, StatusCode::BAD_REQUEST, code);
    }
}
