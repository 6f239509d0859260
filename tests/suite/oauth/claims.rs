//! What an application adds to what clients are told.

use belgie::oauth_server::{About, Claims, OAuthServer};
use belgie_api::{Clock, Result, async_trait};
use jsonwebtoken::{Algorithm, Header};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use super::device::{self, Device};
use super::machines::Machine;
use super::openid::{ALL, id_token, openid, told};
use super::{checked, part};
use crate::on_both_engines;
use crate::organization::known;
use crate::support::idp::SigningKey;
use crate::support::{Agent, DocumentServer, Reply, Setup, TestGateway, Tokens, changed};

/// Says for whom it was asked, and tries to say what is not its to say.
struct Tiers;

fn said(place: &str, about: About<'_>) -> Map<String, Value> {
    let about = json!({
        "place": place, "is_person": about.user.is_some(), "client": about.client, "scopes": about.scopes.to_string(),
    });
    let members = json!({
        "https://acme.example/tier": about, "sub": "usr_mallory", "scope": "admin", "aud": "https://evil.example",
        "access_token": "mine", "id_token": "mine", "email": "mallory@example.org", "email_verified": true,
        "iss": "https://evil.example", "exp": 0, "updated_at": -1,
    });
    members.as_object().expect("members").clone()
}

#[async_trait]
impl Claims for Tiers {
    async fn of_access_token(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("access", about))
    }

    async fn of_id_token(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("id", about))
    }

    async fn of_userinfo(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("userinfo", about))
    }

    async fn of_answer(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("answer", about))
    }
}

fn tiered() -> Setup {
    openid()
        .config("access_token_format = \"jwt\"")
        .build(|builder| builder.plugin(OAuthServer::default().with_claims(Tiers)))
}

#[track_caller]
fn assert_added(members: &Value, place: &str, is_person: bool) {
    let added = &members["https://acme.example/tier"];
    assert_eq!((&added["place"], &added["is_person"]), (&json!(place), &json!(is_person)), "{members}");
}

on_both_engines! {
    async fn an_application_adds_claims_and_changes_none_of_ours(gateway: TestGateway, setup = tiered()) {
        let ada = gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let agent = Agent::register(&gateway).await;
        let first = told(&agent, &mut browser, ALL, &[]).await;
        let renewed = agent.refresh(&Tokens::of(&first).refresh).await;
        let again = agent.refresh(&Tokens::of(&first).refresh).await;
        assert_eq!(again.body, {
            let mut same = renewed.body.clone();
            same["expires_in"] = again.body["expires_in"].clone();
            same
        });
        for reply in [&first, &renewed] {
            assert_added(&reply.body, "answer", true);
            assert_eq!(reply.body["scope"], "email openid profile", "{}", reply.body);
            let access = Tokens::of(reply).access;
            let claims = checked(&gateway, &access).await;
            assert_added(&claims, "access", true);
            assert_eq!((&claims["sub"], &claims["iss"]), (&json!(ada.id), &json!(gateway.url)), "{claims}");
            assert_eq!(claims["https://acme.example/tier"]["client"], json!(agent.client_id));
            let id = checked(&gateway, id_token(reply)).await;
            assert_added(&id, "id", true);
            assert_eq!((&id["sub"], &id["email"], &id["email_verified"]), (&json!(ada.id), &json!("ada@example.org"), &json!(false)));
            assert!(id["updated_at"].as_i64().is_some_and(|at| at > 0) && id["aud"] == json!(agent.client_id), "{id}");
            let request = reqwest::Client::new().get(gateway.at("/userinfo")).bearer_auth(&access);
            let info = Reply::read(request.send().await.expect("an answer")).await.body;
            assert_added(&info, "userinfo", true);
            assert_eq!((&info["sub"], &info["email"]), (&json!(ada.id), &json!("ada@example.org")), "{info}");
            assert_eq!(agent.whoami(&access).await.status, StatusCode::OK);
        }
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let reply = machine.ask(&[]).await;
        assert_added(&reply.body, "answer", false);
        assert_added(&part(reply.body["access_token"].as_str().expect("a token"), 1), "access", false);
        assert_eq!(reply.body["scope"], "connections:read");
    }
}

const API: &str = "https://reports.example";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const BOTH: &str = "connections:read reports:read";

/// The application is asked about what the token holds, and that is what the answer says.
#[track_caller]
fn assert_asked_about(reply: &Reply, scope: &str) {
    let added = |members: &Value| members["https://acme.example/tier"]["scopes"].clone();
    assert_eq!((reply.status, &reply.body["scope"]), (StatusCode::OK, &json!(scope)), "{}", reply.body);
    let access = part(reply.body["access_token"].as_str().expect("a token"), 1);
    assert_eq!(access["scope"], json!(scope), "{access}");
    assert_eq!((added(&reply.body), added(&access)), (json!(scope), json!(scope)));
}

on_both_engines! {
    async fn an_application_is_asked_about_the_scopes_that_are_in_the_token(engine: Engine) {
        let keys = DocumentServer::start().await;
        let key = SigningKey::new("first", Algorithm::ES256);
        let address = keys.publish_json("/jwks", &json!({ "keys": [key.jwk()] }));
        let lines = format!(
            "[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true\n\
             access_token_format = \"jwt\"\ndevice_authorization = true\nresources = [\"{API}\"]\n\
             [[plugins.oauth-server.issuers]]\nissuer = \"https://id.acme.example\"\njwks_uri = \"{address}\"\nid_jag = true\n\
             email_domains = [\"acme.example\"]\n\
             [[scope]]\nname = \"reports:read\"\ndescription = \"Read your reports\"\nresources = [\"{API}\"]\n"
        );
        let setup = Setup::default().config(&lines).build(|builder| builder.plugin(OAuthServer::default().with_claims(Tiers)));
        let gateway = setup.start(engine).await;
        let (_, mut ada) = known(&gateway, "ada@acme.example").await;
        let (agent, here) = (Agent::register(&gateway).await, gateway.mcp_url());
        let mut asked = changed(agent.authorization(BOTH), "resource".to_owned(), Some(here.clone()));
        asked.push(("resource".to_owned(), API.to_owned()));
        let page = ada.get(&agent.authorize_url(&asked)).await;
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
        let first = agent.redeem_with(&code, "resource", Some(API)).await;
        assert_asked_about(&first, "reports:read");
        let renewed = agent.refresh_with(&Tokens::of(&first).refresh, &[("resource", &here)]).await;
        assert_asked_about(&renewed, "connections:read");

        let device = Device::new(&device::client(&gateway).await, &[("scope", BOTH), ("resource", &here), ("resource", API)]).await;
        device.answer(&mut ada, "allow").await;
        assert_asked_about(&device.ask_with(&[("resource", API)]).await, "reports:read");

        let web = Machine::made(&gateway, &["--confidential", "--redirect-uri", "https://web.example/callback"]).await;
        let now = gateway.clock.now().unix_seconds();
        let claims = json!({
            "iss": "https://id.acme.example", "sub": "ada-at-acme", "aud": gateway.url, "client_id": web.agent.client_id,
            "resource": [here, API], "scope": BOTH, "iat": now, "exp": now + 300, "jti": "1", "email": "ada@acme.example",
        });
        let typ = Some("oauth-id-jag+jwt".to_owned());
        let header = Header { typ, kid: Some(key.id().to_owned()), ..Header::new(key.algorithm()) };
        let assertion = key.sign(&header, &claims);
        let reply = web.post("/token", &[("grant_type", BEARER), ("assertion", &assertion), ("resource", API)]).await;
        assert_asked_about(&reply, "reports:read");
    }
}
