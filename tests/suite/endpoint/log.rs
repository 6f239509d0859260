//! Every request leaves one line in the log, also one that nobody waits for any more.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use belgie::telemetry::{LogFormat, TelemetrySettings, subscriber};
use serde_json::{Value, json};

use super::visit;
use crate::support::{Setup, eventually};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens as long as it lives.
struct Listening {
    _thread: tracing::subscriber::DefaultGuard,
    _other: tracing::Dispatch,
}

impl Log {
    /// Listens to this thread.
    fn listen(&self) -> Listening {
        // Where there is but one subscriber, tracing asks the thread that comes by an event first whether anybody wants it, for
        // all threads and for good; and other tests have none. So there are two.
        let other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let settings = TelemetrySettings { filter: "off,belgie::request=info".to_owned(), format: LogFormat::Json };
        let writer = self.clone();
        let own = subscriber(&settings, false, move || writer.clone()).expect("a filter");
        Listening { _thread: tracing::subscriber::set_default(own), _other: other }
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(text).expect("a text");
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }

    fn abandoned(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["outcome"] == "abandoned").collect()
    }
}

/// On one thread: everything the gateway says is said on it, and nothing that other tests say.
#[tokio::test]
async fn who_hangs_up_before_the_answer_leaves_a_line_in_the_log() {
    for direct in [true, false] {
        let log = Log::default();
        let _listening = log.listen();
        let setup = Setup::default().with_probe().config(&format!("[mcp]\ndirect_path = {direct}"));
        let (gateway, ada) = visit(setup).await;
        ada.is_let_in().await;
        let before = log.lines();
        let answered = before.last().expect("a line");
        assert_eq!((&answered["http.status"], &answered["tool.name"]), (&json!(200), &json!("echo")), "{answered}");
        assert_eq!(log.abandoned(), Vec::<Value>::new());

        let hang = ada.modern().request("tools/call", json!({ "name": "hang", "arguments": {} }));
        let waiting = tokio::spawn(hang.send());
        gateway.probe.begun(1).await;
        assert_eq!(log.lines().len(), before.len(), "nothing is said while it runs");
        waiting.abort();
        gateway.probe.ended(1).await;
        eventually("the line is there", || log.lines().len() > before.len()).await;
        let [line] = <[Value; 1]>::try_from(log.abandoned()).expect("one line");
        assert_eq!(line["message"], "request");
        assert_eq!((&line["http.method"], &line["http.route"]), (&json!("POST"), &json!("/mcp")), "{line}");
        assert!(line["request.id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
        assert!(line["took_ms"].is_number() && line.get("http.status").is_none(), "{line}");
        assert!(!line.to_string().contains("ada@"), "{line}");
        assert_eq!(log.lines().len(), before.len() + 1, "one line and no other");
    }
}
