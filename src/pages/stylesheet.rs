//! The one stylesheet. Its address carries its hash, so browsers may keep it for ever.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use belgie_api::crypto::sha256;

/// The stylesheet of every page.
#[derive(Clone, Debug)]
pub struct Stylesheet {
    path: String,
    text: String,
}

impl Stylesheet {
    /// Gives a text its address.
    #[must_use]
    pub fn new(text: String) -> Self {
        let digest = sha256(text.as_bytes());
        let hash: String = digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path: format!("/assets/belgie-{hash}.css"),
            text,
        }
    }

    /// The path it is served at.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The answer to a request for it.
    #[must_use]
    pub fn response(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (headers, self.text.clone()).into_response()
    }
}
