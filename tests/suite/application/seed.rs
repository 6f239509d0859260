//! What applications were used to have, one by one.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, Gateway};
use belgie_api::db::Pools;
use belgie_api::plugin::Manifest;
use belgie_api::ports::Use;
use belgie_api::{Host, Mount, Plugin};
use reqwest::StatusCode;
use reqwest::header::USER_AGENT;

use super::Application;
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway};

/// What a plugin lends to the application.
struct Greeter {
    greeting: &'static str,
}

/// A plugin that lends a [`Greeter`].
struct Greetings;

impl Plugin for Greetings {
    fn manifest(&self) -> Manifest {
        Manifest { id: "greetings", version: "1", needs: Vec::new(), scopes: Vec::new() }
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> belgie_api::Result<()> {
        mount.provide(Arc::new(Greeter { greeting: "Goeiedag" }));
        Ok(())
    }
}

async fn greet(greeter: Use<Greeter>) -> &'static str {
    greeter.greeting
}

async fn ungreeted(_nobody: Use<String>) -> &'static str {
    "somebody lends a text"
}

on_both_engines! {
    async fn a_plugin_lends_a_typed_handle(engine: Engine) {
        let build: fn(&str) -> Builder = |text| Belgie::builder(RawConfig::from_text(text)).plugin(Greetings);
        let routes: fn(&Gateway) -> Router = |gateway| {
            let own = Router::new().route("/greet", get(greet)).route("/ungreeted", get(ungreeted)).layer(gateway.layer());
            own.merge(gateway.router())
        };
        let application = Application::start(engine, build, routes).await;
        let mut browser = Browser::new(&application.url);
        assert_eq!(browser.get("/greet").await.body, "Goeiedag");
        assert_eq!(browser.get("/ungreeted").await.status, StatusCode::INTERNAL_SERVER_ERROR, "nobody lends one");
        assert_eq!(application.gateway.provided::<Greeter>().expect("a greeter").greeting, "Goeiedag");
        assert!(application.gateway.provided::<String>().is_none());
    }
}

on_both_engines! {
    async fn a_session_knows_the_address_and_the_browser_it_was_opened_from(gateway: TestGateway) {
        let ada = gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let form = browser.get("/auth/signin").await.form("/auth/signin");
        let token = form.value("csrf_token");
        let fields = [("csrf_token", token.as_str()), ("email", "ada@example.org"), ("password", PASSWORD)];
        let request = browser.raw().post(gateway.at("/auth/signin")).form(&fields);
        browser.send(request.header(USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")).await;
        let sessions = gateway.gateway.identity().list_sessions(ada.id).await.expect("sessions");
        assert_eq!((sessions[0].ip.as_str(), sessions.len()), ("127.0.0.1", 1));
        assert!(browser.get("/account").await.body.contains("Firefox on Linux"));
        gateway.person_with("root@example.org", "admin").await;
        let mut operator = gateway.browser();
        operator.sign_in("root@example.org", PASSWORD).await;
        let shown = operator.get(&format!("/admin/users/{}", ada.id)).await.body;
        assert!(shown.contains("Firefox on Linux") && shown.contains("127.0.0.1"), "{shown}");
    }
}

fn redirects() -> Setup {
    Setup::default().config(
        "[urls]\nsignin_redirect = \"/after\"\nsignout_redirect = \"/goodbye\"\n\
         [cookie]\nname = \"shop\"\nsame_site = \"strict\"\nsecure = \"true\"",
    )
}

on_both_engines! {
    async fn cookies_and_redirects_are_as_the_operator_says(gateway: TestGateway, setup = redirects()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let page = browser.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(page.location(), "/after");
        let cookie = page.headers["set-cookie"].to_str().expect("a cookie");
        assert!(cookie.starts_with("shop=blg_ss_"), "{cookie}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
            assert!(cookie.contains(attribute), "{attribute} in {cookie}");
        }
        assert_eq!(browser.post("/auth/signout", &[]).await.location(), "/goodbye");
    }
}

on_both_engines! {
    async fn signing_in_and_out_never_leads_to_another_site(gateway: TestGateway) {
        gateway.person("ada@example.org").await;
        for foreign in ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"] {
            let mut browser = gateway.browser();
            let form = browser.get("/auth/signin").await.form("/auth/signin");
            let filled = [("email", "ada@example.org"), ("password", PASSWORD), ("return_to", foreign)];
            assert_eq!(browser.submit(&form, &filled).await.location(), "/account", "{foreign:?}");
            assert_eq!(browser.post("/auth/signout", &[("return_to", foreign)]).await.location(), "/", "{foreign:?}");
        }
        let dir = tempfile::tempdir().expect("a folder");
        for (key, foreign) in [("signin_redirect", "https://evil.example/"), ("signout_redirect", "//evil.example")] {
            let text = format!("data_dir = {:?}\n[urls]\n{key} = \"{foreign}\"\n", dir.path());
            let Err(error) = Belgie::builder(RawConfig::from_text(&text)).check() else {
                panic!("{key} leads to another site");
            };
            assert!(error.to_string().contains(&format!("urls.{key}")), "{error}");
        }
    }
}

/// Runs a statement of the application on its own pool.
async fn run(pools: &Pools, on_sqlite: &'static str, on_postgres: &'static str) -> u64 {
    match pools {
        Pools::Sqlite { writer, .. } => {
            sqlx::query(on_sqlite).execute(writer).await.expect("the application's statement").rows_affected()
        }
        Pools::Postgres(pool) => {
            sqlx::query(on_postgres).execute(pool).await.expect("the application's statement").rows_affected()
        }
    }
}

on_both_engines! {
    async fn an_applications_own_table_hangs_on_accounts_and_goes_with_them(gateway: TestGateway) {
        let ada = gateway.person("ada@example.org").await;
        gateway.person("bob@example.org").await;
        let pools = gateway.pools();
        run(
            pools,
            "CREATE TABLE orders (buyer BLOB NOT NULL REFERENCES core_users (id) ON DELETE CASCADE, what TEXT)",
            "CREATE TABLE orders (buyer uuid NOT NULL REFERENCES core_users (id) ON DELETE CASCADE, what text)",
        )
        .await;
        let fill = "INSERT INTO orders (buyer, what) SELECT id, 'tea' FROM core_users";
        assert_eq!(run(pools, fill, fill).await, 2);
        assert!(gateway.gateway.identity().delete(ada.id).await.expect("an answer"));
        let left = "DELETE FROM orders";
        assert_eq!(run(pools, left, left).await, 1);
    }
}

#[test]
fn an_id_of_one_kind_is_never_taken_for_another() {
    let user = belgie_api::UserId::new(&belgie_api::clock::SystemClock, &belgie_api::entropy::SystemEntropy);
    let (person, organization) = (user.to_string(), user.to_string().replace("usr_", "org_"));
    assert_eq!(person.parse::<belgie_api::UserId>().expect("an id"), user);
    assert!(person.parse::<belgie_api::OrgId>().is_err() && person.parse::<belgie_api::TeamId>().is_err());
    assert!(organization.parse::<belgie_api::OrgId>().is_ok() && organization.parse::<belgie_api::UserId>().is_err());
}
