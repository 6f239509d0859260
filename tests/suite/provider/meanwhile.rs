//! What happens while a provider is asked.

use std::sync::Arc;

use belgie::api::db::Pools;
use belgie::identity::By;
use belgie_api::on;
use belgie_api::ports::UserChanges;
use reqwest::StatusCode;
use tokio::runtime::Handle;

use super::{START, arrived, link, open, people, prove, with_idp};
use crate::support::{Idp, TestGateway, waits_for_lock};

async fn links(gateway: &TestGateway) -> i64 {
    let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
    on!(&mut conn, c => sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM oauth_client_accounts").fetch_one(c).await)
        .expect("a count")
}

with_idp! {
    async fn a_session_that_ends_while_the_provider_is_asked_links_nothing(gateway, idp) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        let user = people(&gateway).await.first().expect("ada").id;
        let (identity, runtime) = (gateway.gateway.identity().clone(), Handle::current());
        idp.ways().spoil = Some(Arc::new(move |_, _| {
            tokio::task::block_in_place(|| runtime.block_on(identity.end_sessions_by(user, By::Host))).expect("they end");
        }));
        let page = link(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
        assert_eq!(links(&gateway).await, 0);
    }
}

with_idp! {
    async fn an_account_that_is_being_unlinked_begins_no_session(gateway, idp) {
        // On SQLite nobody can stand between the two steps of a sign-in while a test holds the database.
        if !matches!(gateway.pools(), Pools::Postgres(_)) {
            return;
        }
        arrived(&gateway, &idp).await;
        let user = people(&gateway).await.first().expect("ada").id;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        host.accounts().hold(&mut tx, user).await.expect("an answer").expect("ada");
        on!(&mut tx, c => sqlx::query("DELETE FROM oauth_client_accounts").execute(c).await.map(drop)).expect("it goes");
        let mut browser = gateway.browser();
        let out = browser.get(START).await.location();
        let back = idp.agree_by_query(&out);
        let signing_in = tokio::spawn(async move {
            browser.get(&back).await;
            browser
        });
        waits_for_lock(&gateway, 1, &signing_in).await;
        tx.commit(host.now()).await.expect("a commit");
        assert!(!signing_in.await.expect("an answer").is_signed_in().await);
    }
}

with_idp! {
    async fn the_password_and_the_last_link_do_not_go_together(gateway, idp) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        let user = people(&gateway).await.first().expect("ada").id;
        // The address counts as a way in while mail works, and here none does: these are the two there are.
        let mut form = browser.get("/account/password").await.form("/account/password");
        "/account/password/remove".clone_into(&mut form.action);
        let mut second = browser.clone();
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        host.accounts().hold(&mut tx, user).await.expect("an answer").expect("ada");
        let removing = tokio::spawn(async move { browser.submit(&form, &[]).await.status });
        waits_for_lock(&gateway, 1, &removing).await;
        let unlinking = tokio::spawn(async move {
            super::call(&mut second, "/auth/provider/acme/unlink", serde_json::json!({})).await.0
        });
        waits_for_lock(&gateway, 2, &unlinking).await;
        tx.commit(host.now()).await.expect("a commit");
        let both = [removing.await.expect("an answer"), unlinking.await.expect("an answer")];
        assert_eq!(both.iter().filter(|status| **status == StatusCode::CONFLICT).count(), 1, "{both:?}");
        let mut conn = host.db().read().await.expect("a connection");
        assert_eq!(host.accounts().ways_in(&mut conn, user).await.expect("a count"), 1);
    }
}

with_idp! {
    async fn a_session_that_is_being_ended_unlinks_nothing(gateway, idp) {
        const END: &str = "UPDATE core_sessions SET revoked_at = $1 WHERE user_id = $2";
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        let user = people(&gateway).await.first().expect("ada").id;
        let page = browser.get("/account").await.body;
        let path = page.split('"').find(|part| part.starts_with("/account/unlink/")).expect("a link").to_owned();
        let form = browser.get(&path).await.form(&path);
        let host = gateway.gateway.host();
        let mut by_program = browser.clone();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(END).bind(host.now()).bind(user).execute(c).await.map(drop)).expect("they end");
        let by_page = tokio::spawn(async move { browser.submit(&form, &[]).await });
        waits_for_lock(&gateway, 1, &by_page).await;
        let by_program = tokio::spawn(async move {
            super::call(&mut by_program, "/auth/provider/acme/unlink", serde_json::json!({})).await.0
        });
        waits_for_lock(&gateway, 2, &by_program).await;
        tx.commit(host.now()).await.expect("a commit");
        let page = by_page.await.expect("an answer");
        let is_done = page.status == StatusCode::SEE_OTHER && page.location() == "/account";
        assert!(!is_done, "the session had ended");
        let status = by_program.await.expect("an answer");
        assert!(status.is_client_error(), "{status}");
        assert_eq!(links(&gateway).await, 1);
    }
}

