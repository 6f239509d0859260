//! Secrets of clients: new ones beside old ones, their ends, and guesses at them.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};

use super::assert_refused;
use super::machines::Machine;
use crate::on_both_engines;
use crate::support::{Agent, Reply, Setup, TestGateway};

async fn machine(gateway: &TestGateway, more: &[&str]) -> Machine {
    Machine::made(gateway, &[&["--machine", "--scope", "connections:read"], more].concat()).await
}

async fn rotate(gateway: &TestGateway, machine: &Machine, more: &[&str]) -> Result<Value, Value> {
    let arguments = [&["client", "rotate", machine.agent.client_id.as_str()], more].concat();
    let (went_well, said) = gateway.configured_program(&arguments).await;
    if went_well { Ok(said) } else { Err(said) }
}

/// The same client with another secret.
fn with_secret(gateway: &TestGateway, machine: &Machine, secret: &str) -> Machine {
    let agent = Agent::known_as(gateway, &machine.agent.client_id, "");
    Machine { agent, secret: secret.to_owned(), made: Value::Null }
}

fn secret_of(said: &Value) -> &str {
    said["client_secret"].as_str().expect("a secret")
}

/// Asks for a token from an address, behind a proxy that is trusted.
async fn ask_from(gateway: &TestGateway, machine: &Machine, secret: &str, address: &str) -> Reply {
    let form =
        [("grant_type", "client_credentials"), ("client_id", &machine.agent.client_id), ("client_secret", secret)];
    let request = machine.agent.client.post(gateway.at("/token")).header("x-forwarded-for", address).form(&form);
    Reply::read(request.send().await.expect("an answer")).await
}

fn everywhere() -> Setup {
    Setup::default()
        .config("[plugins.oauth-server]\nclient_secret_attempts = 3")
        .server("trusted_proxies = [\"127.0.0.1/32\"]")
}

#[track_caller]
fn assert_slowed(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{}", reply.body);
    let seconds: u64 = reply.headers[RETRY_AFTER].to_str().expect("a number").parse().expect("seconds");
    assert!((1..=600).contains(&seconds), "{seconds}");
}

