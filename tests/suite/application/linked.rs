//! What an application does with linked accounts in its own handlers.

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use belgie::config::RawConfig;
use belgie::oauth_client::secrecy::ExposeSecret;
use belgie::oauth_client::{ForeignAccount, LinkedAccountChanges, LinkedAccountInfo, OAuthClient, TokenSet};
use belgie::{Belgie, Builder, Gateway};
use belgie_api::db::Pools;
use belgie_api::ports::{NewUser, Use};
use belgie_api::{LinkedAccountId, Result, UserId};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Application, through, with_provider};
use crate::on_both_engines;
use crate::support::{Browser, Idp};

/// What the test sends to the application's own handlers.
#[derive(Deserialize)]
struct Brought {
    #[serde(default)]
    subject: String,
    issuer: Option<String>,
    email: Option<String>,
    access: Option<String>,
    refresh: Option<String>,
}

impl Brought {
    fn tokens(&self) -> TokenSet {
        let secret = |text: &Option<String>| text.clone().map(Into::into);
        TokenSet { access_token: secret(&self.access), refresh_token: secret(&self.refresh), ..TokenSet::default() }
    }
}

type Shown = Result<Json<Option<LinkedAccountInfo>>>;

async fn link(clients: Use<OAuthClient>, Path(user): Path<UserId>, Json(brought): Json<Brought>) -> Shown {
    let tokens = brought.tokens();
    let Brought { subject: provider_account_id, issuer, email, .. } = brought;
    let account = ForeignAccount { provider_account_id, issuer, email, tokens };
    Ok(Json(Some(clients.provider("acme")?.link_account(user, &account).await?)))
}

async fn list(clients: Use<OAuthClient>, Path(user): Path<UserId>) -> Result<Json<Vec<LinkedAccountInfo>>> {
    Ok(Json(clients.provider("acme")?.list_accounts(user).await?))
}

async fn find(clients: Use<OAuthClient>, Path(subject): Path<String>) -> Shown {
    Ok(Json(clients.provider("acme")?.find_account(&subject).await?))
}

async fn find_of(clients: Use<OAuthClient>, Path((user, subject)): Path<(UserId, String)>) -> Shown {
    Ok(Json(clients.provider("acme")?.find_account_of(user, &subject).await?))
}

async fn update(clients: Use<OAuthClient>, Path(id): Path<LinkedAccountId>, Json(brought): Json<Brought>) -> Shown {
    let changes = LinkedAccountChanges { email: brought.email.clone(), tokens: brought.tokens() };
    Ok(Json(Some(clients.update_account(id, &changes).await?)))
}

async fn tokens(clients: Use<OAuthClient>, Path((user, subject)): Path<(UserId, String)>) -> Result<Json<Value>> {
    let tokens = clients.provider("acme")?.token_set(user, Some(&subject), false).await?;
    let plain = |secret: Option<belgie::oauth_client::secrecy::SecretString>| {
        secret.map(|secret| secret.expose_secret().to_owned())
    };
    Ok(Json(json!({ "access": plain(tokens.access_token), "refresh": plain(tokens.refresh_token) })))
}

async fn unlink(clients: Use<OAuthClient>, Path((user, subject)): Path<(UserId, String)>) -> Result<Json<bool>> {
    clients.provider("acme")?.unlink_account(user, Some(&subject)).await?;
    Ok(Json(true))
}

fn build(text: &str) -> Builder {
    Belgie::builder(RawConfig::from_text(text))
}

fn routes(gateway: &Gateway) -> Router {
    let own = Router::new()
        .route("/people/{user}/accounts", get(list).post(link))
        .route("/people/{user}/accounts/{subject}", get(find_of))
        .route("/people/{user}/accounts/{subject}/tokens", get(tokens))
        .route("/people/{user}/accounts/{subject}/unlink", post(unlink))
        .route("/subjects/{subject}", get(find))
        .route("/accounts/{id}", post(update))
        .layer(gateway.layer());
    own.merge(gateway.router())
}

async fn start(engine: crate::support::Engine, idp: &Idp) -> Application {
    Application::start_with(engine, &with_provider(idp), build, routes).await
}

async fn read(application: &Application, path: &str) -> Value {
    let page = Browser::new(&application.url).get(path).await;
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("no JSON: {} {}", page.status, page.body))
}

