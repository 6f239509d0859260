//! `GET /jwks` (RFC 7517 section 5): the public keys that our tokens are checked with.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Response};

use crate::model::key::PUBLISHED_FRESH;
use crate::service::{OAuth, PublishedKeys};

/// Where the key set is.
pub const PATH: &str = "/jwks";

/// Keys that wait, that sign and that signed something still in force. There is none while nothing was ever signed.
pub async fn show(State(oauth): State<Arc<OAuth>>, headers: HeaderMap) -> Result<Response> {
    let PublishedKeys { body, etag } = oauth.published_keys().await?;
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| has_tag(known.as_bytes(), &etag));
    let kept = format!("public, max-age={}", PUBLISHED_FRESH.as_secs());
    let kept = [(header::CACHE_CONTROL, kept), (header::ETAG, etag)];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(header::CONTENT_TYPE, "application/jwk-set+json")], body).into_response())
}

/// Whether a list of entity tags names this one (RFC 9110 section 13.1.2: compared weakly).
fn has_tag(list: &[u8], etag: &str) -> bool {
    let list = std::str::from_utf8(list).unwrap_or_default();
    list.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::has_tag;

    #[test]
    fn any_of_the_tags_may_be_ours() {
        for list in ["\"a\"", "\"b\", W/\"a\"", "*"] {
            assert!(has_tag(list.as_bytes(), "\"a\""), "{list}");
        }
        assert!(!has_tag(b"\"ab\", a", "\"a\""));
    }
}
