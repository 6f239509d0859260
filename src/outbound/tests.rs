//! Against real servers on the loopback, with the danger switch on.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use belgie_api::ports::{FetchError, FetchLimits, Fetched, Outbound};
use url::Url;

use super::{HttpOutbound, Names, OutboundSettings, USER_AGENT};

/// A name service with a fixed table.
struct Table(HashMap<&'static str, Vec<&'static str>>);

#[async_trait]
impl Names for Table {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(addresses.iter().map(|text| text.parse().unwrap()).collect())
    }
}

fn outbound() -> HttpOutbound {
    let table = Table(HashMap::from([
        ("localhost", vec!["127.0.0.1"]),
        ("stolen.localhost", vec!["10.0.0.1"]),
        ("rebound.example", vec!["127.0.0.1"]),
        ("mixed.example", vec!["8.8.8.8", "10.0.0.1"]),
        ("empty.example", vec![]),
    ]));
    HttpOutbound::with_names(OutboundSettings { danger_allow_loopback: true, ..Default::default() }, Arc::new(table))
        .unwrap()
}

/// A server that takes one request, hands it to the test, answers, and waits until the other side hangs up.
fn server(answer: impl Into<Vec<u8>>) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.into();
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Neither the test nor the client has to stay until the end.
        let _ = sender.send(read_head(&mut stream));
        let _ = stream.write_all(&answer);
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    (address, requests)
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0_u8];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).unwrap()
}

async fn get(url: &str, max_bytes: usize, timeout: Duration) -> Result<Fetched, FetchError> {
    outbound().get(&Url::parse(url).unwrap(), FetchLimits { max_bytes, timeout }).await
}

async fn get_five_kb(url: &str) -> Result<Fetched, FetchError> {
    get(url, 5 * 1024, Duration::from_secs(20)).await
}

#[tokio::test]
async fn a_document_comes_with_its_freshness_and_we_say_who_we_are_and_nothing_more() {
    let (address, requests) =
        server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncache-control: max-age=60\r\nset-cookie: a=b\r\n\r\n{}");
    let fetched = get_five_kb(&format!("http://{address}/client.json")).await.unwrap();
    assert_eq!(fetched.body, b"{}");
    assert_eq!(fetched.fresh_for, Some(Duration::from_secs(60)));

    let request = requests.recv().unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /client.json http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("user-agent: {USER_AGENT}\r\n")), "{request}");
    for header in ["cookie:", "authorization:", "referer:", "accept-encoding:"] {
        assert!(!request.contains(header), "{header} in {request}");
    }
}

#[tokio::test]
async fn a_document_of_exactly_the_largest_size_is_let_in() {
    let (address, _requests) =
        server([b"HTTP/1.1 200 OK\r\ncontent-length: 5120\r\n\r\n".to_vec(), vec![b'x'; 5120]].concat());
    assert_eq!(get_five_kb(&format!("http://{address}/")).await.unwrap().body.len(), 5120);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (inside, requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret");
    let (address, _requests) =
        server(format!("HTTP/1.1 302 Found\r\nlocation: http://{inside}/\r\ncontent-length: 0\r\n\r\n"));
    let outcome = get_five_kb(&format!("http://{address}/")).await;
    assert!(matches!(outcome, Err(FetchError::Status(302))), "{outcome:?}");
    assert_eq!(requests.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn only_status_200_counts() {
    for status in [201, 204, 206, 404, 500] {
        let (address, _requests) = server(format!("HTTP/1.1 {status} Some\r\ncontent-length: 0\r\n\r\n"));
        let outcome = get_five_kb(&format!("http://{address}/")).await;
        assert!(matches!(outcome, Err(FetchError::Status(seen)) if seen == status), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_document_that_announces_too_many_bytes_is_refused_before_they_come() {
    let (address, _requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 6144\r\n\r\n");
    let outcome = get_five_kb(&format!("http://{address}/")).await;
    assert!(matches!(outcome, Err(FetchError::TooLarge(5120))), "{outcome:?}");
}

#[tokio::test]
async fn a_document_that_announces_nothing_is_counted_as_it_comes() {
    let piece = format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(6);
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{piece}0\r\n\r\n");
    let until_close = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(6144));
    for answer in [chunked, until_close] {
        let (address, _requests) = server(answer);
        let outcome = get_five_kb(&format!("http://{address}/")).await;
        assert!(matches!(outcome, Err(FetchError::TooLarge(5120))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_dawdles_is_given_up() {
    for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let (address, _requests) = server(answer);
        let outcome = get(&format!("http://{address}/"), 5120, Duration::from_millis(200)).await;
        assert!(matches!(outcome, Err(FetchError::Timeout)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_name_that_leads_into_our_network_is_refused_and_nobody_is_visited() {
    let (address, requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret");
    let port = address.port();
    for url in [
        format!("https://rebound.example:{port}/"),
        "https://mixed.example/".to_owned(),
        format!("http://stolen.localhost:{port}/"),
    ] {
        let outcome = get_five_kb(&url).await;
        assert!(matches!(outcome, Err(FetchError::Forbidden(_))), "{url}: {outcome:?}");
    }
    assert_eq!(requests.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn a_name_of_this_machine_is_visited_at_the_address_that_was_looked_at() {
    let (address, _requests) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let fetched = get_five_kb(&format!("http://localhost:{}/", address.port())).await.unwrap();
    assert_eq!(fetched.body, b"{}");
}

#[tokio::test]
async fn without_the_danger_switch_this_machine_is_closed() {
    let outbound = HttpOutbound::new(OutboundSettings::default()).unwrap();
    let limits = FetchLimits { max_bytes: 5120, timeout: Duration::from_secs(20) };
    for url in ["http://127.0.0.1:9/", "https://127.0.0.1:9/", "https://localhost:9/", "https://[::1]:9/"] {
        let outcome = outbound.get(&Url::parse(url).unwrap(), limits).await;
        assert!(matches!(outcome, Err(FetchError::Forbidden(_))), "{url}: {outcome:?}");
    }
}

#[tokio::test]
async fn nobody_at_home_is_not_the_same_as_forbidden() {
    for url in ["https://unknown.example/", "https://empty.example/"] {
        let outcome = get_five_kb(url).await;
        assert!(matches!(outcome, Err(FetchError::Unconnected(_))), "{url}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_not_the_same_as_one_that_broke() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = get_five_kb(&format!("http://{free}/")).await;
    assert!(matches!(outcome, Err(FetchError::Unconnected(_))), "nobody listens: {outcome:?}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || drop(listener.accept().map(|(mut stream, _)| read_head(&mut stream))));
    let outcome = get_five_kb(&format!("http://{address}/")).await;
    assert!(matches!(outcome, Err(FetchError::Unreachable(_))), "it was heard: {outcome:?}");
}
