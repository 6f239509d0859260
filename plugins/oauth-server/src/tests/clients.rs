#![expect(clippy::disallowed_methods, reason = "a test is no part of the machine")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use belgie_api::axum::body::Body;
use belgie_api::axum::http::{Request, StatusCode};
use belgie_api::on;
use belgie_api::ports::LimitBucket;
use serde_json::{Value, json};

use super::support::{Bench, CALLBACK, ISSUER, VERIFIER, tokens};
use crate::Settings;
use crate::store::assertions;

const DOCUMENT: &str = "https://agent.example/client.json";

fn document() -> Value {
    json!({
        "client_id": DOCUMENT, "client_name": "Claude Code", "client_uri": "https://agent.example",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    })
}

#[tokio::test]
async fn the_metadata_says_what_is_there_and_nothing_else() {
    for bench in Bench::every().await {
        let answer = bench.get("/.well-known/oauth-authorization-server", None).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["content-type"], "application/json");
        let methods = json!(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]);
        let algorithms = json!(["ES256", "EdDSA", "Ed25519", "RS256", "PS256"]);
        assert_eq!(
            answer.json(),
            json!({
                "issuer": ISSUER,
                "authorization_endpoint": "https://belgie.example/authorize",
                "token_endpoint": "https://belgie.example/token",
                "dpop_signing_alg_values_supported": algorithms,
                "registration_endpoint": "https://belgie.example/register",
                "jwks_uri": "https://belgie.example/jwks",
                "revocation_endpoint": "https://belgie.example/revoke",
                "token_endpoint_auth_methods_supported": methods,
                "token_endpoint_auth_signing_alg_values_supported": algorithms,
                "revocation_endpoint_auth_methods_supported": methods,
                "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
                "scopes_supported": ["notes:read", "notes:write", "admin", "offline_access"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
                "introspection_endpoint": "https://belgie.example/introspect",
                "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
                "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
                "code_challenge_methods_supported": ["S256"],
                "client_id_metadata_document_supported": true,
                "authorization_response_iss_parameter_supported": true,
            })
        );
        assert!(bench.parts.is_authorization_server);
    }
}

