//! Whoever follows the record gets each entry once and leaves none out; and an export ends with what began it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use belgie_api::ports::{AuditFilter, Use};
use belgie_api::{Caller, State, ToolSet, access, tool};
use belgie_organization::{Actor, Organizations};
use futures::StreamExt;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::reading::open;
use crate::on_both_engines;
use crate::organization::{at, join, known, organizations, owned_by, read};
use crate::support::{Browser, Connected, Modern, Setup, TestGateway};

/// After this long what was written stands still.
const SETTLED: Duration = Duration::from_secs(61);

#[derive(Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    end: Arc<Notify>,
}

/// A tool that runs until it is told to end.
fn slow(state: &Slow) -> ToolSet<Slow> {
    async fn run(State(slow): State<Slow>) -> String {
        slow.begun.notify_one();
        slow.end.notified().await;
        "done".to_owned()
    }
    ToolSet::new(state.clone()).tool(tool("dawdle", "Takes its time").plain(), access(), run)
}

/// What there is behind a place, and the place to go on from.
async fn behind(browser: &mut Browser, cursor: &str) -> (Vec<String>, String) {
    let (status, said) = read(browser, &at("acme", &format!("/audit?type=decision&after={cursor}&limit=2"))).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let entries = said["entries"].as_array().expect("entries").iter();
    let targets = entries.map(|entry| entry["target"].as_str().unwrap_or_default().to_owned()).collect();
    (targets, said["next"].as_str().expect("a place").to_owned())
}

on_both_engines! {
    async fn a_call_that_began_before_and_ended_after_is_not_lost(engine: Engine) {
        let slow_tool = Slow::default();
        let set = slow(&slow_tool);
        let gateway = Setup::default().build(|builder| builder.tools(set)).start(engine).await;
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let finished = async {
            slow_tool.begun.notified().await;
            agent.call().await;
            assert_eq!(behind(&mut of_ada, "start").await, (vec![], "start".to_owned()), "it may not stand still yet");
            gateway.clock.advance(SETTLED);
            let (first, cursor) = behind(&mut of_ada, "start").await;
            assert_eq!(first, ["echo"], "the other one still runs");
            slow_tool.end.notify_one();
            cursor
        };
        let modern = agent.modern();
        let (reply, cursor) = tokio::join!(modern.call("dawdle", json!({})), finished);
        assert_eq!(reply.text(), "done", "{}", reply.body);
        gateway.gateway.archive().flush().await.expect("written");
        gateway.clock.advance(SETTLED);
        let (then, next) = behind(&mut of_ada, &cursor).await;
        assert_eq!(then, ["dawdle"], "it stands before the other one, and comes after it");
        assert_eq!(behind(&mut of_ada, &next).await, (vec![], next.clone()), "and only once");
    }
}

on_both_engines! {
    async fn whoever_follows_gets_everything_once_in_pieces_of_any_size(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, bob.id, "rose").await;
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let elsewhere = Connected::of(&gateway, &bob, "connections:read", Some(rose.id)).await;
        let (mut ids, mut cursor) = (Vec::new(), "start".to_owned());
        for _ in 0..3 {
            for _ in 0..3 {
                agent.call().await;
                elsewhere.call().await;
                gateway.clock.advance(Duration::from_secs(1));
            }
            gateway.gateway.archive().flush().await.expect("written");
            gateway.clock.advance(SETTLED);
            loop {
                let (_, said) = read(&mut of_ada, &at("acme", &format!("/audit?after={cursor}&limit=2"))).await;
                let entries = said["entries"].as_array().expect("entries");
                assert!(entries.iter().all(|entry| entry["organization"] == json!(acme.id) && entry["ip"].is_null()));
                ids.extend(entries.iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()));
                said["next"].as_str().expect("a place").clone_into(&mut cursor);
                if entries.is_empty() {
                    break;
                }
            }
        }
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "none twice");
        let (_, all) = read(&mut of_ada, &at("acme", "/audit")).await;
        let all: BTreeSet<&str> = all["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["id"].as_str()).collect();
        assert_eq!(ids.iter().map(String::as_str).collect::<BTreeSet<_>>(), all, "none left out");
        // As lines, and for the operator, who follows all organizations at once.
        let lines = open(&mut of_ada, &at("acme", "/audit?format=jsonl&after=start")).await.body;
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(lines.iter().filter_map(|line| line["id"].as_str()).collect::<Vec<_>>(), ids);
        let (ok, said) = gateway.program(&["audit", "export", "--org", "acme", "--after", "yesterday"]).await;
        assert!(!ok && said["error"] == "audit.after_invalid", "{said}");
        let (status, said) = read(&mut of_ada, &at("acme", "/audit?after=usr_1")).await;
        assert_eq!((status, said["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_request")));
    }
}

