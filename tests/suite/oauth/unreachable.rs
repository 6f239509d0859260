//! Client ids that would make the gateway visit its own network (CWE-918).

use super::assert_page_alone;
use crate::on_both_engines;
use crate::support::{Agent, DocumentServer, Published, Setup, TestGateway};

const UNIDENTIFIED: &str = "The agent cannot be identified.";
const REDIRECT: &str = "https://agent.example/callback";

/// Ways to write an address that leads, or could lead, to this machine or a neighbour of it.
fn inward(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "agent.localhost",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "2852039166",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ];
    let written = hosts
        .iter()
        .flat_map(|host| [format!("https://{host}:{port}/client.json"), format!("http://{host}:{port}/client.json")]);
    written.collect()
}

/// Addresses that are not written the one way, or bring what has no place in them.
fn ambiguous(port: u16) -> Vec<String> {
    [
        "https://ada@agent.example/client.json",
        "https://ada:word@agent.example/client.json",
        "https://@agent.example/client.json",
        "https://agent.example@127.0.0.1:PORT/client.json",
        "https://agent.example:443/client.json",
        "https://agent.example",
        "https://agent.example/",
        "https://agent.example/a/../client.json",
        "https://agent.example/./client.json",
        "https://agent.example/%2e%2e/client.json",
        "https://agent.example/client.json#127.0.0.1",
        "https://agent.example\\@127.0.0.1:PORT/client.json",
        "https:///agent.example/client.json",
        "https://",
        "http://agent.example/client.json",
        "http://8.8.8.8/client.json",
        "https://8.8.8.8/client.json",
    ]
    .map(|text| text.replace("PORT", &port.to_string()))
    .to_vec()
}

async fn assert_never_visited(gateway: &TestGateway, addresses: Vec<String>, server: &DocumentServer) {
    let mut ada = gateway.signed_in("ada@example.org").await;
    for address in addresses {
        let agent = Agent::known_as(gateway, &address, REDIRECT);
        let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
        assert_page_alone(&page, UNIDENTIFIED);
        assert_eq!(server.connections(), 0, "{address} was visited");
    }
}

async fn waiting_server() -> DocumentServer {
    let server = DocumentServer::start().await;
    let at = server.at("/client.json");
    let document = serde_json::json!({ "client_id": at, "client_name": "Trap", "redirect_uris": [REDIRECT] });
    server.publish("/client.json", Published::Document("application/json", document.to_string()));
    server
}

on_both_engines! {
    async fn no_client_id_leads_into_the_network_of_the_gateway(gateway: TestGateway) {
        let server = waiting_server().await;
        let addresses = inward(server.port()).into_iter().chain(ambiguous(server.port())).collect();
        assert_never_visited(&gateway, addresses, &server).await;
    }
}

on_both_engines! {
    async fn one_switch_alone_opens_nothing(
        gateway: TestGateway,
        setup = Setup::default().config("[outbound]\ndanger_allow_loopback = true")
    ) {
        let server = waiting_server().await;
        assert_never_visited(&gateway, inward(server.port()), &server).await;
    }
}

on_both_engines! {
    async fn the_other_switch_alone_opens_nothing_either(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\ndanger_allow_loopback_clients = true")
    ) {
        let server = waiting_server().await;
        assert_never_visited(&gateway, inward(server.port()), &server).await;
    }
}

on_both_engines! {
    async fn both_switches_open_this_machine_and_no_neighbour(
        gateway: TestGateway,
        setup = Setup::default().config(
            "[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true"
        )
    ) {
        let server = waiting_server().await;
        let neighbours: Vec<String> = ["10.0.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0", "[::ffff:127.0.0.1]"]
            .iter()
            .flat_map(|host| ["http", "https"].map(|scheme| format!("{scheme}://{host}:{}/client.json", server.port())))
            .chain(ambiguous(server.port()))
            .collect();
        assert_never_visited(&gateway, neighbours, &server).await;
        let mut eve = gateway.signed_in("eve@example.org").await;
        let agent = Agent::known_as(&gateway, &server.at("/client.json"), REDIRECT);
        let page = eve.get(&agent.authorize_url(&agent.authorization(""))).await;
        assert_eq!(page.status, reqwest::StatusCode::OK, "{}", page.body);
        assert_eq!(server.connections(), 1);
    }
}
