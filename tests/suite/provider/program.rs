//! What programs do with it: handles, ways of their own, vetoes and news.

use std::sync::Arc;

use axum::http::Method;
use axum::routing::get;
use belgie::api::hooks::{Act, Veto};
use belgie::api::ports::Use;
use belgie::api::web::{Present, SignedIn};
use belgie::api::{Failure, Host, Manifest, Mount, Plugin, Room, db::Tx};
use belgie_api::async_trait;
use belgie_api::event::Event;
use belgie_oauth_client::secrecy::ExposeSecret;
use belgie_oauth_client::{
    FlowOptions, Line, OAuthClient, Profile, ProviderSettings, Strategy, TokenSet, mount_provider,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::{arrived, link, open, people, sign_in, through, with_idp};
use crate::support::gateway::PASSWORD;
use crate::support::idp::param;
use crate::support::{Idp, Setup};

/// A plugin of an application that is lent the engine.
struct App {
    refuses: Option<&'static str>,
}

impl Plugin for App {
    fn manifest(&self) -> Manifest {
        Manifest { id: "app", version: "1", needs: vec!["oauth-client"], scopes: Vec::new() }
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> Result<(), Failure> {
        mount
            .route(Room::Browser, Method::GET, "/app/in", get(app_sign_in))
            .route(Room::Browser, Method::GET, "/app/link", get(app_link))
            .route(Room::Browser, Method::GET, "/app/done", get(app_done));
        if let Some(refused) = self.refuses {
            mount.veto(Arc::new(Refuses(refused)));
        }
        Ok(())
    }
}

struct Refuses(&'static str);

#[async_trait]
impl Veto for Refuses {
    fn name(&self) -> &'static str {
        "app.refuses"
    }

    async fn check(&self, _tx: &mut Tx, act: Act<'_>) -> Result<(), Failure> {
        let what = match act {
            Act::Link { provider, .. } => format!("link {provider}"),
            Act::Unlink { provider, .. } => format!("unlink {provider}"),
            Act::SignUp { method, .. } => format!("sign_up {method}"),
            Act::SignIn { method, .. } => format!("sign_in {method}"),
            _ => return Ok(()),
        };
        if what == self.0 { Err(Failure::forbidden("app.no", "The application says no.")) } else { Ok(()) }
    }
}

fn options() -> FlowOptions {
    FlowOptions {
        return_to: Some("/app/done".into()),
        payload: Some(json!({ "invitation": 7 })),
        scopes: vec!["calendar".into()],
        prompt: Some("login".into()),
        access_type: Some("offline".into()),
        authorization_params: [("login_hint", "ada"), ("ui", "light"), ("state", "evil")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..FlowOptions::default()
    }
}

async fn app_sign_in(clients: Use<OAuthClient>) -> Result<String, Failure> {
    clients.provider("acme")?.signin_url(options()).await
}

async fn app_link(clients: Use<OAuthClient>, present: Present) -> Result<String, Failure> {
    clients.provider("acme")?.link_url(present.caller.user().id, options()).await
}

async fn app_done(
    clients: Use<OAuthClient>,
    signed_in: SignedIn,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
) -> Result<String, Failure> {
    let query = query.unwrap_or_default();
    let handle = query.strip_prefix("oauth_flow=").unwrap_or_default();
    let finished = clients.take_finished(handle, signed_in.caller.user().id).await?;
    Ok(serde_json::to_string(&finished).expect("a text"))
}

fn with_app(idp: &Idp, refuses: Option<&'static str>) -> Setup {
    open(&idp.table("")).build(move |builder| builder.plugin(App { refuses }))
}

with_idp! {
    async fn an_application_gets_its_payload_back_once_from_whoever_signed_in(gateway, idp, setup = |idp: &Idp| with_app(idp, None)) {
        let mut browser = gateway.browser();
        let start = browser.get("/app/in").await.body;
        let location = browser.get(&start).await.location();
        let landed = browser.get(&idp.agree_by_query(&location)).await.location();
        assert!(landed.starts_with("/app/done?oauth_flow="), "{landed}");
        let mut other = gateway.signed_in("mallory@example.org").await;
        assert_eq!(other.get(&landed).await.body, "null", "it is for the person who signed in");
        let finished: Value = serde_json::from_str(&browser.get(&landed).await.body).expect("JSON");
        assert_eq!(finished["payload"]["invitation"], 7);
        assert_eq!((&finished["is_new_user"], &finished["provider"]), (&json!(true), &json!("acme")));
        assert_eq!(browser.get(&landed).await.body, "null", "once");
    }
}

with_idp! {
    async fn a_path_of_ours_begins_the_sign_in_an_application_describes(gateway, idp, setup = |idp: &Idp| with_app(idp, None)) {
        let mut browser = gateway.browser();
        let start = browser.get("/app/in").await.body;
        assert!(start.starts_with("/auth/provider/acme/start?token=blg_"), "{start}");
        // Until somebody signs in it is bound to nobody, so any browser may follow it, and again.
        for browser in [&mut browser, &mut gateway.browser()] {
            let out = browser.get(&start).await;
            assert_eq!(out.status, StatusCode::SEE_OTHER);
            assert!(out.location().starts_with(&idp.at("/authorize?")), "{}", out.location());
        }
        let other = start.replace("/acme/", "/nobody/");
        assert_eq!(browser.get(&other).await.status, StatusCode::NOT_FOUND);
        gateway.clock.advance(std::time::Duration::from_secs(601));
        let page = browser.get(&start).await;
        super::assert_refused(&mut browser, &page, "state_not_found").await;
    }
}

with_idp! {
    async fn an_application_says_what_a_single_request_asks_for(gateway, idp, setup = |idp: &Idp| {
        let table = idp.table("prompt = \"consent\"\naccess_type = \"online\"\nauthorization_params = { ui = \"dark\", hue = \"red\" }");
        open(&table).build(move |builder| builder.plugin(App { refuses: None }))
    }) {
        let mut browser = gateway.browser();
        let usual = browser.get("/auth/provider/acme/start").await.location();
        let start = browser.get("/app/in").await.body;
        let asked = browser.get(&start).await.location();
        for (name, by_settings, by_request) in [
            ("scope", "openid email profile", "openid email profile calendar"),
            ("prompt", "consent", "login"),
            ("access_type", "online", "offline"),
            ("ui", "dark", "light"),
            ("hue", "red", "red"),
        ] {
            assert_eq!((param(&usual, name).as_str(), param(&asked, name).as_str()), (by_settings, by_request), "{name}");
        }
        assert_eq!(param(&asked, "login_hint"), "ada");
        assert!(param(&asked, "state").starts_with("blg_"), "what protects the flow cannot be set");
    }
}

with_idp! {
    async fn a_link_of_an_application_wants_its_person_to_be_there(gateway, idp, setup = |idp: &Idp| with_app(idp, None)) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        gateway.clock.advance(std::time::Duration::from_secs(300));
        let start = ada.get("/app/link").await.body;
        gateway.clock.advance(std::time::Duration::from_secs(301));
        let page = ada.get(&start).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, page_of(&start)));
        // An operator who sees the pages as somebody links nothing there.
        gateway.person_with("root@example.org", "admin").await;
        let mut operator = gateway.browser();
        operator.sign_in("root@example.org", PASSWORD).await;
        let user = people(&gateway).await.into_iter().find(|user| user.email == "ada@example.org").expect("ada").id;
        let path = format!("/admin/users/{user}/impersonate");
        operator.fill(&path, &path, &[]).await;
        let page = operator.get(&start).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);

        let confirmed = ada.fill(&page_of(&start), "/auth/confirm", &[("password", PASSWORD)]).await;
        assert_eq!(confirmed.location(), start, "on to where the person wanted to go");
        through(&mut ada, &idp, &start).await;
        assert!(ada.get("/account").await.body.contains("/account/unlink/"));
    }
}

