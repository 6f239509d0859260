use belgie_api::axum::http::StatusCode;
use belgie_api::ports::LimitBucket;
use serde_json::json;
use std::time::Duration;

use super::support::{Bench, CALLBACK, ISSUER, RESOURCE, VERIFIER, authorize_path, tokens};
use crate::Settings;
use crate::model::registration::Registration;
use crate::service::OAuth;

const DOCUMENT: &str = "https://agent.example/client.json";

#[tokio::test]
async fn a_person_is_asked_and_the_answer_goes_to_the_client() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let page = bench.ask(Some(&ada), &client, &[("scope", "notes:write offline_access unknown")]).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.form_action.as_deref(), Some("http://127.0.0.1:41234"));
        assert_eq!(page.headers["cache-control"], "no-store");
        let context = page.json()["context"].clone();
        assert_eq!(context["client"]["name"], "Agent");
        assert_eq!(context["client"]["host"], serde_json::Value::Null);
        assert_eq!(context["client"]["verified_host"], false);
        assert_eq!(context["redirect_host"], "127.0.0.1");
        assert_eq!(context["redirect_uri"], CALLBACK);
        assert_eq!(context["is_loopback"], true);
        assert_eq!(context["is_new_client"], true);
        assert_eq!(context["resource"], RESOURCE);
        assert_eq!(context["account"]["email"], "ada@belgie.example");
        assert_eq!(context["scopes"][0]["name"], "notes:write");
        assert_eq!(context["scopes"][0]["is_sensitive"], true);
        assert_eq!(context["scopes"][1]["name"], "offline_access");
        assert_eq!(context["return_to"], authorize_path(&client, &[("scope", "notes:write offline_access unknown")]));

        let handle = context["request"].as_str().unwrap();
        let answer = bench.post("/authorize", &[("request", handle), ("decision", "allow")], Some(&ada)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.location().as_str().starts_with(&format!("{CALLBACK}?")));
        assert_eq!(answer.sent("state").as_deref(), Some("a b&c"));
        assert_eq!(answer.sent("iss").as_deref(), Some(ISSUER));
        assert!(answer.sent("code").unwrap().starts_with("blg_ac_"));

        let code = bench.allow(&ada, &client, &[]).await;
        assert_eq!(bench.redeem(&client, &code).await.status, StatusCode::OK);
        let again = bench.ask(Some(&ada), &client, &[]).await;
        assert_eq!(again.json()["context"]["is_new_client"], false);
    }
}

#[tokio::test]
async fn a_person_is_told_that_the_address_is_their_own_computer_whatever_its_scheme() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let places = ["https://localhost/cb", "https://127.0.0.1:8443/cb", "https://agent.example/cb"];
        let document = json!({ "redirect_uris": places, "token_endpoint_auth_method": "none" });
        let made = bench.post_json("/register", &document).await.json();
        let client = made["client_id"].as_str().unwrap();
        for (place, is_own) in [(places[0], true), (places[1], true), (places[2], false)] {
            let page = bench.ask(Some(&ada), client, &[("redirect_uri", place)]).await;
            assert_eq!(page.json()["context"]["is_loopback"], is_own, "{place}");
        }
    }
}

#[tokio::test]
async fn a_no_goes_to_the_client_and_spends_the_handle() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let page = bench.ask(Some(&ada), &client, &[]).await;
        let page = page.json();
        let handle = page["context"]["request"].as_str().unwrap();
        let answer = bench.post("/authorize", &[("request", handle), ("decision", "deny")], Some(&ada)).await;
        assert_eq!(answer.sent("error").as_deref(), Some("access_denied"));
        assert_eq!(answer.sent("iss").as_deref(), Some(ISSUER));
        assert_eq!(answer.sent("code"), None);
        let answer = bench.post("/authorize", &[("request", handle), ("decision", "allow")], Some(&ada)).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "authorize.stale"));
    }
}

#[tokio::test]
async fn a_handle_is_good_for_one_person_in_one_session_once_and_not_for_long() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let eve = bench.sign_up("eve@belgie.example").await;
        let elsewhere = bench.sign_in(ada.user()).await;
        let page = bench.ask(Some(&ada), &client, &[]).await;
        let handle = page.json()["context"]["request"].as_str().unwrap().to_owned();
        let allow = [("request", handle.as_str()), ("decision", "allow")];
        for stranger in [&eve, &elsewhere] {
            let answer = bench.post("/authorize", &allow, Some(stranger)).await;
            assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "authorize.stale"));
        }
        assert_eq!(bench.post("/authorize", &allow, None).await.status, StatusCode::UNAUTHORIZED);
        for nonsense in [
            vec![],
            vec![("request", handle.as_str())],
            vec![("request", &handle), ("decision", "maybe")],
            vec![("request", "x"), ("decision", "allow")],
        ] {
            assert_eq!(bench.post("/authorize", &nonsense, Some(&ada)).await.status, StatusCode::BAD_REQUEST);
        }
        // The strangers have spent nothing.
        assert!(bench.post("/authorize", &allow, Some(&ada)).await.sent("code").is_some());
        assert_eq!(bench.post("/authorize", &allow, Some(&ada)).await.error(), "authorize.stale");

        let page = bench.ask(Some(&ada), &client, &[]).await;
        let handle = page.json()["context"]["request"].as_str().unwrap().to_owned();
        bench.clock.advance(Duration::from_secs(601));
        let late = bench.post("/authorize", &[("request", &handle), ("decision", "allow")], Some(&ada)).await;
        assert_eq!(late.error(), "authorize.stale");
    }
}

