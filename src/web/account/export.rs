//! Everything that is kept about a person, to take along.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use belgie_api::web::Present;
use belgie_api::{Failure, Result};
use serde_json::{Map, Value, json};

use super::super::Web;

/// `GET /account/export`
pub async fn download(State(web): State<Arc<Web>>, Present { caller, .. }: Present) -> Result<Response> {
    let mut parts = Map::new();
    let (exported_at, core) = web.identity.export(&caller).await?;
    parts.insert("core".to_owned(), core);
    for part in &web.exports {
        parts.insert(part.id().to_owned(), part.export(caller.user().id).await?);
    }
    let document = json!({ "exported_at": exported_at, "site": web.urls.issuer(), "data": Value::Object(parts) });
    let text = serde_json::to_string_pretty(&document).map_err(Failure::internal)?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\""),
    ];
    Ok((headers, text).into_response())
}
