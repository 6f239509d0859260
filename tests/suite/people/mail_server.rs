//! Mail on its way to a mail server.

use std::time::Duration;

use crate::on_both_engines;
use crate::support::{Engine, Setup, SmtpServer, TestGateway, eventually};

async fn gateway_with(server: &SmtpServer, engine: Engine) -> TestGateway {
    Setup::default().config(&server.config()).start(engine).await
}

async fn ask(gateway: &TestGateway, email: &str) {
    gateway.browser().press("/auth/link", email, None).await;
}

async fn a_mail_arrives_whole_and_once(engine: Engine) {
    let server = SmtpServer::start().await;
    let gateway = gateway_with(&server, engine).await;
    let _second_node = gateway.second_node().await;
    gateway.person("ada@example.org").await;
    ask(&gateway, "ada@example.org").await;
    eventually("the mail arrives", || !server.received().is_empty()).await;
    // Whatever else could be sent would be by now: this one comes after it.
    gateway.person("bob@example.org").await;
    ask(&gateway, "bob@example.org").await;
    eventually("the next one arrives", || server.received().len() > 1).await;
    let received = server.received();
    assert_eq!(received.len(), 2);
    let mail = &received[0];
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("<belgie@host.example>", &["<ada@example.org>".to_owned()][..])
    );
    assert_eq!(mail.header("Subject"), Some("Sign in to Belgie"));
    assert_eq!(mail.header("Auto-Submitted"), Some("auto-generated"));
    assert!(
        mail.header("Message-ID").is_some_and(|id| id.starts_with("<mai_") && id.ends_with("@host.example>")),
        "{}",
        mail.data
    );
    assert!(mail.data.contains("text/plain") && mail.data.contains("text/html"), "{}", mail.data);
}

on_both_engines! {
    async fn a_whole_mail_arrives_once(gateway: TestGateway) {
        a_mail_arrives_whole_and_once(gateway.engine().clone()).await;
    }
}

/// Lets the gateway work off everything that is due: mails are handed on one after the other, so the second of two that are
/// written one after the other leaves when the rest of the first one's batch is done.
async fn settle(gateway: &TestGateway, server: &SmtpServer) {
    for _ in 0..2 {
        let before = server.received().len();
        ask(gateway, "bob@example.org").await;
        eventually("the next mail arrives", || server.received().len() > before).await;
    }
}

async fn busy() -> (SmtpServer, TestGateway) {
    let server = SmtpServer::start().await;
    server.refuse(Some("ada@example.org"));
    let gateway = gateway_with(&server, Engine::Sqlite).await;
    gateway.person("ada@example.org").await;
    gateway.person("bob@example.org").await;
    ask(&gateway, "ada@example.org").await;
    settle(&gateway, &server).await;
    assert_eq!(server.refused(), 1);
    (server, gateway)
}

fn is_to_ada(server: &SmtpServer) -> bool {
    server.received().iter().any(|mail| mail.to == ["<ada@example.org>"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_waits_for_a_server_that_is_busy() {
    let (server, gateway) = busy().await;
    server.refuse(None);
    settle(&gateway, &server).await;
    assert!(!is_to_ada(&server), "it is not tried again at once");
    gateway.clock.advance(Duration::from_secs(31));
    settle(&gateway, &server).await;
    assert!(is_to_ada(&server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_nobody_takes_is_given_up_at_last() {
    let (server, gateway) = busy().await;
    for n in 2..=10 {
        gateway.clock.advance(Duration::from_mins(61));
        settle(&gateway, &server).await;
        assert_eq!(server.refused(), n);
    }
    server.refuse(None);
    gateway.clock.advance(Duration::from_mins(61));
    settle(&gateway, &server).await;
    assert!(!is_to_ada(&server) && server.refused() == 10);
}
