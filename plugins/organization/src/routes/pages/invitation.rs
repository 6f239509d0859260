//! Where the link of an invitation leads: a page with buttons. Only they use the invitation up.

use belgie_api::axum::extract::{Form, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::{SignedIn, Visitor};
use belgie_api::{PlainToken, Result, TokenKind};
use serde::Deserialize;

use super::forms::{Fields, not_taken, private, said, to, value};
use super::list::answer_one;
use super::{Service, actor};
use crate::model::refusal;
use crate::pages;
use crate::service::{Organizations, ShownInvitation};

/// The query of the link.
#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    token: String,
}

async fn behind(organizations: &Organizations, text: &str) -> Result<(PlainToken, ShownInvitation)> {
    let token = PlainToken::parse_as(TokenKind::Link, text.trim()).ok_or_else(refusal::link_over)?;
    let shown = organizations.invitation_behind(&token).await?.ok_or_else(refusal::link_over)?;
    Ok((token, shown))
}

/// `GET /organizations/invitation?token=`
pub async fn page(State(organizations): Service, visitor: Visitor, Query(link): Query<Link>) -> Result<Response> {
    let (token, shown) = behind(&organizations, &link.token).await?;
    pages::invitation(&organizations, &visitor, &token, &shown, None).map(private)
}

/// `POST /organizations/invitation`
pub async fn answer(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (token, shown) = behind(&organizations, value(&form, "token")).await?;
    let (actor, id) = (actor(&caller, &visitor), shown.invitation.id.to_string());
    match answer_one(&organizations, &actor, &id, value(&form, "decision")).await {
        Ok(path) => Ok(to(&path)),
        Err(failure) => {
            let error = said(failure)?;
            pages::invitation(&organizations, &visitor, &token, &shown, Some(&error)).map(private).map(not_taken)
        }
    }
}
