//! The tokens of linked accounts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belgie_api::db::Pools;
use belgie_api::on;
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{START, arrived, call, link, open, read, with_idp};
use crate::support::gateway::PASSWORD;
use crate::support::idp::param;
use crate::support::{Idp, PATIENCE, TestGateway, eventually};

const FIRST: &str = "q7Xv2Lr9Tz4Kc8Mw1Ns6Bh3Jd5Gf0PyUeAiOxRtQ";
const SECOND: &str = "Zk3Vm8Qt5Yw2Hn9Fc6Xb1Rj4Ls7Dg0PaUoIeTuNy";

const ACCESS: &str = "/auth/provider/acme/access-token";
const REFRESH: &str = "/auth/provider/acme/refresh-token";

/// The whole row as the database has it.
pub async fn row(gateway: &TestGateway) -> (String, String, String) {
    let sql = "SELECT access_token, refresh_token, id_token FROM oauth_client_accounts";
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_as(sql).fetch_one(readers).await.expect("a row"),
        Pools::Postgres(pool) => sqlx::query_as(sql).fetch_one(pool).await.expect("a row"),
    }
}

with_idp! {
    async fn tokens_are_sealed_at_rest(gateway, idp) {
        arrived(&gateway, &idp).await;
        let (access, refresh, id) = row(&gateway).await;
        for sealed in [&access, &refresh, &id] {
            assert!(sealed.starts_with("s1."), "{sealed}");
            assert!(!sealed.contains("access-") && !sealed.contains("refresh-") && !sealed.contains("eyJ"));
        }
    }
}

with_idp! {
    async fn a_flow_under_way_is_sealed_at_rest_and_for_the_browser_it_began_in(gateway, idp) {
        let mut browser = gateway.browser();
        let location = browser.get(START).await.location();
        let sql = "SELECT payload FROM core_links WHERE purpose = 'oauth-client.flow'";
        let kept: Vec<String> = match gateway.pools() {
            Pools::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_all(readers).await.expect("rows"),
            Pools::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await.expect("rows"),
        };
        assert_eq!(kept.len(), 1);
        let nonce = param(&location, "nonce");
        assert!(kept[0].starts_with("s1.") && !kept[0].contains("acme") && !kept[0].contains(&nonce), "{kept:?}");

        let back = idp.agree_by_query(&location);
        let mut thief = gateway.browser();
        let without = thief.get(&back).await;
        super::assert_refused(&mut thief, &without, "state_mismatch").await;
        // A flow of one's own has a cookie of another name; under this name it holds another value.
        let name = browser.cookie_names().into_iter().find(|name| name.starts_with("belgie_oauth_state_")).expect("a cookie");
        thief.plant(&name, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let with_another = thief.get(&back).await;
        super::assert_refused(&mut thief, &with_another, "state_mismatch").await;
        browser.get(&back).await;
        assert!(browser.is_signed_in().await, "nothing was used up by the others");
    }
}

with_idp! {
    async fn a_sealed_token_opens_in_its_own_row_only(gateway, idp) {
        const SWAP: &str = "UPDATE oauth_client_accounts SET access_token = \
             (SELECT other.access_token FROM oauth_client_accounts other WHERE other.id <> oauth_client_accounts.id)";
        // Whoever writes to the database cannot have the token of somebody else handed to them.
        let mut mallory = arrived(&gateway, &idp).await;
        idp.ways().person = json!({ "sub": "bob-1", "email": "bob@example.org", "email_verified": true });
        arrived(&gateway, &idp).await;
        assert_eq!(call(&mut mallory, ACCESS, json!({})).await.0, StatusCode::OK);
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(SWAP).execute(c).await.map(drop)).expect("swapped");
        tx.commit(host.now()).await.expect("a commit");
        let (status, answer) = call(&mut mallory, ACCESS, json!({})).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
        assert!(answer["access_token"].is_null(), "{answer}");
    }
}

