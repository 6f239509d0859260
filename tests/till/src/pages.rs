//! The pages of the stand-in: where one pretends to pay, and the portal, where one cancels.

use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::json;

use super::shop::Shop;

const LABEL: &str = "A stand-in for Stripe. No money moves here.";

/// Answers what a browser asks for; `None` for everything else.
pub(super) fn answer(shop: &mut Shop, method: &Method, path: &str) -> Option<Response> {
    if let Some(id) = path.strip_prefix("/c/pay/") {
        return Some(if method == Method::POST { pay(shop, id) } else { form(path, "Pretend to pay") });
    }
    let id = path.strip_prefix("/p/session/")?;
    Some(if method == Method::POST { cancel(shop, id) } else { form(path, "Pretend to cancel") })
}

fn form(action: &str, does: &str) -> Response {
    let form = format!("<form method=\"post\" action=\"{action}\"><button>{does}</button></form>");
    let head = "<!doctype html><html lang=\"en\"><title>Stand-in</title><link rel=\"icon\" href=\"data:,\">";
    Html(format!("{head}<p>{LABEL}</p>{form}")).into_response()
}

fn closed() -> Response {
    (StatusCode::GONE, "This page is closed.").into_response()
}

fn pay(shop: &mut Shop, id: &str) -> Response {
    shop.pay(id).map_or_else(closed, |location| Redirect::to(&location).into_response())
}

/// The subscription ends with its period, and the browser goes back to where it came from.
fn cancel(shop: &mut Shop, id: &str) -> Response {
    let Some(session) = shop.portals.get(id).cloned() else { return closed() };
    let Some(subscription) = session["_cancels"].as_str() else { return closed() };
    let now = Shop::now();
    shop.change(subscription, |own| {
        own["cancel_at_period_end"] = json!(true);
        own["canceled_at"] = json!(now);
    });
    Redirect::to(session["return_url"].as_str().unwrap_or_default()).into_response()
}
