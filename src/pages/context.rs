//! What every page is told besides its own context.

use belgie_api::UserId;
use belgie_api::context::UserContext;
use belgie_api::ports::SiteLinks;
use belgie_api::web::Visitor;
use serde_json::{Value, json};

/// The value of `page`.
pub(super) fn page(visitor: &Visitor, title: &str, site_name: &str, css_url: &str, links: &SiteLinks) -> Value {
    json!({
        "title": title,
        "site_name": site_name,
        "css_url": css_url,
        "links": links,
        "csrf_token": &*visitor.csrf_token,
        "request_id": &*visitor.info.id,
        "impersonator": visitor
            .caller
            .as_ref()
            .and_then(|caller| caller.principal().presence())
            .and_then(|presence| presence.impersonator),
        "user": visitor.caller.as_ref().map(|caller| user(caller.user())),
        "is_operator": is_operator(visitor),
        "impersonator": impersonator(visitor),
    })
}

/// The operator who wears the session of the signed-in person, if it is so: their id.
fn impersonator(visitor: &Visitor) -> Option<UserId> {
    visitor.caller.as_ref()?.principal().presence()?.impersonator
}

/// Whether the pages for operators are there for this visitor.
fn is_operator(visitor: &Visitor) -> bool {
    let is_admin = visitor.caller.as_ref().is_some_and(|caller| caller.user().scopes.has_named("admin"));
    is_admin && impersonator(visitor).is_none()
}

/// The signed-in person.
pub(super) fn user(user: &UserContext) -> Value {
    json!({ "email": user.email, "name": user.name, "initial": initial(user) })
}

/// The letter that stands for a person without a picture.
fn initial(user: &UserContext) -> String {
    let name = [&user.name, &user.email].into_iter().find_map(|text| text.trim().chars().next());
    name.map(|first| first.to_uppercase().collect()).unwrap_or_default()
}
