//! Answers that come as a form of another site.

use belgie_api::db::Pools;
use reqwest::StatusCode;
use serde_json::json;

use super::{START, assert_refused, open, people, with_idp};
use crate::support::idp::param;
use crate::support::{Idp, Page};

fn form_post(idp: &Idp) -> crate::support::Setup {
    open(&idp.table("response_mode = \"form_post\""))
}

/// What the browser does with a form of another site: it sends the form without our cookies.
async fn post_from_elsewhere(gateway: &crate::support::TestGateway, fields: &[(String, String)]) -> Page {
    let mut stranger = gateway.browser();
    let request = stranger.raw().post(gateway.at("/auth/provider/acme/callback"));
    let request = request.header("sec-fetch-site", "cross-site").header("origin", "https://idp.example").form(fields);
    stranger.send(request).await
}

with_idp! {
    async fn an_answer_may_come_as_a_form(gateway, idp, setup = form_post) {
        let mut browser = gateway.browser();
        let out = browser.get(START).await.location();
        assert_eq!(param(&out, "response_mode"), "form_post");
        idp.ways().person = json!({ "sub": "ada-1", "email": "ada@example.org", "email_verified": "true" });
        let mut fields = idp.agree(&out);
        fields.push(("user".into(), r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"evil@x.example"}"#.into()));
        let page = post_from_elsewhere(&gateway, &fields).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
        assert!(!page.headers.contains_key("set-cookie"), "a stranger's cookie would take the place of the person's");
        let back = page.location();
        assert!(!back.contains("code-"), "the code is in no address");

        let page = browser.get(&back).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        assert!(browser.is_signed_in().await);
        let ada = people(&gateway).await[0].clone();
        assert_eq!((ada.name.as_str(), ada.email.as_str()), ("Ada Lovelace", "ada@example.org"), "the name alone counts");
        let mut again = gateway.browser();
        let page = again.get(&back).await;
        assert_refused(&mut again, &page, "state_not_found").await;
    }
}

with_idp! {
    async fn a_form_answer_without_the_cookie_signs_nobody_in(gateway, idp, setup = form_post) {
        let mut attacker = gateway.browser();
        let fields = idp.agree(&attacker.get(START).await.location());
        let back = post_from_elsewhere(&gateway, &fields).await.location();
        let mut victim = gateway.browser();
        let page = victim.get(&back).await;
        assert_refused(&mut victim, &page, "state_mismatch").await;
        assert_eq!(idp.count("/token"), 0);
    }
}

with_idp! {
    async fn a_form_that_was_put_aside_for_one_provider_is_handed_out_at_no_other(gateway, idp,
        setup = |idp: &Idp| open(&format!(
            "{}{}", idp.table("response_mode = \"form_post\""), idp.table_of("other", "response_mode = \"form_post\""))))
    {
        let mut browser = gateway.browser();
        let fields = idp.agree(&browser.get(START).await.location());
        let back = post_from_elsewhere(&gateway, &fields).await.location();
        let page = browser.get(&back.replace("/acme/", "/other/")).await;
        assert_refused(&mut browser, &page, "state_not_found").await;
        assert_eq!(idp.count("/token"), 0);
    }
}

/// How many single-use tokens wait.
async fn waiting(gateway: &crate::support::TestGateway) -> i64 {
    let sql = "SELECT COUNT(*) FROM core_links";
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_one(readers).await.expect("a number"),
        Pools::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number"),
    }
}

with_idp! {
    async fn a_form_that_answers_no_sign_in_of_ours_is_not_kept(gateway, idp, setup = form_post) {
        let mut browser = gateway.browser();
        let fields = idp.agree(&browser.get(START).await.location());
        let before = waiting(&gateway).await;
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        // As well-made as a state of ours, and none.
        let unknown = belgie_api::TokenKind::Link.mint(gateway.gateway.host().entropy()).expose().to_owned();
        for (forged, code) in [
            (vec![field("code", "x")], "state_not_found"),
            (vec![field("code", "x"), field("state", "nonsense")], "state_not_found"),
            (vec![field("code", "x"), field("state", &unknown)], "state_not_found"),
            ([fields.clone(), vec![field("user", &"x".repeat(4096))]].concat(), "oauth_callback_failed"),
        ] {
            let page = post_from_elsewhere(&gateway, &forged).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST);
            assert!(page.body.contains(&format!("<code>{code}</code>")), "{code}: {}", page.body);
        }
        assert_eq!(waiting(&gateway).await, before);
        let back = post_from_elsewhere(&gateway, &fields).await.location();
        browser.get(&back).await;
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn what_waits_for_an_answer_is_gone_once_it_has_ended(gateway, idp, setup = form_post) {
        let fields = idp.agree(&gateway.browser().get(START).await.location());
        post_from_elsewhere(&gateway, &fields).await;
        assert_eq!(waiting(&gateway).await, 2);
        gateway.gateway.identity().purge().await.expect("an answer");
        assert_eq!(waiting(&gateway).await, 2);
        gateway.clock.advance(std::time::Duration::from_secs(601));
        gateway.gateway.identity().purge().await.expect("an answer");
        assert_eq!(waiting(&gateway).await, 0);
    }
}

with_idp! {
    async fn a_handle_nobody_was_given_does_not_queue_with_those_who_write(gateway, idp) {
        let host = gateway.gateway.host();
        let handle = belgie_api::TokenKind::Link.mint(host.entropy());
        let mut browser = gateway.browser();
        // The whole database on SQLite, and the table of handles on Postgres, is somebody else's to write to.
        let mut tx = host.db().begin().await.expect("a transaction");
        if matches!(gateway.pools(), Pools::Postgres(_)) {
            let sql = "LOCK TABLE core_links IN EXCLUSIVE MODE";
            belgie_api::on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect("a lock");
        }
        let path = format!("/auth/provider/acme/callback?answer={}", handle.expose());
        let page = tokio::time::timeout(crate::support::PATIENCE, browser.get(&path)).await.expect("it waits for a writer");
        assert_refused(&mut browser, &page, "state_not_found").await;
        tx.commit(host.now()).await.expect("a commit");
        assert_eq!(idp.count("/token"), 0);
    }
}