#[tokio::test]
async fn an_uncertain_client_or_address_is_a_page_and_never_a_redirect() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let table: &[(&str, &[(&str, &str)], &str)] = &[
            ("cli_00000000000000000000000000000000", &[], "invalid_client"),
            ("personal", &[], "invalid_client"),
            ("web", &[], "invalid_client"),
            ("", &[], "invalid_request"),
            (&client, &[("redirect_uri", "https://evil.example/cb")], "invalid_request"),
            (&client, &[("redirect_uri", "http://127.0.0.1:41234/callback/")], "invalid_request"),
            (&client, &[("redirect_uri", "http://localhost:41234/callback")], "invalid_request"),
            (&client, &[("redirect_uri", "http://127.0.0.1:41234@evil.example/callback")], "invalid_request"),
            (&client, &[("redirect_uri", "javascript:alert(1)")], "invalid_request"),
            (&client, &[("state", "a\r\nb")], "invalid_request"),
        ];
        for person in [Some(&ada), None] {
            for (client, changes, code) in table {
                let answer = bench.ask(person, client, changes).await;
                assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, *code), "{changes:?}");
                assert!(!answer.headers.contains_key("location"), "{changes:?}");
            }
            for twice in ["client_id=x", "redirect_uri=https%3A%2F%2Fevil.example", "state=y"] {
                let answer = bench.get(&format!("{}&{twice}", authorize_path(&client, &[])), person).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{twice}");
            }
        }
        let long = bench.ask(Some(&ada), &client, &[("state", &"x".repeat(9000))]).await;
        assert_eq!(long.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn every_other_fault_travels_to_the_client_with_state_and_issuer() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        // Nobody is sent to a client they have not connected.
        bench.connect(&ada, &client).await;
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[("response_type", "")], "invalid_request"),
            (&[("response_type", "token")], "unsupported_response_type"),
            (&[("response_mode", "fragment")], "invalid_request"),
            (&[("code_challenge", "")], "invalid_request"),
            (&[("code_challenge_method", "")], "invalid_request"),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("code_challenge", "short")], "invalid_request"),
            (&[("code_challenge", VERIFIER)], "invalid_request"),
            (&[("resource", "https://evil.example/mcp")], "invalid_target"),
            (&[("resource", RESOURCE), ("resource", "https://evil.example/mcp")], "invalid_target"),
            (&[("resource", "https://belgie.example/mcp#x")], "invalid_target"),
            (&[("scope", "unknown")], "invalid_scope"),
            (&[("prompt", "none login")], "invalid_request"),
            (&[("scope", "a"), ("scope", "b")], "invalid_request"),
        ];
        for (changes, code) in table {
            let answer = bench.ask(Some(&ada), &client, changes).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{changes:?}");
            assert!(answer.location().as_str().starts_with(CALLBACK));
            assert_eq!(answer.sent("error").as_deref(), Some(*code), "{changes:?}");
            assert_eq!(answer.sent("state").as_deref(), Some("a b&c"));
            assert_eq!(answer.sent("iss").as_deref(), Some(ISSUER));
        }
        let silent = [("prompt", "none")];
        assert_eq!(bench.ask(Some(&ada), &client, &silent).await.sent("error").as_deref(), Some("consent_required"));
    }
}

#[tokio::test]
async fn a_stranger_is_not_sent_to_an_address_that_anybody_could_have_chosen() {
    for bench in Bench::every().await {
        let own = bench.register().await;
        bench.web.publish(
            DOCUMENT,
            &json!({
                "client_id": DOCUMENT, "client_name": "Agent", "redirect_uris": [CALLBACK],
            }),
            None,
        );
        let faults: &[(&[(&str, &str)], &str, &str)] = &[
            (&[("prompt", "none")], "login_required", "Nobody is signed in."),
            (&[("response_type", "token")], "unsupported_response_type", "The only response type here is code."),
            (&[("code_challenge", "")], "invalid_request", "code_challenge is missing."),
            (&[("scope", "unknown")], "invalid_scope", "None of the scopes exists here, for this resource."),
            (&[("resource", "https://evil.example/mcp")], "invalid_target", "The resource is unknown here."),
        ];
        for client in [own.as_str(), DOCUMENT] {
            for (changes, code, message) in faults {
                let answer = bench.ask(None, client, changes).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{changes:?}");
                assert!(!answer.headers.contains_key("location"), "{changes:?}");
                assert_eq!(answer.headers["cache-control"], "no-store");
                let page = answer.json();
                assert_eq!(page["template"], "oauth-server/refused.html");
                assert_eq!(page["context"]["error"], *code);
                assert_eq!(page["context"]["message"], *message);
                assert_eq!(page["context"]["redirect_host"], "127.0.0.1");
                let link = page["context"]["location"].as_str().unwrap();
                assert!(link.starts_with(&format!("{CALLBACK}?error={code}&")), "{link}");
            }
        }

        // The operator answers for the clients they entered themselves.
        let registration = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}).to_string();
        let registration = Registration::read(registration.as_bytes(), &[], &crate::Settings::default()).unwrap();
        let oauth = OAuth::new(bench.host.clone(), Settings::default());
        let known =
            oauth.create_client(registration, crate::service::Standing::default()).await.unwrap().client.id.to_string();
        for (changes, code, _) in faults {
            let answer = bench.ask(None, &known, changes).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{changes:?}");
            assert_eq!(answer.sent("error").as_deref(), Some(*code));
        }
    }
}