with_idp! {
    async fn tokens_are_sealed_again_when_the_secret_has_changed(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("")).top(&format!("secret = \"{FIRST}\"")))
    {
        arrived(&gateway, &idp).await;
        let before = row(&gateway).await;
        let later = gateway.with_other_config(|text| text.replace(FIRST, &format!("{SECOND}\"\nprevious_secret = \"{FIRST}"))).await;
        let user = super::people(&gateway).await[0].id;
        let acme = later.host().provided::<belgie_oauth_client::OAuthClient>().expect("the engine").provider("acme").expect("it");
        let tokens = acme.get_access_token(user, None).await.expect("it opens");
        let (begin, mut looks) = (Instant::now(), tokio::time::interval(Duration::from_millis(2)));
        let mut after = row(&gateway).await;
        while after.0 == before.0 {
            assert!(begin.elapsed() < PATIENCE, "on the side, and soon");
            looks.tick().await;
            after = row(&gateway).await;
        }
        assert!(after.1 != before.1 && after.2 != before.2);
        let alone = gateway.with_other_config(|text| text.replace(FIRST, SECOND)).await;
        let acme = alone.host().provided::<belgie_oauth_client::OAuthClient>().expect("the engine").provider("acme").expect("it");
        let again = acme.get_access_token(user, None).await.expect("it opens without the earlier secret");
        let plain = |tokens: belgie_oauth_client::Tokens| {
            belgie_oauth_client::secrecy::ExposeSecret::expose_secret(&tokens.access_token.expect("a token")).to_owned()
        };
        assert_eq!(plain(again), plain(tokens));
    }
}

with_idp! {
    async fn an_access_token_is_given_as_it_is_until_it_ends_and_renewed_then(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        let (status, first) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!(status, StatusCode::OK, "{first}");
        assert_eq!(first["provider_account_id"], "ada-1");
        assert!(first["access_token"].as_str().expect("a token").starts_with("access-"));
        assert!(first.get("refresh_token").is_none(), "it was not asked for");
        assert_eq!(call(&mut browser, ACCESS, json!({ "providerAccountId": "ada-1" })).await.1, first);

        gateway.clock.advance(Duration::from_secs(3600 - 59));
        let (_, second) = call(&mut browser, ACCESS, json!({})).await;
        assert_ne!(second["access_token"], first["access_token"]);
        assert_eq!(second["scope"], first["scope"], "what the provider leaves out stays");
        let (form, _) = idp.last("/token");
        assert!(form["grant_type"] == "refresh_token" && form["refresh_token"].starts_with("refresh-"));
    }
}

with_idp! {
    async fn a_refresh_gives_new_tokens_and_keeps_what_the_provider_leaves_out(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        let (_, first) = call(&mut browser, ACCESS, json!({})).await;
        let (status, refreshed) = call(&mut browser, REFRESH, json!({})).await;
        assert_eq!(status, StatusCode::OK, "{refreshed}");
        assert_ne!(refreshed["access_token"], first["access_token"], "whatever their end");
        assert!(refreshed["refresh_token"].as_str().expect("a token").starts_with("refresh-"), "kept: {refreshed}");
        assert_eq!(refreshed["scope"], first["scope"]);
        assert_eq!(call(&mut browser, ACCESS, json!({})).await.1["access_token"], refreshed["access_token"]);
    }
}

with_idp! {
    async fn a_refresh_token_is_shown_in_a_fresh_session_only(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        gateway.clock.advance(Duration::from_secs(601));
        let before = idp.count("/token");
        let (status, answer) = call(&mut browser, REFRESH, json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::FORBIDDEN, Some("session_not_fresh")));
        assert_eq!(idp.count("/token"), before);
        assert_eq!(call(&mut browser, ACCESS, json!({})).await.0, StatusCode::OK, "an access token ends by itself");
    }
}

