//! Name and picture.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::Result;
use belgie_api::ports::UserChanges;
use belgie_api::web::SignedIn;
use serde::Deserialize;
use serde_json::json;

use super::super::Web;
use super::facts;

#[derive(Deserialize)]
pub struct Profile {
    #[serde(default)]
    name: String,
    remove_image: Option<String>,
}

/// `GET /account/profile`
pub async fn page(State(web): State<Arc<Web>>, SignedIn { caller, visitor }: SignedIn) -> Result<Response> {
    let context = json!({ "account": facts(&web, &caller).await? });
    web.pages.page(&visitor, "account_profile.html", "Your profile", context)
}

/// `POST /account/profile`
pub async fn save(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<Profile>,
) -> Result<Response> {
    // A name is one line wherever it is shown.
    let name: String = form.name.chars().filter(|c| !c.is_control()).collect();
    let image = form.remove_image.is_some().then_some(None);
    let changes = UserChanges { name: Some(name), image, ..UserChanges::default() };
    web.identity.change_own(&caller, &visitor.info, &changes).await?;
    Ok(Redirect::to("/account?done=profile").into_response())
}
