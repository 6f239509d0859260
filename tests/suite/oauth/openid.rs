//! OpenID Connect: clients are told who people are, where the operator has switched it on.

use std::time::Duration;

use belgie_api::crypto::{base64url, sha256};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{assert_sent_back, checked, part};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Engine, Page, Reply, Setup, TestGateway, Tokens};

pub const ON: &str = "[plugins.oauth-server]\nopenid_connect = true";
pub const ALL: &str = "openid profile email";

pub fn openid() -> Setup {
    Setup::default().config(ON)
}

/// An authorization request with more parameters.
pub fn request(agent: &Agent, scope: &str, more: &[(&str, &str)]) -> String {
    let mut parameters = agent.authorization(scope);
    parameters.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    agent.authorize_url(&parameters)
}

async fn allowed(browser: &mut Browser, page: &Page) -> String {
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    answer.sent_parameter("code").unwrap_or_else(|| panic!("a code in {}", answer.location()))
}

/// Everything up to the answer of the token endpoint.
pub async fn told(agent: &Agent, browser: &mut Browser, scope: &str, more: &[(&str, &str)]) -> Reply {
    let page = browser.get(&request(agent, scope, more)).await;
    // What was allowed before is not asked again.
    let code = match page.status {
        StatusCode::SEE_OTHER => page.sent_parameter("code").unwrap_or_else(|| panic!("a code in {}", page.location())),
        _ => allowed(browser, &page).await,
    };
    let reply = agent.redeem(&code).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply
}

pub fn id_token(reply: &Reply) -> &str {
    reply.body["id_token"].as_str().expect("an id token")
}

async fn userinfo(gateway: &TestGateway, method: Method, token: Option<&str>) -> Reply {
    let request = reqwest::Client::new().request(method, gateway.at("/userinfo"));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    Reply::read(request.send().await.expect("an answer")).await
}