type Seen = Arc<Mutex<Option<Caller>>>;

/// A tool that remembers who called it.
fn remembering(seen: &Seen) -> ToolSet<Seen> {
    async fn run(State(seen): State<Seen>, caller: Caller) -> String {
        *seen.lock().expect("whole") = Some(caller);
        "seen".to_owned()
    }
    ToolSet::new(Arc::clone(seen)).tool(tool("remember", "Remembers who calls").plain(), access(), run)
}

/// Puts more on record than an export reads at a time.
async fn fill(gateway: &TestGateway, organizations: &Use<Organizations>, actor: &Actor, id: belgie_api::OrgId) {
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    for room in 0..600 {
        organizations.record(&mut tx, actor, "room.booked", id, json!({ "room": room })).await.expect("on record");
    }
    tx.commit(host.now()).await.expect("committed");
}

/// Reads a piece of an export: how many entries it has, or that it broke off.
async fn piece(body: &mut axum::body::BodyDataStream) -> Option<Result<usize, axum::Error>> {
    let bytes = body.next().await?;
    Some(bytes.map(|bytes| String::from_utf8_lossy(&bytes).lines().count()))
}

on_both_engines! {
    async fn an_export_ends_with_the_session_that_began_it(engine: Engine) {
        let seen = Seen::default();
        let set = remembering(&seen);
        let gateway = Setup::default().build(|builder| builder.tools(set)).start(engine).await;
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let organizations = organizations(&gateway);
        fill(&gateway, &organizations, &Actor::user(ada.id), acme.id).await;
        let modern = Modern { client: &of_ada.raw().clone(), url: &gateway.mcp_url(), token: None };
        let call = modern.request("tools/call", json!({ "name": "remember", "arguments": {} }));
        of_ada.send(call.header("origin", &gateway.url)).await;
        let caller = seen.lock().expect("whole").clone().expect("a caller");
        assert!(caller.session().is_some(), "in a session");
        let export = async || -> axum::body::BodyDataStream {
            let actor = Actor::caller(&caller);
            let body: Body = organizations.shared().export_record(&actor, acme.id, AuditFilter::default(), None).await.expect("an export");
            body.into_data_stream()
        };
        let (mut whole, mut cut) = (export().await, export().await);
        for part in [500, 101] {
            assert_eq!(piece(&mut whole).await.expect("a piece").expect("whole"), part);
        }
        assert_eq!(piece(&mut cut).await.expect("a piece").expect("whole"), 500);
        of_ada.post("/auth/signout", &[]).await;
        assert!(piece(&mut cut).await.expect("a piece").is_err(), "the session is over");
    }
}

on_both_engines! {
    async fn an_export_ends_with_the_role_and_with_the_membership(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        let organizations = organizations(&gateway);
        fill(&gateway, &organizations, &Actor::user(ada.id), acme.id).await;
        let export = async || {
            let body = organizations.shared().export_record(&Actor::user(bob.id), acme.id, AuditFilter::default(), None).await;
            body.expect("an export").into_data_stream()
        };
        let member = belgie_organization::read_roles(["member"]).expect("roles");
        let admin = belgie_organization::read_roles(["admin"]).expect("roles");
        let mut first = export().await;
        assert_eq!(piece(&mut first).await.expect("a piece").expect("whole"), 500);
        organizations.set_roles(&Actor::host(), acme.id, bob.id, &member).await.expect("set");
        assert!(piece(&mut first).await.expect("a piece").is_err(), "the role is gone");
        organizations.set_roles(&Actor::host(), acme.id, bob.id, &admin).await.expect("set");
        let mut second = export().await;
        assert_eq!(piece(&mut second).await.expect("a piece").expect("whole"), 500);
        organizations.remove_member(&Actor::host(), acme.id, bob.id).await.expect("removed");
        assert!(piece(&mut second).await.expect("a piece").is_err(), "the membership is gone");
    }
}