with_idp! {
    async fn an_operator_who_wears_a_session_is_shown_no_token(gateway, idp) {
        arrived(&gateway, &idp).await;
        let ada = super::people(&gateway).await[0].id;
        gateway.person_with("root@example.org", "admin").await;
        let mut operator = gateway.browser();
        operator.sign_in("root@example.org", PASSWORD).await;
        let path = format!("/admin/users/{ada}/impersonate");
        operator.fill(&path, &path, &[]).await;
        assert!(operator.get("/account").await.body.contains("ada@example.org"));
        let before = (idp.count("/token"), idp.count("/userinfo"));
        let mut answers = Vec::new();
        for path in [ACCESS, REFRESH] {
            answers.push(call(&mut operator, path, json!({})).await);
        }
        answers.push(read(&mut operator, "/auth/provider/acme/account-info").await);
        for (status, answer) in answers {
            assert_eq!((status, answer["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("not_authenticated")));
        }
        assert_eq!((idp.count("/token"), idp.count("/userinfo")), before);
    }
}

with_idp! {
    async fn a_node_that_was_slow_does_not_overwrite_what_another_got_meanwhile(gateway, idp) {
        let browser = arrived(&gateway, &idp).await;
        gateway.clock.advance(Duration::from_hours(1));
        let (gate, before) = (Arc::new(Semaphore::new(0)), idp.count("/token"));
        idp.ways().token_gate = Some(Arc::clone(&gate));
        let slow = tokio::spawn({
            let mut browser = browser.clone();
            async move { call(&mut browser, ACCESS, json!({})).await }
        });
        eventually("the slow node asks", || idp.count("/token") > before).await;
        idp.ways().token_gate = None;
        // Longer than every answer of the provider may take together.
        gateway.clock.advance(Duration::from_secs(71));
        let elsewhere = gateway.second_node().await;
        let user = super::people(&gateway).await[0].id;
        let clients = elsewhere.host().provided::<belgie_oauth_client::OAuthClient>().expect("the engine");
        let theirs = clients.provider("acme").expect("it").get_access_token(user, None).await.expect("tokens");
        let theirs = belgie_oauth_client::secrecy::ExposeSecret::expose_secret(&theirs.access_token.expect("a token")).to_owned();
        let kept = row(&gateway).await;
        gate.add_permits(1);
        let (status, ours) = slow.await.expect("an answer");
        assert_eq!((status, ours["access_token"].as_str()), (StatusCode::OK, Some(theirs.as_str())));
        assert_eq!(row(&gateway).await, kept);
    }
}

with_idp! {
    async fn a_sign_in_without_a_refresh_token_lets_a_renewal_finish(gateway, idp) {
        // Tokens that are near their end at once: an hour later nobody could sign in with what is signed now.
        idp.ways().expires_in = 30;
        let mut browser = arrived(&gateway, &idp).await;
        let (before, gate) = (row(&gateway).await, Arc::new(Semaphore::new(0)));
        idp.ways().token_gate = Some(Arc::clone(&gate));
        let asked = idp.count("/token");
        let slow = tokio::spawn(async move { call(&mut browser, ACCESS, json!({})).await });
        eventually("the renewal is under way", || idp.count("/token") > asked).await;
        {
            let mut ways = idp.ways();
            ways.token_gate = None;
            ways.gives_refresh_token = false;
        }
        arrived(&gateway, &idp).await;
        assert_eq!(row(&gateway).await, before, "whoever renews has the row to himself");
        gate.add_permits(1);
        let (status, answer) = slow.await.expect("an answer");
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_ne!(row(&gateway).await.0, before.0, "what the renewal got is kept");
    }
}

with_idp! {
    async fn who_comes_while_another_node_renews_for_long_is_told_to_come_again(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("timeout_seconds = 1")))
    {
        let mut browser = arrived(&gateway, &idp).await;
        gateway.clock.advance(Duration::from_hours(1));
        let sql = "UPDATE oauth_client_accounts SET lease_until = 9000000000000000";
        let done = match gateway.pools() {
            Pools::Sqlite { writer, .. } => sqlx::query(sql).execute(writer).await.map(drop),
            Pools::Postgres(pool) => {
                let sql = sql.replace("9000000000000000", "'2255-01-01T00:00:00Z'");
                sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await.map(drop)
            }
        };
        done.expect("a lease");
        let (status, answer) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("refresh_in_progress")));
        assert!(answer["hint"].as_str().expect("a hint").contains("again"));
    }
}