fn page_of(start: &str) -> String {
    let wanted: String = url::form_urlencoded::byte_serialize(start.as_bytes()).collect();
    format!("/auth/confirm?return_to={wanted}")
}

with_idp! {
    async fn a_link_of_an_application_is_for_its_person_alone(gateway, idp, setup = |idp: &Idp| with_app(idp, None)) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let start = ada.get("/app/link").await.body;
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        let page = mallory.get(&start).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
        // Whoever else opens it does not use it up.
        let landed = through(&mut ada, &idp, &start).await.location();
        let finished: Value = serde_json::from_str(&ada.get(&landed).await.body).expect("JSON");
        assert_eq!((&finished["is_link"], &finished["provider_account_id"]), (&json!(true), &json!("ada-1")));
        assert_eq!(ada.get(&start).await.status, StatusCode::BAD_REQUEST, "a link is opened once");
    }
}

with_idp! {
    async fn an_application_may_refuse_a_link_and_nothing_is_left_of_it(gateway, idp,
        setup = |idp: &Idp| with_app(idp, Some("link acme")))
    {
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("The application says no."), "{}", page.body);
        assert!(people(&gateway).await.is_empty(), "the account that was to be made is not there either");
    }
}

with_idp! {
    async fn an_application_may_refuse_unlinking(gateway, idp, setup = |idp: &Idp| with_app(idp, Some("unlink acme"))) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        let (status, answer) = super::call(&mut browser, "/auth/provider/acme/unlink", json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::FORBIDDEN, Some("app.no")));
        arrived(&gateway, &idp).await;
    }
}

