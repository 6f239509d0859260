//! Who gets into the application's own handlers, and what attackers try on them.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde_json::Value;

use super::Application;
use crate::on_both_engines;
use crate::support::{Browser, Page};

fn json(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("JSON, not {} {}", page.status, page.body))
}

on_both_engines! {
    async fn handlers_take_the_person(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let mut stranger = Browser::new(&application.url);
        assert_eq!(stranger.get("/hello").await.body, "Hello, stranger");
        let sent = stranger.get("/profile?tab=2").await;
        assert_eq!(
            (sent.status, sent.location().as_str()),
            (StatusCode::SEE_OTHER, "/auth/signin?return_to=%2Fprofile%3Ftab%3D2")
        );
        for request in [
            stranger.raw().get(format!("{}/profile", application.url)).header(ACCEPT, "application/json"),
            stranger.raw().get(format!("{}/profile", application.url)).header("sec-fetch-mode", "cors"),
            stranger.raw().get(format!("{}/session", application.url)).header(ACCEPT, "application/json"),
        ] {
            let refused = stranger.send(request).await;
            assert_eq!(
                (refused.status, json(&refused)["error"].as_str()),
                (StatusCode::UNAUTHORIZED, Some("session.missing"))
            );
        }

        let mut ada = application.signed_in("ada@example.org").await;
        assert_eq!(ada.get("/hello").await.body, "Hello, ada@example.org");
        assert_eq!(json(&ada.get("/profile").await)["email"], "ada@example.org");
        let session = json(&ada.get("/session").await);
        assert_eq!(session["method"], "password");
        assert!(session["id"].as_str().is_some_and(|id| id.starts_with("ses_")), "{session}");
        ada.plant("belgie_session", "blg_ss_nonsense");
        assert_eq!(ada.get("/profile").await.status, StatusCode::SEE_OTHER);
    }
}

/// Sends a form as a page of this address does.
async fn send(browser: &mut Browser, application: &Application, path: &str, fields: &[(&str, &str)]) -> Page {
    let request = browser.raw().post(format!("{}{path}", application.url)).form(fields);
    browser.send(request.header("origin", &application.url)).await
}

on_both_engines! {
    async fn handlers_ask_for_scopes(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let mut ada = application.signed_in("ada@example.org").await;
        assert_eq!(Browser::new(&application.url).get("/book").await.status, StatusCode::SEE_OTHER);
        let request = ada.raw().get(format!("{}/book", application.url)).header(ACCEPT, "text/html");
        let refused = ada.send(request).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.body.contains("Your account lacks: book:read."), "{}", refused.body);
        assert!(
            refused.headers["content-security-policy"].to_str().is_ok_and(|policy| policy.contains("default-src 'none'"))
        );
        let refused = ada.get("/book").await;
        assert_eq!(json(&refused)["detail"], "access.scope_missing", "who reads no pages gets JSON");

        let entered = send(&mut ada, &application, "/book", &[("text", "I was here")]).await;
        assert_eq!(entered.location(), "/book");
        send(&mut ada, &application, "/readers", &[]).await;
        assert_eq!(ada.get("/book").await.body, "ada@example.org: I was here");
        let acts = application.gateway.identity().acts(None, 9).await.expect("the record");
        assert_eq!(acts[0].action, "user.scopes_set");
    }
}

on_both_engines! {
    async fn forms_of_other_sites_are_nobodys(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let mut ada = application.signed_in("ada@example.org").await;
        send(&mut ada, &application, "/readers", &[]).await;
        let form = |browser: &Browser| browser.raw().post(format!("{}/book", application.url)).form(&[("text", "forged")]);
        for request in [
            form(&ada),
            form(&ada).header("origin", "https://evil.example"),
            form(&ada).header("origin", "null"),
            form(&ada).header("origin", &application.url).header("sec-fetch-site", "cross-site"),
            form(&ada).header("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(ada.send(request).await.status, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(ada.get("/book").await.body, "");
        let own = form(&ada).header("sec-fetch-site", "same-origin");
        assert_eq!(ada.send(own).await.status, StatusCode::SEE_OTHER);
        assert_eq!(ada.get("/book").await.body, "ada@example.org: forged");
    }
}

on_both_engines! {
    async fn websockets_of_other_hosts_are_nobodys(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let mut ada = application.signed_in("ada@example.org").await;
        let line = |browser: &Browser| {
            let request = browser.raw().get(format!("{}/hello", application.url));
            request.header("connection", "upgrade").header("upgrade", "websocket")
        };
        for request in [
            line(&ada),
            line(&ada).header("origin", "https://evil.example"),
            line(&ada).header("origin", &application.url).header("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(ada.send(request).await.body, "Hello, stranger");
        }
        let own = line(&ada).header("origin", &application.url);
        assert_eq!(ada.send(own).await.body, "Hello, ada@example.org");
    }
}

on_both_engines! {
    async fn sessions_slide_in_the_application(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let mut ada = application.signed_in("ada@example.org").await;
        for _ in 0..3 {
            application.clock.advance(Duration::from_hours(5 * 24));
            let page = ada.get("/profile").await;
            assert_eq!(page.status, StatusCode::OK);
            assert!(page.headers.contains_key("set-cookie"));
        }
    }
}
