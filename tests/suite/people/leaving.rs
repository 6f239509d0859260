//! Taking one's data along, and leaving.

use reqwest::StatusCode;
use serde_json::Value;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Setup, TestGateway};

on_both_engines! {
    async fn an_export_has_everything_and_no_secret(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        ada.fill("/account/profile", "/account/profile", &[("name", "Ada Lovelace")]).await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read").await;
        ada.fill("/account/password", "/account/password", &[("password", "some other words entirely")]).await;

        let page = ada.get("/account/export").await;
        assert!(page.headers["content-disposition"].to_str().expect("a text").starts_with("attachment"));
        let data: Value = serde_json::from_str(&page.body).expect("JSON");
        let core = &data["data"]["core"];
        assert_eq!(core["profile"]["name"], "Ada Lovelace");
        assert_eq!(core["profile"]["email"], "ada@example.org");
        assert!(core["profile"]["email_verified_at"].is_string());
        assert_eq!(core["sessions"][0]["ip"], "127.0.0.1");
        assert_eq!(core["acts"][0]["action"], "password.changed");
        assert_eq!(data["data"]["oauth-server"]["connections"][0]["client_name"], "Suite agent");
        for secret in ["argon2", &tokens.access, &tokens.refresh, ada.cookie("belgie_session").expect("a session")] {
            assert!(!page.body.contains(secret), "a secret is in the export");
        }
    }
}

on_both_engines! {
    async fn a_deleted_account_leaves_nothing_behind(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read").await;
        let page = "/account/delete";
        let refused = ada.fill(page, page, &[("email", "somebody@example.org")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(ada.is_signed_in().await);

        let gone = ada.fill(page, page, &[("email", "Ada@Example.org")]).await;
        assert!(gone.status == StatusCode::OK && gone.body.contains("Your account is deleted"), "{}", gone.body);
        assert!(!ada.is_signed_in().await);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(gateway.gateway.identity().list().await.expect("people").is_empty());
        assert!(gateway.letter_to("ada@example.org").await.subject.contains("is deleted"));
    }
}
