//! (a) What the call costs when nobody is asked: one route, JSON in, JSON out.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::cell::Era;
use crate::wire::{PATH, TOOL};

pub fn routes() -> Router {
    Router::new().route(PATH, post(answer))
}

async fn answer(body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (id, params) = (&request["id"], &request["params"]);
    let result = match request["method"].as_str() {
        Some("tools/call") if params["name"] == TOOL => match params["arguments"]["text"].as_str() {
            Some(text) => Ok(json!({
                "resultType": "complete",
                "content": [{ "type": "text", "text": text }],
                "isError": false,
            })),
            None => Err(json!({ "code": -32602, "message": "text is missing" })),
        },
        Some("initialize") => Ok(json!({
            "protocolVersion": Era::Legacy.version(),
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "hand", "version": "0" },
        })),
        Some("notifications/initialized") => return StatusCode::ACCEPTED.into_response(),
        _ => Err(json!({ "code": -32601, "message": "unknown method" })),
    };
    match result {
        Ok(result) => Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response(),
        Err(error) => Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response(),
    }
}
