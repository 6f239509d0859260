//! People and sessions as an application looks them up, by its own handlers.

use axum::extract::{Path, Query};
use axum::routing::{get, post};
use axum::{Json, Router};
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, Client, Gateway, SessionInfo, SignedIn};
use belgie_api::clock::SystemClock;
use belgie_api::entropy::SystemEntropy;
use belgie_api::ports::NewUser;
use belgie_api::{Result, SessionId, UserId};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Application;
use crate::on_both_engines;
use crate::support::Browser;

async fn me(person: SignedIn) -> String {
    person.caller.user().email.clone()
}

async fn by_email(client: Client, Query(wanted): Query<Value>) -> Result<Json<Value>> {
    let email = wanted["email"].as_str().unwrap_or_default();
    let user = client.find_by_email(email).await?;
    Ok(Json(json!(user.map(|user| json!({ "id": user.id, "email": user.email })))))
}

async fn found_or_made(client: Client, Json(email): Json<String>) -> Result<Json<Value>> {
    let (user, is_new) = client.get_or_create(&NewUser { email, ..NewUser::default() }, "shop").await?;
    Ok(Json(json!({ "id": user.id, "is_new": is_new })))
}

async fn sessions_of(client: Client, Path(user): Path<UserId>) -> Result<Json<Vec<SessionInfo>>> {
    Ok(Json(client.list_sessions(user).await?))
}

async fn one_session(client: Client, Path(session): Path<SessionId>) -> Result<Json<Value>> {
    let person = client.find_by_session(session).await?.map(|user| user.email);
    Ok(Json(json!({ "session": client.find_session(session).await?, "person": person })))
}

async fn end(client: Client, Path(session): Path<SessionId>) -> Result<Json<bool>> {
    Ok(Json(client.sign_out_session(session).await?))
}

fn build(text: &str) -> Builder {
    Belgie::builder(RawConfig::from_text(text))
}

fn routes(gateway: &Gateway) -> Router {
    let own = Router::new()
        .route("/me", get(me))
        .route("/people", get(by_email).post(found_or_made))
        .route("/people/{user}/sessions", get(sessions_of))
        .route("/sessions/{session}", get(one_session))
        .route("/sessions/{session}/end", post(end))
        .layer(gateway.layer());
    own.merge(gateway.router())
}

async fn read(browser: &mut Browser, path: &str) -> Value {
    let page = browser.get(path).await;
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("no JSON: {} {}", page.status, page.body))
}

async fn send(browser: &mut Browser, path: &str, body: &Value) -> Value {
    let page = browser.send(browser.raw().post(browser.address(path)).json(body)).await;
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("no JSON: {} {}", page.status, page.body))
}

const NOBODY: &str = "/people?email=nobody%40example.org";
const ADA: &str = "/people?email=%20ADA%40Example.org%20";

on_both_engines! {
    async fn people_are_found_by_their_address_however_it_is_written(engine: Engine) {
        let application = Application::start(engine, build, routes).await;
        let mut shop = Browser::new(&application.url);
        assert_eq!(read(&mut shop, ADA).await, Value::Null);
        let made = send(&mut shop, "/people", &json!(" Ada@Example.ORG ")).await;
        assert_eq!(made["is_new"], true);
        let found = read(&mut shop, ADA).await;
        assert_eq!((&found["id"], &found["email"]), (&made["id"], &json!("ada@example.org")));
        let again = send(&mut shop, "/people", &json!("ada@example.org")).await;
        assert_eq!((&again["id"], &again["is_new"]), (&made["id"], &json!(false)));
        assert_eq!(read(&mut shop, NOBODY).await, Value::Null);
        let ada: UserId = made["id"].as_str().expect("an id").parse().expect("an id");
        let identity = application.gateway.identity();
        identity.ban(ada, &belgie::identity::Ban::default(), belgie::identity::By::Host).await.expect("a ban");
        assert_eq!(read(&mut shop, ADA).await, Value::Null, "who is banned is not there");
    }
}

