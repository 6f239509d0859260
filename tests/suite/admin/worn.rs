//! What an operator who wears somebody's session cannot do in it, whatever is sent by hand.

use reqwest::StatusCode;
use serde_json::json;

use super::{act, operator_at_home};
use crate::on_both_engines;
use crate::provider::{call, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway};

on_both_engines! {
    async fn in_a_worn_session_nothing_dangerous_is_done(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let (_, mut browser) = operator_at_home(&gateway).await;
        let user = gateway.gateway.identity().row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        act(&mut browser, user, "impersonate", &[]).await;
        let token = browser.get("/account").await.form("/admin/impersonation/end").value("csrf_token");
        for (path, field, value) in [
            ("/account/password", "password", "some other words entirely"),
            ("/account/password/remove", "", ""),
            ("/account/email", "email", "operator@elsewhere.example"),
            ("/account/delete", "email", "ada@example.org"),
            ("/account/tokens/new", "scope", "connections:read"),
            ("/auth/confirm", "password", PASSWORD),
            ("/auth/confirm", "send", "code"),
        ] {
            let refused = browser.post(path, &[("csrf_token", token.as_str()), (field, value)]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
            assert!(refused.body.contains("This is for the person alone"), "{path}: {}", refused.body);
        }
        // The room for programs does not know the session at all.
        let wish = json!({ "name": "Nightly", "scope": "connections:read", "ttl_seconds": 3600 });
        assert_eq!(call(&mut browser, "/auth/tokens/create", wish).await.0, StatusCode::UNAUTHORIZED);

        assert!(ada.is_signed_in().await, "the account is there");
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
        assert!(gateway.letters_to("operator@elsewhere.example").await.is_empty());
        assert_eq!(read(&mut ada, "/auth/tokens").await.1["tokens"], json!([]));
    }
}
