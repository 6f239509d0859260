//! Linking and unlinking by the signed-in person.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{arrived, call, link, open, people, read, with_idp};
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Idp, Page};

fn unlink_path(account_page: &str) -> String {
    let start = account_page.find("/account/unlink/").expect("a link to unlink");
    account_page[start..].chars().take_while(|c| *c != '"').collect()
}

async fn unlink(browser: &mut Browser) -> Page {
    let page = browser.get("/account").await;
    let path = unlink_path(&page.body);
    browser.submit(&page.form(&path), &[]).await
}

with_idp! {
    async fn a_person_links_and_unlinks_an_account(gateway, idp) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        for path in ["/account", "/auth/provider/acme/link"] {
            let page = browser.get(path).await;
            page.form("/auth/provider/acme/link");
            let policy = page.headers["content-security-policy"].to_str().expect("a policy");
            assert!(!policy.contains("form-action"), "the form ends at the provider: {policy}");
        }
        assert_eq!(link(&mut browser, &idp).await.location(), "/account");
        assert!(browser.get("/account").await.body.contains("/account/unlink/"));
        assert_eq!(link(&mut browser, &idp).await.location(), "/account", "linking it again is fine");

        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await.len(), 1);
        assert_eq!(unlink(&mut browser).await.location(), "/account");
        assert!(!browser.get("/account").await.body.contains("/account/unlink/"));
        let (_, answer) = read(&mut browser, "/auth/provider/acme/accounts").await;
        assert_eq!(answer["accounts"], json!([]));
    }
}

with_idp! {
    async fn the_last_way_in_stays(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        let page = browser.get("/account").await.body;
        assert!(page.contains("The only way into your account") && !page.contains("/account/unlink/"));
        let (_, accounts) = read(&mut browser, "/auth/provider/acme/accounts").await;
        let id = accounts["accounts"][0]["id"].as_str().expect("an id").to_owned();
        let page = browser.get(&format!("/account/unlink/{id}")).await;
        assert!(page.body.contains("Set a password or link another account first"));
        let (status, answer) = call(&mut browser, "/auth/provider/acme/unlink", json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::CONFLICT, Some("last_way_in")));
        arrived(&gateway, &idp).await;
    }
}

with_idp! {
    async fn only_what_opens_the_account_is_offered_to_confirm_that_somebody_is_there(gateway, idp) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        gateway.clock.advance(Duration::from_secs(601));
        let is_offered = |page: Page| crate::support::unescape(&page.body).contains("name=\"provider\" value=\"acme\"");
        assert!(!is_offered(browser.get("/auth/confirm").await), "it would sign somebody else in");
        browser.fill("/auth/confirm", "/auth/confirm", &[("password", PASSWORD)]).await;
        assert_eq!(link(&mut browser, &idp).await.location(), "/account");
        gateway.clock.advance(Duration::from_secs(601));
        assert!(is_offered(browser.get("/auth/confirm").await));
    }
}

with_idp! {
    async fn two_at_once_do_not_take_away_the_last_two_ways_in(gateway, idp,
        setup = |idp: &Idp| open(&format!("{}{}", idp.table(""), idp.table_of("other", ""))))
    {
        let mut browser = arrived(&gateway, &idp).await;
        super::through(&mut gateway.browser(), &idp, "/auth/provider/other/start").await;
        let mut second = browser.clone();
        let (one, two) = tokio::join!(
            call(&mut browser, "/auth/provider/acme/unlink", json!({})),
            call(&mut second, "/auth/provider/other/unlink", json!({})),
        );
        let mut statuses = [one.0, two.0];
        statuses.sort();
        assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
    }
}

with_idp! {
    async fn an_account_of_somebody_else_cannot_be_linked(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("allow_different_link_emails = true")))
    {
        arrived(&gateway, &idp).await;
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        let page = link(&mut mallory, &idp).await;
        assert_eq!(page.status, StatusCode::CONFLICT);
        assert!(page.body.contains("account_already_linked_to_different_user"), "{}", page.body);
    }
}

with_idp! {
    async fn an_account_of_another_address_is_linked_only_where_that_is_wished(gateway, idp,
        setup = |idp: &Idp| open(&format!("{}{}", idp.table(""), idp.table_of("free", "allow_different_link_emails = true"))))
    {
        let mut browser = gateway.signed_in("bob@example.org").await;
        let page = link(&mut browser, &idp).await;
        assert!(page.body.contains("<code>email_does_not_match</code>"), "{}", page.body);
        let form = browser.get("/auth/provider/free/link").await.form("/auth/provider/free/link");
        let out = browser.submit(&form, &[]).await.location();
        assert_eq!(browser.get(&idp.agree_by_query(&out)).await.location(), "/account");
    }
}

with_idp! {
    async fn a_link_is_for_the_session_it_was_begun_in(gateway, idp) {
        // The attacker begins a link of the attacker's own account elsewhere and lets the victim's browser finish it, with the
        // very cookie: only the person in front counts, and must be the one who began.
        let mut attacker = gateway.signed_in("mallory@example.org").await;
        idp.ways().person["email"] = "ada@example.org".into();
        let form = attacker.get("/auth/provider/acme/link").await.form("/auth/provider/acme/link");
        let out = attacker.submit(&form, &[]).await;
        let cookie = out.headers["set-cookie"].to_str().expect("a cookie").split(';').next().expect("a pair").to_owned();
        let (name, value) = cookie.split_once('=').expect("a pair");
        let back = idp.agree_by_query(&out.location());
        let mut victim = gateway.signed_in("ada@example.org").await;
        victim.plant(name, value);
        let page = victim.get(&back).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("<code>state_mismatch</code>"), "{}", page.body);
        assert!(!victim.get("/account").await.body.contains("/account/unlink/"));

        // Nor is it for nobody, or for another session of the same person.
        for comes_again in [false, true] {
            let mut ada = gateway.browser();
            ada.sign_in("ada@example.org", PASSWORD).await;
            let form = ada.get("/auth/provider/acme/link").await.form("/auth/provider/acme/link");
            let back = idp.agree_by_query(&ada.submit(&form, &[]).await.location());
            ada.post("/auth/signout", &[]).await;
            if comes_again {
                ada.sign_in("ada@example.org", PASSWORD).await;
            }
            let mut page = ada.get(&back).await;
            if !comes_again {
                // With a strict cookie that might be anybody: the browser is sent on once, from a page of ours.
                let on = page.headers["refresh"].to_str().expect("a text").strip_prefix("0; url=").expect("at once");
                page = ada.get(on).await;
            }
            assert_eq!(page.status, StatusCode::FORBIDDEN);
            assert!(page.body.contains("<code>state_mismatch</code>"), "{}", page.body);
        }
    }
}

