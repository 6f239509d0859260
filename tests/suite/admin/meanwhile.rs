//! Operators who stop being one, or are signed out, between the moment they are let in and the moment they act.

use belgie::identity::By;
use belgie_api::{UserId, on};
use reqwest::StatusCode;

use super::{at, operator, record};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Connected, Form, Page, TestGateway, waits_for_lock};

const END: &str = "UPDATE core_sessions SET revoked_at = $1 WHERE user_id = $2";
const DEMOTE: &str = "UPDATE core_users SET scopes = '[]', updated_at = $1 WHERE id = $2";

/// Every act of operators, by the page with its form and what is filled in.
const ACTS: [(&str, &str, &[(&str, &str)]); 7] = [
    ("ban", "ban", &[]),
    ("delete", "delete", &[("email", "ada@example.org")]),
    ("scopes", "scopes", &[("scopes", "admin")]),
    ("", "verify", &[]),
    ("", "sessions/end", &[]),
    ("", "connections/end", &[]),
    ("", "unban", &[]),
];

/// Sends the form of an act while another transaction takes away what it relies on by a statement.
async fn send_meanwhile(
    gateway: &TestGateway,
    browser: &Browser,
    form: Form,
    (taking, from): (&'static str, UserId),
    filled: &'static [(&'static str, &'static str)],
) -> Page {
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    on!(&mut tx, c => sqlx::query(taking).bind(host.now()).bind(from).execute(c).await.map(drop)).expect("it goes");
    let mut other = browser.clone();
    let sending = tokio::spawn(async move { other.submit(&form, filled).await });
    waits_for_lock(gateway, 1, &sending).await;
    tx.commit(host.now()).await.expect("a commit");
    sending.await.expect("an answer")
}

on_both_engines! {
    async fn an_operator_who_is_signed_out_or_demoted_at_that_moment_does_nothing(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let user = ada.person.id;
        let (person, mut browser) = operator(&gateway).await;
        for (page, act, filled) in ACTS {
            if act == "unban" {
                // Only who is banned has the form.
                super::act(&mut browser, user, "ban", &[]).await;
            }
            let form = browser.get(&at(user, page)).await.form(&at(user, act));
            let before = record(&gateway, user).await;
            for taking in [END, DEMOTE] {
                let sent = send_meanwhile(&gateway, &browser, form.clone(), (taking, person.id), filled).await;
                let is_refused = sent.status.is_client_error()
                    || sent.status == StatusCode::SEE_OTHER && sent.location().starts_with("/auth/signin");
                assert!(is_refused, "{act}: {} {}", sent.status, sent.body);
                assert_eq!(record(&gateway, user).await, before, "{act}");
                let row = gateway.gateway.identity().row(user).await.expect("an answer").expect("ada is still here");
                assert_eq!(row.banned_at.is_some(), act == "unban", "{act}");
                assert!(row.scopes == ada.person.scopes && row.email_verified_at.is_none(), "{act}");
                revive(&gateway, person.id).await;
            }
        }
    }
}

/// Gives the operator back what was taken.
async fn revive(gateway: &TestGateway, operator: UserId) {
    const SESSIONS: &str = "UPDATE core_sessions SET revoked_at = NULL WHERE user_id = $1";
    const SCOPES: &str = "UPDATE core_users SET scopes = '[\"admin\"]' WHERE id = $1";
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    for statement in [SESSIONS, SCOPES] {
        on!(&mut tx, c => sqlx::query(statement).bind(operator).execute(c).await.map(drop)).expect("it is back");
    }
    tx.commit(host.now()).await.expect("a commit");
}

on_both_engines! {
    async fn a_person_is_held_before_their_sessions_are_ended(gateway: TestGateway) {
        const HOLD: &str = "UPDATE core_users SET updated_at = updated_at WHERE id = $1";
        let ada = gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", PASSWORD).await;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(HOLD).bind(ada.id).execute(c).await.map(drop)).expect("ada is held");
        let running = std::sync::Arc::clone(&gateway.gateway);
        let ending = tokio::spawn(async move { running.identity().end_sessions_by(ada.id, By::Host).await });
        waits_for_lock(&gateway, 1, &ending).await;
        assert!(!ending.is_finished(), "nobody ends sessions of somebody who is held");
        tx.commit(host.now()).await.expect("a commit");
        assert_eq!(ending.await.expect("an answer").expect("they end"), 1);
        assert!(!browser.is_signed_in().await);
    }
}