#[tokio::test]
async fn a_stranger_signs_in_first_and_comes_back() {
    for bench in Bench::every().await {
        let client = bench.register().await;
        let answer = bench.ask(None, &client, &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.location().path(), "/auth/signin");
        assert_eq!(answer.sent("return_to"), Some(authorize_path(&client, &[])));
    }
}

#[tokio::test]
async fn what_is_left_out_is_filled_in() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let page = bench
            .ask(Some(&ada), &client, &[("scope", ""), ("resource", ""), ("state", ""), ("redirect_uri", "")])
            .await;
        let context = page.json()["context"].clone();
        assert_eq!(context["redirect_uri"], CALLBACK);
        assert_eq!(context["resource"], RESOURCE);
        assert_eq!(context["scopes"][0]["name"], "notes:read");
        let handle = context["request"].as_str().unwrap();
        let answer = bench.post("/authorize", &[("request", handle), ("decision", "allow")], Some(&ada)).await;
        assert_eq!(answer.sent("state"), None);
        // The address was not sent before, so it need not be repeated.
        let code = answer.sent("code").unwrap();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", &code),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(bench.post("/token", &pairs, None).await.status, StatusCode::OK);
        // Another port of the loopback interface is the client's too.
        let other = bench.ask(Some(&ada), &client, &[("redirect_uri", "http://127.0.0.1:9/callback")]).await;
        assert_eq!(other.form_action.as_deref(), Some("http://127.0.0.1:9"));
    }
}

#[tokio::test]
async fn the_endpoint_is_rate_limited_by_address() {
    for bench in Bench::every().await {
        let client = bench.register().await;
        bench.buckets.empty.lock().unwrap().push(LimitBucket::Authorize);
        assert_eq!(bench.ask(None, &client, &[]).await.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(bench.buckets.taken.lock().unwrap().contains(&(LimitBucket::Authorize, "127.0.0.1".to_owned())));
    }
}

#[tokio::test]
async fn nothing_of_a_secret_is_stored() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        let (access, refresh) = bench.connect(&ada, &client).await;
        let mut conn = bench.host.db().read().await.unwrap();
        for (sql, secret) in [
            ("SELECT token_hash FROM oauth_server_access_tokens", &access),
            ("SELECT token_hash FROM oauth_server_refresh_tokens", &refresh),
        ] {
            let stored =
                belgie_api::on!(&mut conn, c => sqlx::query_scalar::<_, Vec<u8>>(sql).fetch_one(c).await).unwrap();
            assert_eq!(stored, belgie_api::crypto::sha256(secret.as_bytes()));
        }
        let state = belgie_api::on!(&mut conn, c => sqlx::query_scalar::<_, sqlx::types::Json<serde_json::Value>>(
            "SELECT request FROM oauth_server_codes").fetch_one(c).await)
        .unwrap();
        assert_eq!(state.0["reply"]["state"], serde_json::Value::Null);
    }
}

#[tokio::test]
async fn nobody_gives_away_what_their_account_does_not_hold() {
    for bench in Bench::every().await {
        let (ada, client) = (bench.sign_up("ada@belgie.example").await, bench.register().await);
        bench.connect(&ada, &client).await;
        let answer = bench.ask(Some(&ada), &client, &[("scope", "admin")]).await;
        assert_eq!(answer.sent("error").as_deref(), Some("invalid_scope"));
        let code = bench.allow(&ada, &client, &[("scope", "admin notes:read")]).await;
        let (access, _) = tokens(&bench.redeem(&client, &code).await);
        assert_eq!(bench.verify(&access).await.unwrap().scopes.to_string(), "notes:read");

        let ada = bench.set_account_scopes(&ada, "admin").await;
        let code = bench.allow(&ada, &client, &[("scope", "admin notes:read")]).await;
        let (access, _) = tokens(&bench.redeem(&client, &code).await);
        assert_eq!(bench.verify(&access).await.unwrap().scopes.to_string(), "admin notes:read");
        bench.set_account_scopes(&ada, "").await;
        assert_eq!(bench.verify(&access).await.unwrap().scopes.to_string(), "notes:read");
    }
}