#[tokio::test]
async fn closed_registration_is_not_there() {
    for bench in Bench::every_with(Settings { registration_open: false, ..Settings::default() }).await {
        let metadata = bench.get("/.well-known/oauth-authorization-server", None).await.json();
        assert_eq!(metadata.get("registration_endpoint"), None);
        assert_eq!(
            bench.post_json("/register", &json!({"redirect_uris": [CALLBACK]})).await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn a_client_registers_and_chooses_neither_its_id_nor_its_secret() {
    for bench in Bench::every().await {
        let body = json!({
            "client_id": DOCUMENT, "client_secret": "mine", "redirect_uris": [CALLBACK], "client_name": "Agent",
            "scope": "notes:read nonsense", "token_endpoint_auth_method": "client_secret_post", "software_version": 3,
        });
        let answer = bench.post_json("/register", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let answer = answer.json();
        assert!(answer["client_id"].as_str().unwrap().starts_with("cli_"));
        assert!(answer["client_secret"].as_str().unwrap().starts_with("blg_cs_"));
        assert_eq!(answer["application_type"], "native");
        assert_eq!(answer["scope"], "notes:read");
        assert_eq!(answer["token_endpoint_auth_method"], "client_secret_post");
        assert_eq!(answer["redirect_uris"], json!([CALLBACK]));
        assert!(answer["client_id_issued_at"].is_i64());
        assert_eq!(answer.get("software_version"), None);

        let public = bench
            .post_json("/register", &json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}))
            .await
            .json();
        assert_eq!(public.get("client_secret"), None);
        assert_eq!(public.get("client_secret_expires_at"), None);
    }
}

#[tokio::test]
async fn a_bad_registration_is_refused_and_many_are_too_many() {
    for bench in Bench::every().await {
        assert_eq!(
            bench.post_json("/register", &json!({"redirect_uris": ["http://evil.example"]})).await.error(),
            "invalid_redirect_uri"
        );
        assert_eq!(bench.post_json("/register", &json!("x")).await.error(), "invalid_client_metadata");
        assert_eq!(
            bench
                .post_json("/register", &json!({"redirect_uris": [format!("{CALLBACK}?{}", "x".repeat(512))]}))
                .await
                .error(),
            "invalid_redirect_uri"
        );
        assert_eq!(
            bench.post("/register", &[("redirect_uris", CALLBACK)], None).await.error(),
            "invalid_client_metadata"
        );
        let big = Request::post("/register")
            .header("content-type", "application/json")
            .body(Body::from(" ".repeat(8 * 1024) + "{}"))
            .unwrap();
        assert_eq!(bench.send(big, None).await.error(), "invalid_client_metadata");
        bench.buckets.empty.lock().unwrap().push(LimitBucket::Register);
        assert_eq!(
            bench.post_json("/register", &json!({"redirect_uris": [CALLBACK]})).await.status,
            StatusCode::TOO_MANY_REQUESTS
        );
    }
}

#[tokio::test]
async fn a_registration_nobody_used_is_forgotten_and_a_used_one_stays() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let (used, unused) = (bench.register().await, bench.register().await);
        let (_, refresh) = bench.connect(&ada, &used).await;
        bench.run_jobs().await;
        assert_eq!(bench.ask(Some(&ada), &unused, &[]).await.status, StatusCode::OK);
        bench.clock.advance(Duration::from_secs(86_399));
        bench.run_jobs().await;
        assert_eq!(bench.ask(Some(&ada), &unused, &[]).await.status, StatusCode::OK);
        bench.clock.advance(Duration::from_secs(2));
        // No request tidies up: its answer would wait for it.
        bench.register().await;
        let (_, refresh) = tokens(&bench.refresh(&used, &refresh).await);
        assert_eq!(bench.ask(Some(&ada), &unused, &[]).await.status, StatusCode::OK);
        bench.run_jobs().await;
        assert_eq!(bench.ask(Some(&ada), &unused, &[]).await.error(), "invalid_client");
        assert_eq!(bench.ask(Some(&ada), &used, &[]).await.status, StatusCode::OK);
        assert_eq!(bench.refresh(&used, &refresh).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_registration_is_forgotten_once_nothing_is_left_of_what_it_was_given() {
    const DAYS: u64 = 86_400;
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let (once, again, trusted) = (bench.register().await, bench.register().await, bench.register().await);
        for client in [&once, &again, &trusted] {
            let (_, refresh) = bench.connect(&ada, client).await;
            let pairs = [("token", refresh.as_str()), ("client_id", client.as_str())];
            assert_eq!(bench.post("/revoke", &pairs, None).await.status, StatusCode::OK);
        }
        let trust = "UPDATE oauth_server_clients SET trusted_at = created_at WHERE id = $1";
        let mut tx = bench.host.db().begin().await.unwrap();
        on!(&mut tx, c => sqlx::query(trust).bind(&trusted).execute(c).await.map(drop)).unwrap();
        tx.commit(bench.host.now()).await.unwrap();
        let is_known = async |client: &str| {
            let found = "SELECT COUNT(*) FROM oauth_server_clients WHERE id = $1";
            let mut conn = bench.host.db().read().await.unwrap();
            on!(&mut conn, c => sqlx::query_scalar::<_, i64>(found).bind(client).fetch_one(c).await).unwrap() == 1
        };
        bench.clock.advance(Duration::from_secs(89 * DAYS));
        bench.run_jobs().await;
        assert!(is_known(&once).await, "what it was given is remembered");
        let ada = bench.sign_in(ada.user()).await;
        let (_, refresh) = bench.connect(&ada, &again).await;
        bench.clock.advance(Duration::from_secs(2 * DAYS));
        // The grants are forgotten first.
        bench.run_jobs().await;
        bench.run_jobs().await;
        assert!(!is_known(&once).await, "nothing is left of it");
        assert!(is_known(&again).await && is_known(&trusted).await);
        // While there is a grant, its last token may wait long.
        let refresh = tokens(&bench.refresh(&again, &refresh).await).1;
        bench.clock.advance(Duration::from_secs(25 * DAYS));
        let refresh = tokens(&bench.refresh(&again, &refresh).await).1;
        bench.clock.advance(Duration::from_secs(25 * DAYS));
        let refresh = tokens(&bench.refresh(&again, &refresh).await).1;
        bench.clock.advance(Duration::from_secs(25 * DAYS));
        let refresh = tokens(&bench.refresh(&again, &refresh).await).1;
        bench.clock.advance(Duration::from_secs(25 * DAYS));
        bench.run_jobs().await;
        assert_eq!(bench.refresh(&again, &refresh).await.status, StatusCode::OK, "it was let in 102 days ago");
    }
}

#[tokio::test]
async fn an_assertion_is_remembered_while_another_node_may_still_take_it() {
    for bench in Bench::every().await {
        let take = async || {
            let now = bench.host.now();
            let mut tx = bench.host.db().begin().await.unwrap();
            let is_new = assertions::reserve(&mut tx, &[7; 32], now.plus(Duration::from_secs(60))).await.unwrap();
            tx.commit(now).await.unwrap();
            is_new
        };
        assert!(take().await);
        bench.clock.advance(Duration::from_secs(60 + 3599));
        bench.run_jobs().await;
        assert!(!take().await, "the clock of another node may be behind");
        bench.clock.advance(Duration::from_secs(2));
        bench.run_jobs().await;
        assert!(take().await, "it is forgotten in the end");
    }
}

#[tokio::test]
async fn a_client_is_known_by_the_document_it_publishes() {
    for bench in Bench::every().await {
        bench.web.publish(DOCUMENT, &document(), None);
        let ada = bench.sign_up("ada@belgie.example").await;
        let callback = "http://localhost:53210/callback";
        let page = bench.ask(Some(&ada), DOCUMENT, &[("redirect_uri", callback)]).await;
        let context = page.json()["context"].clone();
        assert_eq!(
            context["client"],
            json!({
                "id": DOCUMENT, "name": "Claude Code", "host": "agent.example", "uri": "https://agent.example/", "verified_host": true,
            })
        );
        assert_eq!(context["is_loopback"], true);
        let code = bench.allow(&ada, DOCUMENT, &[("redirect_uri", callback)]).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", DOCUMENT),
            ("code", code.as_str()),
            ("redirect_uri", callback),
            ("code_verifier", VERIFIER),
        ];
        let mut with_secret = pairs.to_vec();
        with_secret.push(("client_secret", "x"));
        assert_eq!(bench.post("/token", &with_secret, None).await.error(), "invalid_client");
        let (access, refresh) = tokens(&bench.post("/token", &pairs, None).await);
        assert_eq!(bench.verify(&access).await.unwrap().client.id.as_str(), DOCUMENT);
        tokens(&bench.refresh(DOCUMENT, &refresh).await);
        assert_eq!(bench.web.fetches.load(Ordering::SeqCst), 1);
        for wrong in ["https://agent.example/cb", "http://localhost:53210/other", "http://[::1]:53210/callback"] {
            let answer = bench.ask(Some(&ada), DOCUMENT, &[("redirect_uri", wrong)]).await;
            assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
        }
    }
}

#[tokio::test]
async fn a_document_is_kept_as_long_as_its_server_says_and_a_day_at_most() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let callback = [("redirect_uri", "http://localhost:1/callback")];
        let fetches = async |fresh_for: Option<u64>, pause: u64| {
            bench.web.publish(DOCUMENT, &document(), fresh_for.map(Duration::from_secs));
            bench.clock.advance(Duration::from_secs(2 * 86_400));
            let before = bench.web.fetches.load(Ordering::SeqCst);
            assert_eq!(bench.ask(Some(&ada), DOCUMENT, &callback).await.status, StatusCode::OK);
            bench.clock.advance(Duration::from_secs(pause));
            assert_eq!(bench.ask(Some(&ada), DOCUMENT, &callback).await.status, StatusCode::OK);
            bench.web.fetches.load(Ordering::SeqCst) - before
        };
        assert_eq!(fetches(Some(0), 0).await, 2);
        assert_eq!(fetches(Some(60), 30).await, 1);
        assert_eq!(fetches(Some(60), 61).await, 2);
        assert_eq!(fetches(Some(10 * 86_400), 86_300).await, 1);
        assert_eq!(fetches(Some(10 * 86_400), 86_401).await, 2);
        assert_eq!(fetches(None, 200).await, 1);
        assert_eq!(fetches(None, 301).await, 2);
    }
}