on_both_engines! {
    async fn sessions_are_looked_up_and_ended_by_their_id(engine: Engine) {
        let application = Application::start(engine, build, routes).await;
        let mut ada = application.signed_in("ada@example.org").await;
        let mut shop = Browser::new(&application.url);
        let id = read(&mut shop, ADA).await["id"].as_str().expect("an id").to_owned();
        let list = read(&mut shop, &format!("/people/{id}/sessions")).await;
        let session = list[0].clone();
        let names: Vec<&str> = session.as_object().expect("an object").keys().map(String::as_str).collect();
        let expected = "authenticated_at created_at device expires_at id impersonator ip last_seen_ago last_seen_at method \
             user user_agent";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>(), "and no hash, and no token");
        let told = [&session["user"], &session["ip"], &session["method"], &session["last_seen_ago"]];
        assert_eq!(told, [&json!(id), &json!("127.0.0.1"), &json!("password"), &json!("just now")]);

        let path = format!("/sessions/{}", session["id"].as_str().expect("an id"));
        let one = read(&mut shop, &path).await;
        assert_eq!((&one["session"], &one["person"]), (&session, &json!("ada@example.org")));
        let unknown = format!("/sessions/{}", SessionId::new(&SystemClock, &SystemEntropy));
        let nothing = json!({ "session": null, "person": null });
        assert_eq!(read(&mut shop, &unknown).await, nothing);
        assert_eq!(send(&mut shop, &format!("{unknown}/end"), &json!({})).await, false);
        assert_eq!(ada.get("/me").await.body, "ada@example.org");

        assert_eq!(send(&mut shop, &format!("{path}/end"), &json!({})).await, true);
        assert_eq!(ada.get("/me").await.status, StatusCode::SEE_OTHER, "on the very next page");
        assert_eq!(read(&mut shop, &path).await, nothing);
        assert_eq!(read(&mut shop, &format!("/people/{id}/sessions")).await, json!([]));
        assert_eq!(send(&mut shop, &format!("{path}/end"), &json!({})).await, false, "once");
        let acts = application.gateway.identity().acts(None, 9).await.expect("the record");
        assert_eq!((acts[0].action.as_str(), acts[0].actor_id), ("session.ended", None));
    }
}

on_both_engines! {
    async fn a_session_that_would_not_be_let_in_is_not_found_by_its_id_either(engine: Engine) {
        let application = Application::start(engine, build, routes).await;
        let mut operator = application.signed_in_with("root@example.org", "admin").await;
        application.signed_in("ada@example.org").await;
        let mut shop = Browser::new(&application.url);
        let ada: UserId = read(&mut shop, ADA).await["id"].as_str().expect("an id").parse().expect("an id");
        let identity = application.gateway.identity();
        let root = identity.row_by_email("root@example.org").await.expect("an answer").expect("root").id;
        let impersonate = format!("/admin/users/{ada}/impersonate");
        operator.fill(&impersonate, &impersonate, &[]).await;
        let sessions = identity.list_sessions(ada).await.expect("sessions");
        let worn = sessions.iter().find(|session| session.impersonator == Some(root)).expect("a worn session").id;
        let own = sessions.iter().find(|session| session.impersonator.is_none()).expect("a session").id;
        let person = async |session: SessionId| {
            let found = read(&mut Browser::new(&application.url), &format!("/sessions/{session}")).await;
            assert_eq!(found["session"].is_null(), found["person"].is_null());
            found["person"].as_str().map(str::to_owned)
        };
        assert_eq!(person(worn).await.as_deref(), Some("ada@example.org"));

        identity.ban(ada, &belgie::identity::Ban::default(), belgie::identity::By::Host).await.expect("a ban");
        for session in [worn, own] {
            assert_eq!(person(session).await, None, "of somebody banned");
        }
        identity.unban(ada, belgie::identity::By::Host).await.expect("no ban");
        let mut ada = Browser::new(&application.url);
        ada.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let user = read(&mut shop, ADA).await["id"].as_str().expect("an id").parse().expect("an id");
        let session = identity.list_sessions(user).await.expect("sessions")[0].id;
        assert!(person(session).await.is_some());
        application.clock.advance(std::time::Duration::from_hours(8 * 24));
        assert_eq!(person(session).await, None, "expired");
    }
}

on_both_engines! {
    async fn an_operator_who_signs_out_of_somebodys_session_by_the_application_is_back_in_their_own(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let mut operator = application.signed_in_with("root@example.org", "admin").await;
        application.signed_in("ada@example.org").await;
        let ada = application.gateway.identity().row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        let impersonate = format!("/admin/users/{ada}/impersonate");
        operator.fill(&impersonate, &impersonate, &[]).await;
        assert_eq!(operator.get("/hello").await.body, "Hello, ada@example.org");
        let worn = operator.cookie("belgie_session").expect("a session").to_owned();
        for expected in ["Hello, root@example.org", "Hello, stranger"] {
            let leave = operator.raw().post(format!("{}/leave", application.url)).header("origin", &application.url);
            operator.send(leave).await;
            assert_eq!(operator.get("/hello").await.body, expected);
        }
        operator.plant("belgie_session", &worn);
        assert_eq!(operator.get("/hello").await.body, "Hello, stranger", "the worn session is over");
    }
}