with_idp! {
    async fn many_at_once_renew_once(gateway, idp) {
        let browser = arrived(&gateway, &idp).await;
        gateway.clock.advance(Duration::from_hours(1));
        let before = idp.count("/token");
        let calls = (0..8).map(|_| {
            let mut browser = browser.clone();
            async move { call(&mut browser, ACCESS, json!({})).await.1["access_token"].clone() }
        });
        let tokens = futures::future::join_all(calls).await;
        assert!(tokens.iter().all(|token| *token == tokens[0] && token.is_string()), "{tokens:?}");
        assert_eq!(idp.count("/token") - before, 1);
    }
}

with_idp! {
    async fn another_node_does_not_renew_what_is_being_renewed(gateway, idp) {
        let browser = arrived(&gateway, &idp).await;
        gateway.clock.advance(Duration::from_hours(1));
        let before = idp.count("/token");
        let elsewhere = gateway.second_node().await;
        let user = super::people(&gateway).await[0].id;
        let clients = elsewhere.host().provided::<belgie_oauth_client::OAuthClient>().expect("the engine");
        let acme = clients.provider("acme").expect("the provider");
        let mut here = browser.clone();
        let (ours, theirs) = tokio::join!(call(&mut here, ACCESS, json!({})), acme.get_access_token(user, None));
        let theirs = theirs.expect("tokens").access_token.expect("a token");
        assert_eq!(ours.1["access_token"], *belgie_oauth_client::secrecy::ExposeSecret::expose_secret(&theirs));
        assert_eq!(idp.count("/token") - before, 1);
    }
}

with_idp! {
    async fn a_provider_that_gives_no_new_tokens_is_told_as_it_is(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        gateway.clock.advance(Duration::from_hours(1));
        idp.ways().token_answer = Some((StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" })));
        let (status, answer) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::BAD_REQUEST, Some("token_refresh_failed")));
        assert_eq!(answer["detail"], answer["error"]);
        assert!(answer["hint"].as_str().expect("a hint").contains("Sign in"));
        idp.ways().token_answer = Some((StatusCode::BAD_GATEWAY, json!({})));
        let (status, answer) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("provider_unreachable")));
        idp.ways().token_answer = None;
        assert_eq!(call(&mut browser, ACCESS, json!({})).await.0, StatusCode::OK, "and it can be tried again");
    }
}

with_idp! {
    async fn a_sign_in_stores_new_tokens_unless_that_is_switched_off(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("update_account_on_sign_in = false")))
    {
        arrived(&gateway, &idp).await;
        let before = row(&gateway).await;
        arrived(&gateway, &idp).await;
        assert_eq!(row(&gateway).await, before);
    }
}

with_idp! {
    async fn the_profile_at_the_provider_is_asked_for_just_now(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        idp.ways().person["name"] = "Countess of Lovelace".into();
        let (status, answer) = read(&mut browser, "/auth/provider/acme/account-info").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["provider_account_id"], "ada-1");
        assert_eq!(answer["user"]["name"], "Countess of Lovelace");
        assert_eq!(answer["user"]["raw"]["email"], "ada@example.org");
        let (status, answer) = read(&mut browser, "/auth/provider/acme/account-info?provider_account_id=other").await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::BAD_REQUEST, Some("account_not_found")));
        idp.ways().person["sub"] = "mallory-1".into();
        let (status, answer) = read(&mut browser, "/auth/provider/acme/account-info").await;
        assert_eq!(answer["error"], "user_info_missing", "the profile of somebody else: {status} {answer}");
    }
}

with_idp! {
    async fn of_several_accounts_one_is_named_or_was_used_last(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("store_account_cookie = true\nallow_different_link_emails = true")))
    {
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        idp.ways().person = json!({ "sub": "ada-2", "email": "ada@work.example", "email_verified": true, "name": "Ada" });
        link(&mut browser, &idp).await;
        let (_, answer) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!(answer["provider_account_id"], "ada-2", "the cookie says which was used last");
        let (_, answer) = call(&mut browser, ACCESS, json!({ "provider_account_id": "ada-1" })).await;
        assert_eq!(answer["provider_account_id"], "ada-1");
        let cookie = browser.cookie("belgie_oauth_account_acme").expect("a cookie").to_owned();
        assert!(cookie.starts_with("s1.") && !cookie.contains("ada"));

        browser.plant("belgie_oauth_account_acme", "nonsense");
        let (status, answer) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::BAD_REQUEST, Some("account_ambiguous")));
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        mallory.plant("belgie_oauth_account_acme", &cookie);
        let (_, answer) = call(&mut mallory, ACCESS, json!({ "provider_account_id": "ada-1" })).await;
        assert_eq!(answer["error"], "account_not_found", "the cookie opens nothing");
    }
}