on_both_engines! {
    async fn two_secrets_are_good_while_they_overlap_and_then_the_new_one_alone(gateway: TestGateway) {
        let first = machine(&gateway, &[]).await;
        let said = rotate(&gateway, &first, &["--overlap", "3600"]).await.expect("a new secret");
        let second = with_secret(&gateway, &first, secret_of(&said));
        assert!(second.secret.starts_with("blg_cs_") && second.secret != first.secret);
        assert!(said["previous_secret_ends_at"].is_string() && said["client_secret_expires_at"].is_null(), "{said}");
        for good in [&first, &second] {
            assert_eq!(good.ask(&[]).await.status, StatusCode::OK);
        }
        let (_, listed) = gateway.configured_program(&["client", "list"]).await;
        assert!(listed["clients"][0]["previous_secret_ends_at"].is_string(), "{listed}");
        assert!(!listed.to_string().contains("blg_cs_"), "{listed}");

        // A third one leaves two: the first ends, whatever was left of its hour.
        let said = rotate(&gateway, &first, &["--overlap", "60"]).await.expect("a new secret");
        let third = with_secret(&gateway, &first, secret_of(&said));
        assert_refused(&first.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        for good in [&second, &third] {
            assert_eq!(good.ask(&[]).await.status, StatusCode::OK);
        }
        gateway.clock.advance(Duration::from_secs(61));
        assert_refused(&second.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_eq!(third.ask(&[]).await.status, StatusCode::OK);

        // Without a word the one before ends at once.
        let said = rotate(&gateway, &first, &[]).await.expect("a new secret");
        assert_refused(&third.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_eq!(with_secret(&gateway, &first, secret_of(&said)).ask(&[]).await.status, StatusCode::OK);
        let acts = gateway.gateway.identity().acts(None, 50).await.expect("the record");
        assert_eq!(acts.iter().filter(|act| act.action == "client.secret_rotated").count(), 3);
    }
}

on_both_engines! {
    async fn what_has_no_secret_or_is_not_there_gets_no_new_one(gateway: TestGateway) {
        let public = Agent::register(&gateway).await;
        let public = Machine { agent: public, secret: String::new(), made: Value::Null };
        assert_eq!(rotate(&gateway, &public, &[]).await.expect_err("it is public")["error"], "client.no_secret");
        let nobody = Machine { agent: Agent::known_as(&gateway, "cli_nobody", ""), ..public };
        assert_eq!(rotate(&gateway, &nobody, &[]).await.expect_err("unknown")["error"], "client.unknown");
        let own = machine(&gateway, &[]).await;
        for wrong in [&["--overlap", "2592001"][..], &["--secret-expires", "2020-01-01"]] {
            rotate(&gateway, &own, wrong).await.expect_err("no such time");
        }
        assert_eq!(own.ask(&[]).await.status, StatusCode::OK, "nothing has happened");
    }
}

on_both_engines! {
    async fn a_secret_ends_when_it_is_said_in_seconds_days_or_by_date(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nclient_secret_expires = \"30 days\"")
    ) {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let document = json!({
            "redirect_uris": ["https://agent.example/callback"], "token_endpoint_auth_method": "client_secret_post",
        });
        let (_, registered) = Agent::register_document(&gateway, &document).await;
        let numbers = |name: &str| registered[name].as_i64().expect("a number");
        let lasts = numbers("client_secret_expires_at") - numbers("client_id_issued_at");
        assert_eq!(lasts, 30 * 24 * 3600, "{registered}");

        let usual = machine(&gateway, &[]).await;
        let hour = machine(&gateway, &["--secret-expires", "3600"]).await;
        let dated = machine(&gateway, &["--secret-expires", "2100-01-31"]).await;
        let endless = machine(&gateway, &["--secret-expires", "never"]).await;
        assert_eq!(dated.made["client_secret_expires_at"], "2100-01-31T00:00:00Z");
        let said = rotate(&gateway, &hour, &["--overlap", "86400", "--secret-expires", "2 days"]).await.expect("a secret");
        let newer = with_secret(&gateway, &hour, secret_of(&said));
        assert_eq!(hour.ask(&[]).await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(3601));
        assert_refused(&hour.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_eq!(newer.ask(&[]).await.status, StatusCode::OK, "the overlap lasts no longer than the secret itself");
        gateway.clock.advance(2 * DAY);
        assert_refused(&newer.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_eq!(usual.ask(&[]).await.status, StatusCode::OK);
        gateway.clock.advance(28 * DAY);
        assert_refused(&usual.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        for good in [&dated, &endless] {
            assert_eq!(good.ask(&[]).await.status, StatusCode::OK);
        }
    }
}

on_both_engines! {
    async fn guesses_at_a_secret_are_slowed_at_every_node_and_the_client_elsewhere_is_not(
        gateway: TestGateway,
        setup = everywhere()
    ) {
        let machine = machine(&gateway, &[]).await;
        let elsewhere = gateway.elsewhere(false).await;
        let (guesser, owner) = ("198.51.100.7", "192.0.2.1");
        for node in [&gateway, &elsewhere, &gateway] {
            let reply = ask_from(node, &machine, "blg_cs_guess", guesser).await;
            assert_refused(&reply, StatusCode::UNAUTHORIZED, "invalid_client");
        }
        for node in [&gateway, &elsewhere] {
            assert_slowed(&ask_from(node, &machine, "blg_cs_guess", guesser).await);
            assert_slowed(&ask_from(node, &machine, &machine.secret, guesser).await);
            assert_eq!(ask_from(node, &machine, &machine.secret, owner).await.status, StatusCode::OK);
        }
        for path in ["/revoke", "/introspect"] {
            let form = [("client_id", machine.agent.client_id.as_str()), ("client_secret", "blg_cs_guess"), ("token", "t")];
            let request = machine.agent.client.post(gateway.at(path)).header("x-forwarded-for", guesser).form(&form);
            assert_slowed(&Reply::read(request.send().await.expect("an answer")).await);
        }
        gateway.clock.advance(Duration::from_secs(601));
        assert_eq!(ask_from(&gateway, &machine, &machine.secret, guesser).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn however_many_strangers_guess_the_client_is_let_in(gateway: TestGateway, setup = everywhere()) {
        let machine = machine(&gateway, &[]).await;
        // Three times twenty from everywhere: each address twice, which is less than one address may.
        for host in 1..=30 {
            for _ in 0..2 {
                let reply = ask_from(&gateway, &machine, "blg_cs_guess", &format!("198.51.100.{host}")).await;
                assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{host}: {}", reply.body);
            }
        }
        assert_slowed(&ask_from(&gateway, &machine, "blg_cs_guess", "198.51.100.1").await);
        assert_eq!(ask_from(&gateway, &machine, &machine.secret, "192.0.2.1").await.status, StatusCode::OK);
        // One address that goes from client to client is refused at all of them.
        let walker = "2001:db8::";
        for n in 0..30 {
            let other = Machine { agent: Agent::known_as(&gateway, &format!("cli_{n}"), ""), secret: String::new(), made: Value::Null };
            let reply = ask_from(&gateway, &other, "blg_cs_guess", &format!("{walker}{n}")).await;
            assert_refused(&reply, StatusCode::UNAUTHORIZED, "invalid_client");
        }
        let other = self::machine(&gateway, &[]).await;
        assert_slowed(&ask_from(&gateway, &other, &other.secret, &format!("{walker}ffff")).await);
        assert_eq!(ask_from(&gateway, &other, &other.secret, "2001:db8:0:1::1").await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_counted_wherever_a_secret_is_shown() {
    let more = "pushed_requests = \"allowed\"\ndevice_authorization = true";
    for path in ["/par", "/device_authorization", "/introspect", "/revoke"] {
        let gateway = everywhere().config(more).start(crate::support::Engine::Sqlite).await;
        let client =
            Machine::made(&gateway, &["--confidential", "--redirect-uri", "https://web.example/callback"]).await;
        let guess = with_secret(&gateway, &client, "blg_cs_guessed");
        for _ in 0..3 {
            assert_eq!(guess.post(path, &[("token", "x")]).await.status, StatusCode::UNAUTHORIZED, "{path}");
        }
        assert_slowed(&guess.post(path, &[("token", "x")]).await);
    }
}
