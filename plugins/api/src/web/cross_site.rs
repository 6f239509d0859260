//! Tells requests a browser makes for another site from our own.
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site`; older ones in `Origin`. A request with neither header
//! was not made by a browser, so nobody was tricked into it. Forms carry a token besides.

use axum::http::{HeaderMap, HeaderName, header};

use crate::ports::Urls;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a changing request was made by a page of another site.
pub fn is_foreign(headers: &HeaderMap, urls: &Urls) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (text(SEC_FETCH_SITE), text(header::ORIGIN)) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(origin)) => origin != urls.issuer(),
        (None, None) => false,
    }
}

/// Whether a browser says that a page of ours made this request.
pub fn is_ours(headers: &HeaderMap, urls: &Urls) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes() == urls.issuer().as_bytes())
        && !is_foreign(headers, urls)
}

/// Whether a browser says that a page of ours made this request, which may be one that changes nothing: browsers leave
/// `Origin` out of those.
pub fn is_by_our_page(headers: &HeaderMap, urls: &Urls) -> bool {
    let is_same_origin = headers.get(SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"same-origin");
    !is_foreign(headers, urls) && (is_same_origin || is_ours(headers, urls))
}
