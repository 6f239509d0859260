//! The outbox: mail that is shown instead of sent, while somebody develops on this machine. Elsewhere it is not there.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result};
use serde_json::{Value, json};

use super::Web;
use super::by_mail::private;
use super::visit::Frames;
use crate::mail::Waiting;

/// Whether the request comes from this machine, and nobody says that it was handed on from elsewhere: a tunnel or a proxy
/// makes a page for this machine one for everybody.
fn is_from_here(visitor: &Visitor, headers: &HeaderMap) -> bool {
    let is_here = |ip: &str| ip.trim().parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    let hops = headers.get_all("x-forwarded-for").iter();
    visitor.info.ip.to_canonical().is_loopback()
        && !headers.contains_key("forwarded")
        && hops.map(|value| value.to_str().unwrap_or_default()).flat_map(|hops| hops.split(',')).all(is_here)
}

async fn mails(web: &Web, visitor: &Visitor, headers: &HeaderMap) -> Result<Vec<Waiting>> {
    if !is_from_here(visitor, headers) {
        return Err(not_here());
    }
    let outbox = web.outbox.as_ref().ok_or_else(not_here)?;
    outbox.list_waiting(web.host.db()).await
}

fn not_here() -> Failure {
    Failure::not_found("web.not_found", "There is nothing at this address.")
}

/// `GET /dev/outbox`
pub async fn page(State(web): State<Arc<Web>>, visitor: Visitor, headers: HeaderMap) -> Result<Response> {
    let describe = |waiting: &Waiting| {
        json!({
            "id": waiting.id,
            "to": waiting.mail.to,
            "subject": waiting.mail.subject,
            "text": waiting.mail.text,
            "written_at": waiting.ago,
            "written_at_iso": waiting.created_at,
        })
    };
    let mails: Vec<Value> = mails(&web, &visitor, &headers).await?.iter().map(describe).collect();
    let mut response = web.pages.page(&visitor, "outbox.html", "Outbox", json!({ "mails": mails }))?;
    response.extensions_mut().insert(Frames::OfOurs);
    Ok(private(response))
}

/// `GET /dev/outbox/{id}`: the mail as HTML, in a sandbox.
pub async fn html(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response> {
    let mut mails = mails(&web, &visitor, &headers).await?.into_iter();
    let mail = mails.find(|waiting| waiting.id.to_string() == id).ok_or_else(not_here)?;
    let mut response = Html(mail.mail.html).into_response();
    response.extensions_mut().insert(Frames::Sandboxed);
    Ok(private(response))
}
