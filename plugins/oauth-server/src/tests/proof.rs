use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use belgie_api::axum::http::StatusCode;
use belgie_api::{Event, GrantBinding};
use serde_json::json;

use super::support::{Bench, CALLBACK, RESOURCE, VERIFIER, tokens};
use crate::Settings;
use crate::service::{NewPersonalToken, OAuth};

#[tokio::test]
async fn a_confidential_client_proves_who_it_is() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let body = json!({"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"]});
        let answer = bench.post_json("/register", &body).await.json();
        assert_eq!(answer["client_secret_expires_at"], 0);
        let (client, secret) = (answer["client_id"].as_str().unwrap(), answer["client_secret"].as_str().unwrap());
        let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")));
        let code = bench.allow(&ada, client, &[]).await;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        for wrong in
            [basic("wrong"), basic(""), basic(&secret.to_uppercase()), "Basic".to_owned(), "Bearer x".to_owned()]
        {
            let answer = bench.post_with("/token", &pairs, &[("authorization", &wrong)], None).await;
            assert_eq!(
                (answer.status, answer.error().as_str()),
                (StatusCode::UNAUTHORIZED, "invalid_client"),
                "{wrong}"
            );
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        }
        // A confidential client cannot pass as a public one.
        let mut public = pairs.clone();
        public.push(("client_id", client));
        assert_eq!(bench.post("/token", &public, None).await.error(), "invalid_client");
        let answer = bench.post_with("/token", &pairs, &[("authorization", &basic(secret))], None).await;
        let (_, refresh) = tokens(&answer);
        pairs = vec![("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_id", client)];
        assert_eq!(bench.post("/token", &pairs, None).await.error(), "invalid_client");
        pairs.push(("client_secret", secret));
        assert_eq!(bench.post("/token", &pairs, None).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_client_gives_back_its_own_tokens_and_nobody_elses() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let other = bench.register().await;
        let (access, refresh) = bench.connect(&ada, &client).await;
        let found = bench.verify(&access).await.unwrap();
        let revoke = async |client: &str, token: &str| {
            bench.post("/revoke", &[("client_id", client), ("token", token)], None).await
        };
        for unknown in
            ["nonsense", "blg_at_nonsense", belgie_api::TokenKind::Access.mint(bench.host.entropy()).expose()]
        {
            assert_eq!(revoke(&client, unknown).await.status, StatusCode::OK, "{unknown}");
        }
        for token in [&access, &refresh] {
            assert_eq!(revoke(&other, token).await.error(), "invalid_grant");
        }
        assert_eq!(revoke("cli_0", &access).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(bench.post("/revoke", &[("client_id", &client)], None).await.error(), "invalid_request");
        assert!(bench.verify(&access).await.is_some());

        assert_eq!(revoke(&client, &access).await.status, StatusCode::OK);
        assert!(bench.verify(&access).await.is_none());
        assert!(bench.heard(&Event::TokenRevoked { token: found.token }));
        // The grant lives on until the refresh token is given back.
        let (access, refresh) = tokens(&bench.refresh(&client, &refresh).await);
        assert_eq!(revoke(&client, &refresh).await.status, StatusCode::OK);
        assert!(bench.verify(&access).await.is_none());
        assert_eq!(bench.refresh(&client, &refresh).await.error(), "invalid_grant");
        assert!(bench.heard(&Event::GrantRevoked { grant: found.grant.unwrap() }));
        assert_eq!(revoke(&client, &refresh).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn whoever_holds_a_personal_token_can_end_it() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let oauth = OAuth::new(bench.host.clone(), Settings::default());
        let make = async || {
            let new = NewPersonalToken {
                user: ada.user().id,
                name: "script".to_owned(),
                scopes: "notes:read".parse().unwrap(),
                resource: RESOURCE.to_owned(),
                binding: GrantBinding::default(),
                ttl: Duration::from_secs(3600),
            };
            oauth.create_personal(new).await.unwrap()
        };
        let (secret, live) = make().await;
        let (other, _) = make().await;
        assert_eq!(bench.post("/revoke", &[("token", secret.expose())], None).await.status, StatusCode::OK);
        assert!(bench.verify(secret.expose()).await.is_none());
        assert!(bench.verify(other.expose()).await.is_some());
        assert!(bench.heard(&Event::GrantRevoked { grant: live.grant_id }));
        assert_eq!(bench.post("/revoke", &[("token", secret.expose())], None).await.status, StatusCode::OK);

        // A client that found one may say who it is.
        let pairs = [("client_id", client.as_str()), ("token", other.expose())];
        assert_eq!(bench.post("/revoke", &pairs, None).await.status, StatusCode::OK);
        assert!(bench.verify(other.expose()).await.is_none());
    }
}
