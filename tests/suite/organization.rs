//! Organizations: what people, programs, agents and the operator do with them.

mod acting;
mod agent_tools;
mod agents;
mod authorization;
mod closely;
mod coming_back;
mod command_line;
mod connected;
mod invitations;
mod letters;
pub mod live;
mod members;
mod organizations;
mod pages;
mod people;
mod program;
mod races;
mod renamed;
mod roles;
mod services;

use belgie_api::context::UserContext;
use belgie_api::ports::Use;
use belgie_api::{OrgId, UserId};
use belgie_organization::{Actor, NewOrganization, OrganizationRecord, Organizations, read_roles};
use reqwest::StatusCode;
use serde_json::{Value, json};

pub use crate::provider::{call, prove, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, TestGateway};

/// What applications are lent.
pub fn organizations(gateway: &TestGateway) -> Use<Organizations> {
    gateway.gateway.provided::<Organizations>().expect("organizations")
}

/// A new person with a proven address, and a browser they are signed in with.
pub async fn known(gateway: &TestGateway, email: &str) -> (UserContext, Browser) {
    let user = gateway.person(email).await;
    prove(gateway, &user).await;
    let mut browser = gateway.browser();
    browser.sign_in(email, PASSWORD).await;
    (user, browser)
}

/// An organization of somebody.
pub async fn owned_by(gateway: &TestGateway, owner: UserId, slug: &str) -> OrganizationRecord {
    let new =
        NewOrganization { name: format!("The {slug}"), slug: Some(slug.to_owned()), ..NewOrganization::default() };
    organizations(gateway).create_for(owner, new).await.expect("an organization")
}

/// Puts somebody into an organization.
pub async fn join(gateway: &TestGateway, id: OrgId, user: UserId, roles: &str) {
    let roles = read_roles([roles]).expect("roles");
    organizations(gateway).add_member(&Actor::host(), id, user, &roles).await.expect("a member");
}

/// The address of an endpoint.
pub fn at(organization: &str, act: &str) -> String {
    format!("/auth/organization/{organization}{act}")
}

/// Sends JSON that must be taken, and gives what came of it.
pub async fn done(browser: &mut Browser, path: &str, body: Value) -> Value {
    let (status, said) = call(browser, path, body).await;
    assert!(status.is_success(), "{path}: {status} {said}");
    said
}

/// Sends JSON that must be refused, and gives the code.
pub async fn refused(browser: &mut Browser, path: &str, body: Value) -> (StatusCode, String) {
    let (status, said) = call(browser, path, body).await;
    assert!(!status.is_success(), "{path}: {said}");
    (status, said["error"].as_str().unwrap_or_default().to_owned())
}

/// Invites an address, and gives the id of the invitation.
pub async fn invite(browser: &mut Browser, organization: &str, email: &str) -> String {
    let said = done(browser, &at(organization, "/invite"), json!({ "email": email, "role": "member" })).await;
    said["id"].as_str().expect("an id").to_owned()
}

/// The address of an act on an invitation.
pub fn invitation(id: &str, act: &str) -> String {
    format!("/auth/organization/invitation/{id}{act}")
}

/// The roles of a member, as the list shows them to this person.
pub async fn roles_of(browser: &mut Browser, organization: &str, user: UserId) -> Option<Value> {
    let (_, said) = read(browser, &at(organization, "/members")).await;
    let members = said["members"].as_array().cloned().unwrap_or_default();
    members.into_iter().find(|member| member["user_id"] == user.to_string()).map(|member| member["roles"].clone())
}