#[tokio::test]
async fn a_document_that_is_wrong_or_missing_is_a_page_and_is_never_kept() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let ask = async || bench.ask(Some(&ada), DOCUMENT, &[("redirect_uri", "http://localhost:1/callback")]).await;
        let refused = |answer: &super::support::Answer| {
            assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_client"));
            assert!(!answer.headers.contains_key("location"));
        };
        refused(&ask().await);
        let change = |name: &str, value: Value| {
            let mut document = document();
            document[name] = value;
            document
        };
        for wrong in [
            change("client_id", json!("https://agent.example/other.json")),
            change("redirect_uris", json!(["http://169.254.169.254/"])),
            change("client_secret", json!("x")),
            change("token_endpoint_auth_method", json!("private_key_jwt")),
            change("padding", json!("x".repeat(6000))),
        ] {
            bench.web.publish(DOCUMENT, &wrong, Some(Duration::from_secs(3600)));
            refused(&ask().await);
        }
        bench.web.publish(DOCUMENT, &document(), None);
        assert_eq!(ask().await.status, StatusCode::OK);
        for address in [
            "http://agent.example/client.json",
            "https://agent.example/",
            "https://127.0.0.1/client.json",
            "http://localhost:1/client.json",
        ] {
            let before = bench.web.fetches.load(Ordering::SeqCst);
            refused(&bench.ask(Some(&ada), address, &[]).await);
            assert_eq!(bench.web.fetches.load(Ordering::SeqCst), before, "{address} was visited");
        }
    }
}

