//! How often each endpoint answers one address.

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, StatusCode};

use super::machines::Machine;
use crate::on_both_engines;
use crate::support::{Connected, Setup, TestGateway};

/// Every limit, by its setting, and what it is of.
const ENDPOINTS: [(&str, Method, &str); 7] = [
    ("token_per_minute", Method::POST, "/token"),
    ("revoke_per_minute", Method::POST, "/revoke"),
    ("introspect_per_minute", Method::POST, "/introspect"),
    ("userinfo_per_minute", Method::GET, "/userinfo"),
    ("register_per_minute", Method::POST, "/register"),
    ("manage_per_minute", Method::GET, "/register/cli_nobody"),
    ("authorize_per_minute", Method::GET, "/authorize"),
];

fn narrow() -> Setup {
    let limits: Vec<String> = ENDPOINTS.iter().zip(1..).map(|((key, ..), most)| format!("{key} = {most}")).collect();
    Setup::default()
        .without_generous_limits()
        .server("trusted_proxies = [\"127.0.0.1/32\"]")
        .config(&format!("[limits]\n{}\n[plugins.oauth-server]\nopenid_connect = true", limits.join("\n")))
}

on_both_engines! {
    async fn each_endpoint_has_a_limit_of_its_own_for_each_address(gateway: TestGateway, setup = narrow()) {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let ask = async |method: &Method, path: &str, address: &str| {
            let request = client.request(method.clone(), gateway.at(path)).header("x-forwarded-for", address);
            request.send().await.expect("an answer")
        };
        for (most, (key, method, path)) in (1..).zip(&ENDPOINTS) {
            for address in ["192.0.2.1", "198.51.100.1", "2001:db8::1"] {
                for n in 1..=most {
                    let status = ask(method, path, address).await.status();
                    assert_ne!(status, StatusCode::TOO_MANY_REQUESTS, "{key} {address} {n}");
                }
                let refused = ask(method, path, address).await;
                assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{key} {address}");
                let wait = refused.headers()[RETRY_AFTER].to_str().expect("a number").parse::<u64>().expect("seconds");
                assert!((1..=60).contains(&wait), "{key}: {wait}");
            }
        }
    }
}

fn few() -> Setup {
    Setup::default()
        .without_generous_limits()
        .server("trusted_proxies = [\"127.0.0.1/32\"]")
        .config("[limits]\ntoken_per_minute = 20\nclient_per_minute = 10")
}

on_both_engines! {
    async fn nodes_let_through_together_what_one_would(gateway: TestGateway, setup = few()) {
        let others = [gateway.elsewhere(false).await, gateway.elsewhere(false).await, gateway.elsewhere(false).await];
        let nodes: Vec<&TestGateway> = std::iter::once(&gateway).chain(&others).collect();
        let client = Client::new();
        let ask = async |node: &TestGateway, address: &str| {
            let request = client.post(node.at("/token")).header("x-forwarded-for", address);
            request.send().await.expect("an answer")
        };
        let mut let_through = 0;
        for node in &nodes {
            for _ in 0..20 {
                if ask(node, "192.0.2.1").await.status() != StatusCode::TOO_MANY_REQUESTS {
                    let_through += 1;
                }
            }
        }
        // A full bucket and what comes back in a minute, and a share for each node.
        assert!((38..=48).contains(&let_through), "{let_through} of 80");
        let refused = ask(nodes[3], "192.0.2.1").await;
        let wait = refused.headers()[RETRY_AFTER].to_str().expect("a number").parse::<u64>().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
        assert_ne!(ask(nodes[3], "192.0.2.2").await.status(), StatusCode::TOO_MANY_REQUESTS, "somebody else");
        gateway.clock.advance(std::time::Duration::from_secs(61));
        assert_ne!(ask(nodes[0], "2001:db8::1").await.status(), StatusCode::TOO_MANY_REQUESTS);
    }
}

on_both_engines! {
    async fn a_client_is_limited_wherever_it_comes_from_and_nobody_else_uses_it_up(gateway: TestGateway, setup = few()) {
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let other = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let ask = async |id: &str, secret: &str, address: &str| {
            let fields = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
            let request = Client::new().post(gateway.at("/token")).form(&fields).header("x-forwarded-for", address);
            request.send().await.expect("an answer").status()
        };
        let (id, secret) = (machine.agent.client_id.as_str(), machine.secret.as_str());
        // Whoever does not prove to be the client takes nothing of what it may.
        for n in 0..12 {
            assert_eq!(ask(id, "wrong", &format!("203.0.113.{n}")).await, StatusCode::UNAUTHORIZED);
        }
        for n in 0..10 {
            assert_eq!(ask(id, secret, &format!("192.0.2.{n}")).await, StatusCode::OK, "{n}");
        }
        assert_eq!(ask(id, secret, "192.0.2.99").await, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(ask(&other.agent.client_id, &other.secret, "192.0.2.99").await, StatusCode::OK);
    }
}

on_both_engines! {
    async fn what_a_client_asks_of_people_counts_for_it_wherever_it_comes_from(
        gateway: TestGateway,
        setup = few().config("[plugins.oauth-server]\nopenid_connect = true")
    ) {
        let ada = Connected::with_scope(&gateway, "ada@example.org", "openid").await;
        let ask = async |address: &str| {
            let request = Client::new().get(gateway.at("/userinfo")).bearer_auth(&ada.tokens.access);
            request.header("x-forwarded-for", address).send().await.expect("an answer").status()
        };
        for n in 0..10 {
            assert_eq!(ask(&format!("192.0.2.{n}")).await, StatusCode::OK, "{n}");
        }
        assert_eq!(ask("192.0.2.99").await, StatusCode::TOO_MANY_REQUESTS);
    }
}

fn shared() -> Setup {
    Setup::default().without_generous_limits().server("trusted_proxies = [\"127.0.0.1/32\"]").config(
        "[limits]\ntoken_per_minute = 1\nauthorize_per_minute = 1\n\
         [plugins.oauth-server]\nopenid_connect = true\npushed_requests = \"allowed\"\ndevice_authorization = true",
    )
}

on_both_engines! {
    async fn what_leads_to_a_token_or_to_the_consent_page_counts_with_it(gateway: TestGateway, setup = shared()) {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let ask = async |method: Method, path: &str, address: &str| {
            let request = client.request(method, gateway.at(path)).header("x-forwarded-for", address);
            request.send().await.expect("an answer").status()
        };
        let sharers = [
            (Method::POST, "/token", Method::POST, "/par"),
            (Method::POST, "/token", Method::POST, "/device_authorization"),
            (Method::GET, "/authorize", Method::GET, "/logout"),
        ];
        for (number, (own_method, own, method, path)) in (1..).zip(sharers) {
            // Once each way, for two addresses that have done nothing yet.
            let (one, two) = (format!("192.0.2.{number}"), format!("198.51.100.{number}"));
            assert_ne!(ask(own_method.clone(), own, &one).await, StatusCode::TOO_MANY_REQUESTS, "{own}");
            assert_eq!(ask(method.clone(), path, &one).await, StatusCode::TOO_MANY_REQUESTS, "{method} {path}");
            let first = ask(method.clone(), path, &two).await;
            assert!(![StatusCode::TOO_MANY_REQUESTS, StatusCode::NOT_FOUND].contains(&first), "{method} {path}: {first}");
            assert_eq!(ask(own_method, own, &two).await, StatusCode::TOO_MANY_REQUESTS, "{method} {path}, then {own}");
        }
    }
}
