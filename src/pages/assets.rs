//! Files that pages load. Their addresses contain their content's hash, so browsers may keep them for ever.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use belgie_api::crypto::sha256;
use bytes::Bytes;

/// The stylesheet and its address. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Assets {
    css: Bytes,
    css_url: Arc<str>,
}

impl Assets {
    /// 64 bits of the hash tell the sheets of one host apart for good.
    pub(super) fn new(stylesheet: String) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = sha256(stylesheet.as_bytes());
        let hash = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        Self { css: Bytes::from(stylesheet), css_url: format!("/assets/belgie-{hash:016x}.css").into() }
    }

    /// The path of the stylesheet: `/assets/belgie-<first 16 hexadecimal digits of its SHA-256>.css`.
    #[must_use]
    pub fn css_url(&self) -> &str {
        &self.css_url
    }

    /// Serves the stylesheet at its path, and nothing else.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let assets = self.clone();
        Router::new().route(&self.css_url, get(async move || assets.stylesheet()))
    }

    fn stylesheet(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/css; charset=utf-8"),
            // RFC 8246: what is behind this address never changes.
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (headers, self.css.clone()).into_response()
    }
}
