//! Looking for people.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use belgie_api::{Result, Scope, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use crate::identity::PersonInfo;
use crate::identity::setup::ADMIN;
use crate::web::Web;

#[derive(Deserialize)]
pub struct PeopleQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

/// `GET /admin/users`
pub async fn page(
    State(web): State<Arc<Web>>,
    operator: Operator,
    Query(wanted): Query<PeopleQuery>,
) -> Result<Response> {
    let (people, has_more) = web.identity.list_people(&wanted.q, &wanted.after).await?;
    let link = |after: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &wanted.q)
            .append_pair("after", after)
            .finish();
        format!("/admin/users?{query}")
    };
    let next = people.last().filter(|_| has_more).map(|last| link(&last.email));
    let first = (!wanted.after.is_empty()).then(|| link(""));
    let context = json!({
        "q": wanted.q,
        "people": people.iter().map(describe).collect::<Vec<_>>(),
        "next": next,
        "first": first,
    });
    web.pages.page(&operator.visitor, "admin_users.html", "People", context)
}

/// A person, as lists and pages show them.
pub fn describe(person: &PersonInfo) -> Value {
    let name = [&person.name, &person.email].into_iter().find_map(|text| text.trim().chars().next());
    let ban = person.ban.as_ref();
    json!({
        "id": person.id,
        "href": format!("/admin/users/{}", person.id),
        "email": person.email,
        "name": person.name,
        "initial": name.map(|first| first.to_uppercase().to_string()).unwrap_or_default(),
        "scopes": person.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "is_operator": person.scopes.has_named(ADMIN),
        "is_verified": person.is_verified,
        "is_banned": ban.is_some(),
        "ban_reason": ban.map(|ban| ban.reason.as_str()).unwrap_or_default(),
        "ban_notice": ban.map(|ban| ban.notice.as_str()).unwrap_or_default(),
        "banned_since": ban.map(|ban| ban.since.day()),
        "banned_until": ban.and_then(|ban| ban.until).map(Timestamp::day),
        "has_password": person.has_password,
        "created_at": person.created_at.day(),
        "created_at_iso": person.created_at,
    })
}
