//! Applications of people and organizations, on pages.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::extract::{Form, Path, Query, State};
use belgie_api::axum::http::StatusCode;
use belgie_api::axum::response::Response;
use belgie_api::web::{Present, SignedIn, form};
use belgie_api::{Caller, ClientId, Failure, OrgId, Result};
use serde::Deserialize;

use super::wire::see_other;
use crate::model::details::Offers;
use crate::model::owned::Owner;
use crate::pages::clients::{self as pages, ClientForm, Made, Which};
use crate::service::{ADDRESSES_CHANGED, Doer, OAuth, Trust};

type Service = State<Arc<OAuth>>;
type Fields = Vec<(String, String)>;

/// Whose applications a page shows.
#[derive(Debug, Deserialize)]
pub struct Asked {
    organization: Option<OrgId>,
    #[serde(default)]
    all: bool,
}

/// `GET /account/clients`
pub async fn page(
    oauth: Service,
    SignedIn { caller, visitor }: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let which = if asked.all { Which::All } else { Which::Of(oauth.owner_of(&caller, asked.organization)) };
    pages::list(&oauth, &visitor, &caller, which, None).await
}

/// `GET /account/clients/new`, in a fresh session.
pub async fn new_page(
    oauth: Service,
    Present { caller, visitor }: Present,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let owner = oauth.owner_of(&caller, asked.organization);
    pages::new(&oauth, &visitor, &caller, owner, &ClientForm::default(), None).await
}

/// `POST /account/clients/new`, in a fresh session: shows the secret, if there is one, once.
pub async fn create(
    oauth: Service,
    Present { caller, visitor }: Present,
    Form(fields): Form<Fields>,
) -> Result<Response> {
    let filled = ClientForm::of(&fields);
    let owner = owner_in(&oauth, &caller, &fields)?;
    let doer = Doer { caller: &caller, info: Some(&visitor.info) };
    let made = match filled.wish() {
        Ok(wish) => oauth.create_owned(doer, owner, wish).await,
        Err(failure) => Err(failure),
    };
    match made {
        Ok(new) => pages::list(&oauth, &visitor, &caller, Which::Of(owner), Some(Made::of(&new))).await,
        Err(failure) => {
            let error = form::said(failure)?;
            let page = pages::new(&oauth, &visitor, &caller, owner, &filled, Some(&error)).await?;
            Ok(form::not_taken(page))
        }
    }
}

/// `GET /account/clients/{client}`, in a fresh session: whoever changes where answers go changes who gets them.
pub async fn edit_page(
    oauth: Service,
    Present { caller, visitor }: Present,
    Path(id): Path<String>,
) -> Result<Response> {
    let client = oauth.find_managed(&caller, &ClientId::from_wire(id)).await?;
    pages::edit(&oauth, &visitor, &client, &ClientForm::from(&client), None)
}

/// `POST /account/clients/{client}`, in a fresh session.
pub async fn update(
    oauth: Service,
    Present { caller, visitor }: Present,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response> {
    let (id, filled) = (ClientId::from_wire(id), ClientForm::of(&fields));
    let client = oauth.find_managed(&caller, &id).await?;
    let doer = Doer { caller: &caller, info: Some(&visitor.info) };
    let saved = match filled.change(&client, Offers::of(oauth.settings(), &oauth.host().catalog()?.scopes)) {
        Ok(change) => oauth.update_owned(doer, &id, change).await,
        Err(failure) => Err(failure),
    };
    match saved {
        Ok(client) => see_other(&pages::list_of(&caller, &client)),
        Err(failure) => {
            let error = form::said(failure)?;
            Ok(form::not_taken(pages::edit(&oauth, &visitor, &client, &filled, Some(&error))?))
        }
    }
}

/// `GET /account/clients/{client}/secret`, in a fresh session.
pub async fn secret_page(
    oauth: Service,
    Present { caller, visitor }: Present,
    Path(id): Path<String>,
) -> Result<Response> {
    let client = oauth.find_managed(&caller, &ClientId::from_wire(id)).await?;
    pages::act(&oauth, &visitor, &caller, &client, pages::Act::Secret, None)
}

/// `POST /account/clients/{client}/secret`, in a fresh session: shows the new one, once.
pub async fn rotate(
    oauth: Service,
    Present { caller, visitor }: Present,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response> {
    let overlap = form::value(&fields, "overlap").parse().map(Duration::from_secs).unwrap_or_default();
    let doer = Doer { caller: &caller, info: Some(&visitor.info) };
    let new = oauth.rotate_owned(doer, &ClientId::from_wire(id), overlap).await?;
    let which = pages::which_of(&caller, &new.client);
    pages::list(&oauth, &visitor, &caller, which, Some(Made::of(&new))).await
}

/// `GET /account/clients/{client}/delete`, in a fresh session.
pub async fn delete_page(
    oauth: Service,
    Present { caller, visitor }: Present,
    Path(id): Path<String>,
) -> Result<Response> {
    let client = oauth.find_managed(&caller, &ClientId::from_wire(id)).await?;
    pages::act(&oauth, &visitor, &caller, &client, pages::Act::Delete, None)
}

/// `POST /account/clients/{client}/delete`, in a fresh session.
pub async fn delete(oauth: Service, Present { caller, visitor }: Present, Path(id): Path<String>) -> Result<Response> {
    let id = ClientId::from_wire(id);
    let client = oauth.find_managed(&caller, &id).await?;
    oauth.delete_owned(Doer { caller: &caller, info: Some(&visitor.info) }, &id).await?;
    see_other(&pages::list_of(&caller, &client))
}

/// `GET /account/clients/{client}/trust`, for operators in a fresh session.
pub async fn trust_page(
    oauth: Service,
    Present { caller, visitor }: Present,
    Path(id): Path<String>,
) -> Result<Response> {
    let client = oauth.find_managed(&caller, &ClientId::from_wire(id)).await?;
    pages::act(&oauth, &visitor, &caller, &client, pages::Act::Trust, None)
}

/// `POST /account/clients/{client}/trust`, for operators in a fresh session.
pub async fn trust(
    oauth: Service,
    Present { caller, visitor }: Present,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response> {
    let (id, doer) = (ClientId::from_wire(id), Doer { caller: &caller, info: Some(&visitor.info) });
    // What the operator was shown is what they vouch for.
    let shown = form::values(&fields, "redirect_uri");
    let trust = if form::value(&fields, "trusted") == "yes" { Trust::Shown(&shown) } else { Trust::Gone };
    match oauth.set_trust(Some(doer), &id, trust).await {
        Ok(_) => see_other("/account/clients?all=true"),
        Err(failure) if failure.code() == ADDRESSES_CHANGED => {
            let (client, error) = (oauth.find_managed(&caller, &id).await?, form::said(failure)?);
            Ok(form::not_taken(pages::act(&oauth, &visitor, &caller, &client, pages::Act::Trust, Some(&error))?))
        }
        Err(failure) => Err(failure),
    }
}

fn owner_in(oauth: &OAuth, caller: &Caller, fields: &Fields) -> Result<Owner> {
    match form::value(fields, "organization") {
        "" => Ok(oauth.owner_of(caller, None)),
        id => match id.parse() {
            Ok(organization) => Ok(oauth.owner_of(caller, Some(organization))),
            Err(_) => {
                Err(Failure::with_status(StatusCode::NOT_FOUND, "client.not_yours", "There is no such organization."))
            }
        },
    }
}
