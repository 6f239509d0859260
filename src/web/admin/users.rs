//! Looking for people.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use belgie_api::{Result, Scope, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use crate::identity::setup::ADMIN;
use crate::store::users::UserRow;
use crate::web::Web;

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

/// `GET /admin/users`
pub async fn page(State(web): State<Arc<Web>>, operator: Operator, Query(wanted): Query<Wanted>) -> Result<Response> {
    let (rows, has_more) = web.identity.search(&wanted.q, &wanted.after).await?;
    let link = |after: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &wanted.q)
            .append_pair("after", after)
            .finish();
        format!("/admin/users?{query}")
    };
    let next = rows.last().filter(|_| has_more).map(|row| link(&row.email));
    let first = (!wanted.after.is_empty()).then(|| link(""));
    let now = web.clock.now();
    let context = json!({
        "q": wanted.q,
        "people": rows.iter().map(|row| describe(row, now)).collect::<Vec<_>>(),
        "next": next,
        "first": first,
    });
    web.pages.page(&operator.visitor, "admin_users.html", "People", context)
}

/// A person, as lists and pages show them.
pub fn describe(row: &UserRow, now: Timestamp) -> Value {
    let name = [&row.name, &row.email].into_iter().find_map(|text| text.trim().chars().next());
    let is_banned = row.is_banned(now);
    json!({
        "id": row.id,
        "href": format!("/admin/users/{}", row.id),
        "email": row.email,
        "name": row.name,
        "initial": name.map(|first| first.to_uppercase().to_string()).unwrap_or_default(),
        "scopes": row.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "is_operator": row.scopes.has_named(ADMIN),
        "is_verified": row.email_verified_at.is_some(),
        "is_banned": is_banned,
        "ban_reason": row.ban_reason.as_deref().filter(|_| is_banned).unwrap_or_default(),
        "banned_since": row.banned_at.filter(|_| is_banned).map(Timestamp::day),
        "banned_until": row.banned_until.filter(|_| is_banned).map(Timestamp::day),
        "has_password": row.password_hash.is_some(),
        "created_at": row.created_at.day(),
        "created_at_iso": row.created_at,
    })
}