with_idp! {
    async fn an_account_that_is_unlinked_is_the_last_used_one_no_more(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("store_account_cookie = true\nallow_different_link_emails = true")))
    {
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        idp.ways().person = json!({ "sub": "ada-2", "email": "ada@work.example", "email_verified": true, "name": "Ada" });
        link(&mut browser, &idp).await;
        let (mut phone, stale) = (browser.clone(), "belgie_oauth_account_acme");
        let unlink = "/auth/provider/acme/unlink";
        assert_eq!(call(&mut phone, unlink, json!({ "provider_account_id": "ada-2" })).await.0, StatusCode::OK);
        assert!(phone.cookie(stale).is_none() && browser.cookie(stale).is_some());
        let (status, answer) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!((status, answer["provider_account_id"].as_str()), (StatusCode::OK, Some("ada-1")), "{answer}");
        let (_, accounts) = read(&mut browser, "/auth/provider/acme/accounts").await;
        let path = format!("/account/unlink/{}", accounts["accounts"][0]["id"].as_str().expect("an id"));
        browser.fill(&path, &path, &[]).await;
        assert!(browser.cookie(stale).is_none(), "the page takes the cookie back as well");
    }
}

with_idp! {
    async fn without_an_access_token_there_is_none_to_give(gateway, idp) {
        let mut app = gateway.browser();
        let (_, answer) = call(&mut app, "/auth/provider/acme/nonce", json!({})).await;
        let token = idp.id_token(answer["nonce"].as_str());
        let (status, _) = call(&mut app, "/auth/provider/acme/signin/id-token", json!({ "id_token": token })).await;
        assert_eq!(status, StatusCode::OK);
        for path in [ACCESS, REFRESH] {
            let (status, answer) = call(&mut app, path, json!({})).await;
            assert_eq!((status, answer["error"].as_str()), (StatusCode::BAD_REQUEST, Some("token_missing")), "{path}");
        }
    }
}

with_idp! {
    async fn unknown_fields_are_refused(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        let (status, answer) = call(&mut browser, ACCESS, json!({ "account": "ada-1" })).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_request")));
    }
}

/// What is on record, in order.
pub async fn actions(gateway: &TestGateway) -> Vec<String> {
    let sql = "SELECT action FROM core_audit ORDER BY id";
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_all(readers).await.expect("a list"),
        Pools::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await.expect("a list"),
    }
}

with_idp! {
    async fn a_client_that_hangs_up_loses_no_token_the_provider_has_replaced(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        let (_, first) = call(&mut browser, ACCESS, json!({})).await;
        gateway.clock.advance(Duration::from_hours(1));
        let (gate, asked) = (Arc::new(Semaphore::new(0)), idp.count("/token"));
        {
            let mut ways = idp.ways();
            (ways.rotates, ways.answer_gate) = (true, Some(Arc::clone(&gate)));
        }
        let leaving = tokio::spawn({
            let mut browser = browser.clone();
            async move { call(&mut browser, ACCESS, json!({})).await }
        });
        eventually("the refresh token is used up", || idp.spent() == 1).await;
        leaving.abort();
        assert!(leaving.await.expect_err("no answer").is_cancelled());
        // Once it has answered another request, the gateway has heard that the first one is gone.
        assert_eq!(browser.get("/account").await.status, StatusCode::OK);
        idp.ways().answer_gate = None;
        gate.add_permits(1);
        let (status, second) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!(status, StatusCode::OK, "{second}");
        assert_ne!(second["access_token"], first["access_token"]);
        assert_eq!(idp.count("/token") - asked, 1, "what came for the first one was kept");
        gateway.clock.advance(Duration::from_hours(1));
        let (status, third) = call(&mut browser, ACCESS, json!({})).await;
        assert_eq!((status, idp.spent()), (StatusCode::OK, 2), "the next refresh token was kept, too: {third}");
    }
}
