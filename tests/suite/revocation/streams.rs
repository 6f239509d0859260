//! Whatever is open ends with the right to it.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{PROMISED, by_cookie, note};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, LegacySession, PATIENCE, Probe, Reply, Setup, TestGateway, Tokens, rpc};

/// Expired tokens are looked for every second.
const EXPIRY_IS_SEEN_WITHIN: Duration = Duration::from_secs(2);

/// The parameters of a call that never ends by itself.
fn slow(has_progress: bool) -> Value {
    let mut params = json!({ "name": "slow", "arguments": { "seconds": 300 } });
    if has_progress {
        params["_meta"] = json!({ "progressToken": "p" });
    }
    params
}

/// One of everything that can be open.
struct Everything {
    session: LegacySession,
    streams: Vec<(&'static str, EventStream)>,
    waiting: JoinHandle<Reply>,
}

impl Everything {
    /// Opens a session with its own stream and two calls in it, two calls and a subscription without a session. When
    /// this returns, all of them run.
    async fn open(connected: &Connected, probe: &Probe, already: usize) -> Self {
        let session = connected.session().await;
        let call = |params| session.post(&rpc("tools/call", params));
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let subscription = connected.modern().request("subscriptions/listen", filter);
        let mut streams = vec![
            ("stream of the session", EventStream::open(session.get()).await),
            ("call in a session", EventStream::open(call(slow(false))).await),
        ];
        let mut told = vec![
            ("call in a session, with progress", EventStream::open(call(slow(true))).await),
            ("call, with progress", EventStream::open(connected.modern().request("tools/call", slow(true))).await),
            ("subscription", EventStream::open(subscription).await),
        ];
        for (name, stream) in &mut told {
            assert!(stream.next().await.is_some(), "{name}");
        }
        streams.append(&mut told);
        let request = connected.modern().request("tools/call", json!({ "name": "hang", "arguments": {} }));
        let waiting = tokio::spawn(async move { Reply::read(request.send().await.expect("an answer")).await });
        probe.begun(already + 1).await;
        Self { session, streams, waiting }
    }

    /// Checks that everything ends, the call without a stream with a challenge.
    async fn ends(self) -> LegacySession {
        for (name, stream) in self.streams {
            let rest = stream.rest().await;
            assert!(rest.iter().all(|message| message.get("result").is_none()), "{name}: {rest:?}");
        }
        let reply = timeout(PATIENCE, self.waiting).await.expect("in time").expect("no panic");
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{:?}", reply.body);
        assert!(reply.challenge().contains("error=\"invalid_token\""), "{}", reply.challenge());
        self.session
    }

    /// Checks that what tells its progress still does.
    async fn goes_on(&mut self) {
        for (name, stream) in &mut self.streams {
            if name.contains("progress") {
                let message = stream.next().await.unwrap_or_else(|| panic!("{name} has ended"));
                assert_eq!(message["method"], "notifications/progress", "{name}");
            }
        }
        assert!(!self.waiting.is_finished());
    }
}

on_both_engines! {
    async fn everything_open_ends_with_the_connection(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.org").await;
        let mut others = Everything::open(&bob, &gateway.probe, 0).await;
        let open = Everything::open(&ada, &gateway.probe, 1).await;
        let form = ada.browser.get("/account").await.form("/account/connections/revoke");
        ada.browser.submit(&form, &[]).await;
        let cut = Instant::now();
        let session = open.ends().await;
        note(&gateway, "open streams, cut in this process", cut.elapsed());
        gateway.probe.ended(1).await;
        ada.is_refused().await;
        others.goes_on().await;

        // The session is gone as well: a new agent of hers does not find it, nor does anybody else.
        let stranger = LegacySession { token: bob.tokens.access.clone(), ..session };
        assert_eq!(stranger.send("ping", json!({})).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn everything_open_ends_with_the_token(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let open = Everything::open(&ada, &gateway.probe, 0).await;
        gateway.clock.advance(Duration::from_secs(3601));
        let expired = Instant::now();
        open.ends().await;
        let latency = expired.elapsed();
        note(&gateway, "open streams, expired", latency);
        assert!(latency < EXPIRY_IS_SEEN_WITHIN, "{latency:?}");
        gateway.probe.ended(1).await;
        ada.is_refused().await;
    }
}

on_both_engines! {
    async fn everything_open_ends_with_the_account_on_another_node(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let open = Everything::open(&ada, &gateway.probe, 0).await;
        let node = gateway.second_node().await;
        assert!(node.identity().delete(ada.person.id).await.expect("an answer"));
        let deleted = Instant::now();
        open.ends().await;
        let latency = deleted.elapsed();
        note(&gateway, "open streams, account deleted on another node", latency);
        assert!(latency < PROMISED, "{latency:?}");
        gateway.probe.ended(1).await;
    }
}

on_both_engines! {
    async fn a_running_call_of_a_page_ends_at_sign_out(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        let request = by_cookie(&gateway, &browser, "hang");
        let running = tokio::spawn(async move { request.send().await.expect("an answer").status() });
        gateway.probe.begun(1).await;
        browser.post("/auth/signout", &[]).await;
        let status = timeout(PATIENCE, running).await.expect("in time").expect("no panic");
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        gateway.probe.ended(1).await;
    }
}

on_both_engines! {
    async fn a_session_outlives_the_token_it_was_opened_with_and_its_stream_does_not(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let mut session = ada.session().await;
        let stream = EventStream::open(session.get()).await;
        session.token = Tokens::of(&ada.agent.refresh(&ada.tokens.refresh).await).access;
        assert_eq!(session.call("echo", json!({ "text": "new token" })).await.text(), "new token");

        let fields = [("token", ada.tokens.access.clone()), ("client_id", ada.agent.client_id.clone())];
        assert_eq!(ada.agent.post("/revoke", &fields).await.status, StatusCode::OK);
        assert_eq!(stream.rest().await, Vec::<Value>::new());
        assert_eq!(session.call("echo", json!({ "text": "as before" })).await.text(), "as before");
    }
}

on_both_engines! {
    async fn a_plain_call_in_a_session_ends_with_the_connection(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let session = ada.session().await;
        let request = session.post(&rpc("tools/call", json!({ "name": "brood", "arguments": {} })));
        let running = tokio::spawn(async move { Reply::read(request.send().await.expect("an answer")).await });
        gateway.probe.begun(1).await;
        let form = ada.browser.get("/account").await.form("/account/connections/revoke");
        ada.browser.submit(&form, &[]).await;
        let reply = timeout(PATIENCE, running).await.expect("in time").expect("no panic");
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{:?}", reply.body);
        assert!(reply.challenge().contains("error=\"invalid_token\""), "{}", reply.challenge());
        gateway.probe.ended(1).await;
    }
}
