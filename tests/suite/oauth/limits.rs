//! How often each endpoint answers one address.

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, StatusCode};

use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

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
