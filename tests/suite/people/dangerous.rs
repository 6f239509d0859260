//! What could cost somebody the account is done in a fresh session only, and it is the form that must be fresh, not its page.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::open_with_mail;
use crate::on_both_engines;
use crate::provider::{call, read};
use crate::support::TestGateway;
use crate::support::gateway::PASSWORD;

const NEW: &str = "some other words entirely";

on_both_engines! {
    async fn no_form_of_a_session_left_alone_does_anything_dangerous(gateway: TestGateway, setup = open_with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let forms = [
            ("/account/password", "/account/password", vec![("password", NEW)]),
            ("/account/password", "/account/password/remove", vec![]),
            ("/account/email", "/account/email", vec![("email", "mallory@example.org")]),
            ("/account/delete", "/account/delete", vec![("email", "ada@example.org")]),
            ("/account/tokens/new", "/account/tokens/new", vec![("name", "Nightly"), ("scope", "connections:read"), ("days", "7")]),
        ];
        let mut taken_up = Vec::new();
        for (page, action, filled) in &forms {
            taken_up.push((ada.get(page).await.form(action), filled.clone()));
        }
        gateway.clock.advance(Duration::from_mins(11));
        for (form, filled) in taken_up {
            let sent = ada.submit(&form, &filled).await;
            assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}: {}", form.action, sent.body);
            let back = format!("/auth/confirm?return_to={}", form.action.replace('/', "%2F"));
            assert_eq!(sent.location(), back, "{}", form.action);
        }
        let wish = json!({ "name": "Nightly", "scope": "connections:read", "ttl_seconds": 3600 });
        let (status, said) = call(&mut ada, "/auth/tokens/create", wish).await;
        assert_eq!((status, said["error"].as_str()), (StatusCode::FORBIDDEN, Some("session.not_fresh")));

        assert!(ada.is_signed_in().await, "the account is there");
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
        assert!(gateway.letters_to("mallory@example.org").await.is_empty());
        assert_eq!(read(&mut ada, "/auth/tokens").await.1["tokens"], json!([]));
    }
}
