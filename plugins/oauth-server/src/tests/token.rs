#![expect(clippy::disallowed_methods, reason = "a test is no part of the machine")]

use std::sync::Arc;
use std::time::Duration;

use belgie_api::Event;
use belgie_api::axum::body::Body;
use belgie_api::axum::http::{Request, StatusCode, header};
use belgie_api::ports::LimitBucket;
use serde_json::json;

use super::support::{Bench, CALLBACK, RESOURCE, VERIFIER, tokens};
use crate::Settings;

#[tokio::test]
async fn a_code_becomes_tokens_that_hold_what_was_allowed() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let code = bench.allow(&ada, &client, &[]).await;
        let answer = bench.redeem(&client, &code).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["content-type"], "application/json");
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], "notes:read");
        let (access, refresh) = tokens(&answer);
        assert!(access.starts_with("blg_at_") && refresh.starts_with("blg_rt_"));
        let verified = bench.verify(&access).await.unwrap();
        assert_eq!(verified.holder, belgie_api::Holder::Person(ada.user().id));
        assert_eq!(verified.client.id.as_str(), client);
        assert_eq!(verified.client.name, "Agent");
        assert_eq!(verified.audience, [RESOURCE]);
        assert_eq!(verified.scopes.to_string(), "notes:read");
        // Only access and personal tokens open anything.
        assert!(bench.verify(&refresh).await.is_none());
        assert!(bench.verify(&code).await.is_none());
        bench.clock.advance(Duration::from_secs(3601));
        assert!(bench.verify(&access).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_redemptions_at_once_one_wins_and_the_replay_ends_its_grant() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let code = bench.allow(&ada, &client, &[]).await;
        let bench = Arc::new(bench);
        let attempts: Vec<_> = (0..16)
            .map(|_| {
                let (bench, client, code) = (Arc::clone(&bench), client.clone(), code.clone());
                tokio::spawn(async move { bench.redeem(&client, &code).await })
            })
            .collect();
        let mut won = Vec::new();
        for attempt in attempts {
            let answer = attempt.await.unwrap();
            match answer.status {
                StatusCode::OK => won.push(tokens(&answer)),
                _ => assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_grant")),
            }
        }
        assert_eq!(won.len(), 1);
        let (access, refresh) = won.remove(0);
        assert!(bench.verify(&access).await.is_none());
        assert_eq!(bench.refresh(&client, &refresh).await.error(), "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_grace_of_sixteen_refreshes_at_once_at_most_one_wins_and_the_family_ends() {
    for bench in Bench::every_with(Settings { refresh_grace: Duration::ZERO, ..Settings::default() }).await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let (access, refresh) = bench.connect(&ada, &client).await;
        let bench = Arc::new(bench);
        let attempts: Vec<_> = (0..16)
            .map(|_| {
                let (bench, client, refresh) = (Arc::clone(&bench), client.clone(), refresh.clone());
                tokio::spawn(async move { bench.refresh(&client, &refresh).await })
            })
            .collect();
        let mut won = Vec::new();
        for attempt in attempts {
            let answer = attempt.await.unwrap();
            match answer.status {
                StatusCode::OK => won.push(tokens(&answer).0),
                _ => assert_eq!(answer.error(), "invalid_grant"),
            }
        }
        assert_eq!(won.len(), 1);
        assert!(bench.verify(&access).await.is_none());
        assert!(bench.verify(&won[0]).await.is_none());
    }
}

#[tokio::test]
async fn a_code_that_comes_again_ends_the_grant_it_made() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let code = bench.allow(&ada, &client, &[]).await;
        let (access, _) = tokens(&bench.redeem(&client, &code).await);
        let grant = bench.verify(&access).await.unwrap().grant.unwrap();
        // A replay by another client is refused and ends nothing.
        let other = bench.register().await;
        assert_eq!(bench.redeem(&other, &code).await.error(), "invalid_grant");
        assert!(bench.verify(&access).await.is_some());
        assert_eq!(bench.redeem(&client, &code).await.error(), "invalid_grant");
        assert!(bench.verify(&access).await.is_none());
        assert!(bench.heard(&Event::GrantRevoked { grant }));
    }
}

