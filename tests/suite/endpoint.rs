//! The endpoint `/mcp` in both protocol eras: what it promises to clients, and what attackers try on it.

mod cancel;
mod guarded;
mod log;
mod messages;
mod paths;
mod places;
mod refusals;
mod sessions;
mod slowness;
mod tools;

use belgie_api::plugin::ScopeInfo;
use reqwest::{RequestBuilder, Response};

use crate::support::{Connected, Engine, Setup, TestGateway};

/// An answer, with every byte of its body, less what is new in each.
#[derive(Debug, PartialEq, Eq)]
struct Exact {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Exact {
    async fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().await.expect("an answer")).await
    }

    async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let mut headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        headers.sort();
        Self { status, headers, body: response.text().await.expect("a text") }
    }

    /// The same answer of a gateway at another address.
    fn replace(mut self, from: &str, to: &str) -> Self {
        for (_, value) in &mut self.headers {
            *value = value.replace(from, to);
        }
        self.body = self.body.replace(from, to);
        self
    }
}

/// A gateway on SQLite, for what no database has a part in, and Ada with her agent.
async fn visit(setup: Setup) -> (TestGateway, Connected) {
    let gateway = setup.start(Engine::Sqlite).await;
    let ada = Connected::new(&gateway, "ada@example.org").await;
    (gateway, ada)
}

/// A scope that is given to whoever asks for it.
fn scope(name: &'static str) -> ScopeInfo {
    ScopeInfo::on_request(name, "Try something out")
}
