//! Providers inside the operator's own network, and strangers who would like to be led there.

use std::io;
use std::net::IpAddr;

use belgie::outbound::Names;
use belgie_api::async_trait;
use reqwest::StatusCode;
use serde_json::json;

use super::START;
use crate::on_both_engines;
use crate::support::idp::{CLIENT, SECRET, param};
use crate::support::{DocumentServer, Engine, Setup, TestGateway};

/// The name service of a network in which every name is that of this machine.
struct Corporate;

#[async_trait]
impl Names for Corporate {
    async fn look_up(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
}

/// The name service of a network in which somebody wrote the address of the cloud's metadata service beside a name.
struct Poisoned;

#[async_trait]
impl Names for Poisoned {
    async fn look_up(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([169, 254, 169, 254])])
    }
}

fn gateway(internal: &str, discovery: &str, names: impl Names + 'static) -> Setup {
    Setup::default()
        .config(&format!(
            "[outbound]\ndanger_allow_loopback = true\ninternal_hosts = [{internal}]\n\
             [plugins.oauth-client.acme]\nname = \"Acme\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n\
             discovery_url = \"{discovery}\"\nscopes = [\"email\"]\n\
             userinfo_endpoint = \"https://public.example/userinfo\"\n"
        ))
        .build(|builder| builder.names(names))
}

on_both_engines! {
    async fn a_provider_inside_is_visited_where_the_operator_lists_its_host(engine: Engine) {
        let inside = DocumentServer::start().await;
        let port = inside.port();
        let discovery = format!("https://idp.corp.example:{port}/.well-known/openid-configuration");
        // What answers there speaks no TLS, so nobody gets in; that it was visited is what counts.
        for (internal, visits) in [
            (format!("\"idp.corp.example:{port}\""), 1),
            ("\"IDP.corp.example\"".to_owned(), 1),
            (String::new(), 0),
            ("\"idp.corp.example:1\"".to_owned(), 0),
            ("\"corp.example\"".to_owned(), 0),
        ] {
            let before = inside.connections();
            let gateway = gateway(&internal, &discovery, Corporate).start(engine_of(&engine).await).await;
            let page = gateway.browser().get(START).await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{internal}: {}", page.body);
            assert_eq!(inside.connections() - before, visits, "{internal}");
        }
    }
}

/// Each gateway wants a database of its own.
async fn engine_of(engine: &Engine) -> Engine {
    match engine {
        Engine::Sqlite => Engine::Sqlite,
        Engine::Postgres(_) => Engine::postgres().await.expect("there was one a moment ago"),
    }
}

on_both_engines! {
    async fn what_a_provider_names_leads_inside_only_where_that_host_is_listed_itself(engine: Engine) {
        let outside = DocumentServer::start().await;
        let inside = DocumentServer::start().await;
        let discovery = outside.publish_json("/.well-known/openid-configuration", &json!({
            "issuer": outside.at(""),
            "authorization_endpoint": outside.at("/authorize"),
            "token_endpoint": format!("https://vault.corp.example:{}/token", inside.port()),
        }));
        for (internal, visits) in [("\"idp.corp.example\"", 0), ("\"idp.corp.example\", \"vault.corp.example\"", 1)] {
            let gateway = gateway(internal, &discovery, Corporate).start(engine_of(&engine).await).await;
            let mut browser = gateway.browser();
            let out = browser.get(START).await.location();
            let callback = format!("/auth/provider/acme/callback?code=x&state={}", param(&out, "state"));
            let before = inside.connections();
            assert_eq!(browser.get(&callback).await.status, StatusCode::SERVICE_UNAVAILABLE, "{internal}");
            assert_eq!(inside.connections() - before, visits, "{internal}");
        }
    }
}

on_both_engines! {
    async fn the_metadata_service_of_a_cloud_is_never_visited(engine: Engine) {
        let inside = DocumentServer::start().await;
        let discovery = format!("https://idp.corp.example:{}/.well-known/openid-configuration", inside.port());
        let gateway = gateway("\"idp.corp.example\"", &discovery, Poisoned).start(engine).await;
        assert_eq!(gateway.browser().get(START).await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(inside.connections(), 0, "one wrong address spoils the name");
    }
}

on_both_engines! {
    async fn an_agent_that_says_it_is_described_inside_leads_nobody_there(engine: Engine) {
        let inside = DocumentServer::start().await;
        let host = format!("idp.corp.example:{}", inside.port());
        let discovery = format!("https://{host}/.well-known/openid-configuration");
        let internal = format!("\"{host}\", \"idp.corp.example\"");
        let gateway: TestGateway = gateway(&internal, &discovery, Corporate).start(engine).await;
        let mut browser = gateway.signed_in("ada@example.org").await;
        let client = format!("https://{host}/client.json");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &client)
            .append_pair("redirect_uri", "https://agent.example/callback")
            .append_pair("response_type", "code")
            .append_pair("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
            .append_pair("code_challenge_method", "S256")
            .finish();
        let page = browser.get(&format!("/authorize?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
        assert!(page.body.contains("could not be fetched"), "{}", page.body);
        assert_eq!(inside.connections(), 0);
    }
}