with_idp! {
    async fn linking_and_unlinking_need_a_fresh_session_and_a_form_of_ours(gateway, idp) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        let path = unlink_path(&browser.get("/account").await.body);
        assert!(browser.get(&path).await.body.contains("Unlink your Acme account?"));
        assert_eq!(browser.post("/auth/provider/acme/link", &[]).await.status, StatusCode::FORBIDDEN, "no form token");
        assert_eq!(browser.post(&path, &[]).await.status, StatusCode::FORBIDDEN, "no form token");
        let form = browser.get("/auth/provider/acme/link").await.form("/auth/provider/acme/link");
        gateway.clock.advance(Duration::from_secs(601));
        let question = browser.get("/account").await.form(&path);
        for page in [browser.submit(&form, &[]).await, browser.get(&path).await, browser.submit(&question, &[]).await] {
            assert!(page.location().starts_with("/auth/confirm?return_to="), "{}", page.location());
        }
        let (status, answer) = call(&mut browser, "/auth/provider/acme/unlink", json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::FORBIDDEN, Some("session_not_fresh")));
        let mut stranger = gateway.browser();
        assert!(stranger.get("/auth/provider/acme/link").await.location().starts_with("/auth/signin"));
    }
}

with_idp! {
    async fn nobody_unlinks_an_account_of_somebody_else(gateway, idp) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        link(&mut ada, &idp).await;
        let path = unlink_path(&ada.get("/account").await.body);
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        assert_eq!(mallory.get(&path).await.status, StatusCode::NOT_FOUND);
        let (status, answer) = call(&mut mallory, "/auth/provider/acme/unlink", json!({})).await;
        assert_eq!((status, answer["detail"].as_str()), (StatusCode::BAD_REQUEST, Some("account_not_found")));
    }
}

with_idp! {
    async fn a_person_lists_their_linked_accounts_and_sees_no_token(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        let (status, answer) = read(&mut browser, "/auth/provider/acme/accounts").await;
        assert_eq!(status, StatusCode::OK);
        let account = &answer["accounts"][0];
        assert_eq!(account["provider"], "acme");
        assert_eq!(account["provider_account_id"], "ada-1");
        for name in ["has_access_token", "has_refresh_token", "has_id_token"] {
            assert_eq!(account[name], true);
        }
        assert!(!answer.to_string().contains("access-") && !answer.to_string().contains("refresh-"));
        // Without proof that a page of ours asks, the cookie does not count.
        let request = browser.raw().get(browser.address("/auth/provider/acme/accounts"));
        assert_eq!(browser.send(request).await.status, StatusCode::UNAUTHORIZED);
    }
}

with_idp! {
    async fn a_link_is_part_of_what_is_kept_about_a_person(gateway, idp) {
        let mut browser = arrived(&gateway, &idp).await;
        let kept: serde_json::Value = serde_json::from_str(&browser.get("/account/export").await.body).expect("JSON");
        let text = kept.to_string();
        let (_, accounts) = read(&mut browser, "/auth/provider/acme/accounts").await;
        let id = accounts["accounts"][0]["id"].as_str().expect("an id");
        assert!(text.contains(id) && text.contains("\"acme\""), "{text}");
    }
}

with_idp! {
    async fn what_a_stranger_linked_ends_the_day_the_owner_comes(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("allow_different_link_emails = true")))
    {
        // An address nobody has proven, with the stranger's own account elsewhere linked to it.
        let mut stranger = gateway.signed_in("victim@example.org").await;
        assert_eq!(link(&mut stranger, &idp).await.location(), "/account");
        let (host, now) = (gateway.gateway.host(), belgie_api::Clock::now(gateway.clock.as_ref()));
        let victim = host.accounts().find_by_email("victim@example.org").await.expect("an answer").expect("a person");
        let mut tx = host.db().begin().await.expect("a transaction");
        host.accounts().prove_address(&mut tx, victim.id, &victim.email, false).await.expect("an answer").expect("a person");
        tx.commit(now).await.expect("a commit");

        let mut again = gateway.browser();
        super::sign_in(&mut again, &idp).await;
        assert!(!again.get("/account").await.body.contains("victim@example.org"), "the stranger is in the account again");
    }
}

with_idp! {
    async fn many_who_unlink_at_once_do_not_wait_for_each_others_connections(gateway, idp) {
        // More at once than there are connections: each must do with one.
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        let calls = (0..12).map(|_| {
            let mut browser = browser.clone();
            async move { call(&mut browser, "/auth/provider/acme/unlink", json!({})).await.0 }
        });
        let statuses = futures::future::join_all(calls).await;
        let done = statuses.iter().filter(|status| **status == StatusCode::OK).count();
        assert_eq!(done, 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| !status.is_server_error()), "{statuses:?}");
    }
}