#[tokio::test]
async fn a_code_is_refused_to_whoever_cannot_prove_that_it_is_theirs() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let other = bench.register().await;
        let stolen = bench.allow(&ada, &client, &[]).await;
        assert_eq!(bench.redeem(&other, &stolen).await.error(), "invalid_grant");
        assert_eq!(bench.redeem(&client, &stolen).await.status, StatusCode::OK);

        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("code_verifier", "another-verifier-of-forty-three-characters!")], "invalid_grant"),
            (&[("code_verifier", "another-verifier-of-forty-three-characters.")], "invalid_grant"),
            (&[("code_verifier", "")], "invalid_request"),
            (&[("redirect_uri", "http://127.0.0.1:41235/callback")], "invalid_grant"),
            (&[("redirect_uri", "")], "invalid_grant"),
            (&[("resource", "https://evil.example/mcp")], "invalid_target"),
            (&[("resource", "https://belgie.example/mcp/other")], "invalid_target"),
            (&[("code", "blg_ac_nonsense")], "invalid_grant"),
            (&[("code", "")], "invalid_request"),
            (&[("grant_type", "")], "invalid_request"),
            (&[("grant_type", "password")], "unsupported_grant_type"),
            (&[("client_id", "")], "invalid_client"),
            (&[("client_id", "cli_0")], "invalid_client"),
            (&[("client_secret", "x")], "invalid_client"),
        ];
        for (changes, error) in cases {
            let code = bench.allow(&ada, &client, &[]).await;
            let mut pairs = vec![
                ("grant_type", "authorization_code"),
                ("client_id", client.as_str()),
                ("code", code.as_str()),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ];
            pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
            pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
            assert_eq!(bench.post("/token", &pairs, None).await.error(), *error, "{changes:?}");
        }

        let late = bench.allow(&ada, &client, &[]).await;
        bench.clock.advance(Duration::from_secs(60));
        assert_eq!(bench.redeem(&client, &late).await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_falls_with_the_session_in_which_it_was_allowed() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let elsewhere = bench.sign_in(ada.user()).await;
        let (stolen, own) = (bench.allow(&elsewhere, &client, &[]).await, bench.allow(&ada, &client, &[]).await);
        let (earlier, _) = bench.connect(&elsewhere, &client).await;
        let mut tx = bench.host.db().begin().await.unwrap();
        belgie_api::on!(&mut tx, c => sqlx::query("UPDATE core_sessions SET revoked_at = $2 WHERE id = $1")
            .bind(elsewhere.session()).bind(bench.host.now()).execute(c).await.map(drop))
        .unwrap();
        tx.commit(bench.host.now()).await.unwrap();
        assert_eq!(bench.redeem(&client, &stolen).await.error(), "invalid_grant");
        assert_eq!(bench.redeem(&client, &own).await.status, StatusCode::OK);
        // What was handed out before is a connection of its own, on the account page.
        assert!(bench.verify(&earlier).await.is_some());
    }
}

