//! A right that is taken away is gone: for the very next call, for whatever is running or streaming, and within a second
//! when another process takes it.

mod cache;
mod elsewhere;
mod ending;
mod next_call;
mod streams;

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::support::{Browser, Connected, Modern, TestGateway};

/// How soon every other process must know.
const PROMISED: Duration = Duration::from_secs(1);

/// Asks until the agent is refused, and says how long that took.
async fn refused_after(connected: &Connected) -> Duration {
    let begin = Instant::now();
    loop {
        let status = connected.call().await.status;
        let elapsed = begin.elapsed();
        if status == StatusCode::UNAUTHORIZED {
            return elapsed;
        }
        assert_eq!(status, StatusCode::OK);
        assert!(elapsed < PROMISED, "still let in after {elapsed:?}");
    }
}

/// Notes a latency where `--nocapture` shows it.
fn note(gateway: &TestGateway, what: &str, latency: Duration) {
    println!("LATENCY {} {what}: {:.1} ms", gateway.pools().engine_name(), latency.as_secs_f64() * 1000.0);
}

/// A call of a page of ours, which has nothing but the browser's cookie.
fn by_cookie(gateway: &TestGateway, browser: &Browser, tool: &str) -> reqwest::RequestBuilder {
    let (client, url) = (browser.raw().clone(), gateway.mcp_url());
    let cookie = format!("belgie_session={}", browser.cookie("belgie_session").expect("a session"));
    let arguments = serde_json::json!({ "name": tool, "arguments": {} });
    let modern = Modern { client: &client, url: &url, token: None };
    modern.request("tools/call", arguments).header("origin", &gateway.url).header("cookie", cookie)
}
