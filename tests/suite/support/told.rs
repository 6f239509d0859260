//! A client that is told when sessions end (OpenID Connect Back-Channel Logout 1.0).

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::eventually;

#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<String>>,
    refusals: Mutex<usize>,
}

/// A client's own server.
pub struct ToldClient {
    /// Where it is told.
    pub url: String,
    ear: Arc<Ear>,
    serving: JoinHandle<()>,
}

impl ToldClient {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/logout", listener.local_addr().expect("its address"));
        let ear = Arc::new(Ear::default());
        let routes = Router::new().route("/logout", post(listen)).with_state(Arc::clone(&ear));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("the server runs") });
        Self { url, ear, serving }
    }

    /// Refuses the next messages.
    pub fn refuse(&self, count: usize) {
        *self.ear.refusals.lock().expect("a number") = count;
    }

    /// The bodies it was sent so far, refused ones too.
    pub fn heard(&self) -> Vec<String> {
        self.ear.heard.lock().expect("bodies").clone()
    }

    /// The logout tokens it was sent, once there are so many.
    pub async fn tokens(&self, count: usize) -> Vec<String> {
        eventually("the client is told", || self.heard().len() >= count).await;
        let token = |body: String| body.strip_prefix("logout_token=").expect("one parameter").to_owned();
        self.heard().into_iter().map(token).collect()
    }
}

impl Drop for ToldClient {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn listen(State(ear): State<Arc<Ear>>, body: String) -> StatusCode {
    ear.heard.lock().expect("bodies").push(body);
    let mut refusals = ear.refusals.lock().expect("a number");
    if *refusals == 0 {
        return StatusCode::OK;
    }
    *refusals -= 1;
    StatusCode::SERVICE_UNAVAILABLE
}