async fn send(application: &Application, path: &str, body: Value) -> (StatusCode, Value) {
    let mut browser = Browser::new(&application.url);
    let page = browser.send(browser.raw().post(browser.address(path)).json(&body)).await;
    (page.status, serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("no JSON: {}", page.body)))
}

fn refused((status, answer): (StatusCode, Value)) -> (StatusCode, String) {
    (status, answer["error"].as_str().unwrap_or_else(|| panic!("no refusal: {answer}")).to_owned())
}

async fn id_of(application: &Application, email: &str) -> UserId {
    application.gateway.identity().row_by_email(email).await.expect("an answer").expect("a person").id
}

/// The tokens as they lie in the database.
async fn at_rest(application: &Application) -> String {
    let sql = "SELECT COALESCE(access_token, '') || ' ' || COALESCE(refresh_token, '') FROM oauth_client_accounts";
    match application.gateway.host().db().pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_one(readers).await.expect("a row"),
        Pools::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.expect("a row"),
    }
}

on_both_engines! {
    async fn an_application_links_an_account_and_its_person_signs_in_with_it(engine: Engine) {
        let idp = Idp::start().await;
        let application = start(engine, &idp).await;
        application.signed_in("somebody@example.org").await;
        let user = id_of(&application, "somebody@example.org").await;
        let accounts = format!("/people/{user}/accounts");
        let brought = json!({ "subject": "ada-1", "access": "plain-access", "refresh": "plain-refresh" });
        let (status, linked) = send(&application, &accounts, brought).await;
        assert_eq!((status, &linked["provider_account_id"]), (StatusCode::OK, &json!("ada-1")), "{linked}");
        assert_eq!((&linked["last_used_at"], &linked["has_access_token"]), (&Value::Null, &json!(true)));
        assert!(!linked.to_string().contains("plain-"), "{linked}");
        let sealed = at_rest(&application).await;
        assert_eq!(sealed.matches("s1.").count(), 2, "{sealed}");
        assert!(!sealed.contains("plain-"), "{sealed}");
        let acts = application.gateway.identity().acts(Some(user), 9).await.expect("the record");
        assert_eq!((acts[0].action.as_str(), acts[0].actor_id), ("account.linked", None));

        // The same account of the same issuer: whoever comes with it is let in as this person, and nobody is made.
        let mut browser = Browser::new(&application.url);
        through(&mut browser, &idp, "/auth/provider/acme/start").await;
        assert!(browser.get("/account").await.body.contains("somebody@example.org"));
        assert_eq!(application.gateway.identity().list().await.expect("a list").len(), 1);
    }
}

on_both_engines! {
    async fn an_application_finds_and_changes_linked_accounts(engine: Engine) {
        let idp = Idp::start().await;
        let application = start(engine, &idp).await;
        for email in ["ada@example.org", "bob@example.org"] {
            application.signed_in(email).await;
        }
        let (ada, bob) = (id_of(&application, "ada@example.org").await, id_of(&application, "bob@example.org").await);
        let of = |user: UserId| format!("/people/{user}/accounts");
        let brought = json!({ "subject": "ada-1", "access": "access-1", "refresh": "refresh-1", "email": "ada@acme.example" });
        let (_, linked) = send(&application, &of(ada), brought).await;
        let again = json!({ "subject": "ada-1", "access": "access-2" });
        let (status, same) = send(&application, &of(ada), again.clone()).await;
        assert_eq!((status, &same["id"], &same["email"]), (StatusCode::OK, &linked["id"], &json!("ada@acme.example")));
        let tokens = format!("{}/ada-1/tokens", of(ada));
        assert_eq!(read(&application, &tokens).await, json!({ "access": "access-2", "refresh": "refresh-1" }));

        let taken = refused(send(&application, &of(bob), again).await);
        assert_eq!(taken, (StatusCode::CONFLICT, "account_already_linked_to_different_user".to_owned()));
        assert_eq!(read(&application, &of(bob)).await, json!([]));
        assert_eq!(read(&application, &of(ada)).await.as_array().map(Vec::len), Some(1));
        assert_eq!(read(&application, "/subjects/ada-1").await["individual_id"], json!(ada));
        assert_eq!(read(&application, "/subjects/ada-2").await, Value::Null);
        assert_eq!(read(&application, &format!("{}/ada-1", of(ada))).await["id"], linked["id"]);
        assert_eq!(read(&application, &format!("{}/ada-1", of(bob))).await, Value::Null, "it is not bob's");

        let by_id = format!("/accounts/{}", linked["id"].as_str().expect("an id"));
        let (_, changed) = send(&application, &by_id, json!({ "email": "ada@new.example" })).await;
        assert_eq!((&changed["email"], &changed["has_refresh_token"]), (&json!("ada@new.example"), &json!(true)));
        assert_eq!(read(&application, &tokens).await["access"], "access-2", "what is left out stays");
        let (_, changed) = send(&application, &by_id, json!({ "access": "access-3", "refresh": "refresh-3" })).await;
        assert_eq!(changed["email"], "ada@new.example");
        assert_eq!(read(&application, &tokens).await, json!({ "access": "access-3", "refresh": "refresh-3" }));
        assert!(!at_rest(&application).await.contains("access-3"));
        assert_eq!(read(&application, "/subjects/ada-1").await["email"], "ada@new.example");
        let unknown = LinkedAccountId::new(&belgie_api::clock::SystemClock, &belgie_api::entropy::SystemEntropy);
        let missing = refused(send(&application, &format!("/accounts/{unknown}"), json!({ "access": "x" })).await);
        assert_eq!(missing, (StatusCode::BAD_REQUEST, "account_not_found".to_owned()));
    }
}