on_both_engines! {
    async fn a_client_is_told_who_the_person_is(gateway: TestGateway, setup = openid()) {
        let ada = gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", PASSWORD).await;
        let agent = Agent::register(&gateway).await;
        let reply = told(&agent, &mut browser, ALL, &[("nonce", "n-0S6_WzA2Mj")]).await;
        let token = id_token(&reply);
        assert_eq!((&part(token, 0)["alg"], &part(token, 0)["typ"]), (&json!("RS256"), &json!("JWT")));
        let mut claims = checked(&gateway, token).await;
        let access = Tokens::of(&reply).access;
        let half = base64url(&sha256(access.as_bytes())[..16]);
        assert_eq!((&claims["at_hash"], &claims["nonce"]), (&json!(half), &json!("n-0S6_WzA2Mj")));
        let moment = |name: &str| claims[name].as_i64().expect("a moment");
        assert_eq!(moment("exp") - moment("iat"), 3600);
        assert!((0..60).contains(&(moment("iat") - moment("auth_time"))), "{claims}");
        let changing = ["exp", "iat", "auth_time", "at_hash", "nonce", "sid", "updated_at"];
        claims.as_object_mut().expect("claims").retain(|name, _| !changing.contains(&name.as_str()));
        assert_eq!(claims, json!({
            "iss": gateway.url, "sub": ada.id, "aud": agent.client_id, "amr": ["pwd"],
            "email": "ada@example.org", "email_verified": false,
        }));
        // The same of the access token, in either way, and by no cookie.
        for method in [Method::GET, Method::POST] {
            let said = userinfo(&gateway, method, Some(&access)).await;
            assert_eq!((said.status, &said.body["sub"]), (StatusCode::OK, &json!(ada.id)), "{}", said.body);
            assert_eq!((&said.body["email"], &said.body["email_verified"]), (&json!("ada@example.org"), &json!(false)));
            assert_eq!(said.headers["cache-control"], "no-store");
        }
        // It opens the endpoint as any other does.
        assert_eq!(agent.whoami(&access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_refresh_tells_again_of_the_same_person(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let document = json!({
            "redirect_uris": ["https://agent.example/callback"], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "id_token_signed_response_alg": "ES256",
        });
        let (agent, _) = Agent::register_document(&gateway, &document).await;
        let first = told(&agent, &mut ada, ALL, &[("nonce", "n-1")]).await;
        let before = checked(&gateway, id_token(&first)).await;
        gateway.clock.advance(Duration::from_secs(1800));
        let renewed = agent.refresh(&Tokens::of(&first).refresh).await;
        let after = checked(&gateway, id_token(&renewed)).await;
        for same in ["iss", "sub", "aud", "auth_time", "amr", "email"] {
            assert!(after[same] == before[same] && !after[same].is_null(), "{same} of {after}");
        }
        assert_eq!(part(id_token(&renewed), 0)["alg"], "ES256");
        assert!(after.get("nonce").is_none(), "it answers no request of the browser: {after}");
        assert!(after["iat"].as_i64() >= before["iat"].as_i64().map(|made| made + 1800), "{after}");
        let access = Tokens::of(&renewed).access;
        assert_eq!(after["at_hash"], json!(base64url(&sha256(access.as_bytes())[..16])));
        assert_eq!(userinfo(&gateway, Method::GET, Some(&access)).await.status, StatusCode::OK);
        // Whoever never heard the answer hears all of it.
        let again = agent.refresh(&Tokens::of(&first).refresh).await;
        assert_eq!((&again.body["id_token"], &again.body["access_token"]), (&renewed.body["id_token"], &json!(access)));
        // Without the scope there is none.
        let less = agent.refresh_with(&Tokens::of(&renewed).refresh, &[("scope", "email")]).await;
        assert_eq!((less.status, less.body.get("id_token")), (StatusCode::OK, None), "{}", less.body);
    }
}

on_both_engines! {
    async fn scopes_say_how_much_is_told(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let names = |document: &Value| {
            let members = document.as_object().expect("claims").keys().cloned();
            members.filter(|name| ["name", "email", "email_verified", "updated_at"].contains(&name.as_str())).collect::<Vec<_>>()
        };
        for (scope, expected) in [
            ("openid", vec![]),
            ("openid profile", vec!["updated_at"]),
            ("openid email", vec!["email", "email_verified"]),
        ] {
            let reply = told(&agent, &mut ada, scope, &[]).await;
            let access = Tokens::of(&reply).access;
            assert_eq!(names(&part(id_token(&reply), 1)), expected, "{scope}");
            assert_eq!(names(&userinfo(&gateway, Method::GET, Some(&access)).await.body), expected, "{scope}");
            assert!(part(id_token(&reply), 1).get("nonce").is_none());
        }
        // Without `openid` there is neither.
        let reply = told(&agent, &mut ada, "connections:read email", &[]).await;
        assert!(reply.body.get("id_token").is_none());
        let refused = userinfo(&gateway, Method::GET, Some(&Tokens::of(&reply).access)).await;
        assert_eq!((refused.status, &refused.body["error"]), (StatusCode::FORBIDDEN, &json!("insufficient_scope")));
        assert!(refused.challenge().contains("scope=\"openid\""), "{}", refused.challenge());
    }
}

on_both_engines! {
    async fn nobody_is_told_of_by_a_token_that_is_over(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let access = Tokens::of(&told(&agent, &mut ada, ALL, &[]).await).access;
        for (token, challenge) in [(None, "Bearer"), (Some("junk"), "Bearer error=\"invalid_token\"")] {
            let refused = userinfo(&gateway, Method::GET, token).await;
            assert_eq!((refused.status, refused.challenge()), (StatusCode::UNAUTHORIZED, challenge));
            assert_eq!(refused.body["error"], "invalid_token");
        }
        let in_query = reqwest::get(gateway.at(&format!("/userinfo?access_token={access}"))).await.expect("an answer");
        assert_eq!(in_query.status(), StatusCode::UNAUTHORIZED);
        let by_cookie = ada.get("/userinfo").await;
        assert_eq!(by_cookie.status, StatusCode::UNAUTHORIZED);
        let line = ["token", "create", "--email", "ada@example.org", "--scope", "openid email", "--ttl", "60"];
        let (ok, made) = gateway.configured_program(&line).await;
        assert!(ok, "{made}");
        let personal = userinfo(&gateway, Method::GET, made["token"].as_str()).await;
        assert_eq!(personal.status, StatusCode::UNAUTHORIZED, "a personal token is for a resource alone");

        agent.revoke(&access).await;
        assert_eq!(userinfo(&gateway, Method::GET, Some(&access)).await.status, StatusCode::UNAUTHORIZED);
        let access = Tokens::of(&told(&agent, &mut ada, ALL, &[]).await).access;
        assert_eq!(userinfo(&gateway, Method::GET, Some(&access)).await.status, StatusCode::OK);
        let (ok, said) = gateway.program(&["user", "ban", "--email", "ada@example.org"]).await;
        assert!(ok, "{said}");
        assert_eq!(userinfo(&gateway, Method::GET, Some(&access)).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_chooses_how_its_id_tokens_are_signed() {
    let gateway = openid().config("access_token_format = \"jwt\"").start(Engine::Sqlite).await;
    let mut ada = gateway.signed_in("ada@example.org").await;
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let document = json!({
            "redirect_uris": ["http://127.0.0.1:49152/callback"], "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": algorithm,
        });
        let (agent, registered) = Agent::register_document(&gateway, &document).await;
        assert_eq!(registered["id_token_signed_response_alg"], algorithm);
        let reply = told(&agent, &mut ada, ALL, &[]).await;
        assert_eq!(part(id_token(&reply), 0)["alg"], algorithm);
        checked(&gateway, id_token(&reply)).await;
        // A signed access token names both places it is for, and an id token is none.
        let access = Tokens::of(&reply).access;
        assert_eq!(part(&access, 1)["aud"], json!([gateway.mcp_url(), gateway.at("/userinfo")]));
        assert_eq!(userinfo(&gateway, Method::GET, Some(&access)).await.status, StatusCode::OK);
        assert_eq!(agent.whoami(&access).await.status, StatusCode::OK);
        assert_eq!(agent.whoami(id_token(&reply)).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(userinfo(&gateway, Method::GET, Some(id_token(&reply))).await.status, StatusCode::UNAUTHORIZED);
    }
    for wrong in ["none", "HS256", "rs256"] {
        let document = json!({ "redirect_uris": ["https://a.example/cb"], "id_token_signed_response_alg": wrong });
        let answer = reqwest::Client::new().post(gateway.at("/register")).json(&document).send().await;
        let reply = Reply::read(answer.expect("an answer")).await;
        assert_eq!((reply.status, &reply.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")));
    }
}

on_both_engines! {
    async fn a_client_can_have_the_person_prove_once_more_to_be_there(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        for more in [[("prompt", "login")], [("max_age", "0")], [("prompt", "login consent")]] {
            gateway.clock.advance(Duration::from_secs(120));
            let asked = ada.get(&request(&agent, ALL, &more)).await;
            assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
            assert!(asked.location().starts_with("/auth/confirm?"), "{}", asked.location());
            // The session is fresh enough for everything else; for this the person is asked all the same.
            let page = ada.get(&asked.location()).await;
            let back = ada.submit(&page.form("/auth/confirm"), &[("password", PASSWORD)]).await.location();
            let question = ada.get(&back).await;
            assert_eq!(question.status, StatusCode::OK, "{}", question.body);
            let code = allowed(&mut ada, &question).await;
            let reply = agent.redeem(&code).await;
            let claims = part(id_token(&reply), 1);
            let ago = claims["iat"].as_i64().zip(claims["auth_time"].as_i64()).map(|(made, there)| made - there);
            assert!(ago.is_some_and(|ago| (0..60).contains(&ago)), "{claims}");
            // Our mark holds for this very request: a client cannot make one, and a person cannot move it to another.
            let (_, mark) = back.split_once("&belgie_since=").expect("a mark");
            let moved = format!("{}&belgie_since={mark}", request(&agent, "openid", &more));
            assert!(ada.get(&moved).await.location().starts_with("/auth/confirm?"));
        }
        // A stranger signs in, and that is proof enough.
        let mut stranger = gateway.browser();
        let asked = stranger.get(&request(&agent, ALL, &[("prompt", "login")])).await;
        let form = stranger.get(&asked.location()).await.form("/auth/signin");
        let back = stranger.submit(&form, &[("email", "ada@example.org"), ("password", PASSWORD)]).await.location();
        let question = stranger.get(&back).await;
        allowed(&mut stranger, &question).await;
    }
}

on_both_engines! {
    async fn an_age_is_looked_at_when_it_is_wished(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        let young = ada.get(&request(&agent, ALL, &[("max_age", "60")])).await;
        assert_eq!(young.status, StatusCode::OK, "{}", young.body);
        gateway.clock.advance(Duration::from_secs(61));
        let silent = ada.get(&request(&agent, ALL, &[("max_age", "60"), ("prompt", "none")])).await;
        assert_sent_back(&agent, &silent, "login_required");
        let old = ada.get(&request(&agent, ALL, &[("max_age", "60")])).await;
        let page = ada.get(&old.location()).await;
        let back = ada.submit(&page.form("/auth/confirm"), &[("password", PASSWORD)]).await.location();
        let question = ada.get(&back).await;
        allowed(&mut ada, &question).await;
    }
}

on_both_engines! {
    async fn words_of_prompt_do_what_they_say_and_unknown_ones_are_refused(
        gateway: TestGateway,
        setup = openid().with_open_sign_up()
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        for word in ["consent", "select_account", "create", "consent select_account"] {
            let page = ada.get(&request(&agent, ALL, &[("prompt", word)])).await;
            assert_eq!(page.status, StatusCode::OK, "{word}");
            assert!(page.body.contains("Use another account"), "{word}");
        }
        assert_sent_back(&agent, &ada.get(&request(&agent, ALL, &[("prompt", "none")])).await, "consent_required");
        for wrong in [("prompt", "none login"), ("prompt", "anything"), ("max_age", "soon")] {
            assert_sent_back(&agent, &ada.get(&request(&agent, ALL, &[wrong])).await, "invalid_request");
        }
        for (name, error) in [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")] {
            assert_sent_back(&agent, &ada.get(&request(&agent, ALL, &[(name, "x")])).await, error);
        }
        let mut stranger = gateway.browser();
        let create = stranger.get(&request(&agent, ALL, &[("prompt", "create")])).await.location();
        assert!(create.starts_with("/auth/signup?return_to=%2Fauthorize"), "{create}");
        let hinted = stranger.get(&request(&agent, ALL, &[("login_hint", "ada@example.org")])).await.location();
        let form = stranger.get(&hinted).await.form("/auth/signin");
        assert!(form.fields.contains(&("email".to_owned(), "ada@example.org".to_owned())), "{:?}", form.fields);
        let odd = stranger.get(&request(&agent, ALL, &[("login_hint", "\"><script>@")])).await.location();
        assert!(!stranger.get(&odd).await.body.contains("<script>@"));
    }
}

on_both_engines! {
    async fn discovery_says_what_is_there(gateway: TestGateway, setup = openid()) {
        let answer = reqwest::get(gateway.at("/.well-known/openid-configuration")).await.expect("an answer");
        assert_eq!((answer.status(), &answer.headers()["content-type"]), (StatusCode::OK, &"application/json".parse().expect("a header")));
        let document: Value = answer.json().await.expect("JSON");
        let server = reqwest::get(gateway.at("/.well-known/oauth-authorization-server")).await.expect("an answer");
        let mut expected: Value = server.json().await.expect("JSON");
        assert!(["openid", "profile", "email"].iter().all(|scope| {
            expected["scopes_supported"].as_array().is_some_and(|scopes| scopes.contains(&json!(scope)))
        }));
        let more = json!({
            "userinfo_endpoint": gateway.at("/userinfo"),
            "end_session_endpoint": gateway.at("/logout"),
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["EdDSA", "ES256", "RS256"],
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "at_hash", "sid", "name", "picture",
                "updated_at",
                "email", "email_verified",
            ],
            "claim_types_supported": ["normal"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
        });
        for (name, value) in more.as_object().expect("members") {
            expected[name] = value.clone();
        }
        assert_eq!(document, expected);
        let kinds: std::collections::BTreeSet<String> =
            super::published(&gateway).await.iter().map(|key| key["alg"].to_string()).collect();
        assert_eq!(kinds.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_off_nobody_is_told_of() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let mut ada = gateway.signed_in("ada@example.org").await;
    let agent = Agent::register(&gateway).await;
    let page =
        ada.get(&request(&agent, "connections:read openid email", &[("max_age", "0"), ("prompt", "login")])).await;
    let code = allowed(&mut ada, &page).await;
    let reply = agent.redeem(&code).await;
    assert_eq!((&reply.body["scope"], reply.body.get("id_token")), (&json!("connections:read"), None));
    for path in ["/userinfo", "/.well-known/openid-configuration"] {
        let answer = reqwest::get(gateway.at(path)).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

on_both_engines! {
    async fn whoever_does_not_say_who_they_are_gives_no_id_token(gateway: TestGateway, setup = openid()) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let mut form = browser.get(&request(&agent, "openid connections:read", &[])).await.form("/authorize");
        form.fields.retain(|(name, _)| name != "scope.openid");
        let answer = browser.submit(&form, &[("decision", "allow")]).await;
        let reply = agent.redeem(&answer.sent_parameter("code").expect("a code")).await;
        assert_eq!((&reply.body["scope"], reply.body.get("id_token")), (&json!("connections:read"), None), "{}", reply.body);
        let nobody = userinfo(&gateway, Method::GET, Some(&Tokens::of(&reply).access)).await;
        assert_eq!(nobody.status, StatusCode::FORBIDDEN, "{}", nobody.body);
    }
}
