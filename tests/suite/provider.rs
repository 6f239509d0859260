//! Signing in with other providers, and what attackers try on it.

mod answers;
mod banned;
mod dangerous;
mod ends;
mod forms;
mod google;
mod internal;
mod joining;
mod limits;
mod linking;
mod meanwhile;
mod microsoft;
mod native;
mod newcomers;
mod notices;
mod presence;
mod presets;
mod program;
mod recovery;
mod settings;
mod sign_in;
mod strict;
mod tabs;
mod targets;
mod tokens;
mod unavailable;

use belgie_api::context::UserContext;
use belgie_api::ports::UserChanges;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Browser, Idp, Page, Setup, TestGateway, unescape};

/// Makes two tests of one, each with a gateway and a provider of its own.
macro_rules! with_idp {
    (async fn $name:ident($gateway:ident, $idp:ident $(, setup = $setup:expr)?) $body:block) => {
        $crate::on_both_engines! {
            async fn $name(engine: Engine) {
                let $idp = $crate::support::Idp::start().await;
                let setup = with_idp!(@setup $($setup)?);
                let $gateway = setup(&$idp).start(engine).await;
                $body
            }
        }
    };
    (@setup $setup:expr) => { $setup };
    (@setup) => { |idp: &$crate::support::Idp| $crate::provider::open(&idp.table("")) };
}
use with_idp;

/// A gateway that takes new people and has these tables of providers.
fn open(tables: &str) -> Setup {
    closed(&format!("[sign_up]\nopen = true\n{tables}"))
}

/// A gateway that has these tables of providers.
fn closed(tables: &str) -> Setup {
    Setup::default().config(&format!("[outbound]\ndanger_allow_loopback = true\n{tables}"))
}

/// Where a sign-in begins.
const START: &str = "/auth/provider/acme/start";

/// From a path of ours to the provider, where the person agrees, and back.
async fn through(browser: &mut Browser, idp: &Idp, path: &str) -> Page {
    let out = browser.get(path).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{}", out.body);
    browser.get(&idp.agree_by_query(&out.location())).await
}

/// Signs in with the provider.
async fn sign_in(browser: &mut Browser, idp: &Idp) -> Page {
    through(browser, idp, START).await
}

/// A browser in which whoever sits in front of the provider is signed in.
async fn arrived(gateway: &TestGateway, idp: &Idp) -> Browser {
    let mut browser = gateway.browser();
    let page = sign_in(&mut browser, idp).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    assert!(browser.is_signed_in().await);
    browser
}

/// Links with the provider, through the account page.
async fn link(browser: &mut Browser, idp: &Idp) -> Page {
    let form = browser.get("/auth/provider/acme/link").await.form("/auth/provider/acme/link");
    let out = browser.submit(&form, &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{}", out.body);
    browser.get(&idp.agree_by_query(&out.location())).await
}

/// What a script of our own pages sends, and the answer.
pub async fn call(browser: &mut Browser, path: &str, body: Value) -> (StatusCode, Value) {
    let request = browser.raw().post(browser.address(path)).header("sec-fetch-site", "same-origin").json(&body);
    let page = browser.send(request).await;
    (page.status, serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("no JSON: {}", page.body)))
}

/// What a script of our own pages reads.
pub async fn read(browser: &mut Browser, path: &str) -> (StatusCode, Value) {
    let request = browser.raw().get(browser.address(path)).header("sec-fetch-site", "same-origin");
    let page = browser.send(request).await;
    (page.status, serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("no JSON: {}", page.body)))
}

/// Whether the page says this is wrong, and that nobody is signed in.
async fn assert_refused(browser: &mut Browser, page: &Page, code: &str) {
    assert!(page.status.is_client_error() || page.status.as_u16() > 500, "{}: {}", page.status, page.body);
    let body = unescape(&page.body);
    assert!(body.contains(&format!("<code>{code}</code>")), "{code} is not in {body}");
    assert!(body.contains("href=\"/auth/signin"), "the page shows a way on: {body}");
    assert!(!browser.is_signed_in().await);
}

/// Proves the address of an account.
pub async fn prove(gateway: &TestGateway, user: &UserContext) {
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    let changes = UserChanges { email_verified: Some(true), ..UserChanges::default() };
    host.accounts().update(&mut tx, user.id, &changes).await.expect("an answer").expect("an account");
    tx.commit(host.now()).await.expect("it happened");
}

/// Everybody with an account, by address.
async fn people(gateway: &TestGateway) -> Vec<UserContext> {
    gateway.gateway.identity().list().await.expect("a list").into_iter().map(|(user, _)| user).collect()
}