with_idp! {
    async fn linking_and_unlinking_are_news_and_on_record(gateway, idp) {
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        gateway.gateway.host().db().bus().subscribe(Arc::new(move |event: &Event| {
            if matches!(event, Event::ProviderLinked { .. } | Event::ProviderUnlinked { .. } | Event::UserSignedIn { .. }) {
                ear.lock().expect("nobody panicked").push(serde_json::to_value(event).expect("JSON"));
            }
        }));
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        arrived(&gateway, &idp).await;
        super::call(&mut browser, "/auth/provider/acme/unlink", json!({})).await;
        let heard: Vec<Value> = heard.lock().expect("nobody panicked").clone();
        let names: Vec<&str> = heard.iter().map(|event| event["event"].as_str().expect("a name")).collect();
        assert!(names.contains(&"provider_linked") && names.contains(&"provider_unlinked"), "{names:?}");
        assert!(heard.iter().any(|event| event["event"] == "user_signed_in" && event["method"] == "acme"));
        let actions = super::tokens::actions(&gateway).await;
        assert!(actions.contains(&"account.linked".to_owned()) && actions.contains(&"account.unlinked".to_owned()));
    }
}

with_idp! {
    async fn an_application_renews_and_unlinks_an_account(gateway, idp) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        link(&mut browser, &idp).await;
        let user = people(&gateway).await[0].id;
        let clients = gateway.gateway.host().provided::<OAuthClient>().expect("the engine");
        let acme = clients.provider("acme").expect("it");
        let plain = |tokens: belgie_oauth_client::Tokens| tokens.access_token.expect("a token").expose_secret().to_owned();
        let first = plain(acme.token_set(user, None, false).await.expect("tokens"));
        let second = plain(acme.refresh_account(user, Some("ada-1")).await.expect("tokens"));
        assert!(first.starts_with("access-") && second.starts_with("access-") && first != second);
        assert_eq!(plain(acme.get_access_token(user, None).await.expect("tokens")), second);
        acme.unlink_account(user, Some("ada-1")).await.expect("it is not the last way in");
        assert!(acme.list_accounts(user).await.expect("a list").is_empty());
        assert_eq!(acme.unlink_account(user, None).await.expect_err("gone").code(), "account_not_found");
    }
}

/// A provider with ways of its own.
struct Odd(Url);

struct OddWays;

impl Plugin for Odd {
    fn manifest(&self) -> Manifest {
        Manifest { id: "odd", version: "1", needs: vec!["oauth-client"], scopes: Vec::new() }
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> Result<(), Failure> {
        let mut settings = ProviderSettings::new("odd", "Odd");
        settings.client_ids = vec!["x".into()];
        settings.authorization_endpoint = self.0.join("/authorize").ok();
        settings.token_endpoint = self.0.join("/token").ok();
        let client = mount_provider(mount, &settings, OddWays, "")?.expect("it is on");
        mount.provide(Arc::new(client));
        Ok(())
    }
}

#[async_trait]
impl Strategy for OddWays {
    fn prepare(&self, _settings: &ProviderSettings, params: &mut Vec<(String, String)>) {
        params.push(("odd".into(), "yes".into()));
    }

