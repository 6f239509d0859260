//! Rows that several hold at once are held in one order, so nobody waits for somebody who waits for them: on Postgres, where it can be seen.

use belgie_api::db::Tx;
use belgie_api::on;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{assert_invalid_grant, assert_shut};
use crate::on_postgres;
use crate::support::{Agent, DocumentServer, Reply, Setup, TestGateway, waits_for_lock};

const HTTPS: &str = "https://agent.example/callback";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const HOLD_CLIENT: &str = "UPDATE oauth_server_clients SET name = name";
/// Who deletes a client comes here after its interactions and devices.
const HOLD_STEPS: &str = "LOCK TABLE oauth_server_steps IN SHARE MODE";
const HOLD_TOKENS: &str = "LOCK TABLE oauth_server_access_tokens IN SHARE MODE";

fn document(name: &str) -> Value {
    json!({
        "client_name": name, "redirect_uris": [HTTPS], "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    })
}

async fn holding(gateway: &TestGateway, what: &'static str) -> Tx {
    let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
    on!(&mut tx, c => sqlx::query(what).execute(c).await.map(drop)).expect("it is held");
    tx
}

/// What a client does about its own registration.
async fn manage(agent: Agent, told: Value, method: Method, body: Option<Value>) -> Reply {
    let (uri, token) = (&told["registration_client_uri"], &told["registration_access_token"]);
    let request = agent.client.request(method, uri.as_str().expect("an address"));
    let request = request.bearer_auth(token.as_str().expect("a token"));
    let request = body.iter().fold(request, reqwest::RequestBuilder::json);
    Reply::read(request.send().await.expect("an answer")).await
}

on_postgres! {
    async fn a_code_that_is_made_while_its_client_changes_is_void_and_stops_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, told) = Agent::register_document(&gateway, &document("Suite agent")).await;
        let tx = holding(&gateway, HOLD_CLIENT).await;
        let mut after = document("Another name");
        after["client_id"] = json!(agent.client_id);
        let changing = tokio::spawn(manage(agent.clone(), told, Method::PUT, Some(after)));
        waits_for_lock(&gateway, 1, &changing).await;
        let code = agent.code(&mut ada, "").await;
        let redeeming = tokio::spawn(async move { agent.redeem(&code).await });
        waits_for_lock(&gateway, 2, &redeeming).await;
        tx.commit(gateway.gateway.host().now()).await.expect("a commit");
        let changed = changing.await.expect("an answer");
        assert_eq!((changed.status, &changed.body["client_name"]), (StatusCode::OK, &json!("Another name")), "{}", changed.body);
        assert_invalid_grant(&redeeming.await.expect("an answer"));
    }
}

on_postgres! {
    async fn a_connection_is_cut_and_its_client_deleted_at_once(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, told) = Agent::register_document(&gateway, &document("Suite agent")).await;
        let tokens = agent.connect(&mut ada, "").await;
        let form = ada.get("/account").await.form("/account/connections/revoke");
        let tx = holding(&gateway, HOLD_CLIENT).await;
        let deleting = tokio::spawn(manage(agent.clone(), told, Method::DELETE, None));
        waits_for_lock(&gateway, 1, &deleting).await;
        let cutting = tokio::spawn(async move { ada.submit(&form, &[]).await });
        waits_for_lock(&gateway, 2, &cutting).await;
        tx.commit(gateway.gateway.host().now()).await.expect("a commit");
        let (deleted, cut) = (deleting.await.expect("an answer"), cutting.await.expect("an answer"));
        assert_eq!((deleted.status, cut.status), (StatusCode::NO_CONTENT, StatusCode::SEE_OTHER), "{} {}", deleted.body, cut.body);
        assert_shut(&agent.whoami(&tokens.access).await);
    }
}

on_postgres! {
    async fn what_is_made_of_a_code_while_a_client_without_a_row_is_deleted_ends_with_it(
        gateway: TestGateway,
        setup = Setup::default().config(
            "[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true",
        )
    ) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        let mut published = document("Published agent");
        published["client_id"] = json!(address);
        server.publish_json("/client.json", &published);
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, HTTPS);
        let code = agent.code(&mut ada, "").await;
        let tx = holding(&gateway, HOLD_TOKENS).await;
        let asking = agent.clone();
        let redeeming = tokio::spawn(async move { asking.redeem(&code).await });
        waits_for_lock(&gateway, 1, &redeeming).await;
        let line = ["client", "revoke", address.as_str()];
        let ((went_well, said), ()) = tokio::join!(gateway.configured_program(&line), async {
            waits_for_lock(&gateway, 2, &redeeming).await;
            tx.commit(gateway.gateway.host().now()).await.expect("a commit");
        });
        assert!(went_well, "{said}");
        let given = redeeming.await.expect("an answer");
        assert_eq!(given.status, StatusCode::OK, "{}", given.body);
        assert_shut(&agent.whoami(given.body["access_token"].as_str().expect("a token")).await);
    }
}

on_postgres! {
    async fn a_no_to_a_device_whose_client_is_deleted_at_once_stops_nothing(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\ndevice_authorization = true")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let mut of_devices = document("Television");
        of_devices["grant_types"] = json!(["authorization_code", "refresh_token", DEVICE]);
        let (agent, told) = Agent::register_document(&gateway, &of_devices).await;
        let begun = agent.post("/device_authorization", &[("client_id", agent.client_id.clone())]).await;
        let code = begun.body["user_code"].as_str().expect("a code").to_owned();
        let tx = holding(&gateway, HOLD_STEPS).await;
        let deleting = tokio::spawn(manage(agent.clone(), told, Method::DELETE, None));
        waits_for_lock(&gateway, 1, &deleting).await;
        // What is asked now was not there when the deletion looked for it.
        let form = ada.get("/device").await.form("/device");
        let page = ada.submit(&form, &[("user_code", &code)]).await;
        let form = page.form("/authorize");
        let denying = tokio::spawn(async move { ada.submit(&form, &[("decision", "deny")]).await });
        waits_for_lock(&gateway, 2, &denying).await;
        tx.commit(gateway.gateway.host().now()).await.expect("a commit");
        let (deleted, denied) = (deleting.await.expect("an answer"), denying.await.expect("an answer"));
        assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.body);
        assert_eq!(denied.status, StatusCode::BAD_REQUEST, "there is no device to turn away: {}", denied.body);
    }
}
