//! An open event stream, read message by message.

use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// The body of a `text/event-stream`.
pub struct EventStream {
    response: Response,
    text: String,
}

impl EventStream {
    /// Sends a request that is answered with a stream.
    pub async fn open(request: RequestBuilder) -> Self {
        let response = timeout(PATIENCE, request.send()).await.expect("an answer in time").expect("an answer");
        let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_owned());
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(kind.as_deref(), Some(b"text/event-stream".as_slice()));
        Self { response, text: String::new() }
    }

    /// The next message; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        timeout(PATIENCE, self.read()).await.expect("a message or the end in time")
    }

    /// Everything until the end of the stream.
    pub async fn rest(mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }

    async fn read(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let data: String = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                self.text = rest.to_owned();
                if !data.trim().is_empty() {
                    return Some(serde_json::from_str(&data).expect("a JSON message"));
                }
            }
            let bytes = self.response.chunk().await.expect("a stream ends properly")?;
            self.text.push_str(std::str::from_utf8(&bytes).expect("a text"));
        }
    }
}
