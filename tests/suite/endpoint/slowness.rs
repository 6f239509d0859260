//! Clients that take their time: each of them is cut off, and meanwhile everybody else is served.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::visit;
use crate::support::{Connected, Setup, TestGateway};

/// A second was allowed; a busy machine may take a few.
const SOON: Duration = Duration::from_secs(5);

async fn impatient() -> (TestGateway, Connected) {
    visit(Setup::default().server("header_timeout_seconds = 1\nbody_timeout_seconds = 1")).await
}

async fn connect(gateway: &TestGateway) -> TcpStream {
    TcpStream::connect(gateway.url.trim_start_matches("http://")).await.expect("a connection")
}

/// What the gateway says until it closes the connection, and how long that takes.
async fn until_closed(mut stream: TcpStream) -> String {
    let begin = Instant::now();
    let mut said = Vec::new();
    let end = timeout(SOON, stream.read_to_end(&mut said)).await;
    assert!(end.is_ok(), "still open after {:?}", begin.elapsed());
    String::from_utf8_lossy(&said).into_owned()
}

/// The head of a POST whose body is to be 1,000 bytes long.
fn head(gateway: &TestGateway, path: &str, more: &str) -> String {
    let host = gateway.url.trim_start_matches("http://");
    format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n{more}\r\n")
}

fn mcp_head(gateway: &TestGateway, ada: &Connected) -> String {
    let token = &ada.tokens.access;
    let more = format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n"
    );
    head(gateway, "/mcp", &more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_half_way_is_given_up() {
    let (gateway, ada) = impatient().await;
    let mut stream = connect(&gateway).await;
    let request = format!("{}{{\"jsonrpc\":", mcp_head(&gateway, &ada));
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    let said = until_closed(stream).await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    ada.is_let_in().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_drips_is_given_up() {
    let (gateway, ada) = impatient().await;
    let mut stream = connect(&gateway).await;
    stream.write_all(mcp_head(&gateway, &ada).as_bytes()).await.expect("it is taken");
    let (mut reader, mut writer) = stream.into_split();
    let drip = tokio::spawn(async move {
        let mut drops = tokio::time::interval(Duration::from_millis(100));
        while writer.write_all(b" ").await.is_ok() {
            drops.tick().await;
        }
    });
    let mut said = Vec::new();
    // The drops that nobody reads any more may reset the connection.
    let _ = timeout(SOON, reader.read_to_end(&mut said)).await.expect("closed in time");
    assert!(said.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&said));
    drip.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_body_without_a_token_is_not_even_waited_for() {
    let (gateway, _ada) = impatient().await;
    let mut stream = connect(&gateway).await;
    stream.write_all(head(&gateway, "/mcp", "").as_bytes()).await.expect("it is taken");
    assert!(until_closed(stream).await.starts_with("HTTP/1.1 401 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_and_token_requests_that_stop_half_way_are_given_up() {
    let (gateway, _ada) = impatient().await;
    for path in ["/auth/signin", "/token", "/revoke"] {
        let mut stream = connect(&gateway).await;
        let form = head(&gateway, path, "Content-Type: application/x-www-form-urlencoded\r\n");
        stream.write_all(format!("{form}grant_type=").as_bytes()).await.expect("it is taken");
        let said = until_closed(stream).await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{path}: {said}");
    }
    let mut stream = connect(&gateway).await;
    let json = head(&gateway, "/register", "Content-Type: application/json\r\n");
    stream.write_all(format!("{json}{{\"redirect_uris\":").as_bytes()).await.expect("it is taken");
    let said = until_closed(stream).await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_stop_half_way_are_closed() {
    let (gateway, _ada) = impatient().await;
    for begin in ["POST /mcp HTTP/1.1\r\nHost: 127", "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n", "G", "P"] {
        let mut stream = connect(&gateway).await;
        stream.write_all(begin.as_bytes()).await.expect("it is taken");
        until_closed(stream).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_never_ask_anything_are_closed() {
    let (gateway, ada) = impatient().await;
    // An HTTP/2 client that greets, and does not go on (RFC 9113 section 3.4).
    let greeting: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for begin in [b"".as_slice(), b"PRI * HTTP/2.0\r\n", greeting] {
        let mut stream = connect(&gateway).await;
        stream.write_all(begin).await.expect("it is taken");
        until_closed(stream).await;
    }
    ada.is_let_in().await;
}