on_both_engines! {
    async fn an_application_links_nothing_that_no_sign_in_could_find(engine: Engine) {
        let idp = Idp::start().await;
        let application = start(engine, &idp).await;
        application.signed_in("ada@example.org").await;
        let ada = id_of(&application, "ada@example.org").await;
        let nobody = UserId::new(&belgie_api::clock::SystemClock, &belgie_api::entropy::SystemEntropy);
        for (user, brought, status, code) in [
            (nobody, json!({ "subject": "ada-1" }), StatusCode::NOT_FOUND, "user.not_found"),
            (ada, json!({ "subject": "" }), StatusCode::BAD_REQUEST, "invalid_request"),
            (ada, json!({ "subject": "x".repeat(256) }), StatusCode::BAD_REQUEST, "invalid_request"),
            (ada, json!({ "subject": "ada-1", "issuer": "https://evil.example" }), StatusCode::BAD_REQUEST, "issuer_mismatch"),
        ] {
            let answer = refused(send(&application, &format!("/people/{user}/accounts"), brought).await);
            assert_eq!(answer, (status, code.to_owned()));
        }
        let named = json!({ "subject": "ada-1", "issuer": idp.at("") });
        assert_eq!(send(&application, &format!("/people/{ada}/accounts"), named).await.0, StatusCode::OK);
        application.gateway.identity().ban(ada, &belgie::identity::Ban::default(), belgie::identity::By::Host).await.expect("a ban");
        let banned = refused(send(&application, &format!("/people/{ada}/accounts"), json!({ "subject": "ada-2" })).await);
        assert_eq!(banned, (StatusCode::NOT_FOUND, "user.not_found".to_owned()), "who is banned is not there");
        assert_eq!(read(&application, "/subjects/ada-2").await, Value::Null);
    }
}

on_both_engines! {
    async fn an_application_never_takes_the_last_way_in_away(engine: Engine) {
        let idp = Idp::start().await;
        let application = start(engine, &idp).await;
        let new = NewUser { email: "ada@example.org".to_owned(), ..NewUser::default() };
        let (ada, _) = application.gateway.identity().get_or_create(&new, "import").await.expect("an account");
        let accounts = format!("/people/{}/accounts", ada.id);
        for subject in ["ada-1", "ada-2"] {
            assert_eq!(send(&application, &accounts, json!({ "subject": subject })).await.0, StatusCode::OK);
        }
        let (status, done) = send(&application, &format!("{accounts}/ada-1/unlink"), json!({})).await;
        assert_eq!((status, done), (StatusCode::OK, json!(true)));
        let last = refused(send(&application, &format!("{accounts}/ada-2/unlink"), json!({})).await);
        assert_eq!(last, (StatusCode::CONFLICT, "last_way_in".to_owned()));
        assert_eq!(read(&application, &accounts).await.as_array().map(Vec::len), Some(1));
        let acts = application.gateway.identity().acts(Some(ada.id), 9).await.expect("the record");
        assert_eq!((acts[0].action.as_str(), acts[0].actor_id), ("account.unlinked", None), "the application did it");
    }
}
