//! The outbox: mail that is shown instead of sent, while somebody develops on this machine. Elsewhere it is not there.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result};
use serde_json::{Value, json};

use super::Web;
use super::by_mail::private;
use super::visit::Frames;
use crate::mail::Waiting;

async fn mails(web: &Web) -> Result<Vec<Waiting>> {
    let outbox = web.outbox.as_ref().ok_or_else(not_here)?;
    outbox.list_waiting(web.host.db()).await
}

fn not_here() -> Failure {
    Failure::not_found("web.not_found", "There is nothing at this address.")
}

/// `GET /dev/outbox`
pub async fn page(State(web): State<Arc<Web>>, visitor: Visitor) -> Result<Response> {
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
    let mails: Vec<Value> = mails(&web).await?.iter().map(describe).collect();
    let mut response = web.pages.page(&visitor, "outbox.html", "Outbox", json!({ "mails": mails }))?;
    response.extensions_mut().insert(Frames::OfOurs);
    Ok(private(response))
}

/// `GET /dev/outbox/{id}`: the mail as HTML, in a sandbox.
pub async fn html(State(web): State<Arc<Web>>, Path(id): Path<String>) -> Result<Response> {
    let mail = mails(&web).await?.into_iter().find(|waiting| waiting.id.to_string() == id).ok_or_else(not_here)?;
    let mut response = Html(mail.mail.html).into_response();
    response.extensions_mut().insert(Frames::Sandboxed);
    Ok(private(response))
}