with_idp! {
    async fn an_answer_that_comes_twice_at_once_counts_once(gateway, idp) {
        // On SQLite nobody can stand between the look at a flow and its use while a test holds the database.
        if !matches!(gateway.pools(), Pools::Postgres(_)) {
            return;
        }
        let mut browser = gateway.browser();
        let out = browser.get(START).await.location();
        let back = idp.agree_by_query(&out);
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query("UPDATE core_links SET attempts = attempts").execute(c).await.map(drop)).expect("held");
        let mut answers = Vec::new();
        for count in 1..=2 {
            let (mut tab, back) = (browser.clone(), back.clone());
            let answer = tokio::spawn(async move { tab.get(&back).await.status });
            waits_for_lock(&gateway, count, &answer).await;
            answers.push(answer);
        }
        tx.commit(host.now()).await.expect("a commit");
        let mut statuses = Vec::new();
        for answer in answers {
            statuses.push(answer.await.expect("an answer"));
        }
        statuses.sort();
        assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::BAD_REQUEST], "the second one finds no flow");
        assert_eq!(idp.count("/token"), 1, "the code was sent twice");
    }
}

with_idp! {
    async fn an_account_whose_address_changes_meanwhile_is_not_joined(gateway, idp) {
        const MOVE: &str = "UPDATE core_users SET email = 'moved@example.org' WHERE id = $1";
        // As above.
        if !matches!(gateway.pools(), Pools::Postgres(_)) {
            return;
        }
        let ada = gateway.person("ada@example.org").await;
        prove(&gateway, &ada).await;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(MOVE).bind(ada.id).execute(c).await.map(drop)).expect("it moves");
        let mut browser = gateway.browser();
        let out = browser.get(START).await.location();
        let back = idp.agree_by_query(&out);
        let signing_in = tokio::spawn(async move {
            browser.get(&back).await;
            browser
        });
        waits_for_lock(&gateway, 1, &signing_in).await;
        tx.commit(host.now()).await.expect("a commit");
        let mut browser = signing_in.await.expect("an answer");
        assert!(browser.is_signed_in().await);
        assert!(browser.get("/account").await.body.contains("ada@example.org"), "somebody else's account was joined");
        assert_eq!(people(&gateway).await.len(), 2);
    }
}

/// Gives an account another address while the provider is asked.
async fn moves_meanwhile(gateway: &TestGateway, idp: &Idp, to: &'static str) {
    let user = people(gateway).await.first().expect("somebody").id;
    let (identity, runtime) = (gateway.gateway.identity().clone(), Handle::current());
    let changes = UserChanges { email: Some(to.to_owned()), ..UserChanges::default() };
    idp.ways().spoil = Some(Arc::new(move |_, _| {
        tokio::task::block_in_place(|| runtime.block_on(identity.change(user, &changes))).expect("it moves");
    }));
}

with_idp! {
    async fn an_address_the_account_got_while_the_provider_was_asked_is_not_proven(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("allow_different_link_emails = true")))
    {
        idp.ways().person["email"] = "mallory@evil.example".into();
        let mut mallory = gateway.signed_in("mallory@evil.example").await;
        moves_meanwhile(&gateway, &idp, "victim@example.org").await;
        assert_eq!(link(&mut mallory, &idp).await.location(), "/account");
        let everybody = people(&gateway).await;
        assert_eq!((everybody[0].email.as_str(), everybody[0].email_verified), ("victim@example.org", false));
    }
}

with_idp! {
    async fn an_account_whose_address_changes_meanwhile_is_not_linked_by_the_old_one(gateway, idp) {
        idp.ways().person["email"] = "mallory@evil.example".into();
        let mut mallory = gateway.signed_in("mallory@evil.example").await;
        moves_meanwhile(&gateway, &idp, "victim@example.org").await;
        let page = link(&mut mallory, &idp).await;
        assert!(page.body.contains("<code>email_does_not_match</code>"), "{}", page.body);
        assert_eq!(links(&gateway).await, 0);
        assert!(!people(&gateway).await[0].email_verified);
    }
}