#[tokio::test]
async fn a_wrong_verifier_is_one_guess_and_no_more() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let code = bench.allow(&ada, &client, &[]).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", "another-verifier-of-forty-three-characters."),
        ];
        assert_eq!(bench.post("/token", &pairs, None).await.error(), "invalid_grant");
        assert_eq!(bench.redeem(&client, &code).await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn a_form_is_a_form_and_says_everything_once() {
    for bench in Bench::every().await {
        let client = bench.register().await;
        assert_eq!(
            bench.post_json("/token", &json!({"grant_type": "authorization_code", "client_id": client})).await.error(),
            "invalid_request"
        );
        for pairs in [
            vec![("grant_type", "refresh_token"), ("grant_type", "refresh_token")],
            vec![("client_id", client.as_str()), ("client_id", "x"), ("grant_type", "refresh_token")],
            vec![("grant_type", "refresh_token"), ("client_id", &client), ("scope", "\0")],
        ] {
            assert_eq!(bench.post("/token", &pairs, None).await.error(), "invalid_request", "{pairs:?}");
        }
        let big = "x".repeat(20_000);
        assert_eq!(bench.post("/token", &[("grant_type", &big)], None).await.error(), "invalid_request");
        let endpoints = [
            (LimitBucket::Token, "/token"),
            (LimitBucket::Revoke, "/revoke"),
            (LimitBucket::Introspect, "/introspect"),
        ];
        for (bucket, path) in endpoints {
            bench.buckets.empty.lock().unwrap().push(bucket);
            assert_eq!(bench.post(path, &[], None).await.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_reuse_ends_the_family() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let (first_access, first) = bench.connect(&ada, &client).await;
        let (second_access, second) = tokens(&bench.refresh(&client, &first).await);
        assert_ne!(first, second);
        let (old, new) = (bench.verify(&first_access).await.unwrap(), bench.verify(&second_access).await.unwrap());
        assert_eq!(old.grant, new.grant);
        // Another client with the same token is told no, and nothing happens to the family.
        let other = bench.register().await;
        assert_eq!(bench.refresh(&other, &first).await.error(), "invalid_grant");
        assert_eq!(bench.refresh(&other, &second).await.error(), "invalid_grant");
        assert!(bench.verify(&second_access).await.is_some());
        // Within the grace the same answer is said again; the job forgets it afterwards.
        assert_eq!(tokens(&bench.refresh(&client, &first).await), (second_access.clone(), second.clone()));
        bench.run_jobs().await;
        assert_eq!(bench.kept_answers().await, 1);
        bench.clock.advance(Duration::from_secs(60));
        bench.run_jobs().await;
        assert_eq!(bench.kept_answers().await, 0);
        assert_eq!(bench.refresh(&client, &first).await.error(), "invalid_grant");
        assert!(bench.verify(&first_access).await.is_none());
        assert!(bench.verify(&second_access).await.is_none());
        assert_eq!(bench.refresh(&client, &second).await.error(), "invalid_grant");
        assert!(bench.heard(&Event::GrantRevoked { grant: new.grant.unwrap() }));
    }
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_never_for_more() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let other = format!("{RESOURCE}/other");
        let code = bench
            .allow(&ada, &client, &[("scope", "notes:read notes:write"), ("resource", RESOURCE), ("resource", &other)])
            .await;
        let (access, mut refresh) = tokens(&bench.redeem(&client, &code).await);
        assert_eq!(bench.verify(&access).await.unwrap().audience.len(), 2);
        let cases: &[(&str, &str, Result<(&str, usize), &str>)] = &[
            ("scope", "notes:read", Ok(("notes:read", 2))),
            ("scope", "notes:read offline_access", Err("invalid_scope")),
            ("scope", "admin", Err("invalid_scope")),
            ("resource", &other, Ok(("notes:read notes:write", 1))),
            ("resource", "https://evil.example", Err("invalid_target")),
            ("scope", "", Ok(("notes:read notes:write", 2))),
        ];
        for (name, value, expected) in cases {
            let pairs = [
                ("grant_type", "refresh_token"),
                ("client_id", client.as_str()),
                ("refresh_token", &refresh),
                (name, value),
            ];
            let answer = bench.post("/token", &pairs, None).await;
            match expected {
                Err(error) => assert_eq!(answer.error(), *error, "{value}"),
                Ok((scope, audience)) => {
                    let (access, next) = tokens(&answer);
                    assert_eq!(answer.json()["scope"], *scope);
                    assert_eq!(bench.verify(&access).await.unwrap().audience.len(), *audience);
                    refresh = next;
                }
            }
        }
    }
}

#[tokio::test]
async fn refresh_tokens_slide_and_the_grant_still_ends() {
    let settings = Settings {
        refresh_token_ttl: Duration::from_secs(10_000),
        grant_max_age: Duration::from_secs(15_000),
        ..Settings::default()
    };
    for bench in Bench::every_with(settings).await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let (_, refresh) = bench.connect(&ada, &client).await;
        bench.clock.advance(Duration::from_secs(9_000));
        let (_, refresh) = tokens(&bench.refresh(&client, &refresh).await);
        bench.clock.advance(Duration::from_secs(5_000));
        let answer = bench.refresh(&client, &refresh).await;
        let (access, refresh) = tokens(&answer);
        assert!(answer.json()["expires_in"].as_u64().unwrap() <= 1_000);
        bench.clock.advance(Duration::from_secs(1_001));
        assert!(bench.verify(&access).await.is_none());
        assert_eq!(bench.refresh(&client, &refresh).await.error(), "invalid_grant");

        let (_, idle) = bench.connect(&ada, &client).await;
        bench.clock.advance(Duration::from_secs(10_001));
        assert_eq!(bench.refresh(&client, &idle).await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn refresh_tokens_go_to_clients_that_registered_for_them_or_asked_for_offline_access() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let body = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"});
        let client = bench.post_json("/register", &body).await.json()["client_id"].as_str().unwrap().to_owned();
        let (_, refresh) = bench.connect(&ada, &client).await;
        assert_eq!(refresh, "");
        let code = bench.allow(&ada, &client, &[("scope", "notes:read offline_access")]).await;
        let (_, refresh) = tokens(&bench.redeem(&client, &code).await);
        assert!(refresh.starts_with("blg_rt_"));
    }
}

#[tokio::test]
async fn the_last_use_of_a_grant_is_noted_once_a_minute() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let (access, _) = bench.connect(&ada, &client).await;
        let last = async || {
            let mut conn = bench.host.db().read().await.unwrap();
            crate::store::grants::list_live(&mut conn, ada.user().id, bench.host.now()).await.unwrap()[0].last_used_at
        };
        assert_eq!(last().await, None);
        bench.verify(&access).await.unwrap();
        let first = last().await.unwrap();
        bench.clock.advance(Duration::from_secs(30));
        bench.verify(&access).await.unwrap();
        assert_eq!(last().await, Some(first));
        bench.clock.advance(Duration::from_secs(31));
        bench.verify(&access).await.unwrap();
        assert!(last().await.unwrap() > first);
    }
}

#[tokio::test]
async fn an_account_takes_its_grants_with_it() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let (access, refresh) = bench.connect(&ada, &client).await;
        let code = bench.allow(&ada, &client, &[]).await;
        let mut tx = bench.host.db().begin().await.unwrap();
        belgie_api::on!(&mut tx, c => sqlx::query("DELETE FROM core_users WHERE id = $1").bind(ada.user().id).execute(c).await.map(drop)).unwrap();
        tx.commit(bench.host.now()).await.unwrap();
        assert!(bench.verify(&access).await.is_none());
        assert_eq!(bench.refresh(&client, &refresh).await.error(), "invalid_grant");
        assert_eq!(bench.redeem(&client, &code).await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn a_get_gets_nothing_from_the_token_endpoint() {
    for bench in Bench::every().await {
        let request =
            Request::get("/token?grant_type=refresh_token").header(header::ACCEPT, "*/*").body(Body::empty()).unwrap();
        assert_eq!(bench.send(request, None).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}
