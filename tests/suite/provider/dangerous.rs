//! Ways in are added and taken away in a fresh session of the person alone, on pages and in JSON.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{arrived, call, open, people, read, with_idp};
use crate::admin::operator;
use crate::support::{Browser, Idp, TestGateway};

const LINK: &str = "/auth/provider/acme/link";

/// The requests in JSON that change ways in, or show what outlives the session.
const CALLS: [&str; 3] =
    ["/auth/provider/acme/link/id-token", "/auth/provider/acme/unlink", "/auth/provider/acme/refresh-token"];

/// A body that would do for any of them.
async fn body(gateway: &TestGateway, idp: &Idp, path: &str) -> Value {
    if !path.ends_with("id-token") {
        return json!({});
    }
    let (_, nonce) = call(&mut gateway.browser(), "/auth/provider/acme/nonce", json!({})).await;
    json!({ "id_token": idp.id_token(nonce["nonce"].as_str()) })
}

/// The path that takes the linked account away.
async fn unlink_path(browser: &mut Browser) -> String {
    let (_, listed) = read(browser, "/auth/provider/acme/accounts").await;
    format!("/account/unlink/{}", listed["accounts"][0]["id"].as_str().unwrap_or_else(|| panic!("an id in {listed}")))
}

async fn count_links(browser: &mut Browser) -> usize {
    read(browser, "/auth/provider/acme/accounts").await.1["accounts"].as_array().map_or(0, Vec::len)
}

with_idp! {
    async fn a_session_left_alone_links_and_unlinks_nothing(gateway, idp) {
        let mut ada = arrived(&gateway, &idp).await;
        ada.fill("/account/password", "/account/password", &[("password", "some other words entirely")]).await;
        let unlink = unlink_path(&mut ada).await;
        let forms = [ada.get(LINK).await.form(LINK), ada.get(&unlink).await.form(&unlink)];
        gateway.clock.advance(Duration::from_secs(601));
        for form in forms {
            let page = ada.get(&form.action).await;
            let sent = ada.submit(&form, &[]).await;
            let back = format!("/auth/confirm?return_to={}", form.action.replace('/', "%2F"));
            assert_eq!((page.location(), sent.location()), (back.clone(), back), "{}", form.action);
        }
        for path in CALLS {
            let (status, said) = call(&mut ada, path, body(&gateway, &idp, path).await).await;
            assert_eq!((status, said["error"].as_str()), (StatusCode::FORBIDDEN, Some("session_not_fresh")), "{path}");
        }
        assert_eq!(count_links(&mut ada).await, 1);
    }
}

with_idp! {
    async fn an_operator_who_wears_a_session_links_and_unlinks_nothing(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("")))
    {
        let mut ada = arrived(&gateway, &idp).await;
        ada.fill("/account/password", "/account/password", &[("password", "some other words entirely")]).await;
        let (unlink, user) = (unlink_path(&mut ada).await, people(&gateway).await[0].id);
        let (_, mut browser) = operator(&gateway).await;
        browser.fill(&format!("/admin/users/{user}/impersonate"), &format!("/admin/users/{user}/impersonate"), &[]).await;
        let token = browser.get("/account").await.form("/admin/impersonation/end").value("csrf_token");
        for path in [LINK, &unlink] {
            for answer in [browser.get(path).await, browser.post(path, &[("csrf_token", token.as_str())]).await] {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
                assert!(answer.body.contains("This is for the person alone"), "{path}: {}", answer.body);
            }
        }
        for path in CALLS {
            let (status, _) = call(&mut browser, path, body(&gateway, &idp, path).await).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        }
        assert_eq!(count_links(&mut ada).await, 1);
    }
}
