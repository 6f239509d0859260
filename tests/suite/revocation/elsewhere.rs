//! Taken away by another process: by the command line beside the gateway, and by a second node on the same database.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use belgie::Gateway;
use belgie_api::clock::SystemClock;
use belgie_api::entropy::SystemEntropy;
use belgie_api::{Clock, Event, GrantId, UserId};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::{PROMISED, by_cookie, note, refused_after};
use crate::on_both_engines;
use crate::support::{Connected, Engine, EventStream, TestGateway, eventually};

/// Runs the program beside the gateway, as its operator would.
async fn belgie(gateway: &TestGateway, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(arguments).arg("--json").stdin(Stdio::null());
    match gateway.engine() {
        Engine::Sqlite => command.arg("--data-dir").arg(gateway.data_dir()),
        Engine::Postgres(_) => command.arg("--config").arg(gateway.config_file()),
    };
    let output = command.output().await.expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A second node with a port of its own.
async fn second_node(gateway: &TestGateway) -> (Arc<Gateway>, String) {
    let node = gateway.second_node().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("its address"));
    let server = Arc::clone(&node);
    tokio::spawn(async move { server.serve(listener).await });
    (node, url)
}

on_both_engines! {
    async fn an_account_deleted_on_the_command_line_is_refused_within_a_second(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let session = ada.session().await;
        let stream = EventStream::open(session.get()).await;
        let begin = Instant::now();
        belgie(&gateway, &["user", "delete", "--email", "ada@example.org"]).await;
        note(&gateway, "the command line, start to end", begin.elapsed());
        let latency = refused_after(&ada).await;
        note(&gateway, "account deleted on the command line", latency);
        stream.rest().await;
    }
}

on_both_engines! {
    async fn a_client_revoked_on_the_command_line_is_refused_within_a_second(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let said = belgie(&gateway, &["client", "revoke", &ada.agent.client_id]).await;
        assert_eq!(said["grants_revoked"], 1, "{said}");
        note(&gateway, "client revoked on the command line", refused_after(&ada).await);
    }
}

on_both_engines! {
    async fn a_session_revoked_on_the_command_line_is_refused_at_once(gateway: TestGateway) {
        let ada = gateway.signed_in("ada@example.org").await;
        let with_cookie = || by_cookie(&gateway, &ada, "whoami");
        assert_eq!(with_cookie().send().await.expect("an answer").status(), StatusCode::OK);
        let sessions = belgie(&gateway, &["session", "list", "--email", "ada@example.org"]).await;
        let id = sessions[0]["id"].as_str().expect("a session").to_owned();
        belgie(&gateway, &["session", "revoke", &id]).await;
        // Cookies are looked up every time: no news are needed.
        assert_eq!(with_cookie().send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn an_account_deleted_on_another_node_is_refused_within_a_second(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.org").await;
        let node = gateway.second_node().await;
        ada.is_let_in().await;
        assert!(node.identity().delete(ada.person.id).await.expect("an answer"));
        note(&gateway, "account deleted on another node", refused_after(&ada).await);
        bob.is_let_in().await;
    }
}

on_both_engines! {
    async fn a_connection_cut_here_is_cut_on_the_other_node(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let (_node, there) = second_node(&gateway).await;
        let url = std::mem::replace(&mut ada.mcp_url, there);
        ada.is_let_in().await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(ada.modern().request("subscriptions/listen", filter)).await;
        assert!(stream.next().await.is_some());

        let form = ada.browser.get("/account").await.form("/account/connections/revoke");
        ada.browser.submit(&form, &[]).await;
        let cut = Instant::now();
        note(&gateway, "connection cut on another node", refused_after(&ada).await);
        stream.rest().await;
        note(&gateway, "its open stream there", cut.elapsed());
        assert!(cut.elapsed() < PROMISED);
        ada.mcp_url = url;
        ada.is_refused().await;
    }
}

/// Makes an event true, as whatever changes something does.
async fn emit(gateway: &Gateway, event: Event) {
    let mut tx = gateway.host().db().begin().await.expect("a transaction");
    tx.emit(event);
    tx.commit(SystemClock.now()).await.expect("a commit");
}

on_both_engines! {
    async fn news_of_ones_own_do_not_come_back_to_end_what_began_since(gateway: TestGateway) {
        let own = Event::UserChanged { user: UserId::new(&SystemClock, &SystemEntropy) };
        let marker = Event::GrantRevoked { grant: GrantId::new(&SystemClock, &SystemEntropy) };
        let heard: Arc<Mutex<Vec<Event>>> = Arc::default();
        let (ear, wanted) = (Arc::clone(&heard), [own.clone(), marker.clone()]);
        gateway.gateway.host().db().bus().subscribe(Arc::new(move |event: &Event| {
            if wanted.contains(event) {
                ear.lock().expect("no test panics in here").push(event.clone());
            }
        }));
        emit(&gateway.gateway, own.clone()).await;
        // It stands behind the other in the order, so when it has come the other has been read, too.
        emit(gateway.second_node().await.as_ref(), marker.clone()).await;
        let all = || heard.lock().expect("no test panics in here").clone();
        eventually("the other node is heard", || all().contains(&marker)).await;
        assert_eq!(all(), [own, marker]);
    }
}
