//! Google, as far as it differs.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::json;

use super::{assert_refused, open, through, with_idp};
use crate::support::idp::{CLIENT, SECRET, param};
use crate::support::{Engine, Idp, Setup};

const START: &str = "/auth/provider/google/start";

fn google(idp: &Idp, more: &str) -> Setup {
    let url = idp.at("/.well-known/openid-configuration");
    open(&format!(
        "[plugins.google]\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\ndiscovery_url = \"{url}\"\n{more}\n"
    ))
}

with_idp! {
    async fn somebody_signs_in_with_google(gateway, idp, setup = |idp: &Idp| google(idp, "")) {
        let mut browser = gateway.browser();
        let page = browser.get("/auth/signin").await.body;
        assert!(page.contains("Continue with Google") && page.contains("<svg class=\"brand\""));
        let location = browser.get(START).await.location();
        for (name, value) in
            [("access_type", "offline"), ("prompt", "consent"), ("include_granted_scopes", "true"), ("scope", "openid email profile")]
        {
            assert_eq!(param(&location, name), value);
        }
        through(&mut browser, &idp, START).await;
        assert!(browser.is_signed_in().await);
        let google = gateway.gateway.host().provided::<belgie::google::GoogleClient>().expect("the handle");
        let user = super::people(&gateway).await[0].id;
        assert_eq!(google.list_accounts(user).await.expect("a list").len(), 1);
    }
}

with_idp! {
    async fn only_members_of_the_hosted_domain_come_in(gateway, idp,
        setup = |idp: &Idp| google(idp, "hosted_domain = \"example.org\""))
    {
        let mut browser = gateway.browser();
        assert_eq!(param(&browser.get(START).await.location(), "hd"), "example.org");
        for hd in [json!(null), json!("evil.example"), json!("")] {
            idp.ways().person["hd"] = hd;
            let page = through(&mut browser, &idp, START).await;
            assert_refused(&mut browser, &page, "hosted_domain_mismatch").await;
        }
        idp.ways().person["hd"] = "example.org".into();
        let page = through(&mut browser, &idp, START).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    }
}

with_idp! {
    async fn a_token_of_another_issuer_is_refused(gateway, idp, setup = |idp: &Idp| google(idp, "")) {
        let mut browser = gateway.browser();
        for issuer in ["https://evil.example", "evil.example", ""] {
            idp.spoil(move |_, claims| drop(claims.insert("iss".into(), issuer.into())));
            let page = through(&mut browser, &idp, START).await;
            assert_refused(&mut browser, &page, "oauth_code_verification_failed").await;
        }
    }
}

with_idp! {
    async fn more_is_asked_for_when_it_is_needed(gateway, idp,
        setup = |idp: &Idp| google(idp, "incremental_scopes = [\"https://www.googleapis.com/auth/calendar\"]"))
    {
        let mut browser = gateway.browser();
        let path = format!("{START}?scopes=https://www.googleapis.com/auth/calendar");
        let location = browser.get(&path).await.location();
        assert_eq!(param(&location, "scope"), "openid email profile https://www.googleapis.com/auth/calendar");
        assert_eq!(param(&location, "include_granted_scopes"), "true");
        browser.get(&idp.agree_by_query(&location)).await;
        let (_, answer) = super::read(&mut browser, "/auth/provider/google/accounts").await;
        assert!(answer["accounts"][0]["scope"].as_str().expect("scopes").contains("calendar"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_id_google_is_not_there() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let mut browser = gateway.browser();
    assert!(!browser.get("/auth/signin").await.body.contains("Google"));
    assert_eq!(browser.get(START).await.status, StatusCode::NOT_FOUND);
    let mut ada = gateway.signed_in("ada@example.org").await;
    assert!(!ada.get("/account").await.body.contains("Linked accounts"));
}

#[test]
fn google_is_set_up_by_the_environment_alone() {
    let environment = [
        ("BELGIE_GOOGLE_CLIENT_ID", "[\"one\", \"two\"]"),
        ("BELGIE_GOOGLE_CLIENT_SECRET", "quiet"),
        ("BELGIE_GOOGLE_SCOPES", "[\"openid\", \"email\"]"),
        ("BELGIE_GOOGLE_HOSTED_DOMAIN", "example.org"),
        ("BELGIE_GOOGLE_STATE_STRATEGY", "cookie"),
        ("BELGIE_GOOGLE_USE_PKCE", "true"),
        ("BELGIE_GOOGLE_AUTHORIZATION_PARAMS", "{\"login_hint\": \"x\"}"),
        ("BELGIE_GOOGLE_TOKEN_PARAMS", "{\"quiet\": \"please-hide\"}"),
        ("BELGIE_MICROSOFT_CLIENT_ID", "x"),
        ("BELGIE_MICROSOFT_TENANT", "organizations"),
    ];
    let environment: BTreeMap<String, String> =
        environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut raw = belgie::config::RawConfig::from_text("");
    raw.environment = environment;
    let checked = belgie::Belgie::builder(raw).check().unwrap_or_else(|error| panic!("{error}"));
    let shown = checked.config().effective().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(shown.contains("plugins.google.client_id = [\"one\", \"two\"]"), "{shown}");
    assert!(!shown.contains("quiet\"") || shown.contains("\"quiet\" = \"(secret)\""), "{shown}");
    assert!(!shown.contains("please-hide"), "{shown}");
}
