//! What is on record about an organization, for those who may read it.

use std::collections::BTreeMap;

use belgie_api::Result;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::ports::{AuditPage, Stretch};
use belgie_api::web::SignedIn;

use super::forms::said;
use super::{Service, actor};
use crate::model::permission;
use crate::pages;
use crate::routes::wire::lines;
use crate::service::Sought;

/// How many entries a page shows.
const SHOWN: u32 = 50;

/// `GET /organizations/{organization}/audit`
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Query(sought): Query<Sought>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    details.powers.must_allow(permission::AUDIT_READ)?;
    let wanted = match (sought.read(&organizations, &actor, id).await, sought.place()) {
        (Ok(wanted), Ok(before)) => Ok((wanted, Stretch::Before(before, SHOWN))),
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
    };
    let (found, error) = match wanted {
        Ok((wanted, stretch)) => (organizations.list_record(&actor, id, &wanted, stretch).await?, None),
        Err(failure) if failure.status() == belgie_api::axum::http::StatusCode::NOT_FOUND => {
            (AuditPage::default(), Some(failure.message().to_owned()))
        }
        Err(failure) => (AuditPage::default(), Some(said(failure)?)),
    };
    let sees_members = details.powers.may(permission::MEMBER_READ);
    let names = if sees_members { organizations.names_in(id, &found.records).await? } else { BTreeMap::new() };
    let shown = pages::Record { sought: &sought, found: &found, names: &names };
    pages::record(&organizations, &visitor, &details, &shown, error.as_deref())
}

/// `GET /organizations/{organization}/audit.jsonl`
pub async fn download(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Query(sought): Query<Sought>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let wanted = sought.read(&organizations, &actor, id).await?;
    let slug = organizations.details(&actor, id).await?.organization.slug;
    Ok(lines(organizations.export_record(&actor, id, wanted, None).await?, Some(&format!("{slug}-audit.jsonl"))))
}
