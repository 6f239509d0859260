//! A stranger's web server: publishes what a test tells it to, and counts who comes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use futures::stream::{self, StreamExt};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What is found at an address.
#[derive(Clone, Debug)]
pub enum Published {
    /// A document of this type.
    Document(&'static str, String),
    /// An answer without a document.
    Status(StatusCode),
    /// An answer that leads elsewhere.
    Redirect(String),
    /// A document, but elsewhere than it should be looked for: the status of a failure stands before it.
    Failing(StatusCode, String),
    /// No answer, ever.
    Silence,
    /// The beginning of a document, and nothing after it.
    Stalling,
    /// Spaces without end, of which nobody announced how many.
    Endless,
}

#[derive(Default)]
struct Shelf {
    published: Mutex<HashMap<String, Published>>,
    requests: AtomicUsize,
}

/// The server. It listens on both loopback interfaces, on one port.
pub struct DocumentServer {
    port: u16,
    shelf: Arc<Shelf>,
    connections: Arc<AtomicUsize>,
    serving: Vec<JoinHandle<()>>,
}

impl DocumentServer {
    /// Starts a server with nothing on its shelf.
    pub async fn start() -> Self {
        let first = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = first.local_addr().expect("its address").port();
        // A machine without IPv6 has nothing there that could be reached.
        let second = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port))).await.ok();
        let (shelf, connections) = (Arc::new(Shelf::default()), Arc::new(AtomicUsize::new(0)));
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&shelf));
        let serve = |listener: TcpListener| {
            let (routes, connections) = (routes.clone(), Arc::clone(&connections));
            let listener = listener.tap_io(move |_| {
                connections.fetch_add(1, Ordering::SeqCst);
            });
            tokio::spawn(async move { axum::serve(listener, routes).await.expect("the server runs") })
        };
        let serving = std::iter::once(first).chain(second).map(serve).collect();
        Self { port, shelf, connections, serving }
    }

    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The port, for other ways to write the address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Puts something at a path and gives its address.
    pub fn publish(&self, path: &str, what: Published) -> String {
        self.shelf.published.lock().expect("nobody panicked").insert(path.to_owned(), what);
        self.at(path)
    }

    /// Puts a JSON document at a path and gives its address.
    pub fn publish_json(&self, path: &str, document: &Value) -> String {
        self.publish(path, Published::Document("application/json", document.to_string()))
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many requests were made.
    pub fn requests(&self) -> usize {
        self.shelf.requests.load(Ordering::SeqCst)
    }
}

impl Drop for DocumentServer {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

async fn answer(State(shelf): State<Arc<Shelf>>, uri: Uri) -> Response {
    shelf.requests.fetch_add(1, Ordering::SeqCst);
    let found = shelf.published.lock().expect("nobody panicked").get(uri.path()).cloned();
    match found {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Published::Document(kind, text)) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Some(Published::Status(status)) => status.into_response(),
        Some(Published::Redirect(target)) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
        Some(Published::Failing(status, text)) => {
            (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
        Some(Published::Silence) => std::future::pending().await,
        Some(Published::Stalling) => {
            let beginning = stream::once(ready(Ok::<_, Infallible>("{")));
            Body::from_stream(beginning.chain(stream::pending())).into_response()
        }
        Some(Published::Endless) => {
            Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(" ".repeat(1024)))).into_response()
        }
    }
}