#[tokio::test]
async fn the_own_machine_publishes_clients_only_with_the_switch() {
    let settings = Settings { allow_loopback_clients: true, ..Settings::default() };
    for bench in Bench::every_with(settings).await {
        let address = "http://127.0.0.1:9999/client.json";
        let mut document = document();
        document["client_id"] = json!(address);
        bench.web.publish(address, &document, None);
        let ada = bench.sign_up("ada@belgie.example").await;
        let page = bench.ask(Some(&ada), address, &[("redirect_uri", "http://localhost:1/callback")]).await;
        assert_eq!(page.json()["context"]["client"]["host"], "127.0.0.1");
    }
}

/// Asks for a client's consent page while fetches are held up.
fn ask_meanwhile(bench: &Arc<Bench>, address: String) -> tokio::task::JoinHandle<StatusCode> {
    let bench = Arc::clone(bench);
    tokio::spawn(
        async move { bench.ask(None, &address, &[("redirect_uri", "http://localhost:1/callback")]).await.status },
    )
}

async fn until_fetches(bench: &Bench, count: usize) {
    while bench.web.fetches.load(Ordering::SeqCst) < count {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.web.fetches.load(Ordering::SeqCst), count);
}

#[tokio::test]
async fn one_document_is_fetched_once_however_many_wait_for_it() {
    for bench in Bench::every().await {
        let bench = Arc::new(bench);
        // Even one that is never kept, and one that is missing.
        bench.web.publish(DOCUMENT, &document(), Some(Duration::ZERO));
        for (address, expected) in
            [(DOCUMENT, StatusCode::SEE_OTHER), ("https://agent.example/missing.json", StatusCode::BAD_REQUEST)]
        {
            let before = bench.web.fetches.load(Ordering::SeqCst);
            let held = bench.web.hold.write().await;
            let waiting: Vec<_> = (0..40).map(|_| ask_meanwhile(&bench, address.to_owned())).collect();
            until_fetches(&bench, before + 1).await;
            drop(held);
            for asked in waiting {
                assert_eq!(asked.await.unwrap(), expected);
            }
            assert_eq!(bench.web.fetches.load(Ordering::SeqCst), before + 1);
            assert_eq!(ask_meanwhile(&bench, address.to_owned()).await.unwrap(), expected);
            assert_eq!(bench.web.fetches.load(Ordering::SeqCst), before + 2);
        }
    }
}

#[tokio::test]
async fn sixteen_documents_are_fetched_at_once_and_no_more() {
    for bench in Bench::every().await {
        let bench = Arc::new(bench);
        bench.web.publish(DOCUMENT, &document(), None);
        let held = bench.web.hold.write().await;
        let waiting: Vec<_> =
            (0..16).map(|n| ask_meanwhile(&bench, format!("https://agent{n}.example/client.json"))).collect();
        until_fetches(&bench, 16).await;
        let answer = bench.ask(None, DOCUMENT, &[("redirect_uri", "http://localhost:1/callback")]).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        );
        assert_eq!(bench.web.fetches.load(Ordering::SeqCst), 16);
        // Whoever gives up frees the place.
        for asked in &waiting {
            asked.abort();
        }
        for asked in waiting {
            assert!(asked.await.unwrap_err().is_cancelled());
        }
        drop(held);
        assert_eq!(ask_meanwhile(&bench, DOCUMENT.to_owned()).await.unwrap(), StatusCode::SEE_OTHER);
    }
}