    async fn get_token(
        &self,
        _line: &Line<'_>,
        form: Vec<(String, belgie_oauth_client::secrecy::SecretString)>,
    ) -> Result<TokenSet, Failure> {
        assert!(form.iter().any(|(name, _)| name == "code"));
        Ok(TokenSet {
            access_token: Some("odd-access".into()),
            refresh_token: Some("odd-refresh".into()),
            ..TokenSet::default()
        })
    }

    async fn refresh_tokens(
        &self,
        _line: &Line<'_>,
        _refresh_token: belgie_oauth_client::secrecy::SecretString,
        _scope: Option<&str>,
    ) -> Result<TokenSet, Failure> {
        Ok(TokenSet { access_token: Some("odd-again".into()), ..TokenSet::default() })
    }

    async fn get_userinfo(&self, _line: &Line<'_>, tokens: &TokenSet) -> Result<Option<Value>, Failure> {
        assert!(tokens.access_token.is_some());
        Ok(Some(json!({ "number": 5, "mail": "odd@example.org" })))
    }

    fn map_profile(&self, _settings: &ProviderSettings, claims: &Value) -> Result<Profile, Failure> {
        let email = claims["mail"].as_str().map(str::to_owned);
        Ok(Profile {
            provider_account_id: claims["number"].to_string(),
            email,
            email_verified: true,
            ..Profile::default()
        })
    }
}

with_idp! {
    async fn a_provider_with_ways_of_its_own_is_a_few_lines(gateway, idp, setup = |idp: &Idp| {
        let url: Url = idp.at("/").parse().expect("an address");
        open("").build(move |builder| builder.plugin(Odd(url)))
    }) {
        let mut browser = gateway.browser();
        assert_eq!(param(&browser.get("/auth/provider/odd/start").await.location(), "odd"), "yes");
        through(&mut browser, &idp, "/auth/provider/odd/start").await;
        assert!(browser.is_signed_in().await);
        assert_eq!(people(&gateway).await[0].email, "odd@example.org");
        let (_, answer) = super::call(&mut browser, "/auth/provider/odd/refresh-token", json!({})).await;
        assert_eq!((&answer["access_token"], &answer["refresh_token"]), (&json!("odd-again"), &json!("odd-refresh")));
        let client = gateway.gateway.host().provided::<belgie_oauth_client::ProviderClient>().expect("the handle");
        let user = people(&gateway).await[0].id;
        assert_eq!(client.list_accounts(user).await.expect("a list")[0].provider_account_id, "5");
        assert_eq!(client.account_info(user, None).await.expect("a profile").email.as_deref(), Some("odd@example.org"));
        assert_eq!(client.unlink_account(user, None).await.expect_err("refused").code(), "last_way_in");
    }
}

with_idp! {
    async fn the_payload_waits_with_somebody_who_is_asked_by_mail(gateway, idp,
        setup = |idp: &Idp| with_app(idp, None).with_mail())
    {
        idp.ways().person["email_verified"] = false.into();
        let mut browser = gateway.browser();
        let start = browser.get("/app/in").await.body;
        let location = browser.get(&start).await.location();
        let page = browser.get(&idp.agree_by_query(&location)).await;
        assert!(page.body.contains("Look into your mail"), "{}", page.body);
        let letter = gateway.letter_to("ada@example.org").await;
        // People take their time with mail; this is longer than a flow at the provider may take.
        gateway.clock.advance(std::time::Duration::from_secs(59 * 60));
        let landed = browser.fill(&letter.link(), "/auth/signup/finish", &[]).await.location();
        assert!(landed.starts_with("/app/done?oauth_flow="), "{landed}");
        let mut other = gateway.at_home("mallory@example.org").await;
        assert_eq!(other.get(&landed).await.body, "null", "it is for the person who came with the account");
        let finished: Value = serde_json::from_str(&browser.get(&landed).await.body).expect("JSON");
        assert_eq!(finished["payload"]["invitation"], 7);
        assert_eq!((&finished["is_new_user"], &finished["provider_account_id"]), (&json!(true), &json!("ada-1")));
        assert_eq!(browser.get(&landed).await.body, "null", "once");
    }
}
