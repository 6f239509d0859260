//! `POST /device_authorization` (RFC 8628 section 3.1), and the pages on which people let a device in.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{RawQuery, State};
use belgie_api::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::{RequestInfo, SignedIn, Visitor};
use serde_json::json;

use super::authorize::show;
use super::wire::{OAuthError, read_client, read_form, unkept};
use crate::model::params::Params;
use crate::pages;
use crate::service::{DEVICE, OAuth};

type Service = State<Arc<OAuth>>;

/// Where devices begin.
pub const PATH: &str = "/device_authorization";

/// Gives a device the two codes.
pub async fn begin(
    State(oauth): Service,
    info: RequestInfo,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    oauth.host().limits().take(LimitBucket::Token, &info.ip.to_string()).await?;
    let params = read_form(&headers, &body)?;
    let (presented, used_header) = read_client(&headers, &params)?;
    let client =
        oauth.authenticate_from(presented, info.ip).await.map_err(|failure| OAuthError::new(failure, used_header))?;
    oauth.count_call(LimitBucket::Client, PATH, &client, info.ip).await?;
    let begun = oauth.begin_device(&client, &params).await?;
    let page = oauth.host().urls().absolute(DEVICE);
    let body = json!({
        "device_code": begun.device_code.expose(),
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={}", begun.user_code),
        "expires_in": begun.expires_in.as_secs(),
        "interval": begun.interval,
    });
    Ok(unkept(StatusCode::OK, &body))
}

/// `GET /device`: asks for the code. One that stands in the address is filled in, and nothing more: the person compares it with
/// what the device shows (RFC 8628 section 3.3.1).
pub async fn page(
    State(oauth): Service,
    SignedIn { visitor, .. }: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let params = Params::read(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    typing(&oauth, &visitor, params.get("user_code").unwrap_or_default(), None)
}

/// `POST /device`: finds the device of a code, and asks the person as any agent would.
pub async fn find(
    State(oauth): Service,
    SignedIn { caller, visitor }: SignedIn,
    headers: HeaderMap,
    body: String,
) -> Result<Response> {
    let params = Params::read(body.as_bytes()).unwrap_or_default();
    let typed = params.get("user_code").unwrap_or_default();
    let found = oauth.find_device(&caller, visitor.info.ip, typed).await?;
    let Some(found) = found else {
        return typing(
            &oauth,
            &visitor,
            typed,
            Some("No device waits with this code. Look at it again, or start again there."),
        );
    };
    oauth.see_that_nothing_is_left(&caller, &found.request).await?;
    let way = pages::Way { here: DEVICE, user_code: Some(&found.user_code) };
    show(&oauth, (&visitor, &headers), &found.request, way).await
}

/// `GET /device/allowed`
pub async fn allowed(State(oauth): Service, SignedIn { visitor, .. }: SignedIn) -> Result<Response> {
    done(&oauth, &visitor, true)
}

/// `GET /device/denied`
pub async fn denied(State(oauth): Service, SignedIn { visitor, .. }: SignedIn) -> Result<Response> {
    done(&oauth, &visitor, false)
}

fn typing(oauth: &OAuth, visitor: &Visitor, typed: &str, error: Option<&str>) -> Result<Response> {
    let mut page =
        oauth.host().pages().page(visitor, pages::DEVICE, "Connect a device", pages::device(typed, error))?;
    if error.is_some() {
        *page.status_mut() = StatusCode::BAD_REQUEST;
    }
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(page)
}

fn done(oauth: &OAuth, visitor: &Visitor, is_allowed: bool) -> Result<Response> {
    let title = if is_allowed { "Device connected" } else { "Device turned away" };
    oauth.host().pages().page(visitor, pages::DEVICE_DONE, title, json!({ "is_allowed": is_allowed }))
}
