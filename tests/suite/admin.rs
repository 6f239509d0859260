//! What operators do to people, and what everybody else tries on the pages for operators.

mod agents;
mod bans;
pub mod command_line;
mod impersonation;
mod last_one;
mod meanwhile;
mod pages;
mod proven;
mod worn;

use belgie_api::UserId;
use belgie_api::context::UserContext;

use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Page, TestGateway};

/// The address of the operator in these tests.
const OPERATOR: &str = "operator@example.org";

/// An operator and a browser of theirs.
pub async fn operator(gateway: &TestGateway) -> (UserContext, Browser) {
    let person = gateway.person_with(OPERATOR, "admin").await;
    let mut browser = gateway.browser();
    browser.sign_in(OPERATOR, PASSWORD).await;
    (person, browser)
}

/// The same where addresses are to be proven.
async fn operator_at_home(gateway: &TestGateway) -> (UserContext, Browser) {
    let person = gateway.person_with(OPERATOR, "admin").await;
    let mut browser = gateway.browser();
    browser.sign_in(OPERATOR, PASSWORD).await;
    browser.fill(&gateway.letter_to(OPERATOR).await.link(), "/auth/verify", &[]).await;
    browser.sign_in(OPERATOR, PASSWORD).await;
    (person, browser)
}

/// The address of what operators do to a person.
fn at(user: UserId, act: &str) -> String {
    if act.is_empty() { format!("/admin/users/{user}") } else { format!("/admin/users/{user}/{act}") }
}

/// Opens the page of an act and sends its form.
pub async fn act(browser: &mut Browser, user: UserId, act: &str, filled: &[(&str, &str)]) -> Page {
    let path = at(user, act);
    let form = browser.get(&path).await.form(&path);
    browser.submit(&form, filled).await
}

/// Sends a form that stands on the page of the person.
async fn press(browser: &mut Browser, user: UserId, act: &str) -> Page {
    let form = browser.get(&at(user, "")).await.form(&at(user, act));
    browser.submit(&form, &[]).await
}

/// What is on record about a person: the latest act first.
async fn record(gateway: &TestGateway, user: UserId) -> Vec<String> {
    let acts = gateway.gateway.identity().acts(Some(user), 100).await.expect("the record");
    acts.into_iter().map(|act| act.action).collect()
}
