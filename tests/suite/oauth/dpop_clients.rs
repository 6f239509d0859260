//! Clients that hold themselves to keys and to requests sent ahead, and codes that are bound to a key (RFC 9449 sections 5.2 and 10,
//! RFC 9126 section 6).

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::dpop::{binding, bound};
use super::machines::create;
use super::{assert_invalid_grant, assert_page_alone, assert_refused, assert_sent_back};
use crate::on_both_engines;
use crate::support::holder::post_with;
use crate::support::{
    Agent, Browser, DocumentServer, Holder, Page, Published, Reply, Setup, TestGateway, Tokens, changed,
};

const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const NOT_AHEAD: &str = "This agent has said that its requests are sent ahead (RFC 9126).";

fn document(more: &Value) -> Value {
    let mut document = json!({
        "client_name": "Strict agent", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    document.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    document
}

fn fetching(lines: &str) -> Setup {
    Setup::default().config(&format!(
        "[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true\n{lines}"
    ))
}

async fn try_to_register(gateway: &TestGateway, more: &Value) -> Reply {
    let request = reqwest::Client::new().post(gateway.at("/register")).json(&document(more));
    Reply::read(request.send().await.expect("an answer")).await
}

/// A code of a request in which `dpop_jkt` is this.
async fn code_for(agent: &Agent, browser: &mut Browser, key: &str) -> String {
    let asked = changed(agent.authorization(""), "dpop_jkt".to_owned(), Some(key.to_owned()));
    let page = browser.get(&agent.authorize_url(&asked)).await;
    allowed(browser, &page).await
}

async fn allowed(browser: &mut Browser, page: &Page) -> String {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    answer.sent_parameter("code").unwrap_or_else(|| panic!("a code in {}", answer.location()))
}

/// Follows a reference to a request that was sent ahead, as far as the code.
async fn code_ahead(agent: &Agent, browser: &mut Browser, pushed: &Reply) -> String {
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
    let reference = pushed.body["request_uri"].as_str().expect("a reference");
    let query = [("client_id", agent.client_id.as_str()), ("request_uri", reference)];
    let first = browser
        .get(url::Url::parse_with_params(&format!("{}/authorize", agent.base), &query).expect("an address").as_str())
        .await;
    let page = browser.get(&first.location()).await;
    allowed(browser, &page).await
}

fn fields(agent: &Agent) -> Vec<(&'static str, String)> {
    let known =
        ["response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method", "resource"];
    let asked = agent.authorization("");
    let find = |name: &'static str| Some((name, asked.iter().find(|(other, _)| other == name)?.1.clone()));
    known.into_iter().filter_map(find).collect()
}

on_both_engines! {
    async fn a_client_that_registered_to_use_a_key_gets_nothing_without_one(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let strict = json!({ "dpop_bound_access_tokens": true });
        let (agent, told) = Agent::register_document(&gateway, &document(&strict)).await;
        assert_eq!(told["dpop_bound_access_tokens"], true);
        let holder = Holder::new(&gateway);
        let code = agent.code(&mut ada, "").await;
        assert_refused(&agent.redeem(&code).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        let tokens = bound(&holder.redeem(&agent, &code).await);
        assert_refused(&agent.refresh(&tokens.refresh).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        bound(&holder.refresh(&agent, &tokens.refresh).await);
        // It may change its mind, and its registration says so.
        let put = agent.client.put(told["registration_client_uri"].as_str().expect("an address"))
            .bearer_auth(told["registration_access_token"].as_str().expect("a token"));
        let mut without = document(&json!({}));
        without["client_id"] = json!(agent.client_id);
        let after = Reply::read(put.json(&without).send().await.expect("an answer")).await;
        assert_eq!((after.status, after.body.get("dpop_bound_access_tokens")), (StatusCode::OK, None), "{}", after.body);
        Tokens::of(&agent.redeem(&agent.code(&mut ada, "").await).await);
        for wrong in [json!({ "dpop_bound_access_tokens": "true" }), json!({ "dpop_bound_access_tokens": 1 })] {
            let refused = try_to_register(&gateway, &wrong).await;
            assert_eq!((refused.status, &refused.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")));
        }
    }
}

on_both_engines! {
    async fn a_machine_made_to_use_a_key_gets_nothing_without_one(gateway: TestGateway) {
        let made = create(&gateway, &["--name", "Nightly", "--machine", "--scope", "connections:read", "--dpop"]).await.expect("a client");
        assert_eq!(made["dpop_bound_access_tokens"], true, "{made}");
        let agent = Agent::known_as(&gateway, made["client_id"].as_str().expect("an id"), "");
        let fields = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", agent.client_id.clone()),
            ("client_secret", made["client_secret"].as_str().expect("a secret").to_owned()),
        ];
        assert_refused(&agent.post("/token", &fields).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        let holder = Holder::new(&gateway);
        let token = bound(&holder.post(&agent, "/token", &fields).await).access;
        assert_eq!(holder.whoami(&agent, &token).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_client_whose_document_says_so_gets_nothing_without_a_key(gateway: TestGateway, setup = fetching("device_authorization = true")) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        server.publish_json("/client.json", &document(&json!({ "client_id": address, "dpop_bound_access_tokens": true })));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        assert_refused(&agent.redeem(&agent.code(&mut ada, "").await).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        let holder = Holder::new(&gateway);
        let tokens = bound(&holder.redeem(&agent, &agent.code(&mut ada, "").await).await);
        assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
        bound(&holder.refresh(&agent, &tokens.refresh).await);
        let other = server.at("/other.json");
        server.publish_json("/other.json", &document(&json!({ "client_id": other, "dpop_bound_access_tokens": "yes" })));
        let agent = Agent::known_as(&gateway, &other, REDIRECT);
        assert_page_alone(&ada.get(&agent.authorize_url(&agent.authorization(""))).await, "cannot be identified");
    }
}

on_both_engines! {
    async fn a_client_whose_document_begins_to_say_so_refreshes_nothing_without_a_key(gateway: TestGateway, setup = fetching("")) {
        const KEPT: std::time::Duration = std::time::Duration::from_secs(301);
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        let publish = |is_bound: bool| {
            let more = json!({ "client_id": address, "dpop_bound_access_tokens": is_bound });
            server.publish_json("/client.json", &document(&more));
        };
        publish(false);
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        let first = agent.connect(&mut ada, "").await;
        publish(true);
        // While the document is kept, what it said before counts.
        let second = Tokens::of(&agent.refresh(&first.refresh).await);
        gateway.clock.advance(KEPT);
        assert_refused(&agent.refresh(&second.refresh).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        assert_eq!(server.requests(), 2);
        // It goes on to count where the document cannot be had.
        gateway.clock.advance(KEPT);
        server.publish("/client.json", Published::Status(StatusCode::NOT_FOUND));
        assert_refused(&agent.refresh(&second.refresh).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        assert_eq!(server.requests(), 3);
        // Nothing was spent, and whoever shows a key goes on with it.
        let holder = Holder::new(&gateway);
        let third = bound(&holder.refresh(&agent, &second.refresh).await);
        assert_eq!(server.requests(), 3, "for that the document need not be read");
        // What is bound stays bound, whatever the document says later.
        publish(false);
        assert_invalid_grant(&agent.refresh(&third.refresh).await);
        bound(&holder.refresh(&agent, &third.refresh).await);
    }
}

on_both_engines! {
    async fn an_answer_without_a_key_is_not_given_again_when_the_document_wants_one(gateway: TestGateway, setup = fetching("")) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        server.publish_json("/client.json", &document(&json!({ "client_id": address })));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        let first = agent.connect(&mut ada, "").await;
        gateway.clock.advance(std::time::Duration::from_secs(270));
        let second = Tokens::of(&agent.refresh(&first.refresh).await);
        assert_eq!(Tokens::of(&agent.refresh(&first.refresh).await).refresh, second.refresh);
        server.publish_json("/client.json", &document(&json!({ "client_id": address, "dpop_bound_access_tokens": true })));
        gateway.clock.advance(std::time::Duration::from_secs(40));
        assert_refused(&agent.refresh(&first.refresh).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        // That was no theft: the family goes on.
        bound(&Holder::new(&gateway).refresh(&agent, &second.refresh).await);
    }
}

on_both_engines! {
    async fn agents_go_on_while_the_server_of_their_makers_does_not_answer(gateway: TestGateway, setup = fetching("")) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        server.publish_json("/client.json", &document(&json!({ "client_id": address })));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        let tokens = agent.connect(&mut ada, "").await;
        gateway.clock.advance(std::time::Duration::from_secs(301));
        server.publish("/client.json", Published::Status(StatusCode::INTERNAL_SERVER_ERROR));
        Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_eq!(server.requests(), 2);
    }
}

on_both_engines! {
    async fn a_code_for_a_key_is_redeemed_with_that_key_alone(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let (holder, thief) = (Holder::new(&gateway), Holder::new(&gateway));
        let code = code_for(&agent, &mut ada, &holder.thumbprint()).await;
        bound(&holder.redeem(&agent, &code).await);
        for comes_with_a_key in [true, false] {
            let code = code_for(&agent, &mut ada, &holder.thumbprint()).await;
            let stolen = if comes_with_a_key { thief.redeem(&agent, &code).await } else { agent.redeem(&code).await };
            assert_invalid_grant(&stolen);
            // The first attempt spends it, right or wrong.
            assert_invalid_grant(&holder.redeem(&agent, &code).await);
        }
        let long = "A".repeat(44);
        for wrong in ["x", long.as_str(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            assert_sent_back(&agent, &agent.ask_with(&mut ada, "dpop_jkt", Some(wrong)).await, "invalid_request");
        }
    }
}

on_both_engines! {
    async fn a_request_sent_ahead_with_a_proof_makes_a_code_for_its_key(gateway: TestGateway, setup = binding("pushed_requests = \"allowed\"")) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let (holder, other) = (Holder::new(&gateway), Holder::new(&gateway));
        let named = |key: &str| [fields(&agent), vec![("dpop_jkt", key.to_owned())]].concat();
        let ways: [(bool, Vec<(&str, String)>); 3] =
            [(true, fields(&agent)), (false, named(&holder.thumbprint())), (true, named(&holder.thumbprint()))];
        for (has_proof, fields) in ways {
            let pushed = if has_proof { holder.post(&agent, "/par", &fields).await } else { agent.post("/par", &fields).await };
            let code = code_ahead(&agent, &mut ada, &pushed).await;
            bound(&holder.redeem(&agent, &code).await);
            let pushed = if has_proof { holder.post(&agent, "/par", &fields).await } else { agent.post("/par", &fields).await };
            let code = code_ahead(&agent, &mut ada, &pushed).await;
            assert_invalid_grant(&other.redeem(&agent, &code).await);
        }
        // Both, of two keys; a proof for another endpoint; the same proof again.
        let two = holder.post(&agent, "/par", &named(&other.thumbprint())).await;
        assert_refused(&two, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        let elsewhere = holder.proof("POST", &gateway.at("/token"), None);
        assert_refused(&post_with(&agent, "/par", &fields(&agent), &[&elsewhere]).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        let proof = holder.proof("POST", &gateway.at("/par"), None);
        assert_eq!(post_with(&agent, "/par", &fields(&agent), &[&proof]).await.status, StatusCode::CREATED);
        assert_refused(&post_with(&agent, "/par", &fields(&agent), &[&proof]).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        assert_refused(&agent.post("/par", &named("x")).await, StatusCode::BAD_REQUEST, "invalid_request");
    }
}

on_both_engines! {
    async fn a_client_that_registered_to_send_requests_ahead_does_so_alone(gateway: TestGateway, setup = binding("pushed_requests = \"allowed\"")) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let strict = json!({ "require_pushed_authorization_requests": true });
        let (agent, told) = Agent::register_document(&gateway, &document(&strict)).await;
        assert_eq!(told["require_pushed_authorization_requests"], true);
        let free = Agent::register(&gateway).await;
        free.connect(&mut ada, "").await;
        assert_page_alone(&ada.get(&agent.authorize_url(&agent.authorization(""))).await, NOT_AHEAD);
        // Neither a reference of its own making nor another client's helps.
        let pushed = agent.post("/par", &fields(&agent)).await;
        let code = code_ahead(&agent, &mut ada, &pushed).await;
        Tokens::of(&agent.redeem(&code).await);
        let of_free = free.post("/par", &fields(&free)).await;
        let reference = of_free.body["request_uri"].as_str().expect("a reference");
        let stolen = [("client_id", agent.client_id.as_str()), ("request_uri", reference)];
        let address = url::Url::parse_with_params(&gateway.at("/authorize"), &stolen).expect("an address");
        assert_page_alone(&ada.get(address.as_str()).await, "used before, has waited too long, or is another agent");
        let line = ["--name", "Web", "--confidential", "--redirect-uri", "https://web.example/callback", "--pushed-only"];
        let made = create(&gateway, &line).await.expect("a client");
        assert_eq!(made["require_pushed_authorization_requests"], true, "{made}");
        let web = Agent::known_as(&gateway, made["client_id"].as_str().expect("an id"), "https://web.example/callback");
        assert_page_alone(&ada.get(&web.authorize_url(&web.authorization(""))).await, NOT_AHEAD);
    }
}

on_both_engines! {
    async fn a_client_whose_document_says_so_sends_its_requests_ahead(gateway: TestGateway, setup = fetching("pushed_requests = \"allowed\"")) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        let strict = json!({ "client_id": address, "require_pushed_authorization_requests": true });
        server.publish_json("/client.json", &document(&strict));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        assert_page_alone(&ada.get(&agent.authorize_url(&agent.authorization(""))).await, NOT_AHEAD);
        let pushed = agent.post("/par", &fields(&agent)).await;
        let code = code_ahead(&agent, &mut ada, &pushed).await;
        Tokens::of(&agent.redeem(&code).await);
    }
}

on_both_engines! {
    async fn nobody_is_held_to_what_is_not_here(gateway: TestGateway, setup = binding("dpop = \"off\"")) {
        for (member, argument) in [("dpop_bound_access_tokens", "--dpop"), ("require_pushed_authorization_requests", "--pushed-only")] {
            let refused = try_to_register(&gateway, &json!({ member: true })).await;
            assert_eq!((refused.status, &refused.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")), "{member}");
            assert_eq!(try_to_register(&gateway, &json!({ member: false })).await.status, StatusCode::CREATED);
            let refused = create(&gateway, &["--name", "Web", "--redirect-uri", REDIRECT, argument]).await.expect_err("it is not here");
            assert!(refused.to_string().contains(member), "{refused}");
        }
    }
}

on_both_engines! {
    async fn a_client_that_wants_requests_ahead_has_no_other_way_where_there_is_none(gateway: TestGateway, setup = fetching("")) {
        let server = DocumentServer::start().await;
        let address = server.at("/client.json");
        server.publish_json("/client.json", &document(&json!({ "client_id": address, "require_pushed_authorization_requests": true })));
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::known_as(&gateway, &address, REDIRECT);
        assert_page_alone(&ada.get(&agent.authorize_url(&agent.authorization(""))).await, NOT_AHEAD);
    }
}
