//! The program itself, as an operator runs it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{EventStream, Modern, eventually};

const BELGIE: &str = env!("CARGO_BIN_EXE_belgie");

/// A running `belgie serve`, ended with SIGTERM.
struct Server {
    process: Child,
    line: Value,
}

impl Server {
    fn start(dir: &std::path::Path, more: &[&str]) -> Self {
        let mut process = Command::new(BELGIE)
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        Self { process, line: serde_json::from_str(&line).expect("JSON") }
    }

    fn url(&self) -> &str {
        self.line["base_url"].as_str().expect("an address")
    }

    /// Asks it to end.
    fn tell_to_end(&self) {
        let pid = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
    }

    /// Asks it to end and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        self.tell_to_end();
        self.process.wait().expect("it ends").code()
    }
}

fn belgie(dir: &std::path::Path, arguments: &[&str], input: &str) -> (bool, Value) {
    let mut process = Command::new(BELGIE)
        .args(arguments)
        .args(["--json", "--data-dir"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    process.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    let output = process.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.success(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON, not {text:?}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_starts_on_a_fresh_folder_and_ends_on_sigterm() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(dir.path(), &[]);
    assert!(server.line["setup_url"].as_str().is_some_and(|link| link.contains("/auth/setup?token=blg_ln_")));
    let ready = reqwest::get(format!("{}/readyz", server.url())).await.expect("an answer");
    assert_eq!(ready.status(), 200);
    let secret = std::fs::metadata(dir.path().join("secret")).expect("a secret");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&secret.permissions()) & 0o777, 0o600);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_made_beside_a_running_server_can_sign_in_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(dir.path(), &[]);
    let arguments = ["user", "create", "--email", "ada@example.org", "--password-stdin"];
    let (ok, made) = belgie(dir.path(), &arguments, "correct horse battery staple\n");
    assert!(ok && made["id"].as_str().is_some_and(|id| id.starts_with("usr_")), "{made}");
    let mut browser = crate::support::Browser::new(server.url());
    browser.sign_in("ada@example.org", "correct horse battery staple").await;
    assert!(browser.is_signed_in().await);

    let (_, sessions) = belgie(dir.path(), &["session", "list", "--email", "ada@example.org"], "");
    let id = sessions[0]["id"].as_str().expect("a session").to_owned();
    assert!(belgie(dir.path(), &["session", "revoke", &id], "").0);
    assert!(!browser.is_signed_in().await);
    assert_eq!(server.stop(), Some(0));
}

/// A token of Ada's for the tools of the demonstration.
fn token_of_ada(dir: &std::path::Path) -> Value {
    let arguments = ["user", "create", "--email", "ada@example.org", "--password-stdin"];
    assert!(belgie(dir, &arguments, "correct horse battery staple\n").0);
    let scope = "connections:read demo:step-up";
    let arguments =
        ["token", "create", "--email", "ada@example.org", "--scope", scope, "--ttl", "600", "--resource", "/mcp"];
    let (ok, token) = belgie(dir, &arguments, "");
    assert!(ok, "{token}");
    token
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_says_is_over_is_over_when_it_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(dir.path(), &["--demo-tools"]);
    let token = token_of_ada(dir.path());
    let (client, url) = (reqwest::Client::new(), format!("{}/mcp", server.url()));
    let modern = Modern { client: &client, url: &url, token: token["token"].as_str() };
    assert_eq!(modern.call("step_up", json!({})).await.status, reqwest::StatusCode::OK);
    assert!(belgie(dir.path(), &["token", "revoke", token["id"].as_str().expect("an id")], "").0);
    assert_eq!(modern.call("step_up", json!({})).await.status, reqwest::StatusCode::UNAUTHORIZED);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn told_twice_to_end_the_server_cuts_what_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(dir.path(), &["--demo-tools"]);
    let token = token_of_ada(dir.path());
    let (client, url) = (reqwest::Client::new(), format!("{}/mcp", server.url()));
    let modern = Modern { client: &client, url: &url, token: token["token"].as_str() };
    let slow = json!({ "name": "slow", "arguments": { "seconds": 60 }, "_meta": { "progressToken": 1 } });
    let mut running = EventStream::open(modern.request("tools/call", slow)).await;
    assert_eq!(running.next().await.expect("a message")["method"], "notifications/progress");
    server.tell_to_end();
    // Nobody is let in any more, and what runs goes on.
    let address = server.url().trim_start_matches("http://").to_owned();
    eventually("the listener is closed", || std::net::TcpStream::connect(&address).is_err()).await;
    assert_eq!(running.next().await.expect("a message")["method"], "notifications/progress");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn mistakes_in_arguments_are_json_where_that_is_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    for arguments in [&["token", "create"][..], &["user", "dance"], &["user", "list", "--loudly"]] {
        let (ok, said) = belgie(dir.path(), arguments, "");
        assert!(!ok && said["error"] == "command.misuse" && said["error_description"].is_string(), "{said}");
    }
}

#[test]
fn mistakes_are_said_with_a_remedy_and_an_exit_code() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ok, said) = belgie(dir.path(), &["user", "create", "--email", "no address", "--password-stdin"], "short\n");
    assert!(!ok && said["error"] == "user.invalid", "{said}");
    let (ok, said) = belgie(dir.path(), &["session", "revoke", "ses_nonsense"], "");
    assert!(!ok && said["hint"].as_str().is_some_and(|hint| hint.contains("session list")), "{said}");
}

#[test]
fn doctor_and_check_look_without_harm() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ok, checked) = belgie(dir.path(), &["check"], "");
    assert!(ok && checked["settings"].as_array().is_some_and(|settings| settings.len() > 20));
    let (ok, examined) = belgie(dir.path(), &["doctor"], "");
    assert!(!ok, "the tables are not there yet: {examined}");
    assert!(belgie(dir.path(), &["migrate"], "").0);
    let (ok, examined) = belgie(dir.path(), &["doctor"], "");
    assert!(ok, "{examined}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_asks_the_mail_server() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = crate::support::SmtpServer::start().await;
    let config = dir.path().join("belgie.toml");
    let mail = |examined: &Value| {
        let checks = examined["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["check"] == "mail").expect("a check of mail")["status"].clone()
    };
    std::fs::write(&config, server.config()).expect("a writable folder");
    let config = config.to_str().expect("a plain path");
    assert!(belgie(dir.path(), &["migrate", "--config", config], "").0);
    let (ok, examined) = belgie(dir.path(), &["doctor", "--config", config], "");
    assert!(ok && mail(&examined) == "ok", "{examined}");

    let nobody = server.config().replace(&server.port.to_string(), "1");
    std::fs::write(config, nobody).expect("a writable folder");
    let (ok, examined) = belgie(dir.path(), &["doctor", "--config", config], "");
    assert!(!ok && mail(&examined) != "ok", "{examined}");
    assert!(server.received().is_empty(), "nothing is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_asks_the_providers_people_sign_in_with() {
    let dir = tempfile::tempdir().expect("a folder");
    let idp = crate::support::Idp::start().await;
    let config = dir.path().join("belgie.toml");
    let by_hand = "[plugins.github]\nclient_id = \"x\"\n[plugins.oauth-client.gone]\nclient_id = \"x\"\n\
        discovery_url = \"http://127.0.0.1:1/.well-known/openid-configuration\"\nscopes = [\"openid\"]\n";
    let text = format!(
        "base_url = \"http://127.0.0.1:8080\"\n[outbound]\ndanger_allow_loopback = true\n{}{by_hand}",
        idp.table("")
    );
    std::fs::write(&config, &text).expect("a writable folder");
    let config = config.to_str().expect("a plain path");
    assert!(belgie(dir.path(), &["migrate", "--config", config], "").0);
    let (ok, examined) = belgie(dir.path(), &["doctor", "--config", config], "");
    let of = |examined: &Value, name: &str| {
        let checks = examined["checks"].as_array().expect("checks").clone();
        let check = checks.into_iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}"));
        (check["status"].as_str() == Some("ok"), check["message"].as_str().unwrap_or_default().to_owned())
    };
    let (is_well, said) = of(&examined, "acme");
    assert!(is_well && said.contains("http://127.0.0.1:8080/auth/provider/acme/callback"), "{said}");
    assert!(of(&examined, "github").0, "{examined}");
    let (is_well, said) = of(&examined, "gone");
    assert!(!ok && !is_well && said.contains("check its addresses"), "{said}");
    assert_eq!(idp.count("/token"), 0, "nobody is signed in");

    std::fs::write(config, text.replace(by_hand, "")).expect("a writable folder");
    let (ok, examined) = belgie(dir.path(), &["doctor", "--config", config], "");
    assert!(ok, "{examined}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_holds_and_says_which_part_is_a_stand_in() {
    let output =
        tokio::process::Command::new(BELGIE).args(["demo", "--json"]).output().await.expect("the program runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(output.status.success() && report["ok"] == true, "{report}");
    let steps = report["steps"].as_array().expect("steps");
    let details = |name: &str| {
        let step = steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}"));
        step["details"].clone()
    };
    assert_eq!(details("plan_refused")["refused"], "access.plan_too_small");
    assert!(details("plan_claimed")["answer"].as_str().is_some_and(|answer| answer.starts_with("400")));
    let paid = details("plan_paid");
    assert_eq!(paid["its_page_says"], "A stand-in for Stripe. No money moves here.");
    assert_eq!(paid["webhooks"], "customer.subscription.created 200, checkout.session.completed 200");
    assert_eq!(details("plan_works")["access_token"], details("plan_refused")["access_token"], "the same token");
    assert!(!report.to_string().contains("whsec_") && !report.to_string().contains("sk_test_"), "{report}");
}

/// `belgie check` in a working folder, with this environment.
fn check(dir: &std::path::Path, environment: &[(&str, &str)]) -> (bool, Value) {
    let mut command = Command::new(BELGIE);
    command.args(["check", "--json", "--data-dir", "data"]).current_dir(dir).envs(environment.iter().copied());
    let output = command.output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.success(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON, not {text:?}")))
}

#[test]
fn variables_may_stand_in_a_file_beside_the_program() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |text: &str| std::fs::write(dir.path().join(".env"), text).expect("a writable folder");
    let value = |checked: &Value, key: &str| {
        let settings = checked["settings"].as_array().expect("settings");
        settings.iter().find(|setting| setting["path"] == key).unwrap_or_else(|| panic!("{checked}"))["value"].clone()
    };
    write("# ours\nexport BELGIE_SITE_NAME='Acme & sons'\nBELGIE_LIMITS_REGISTER_PER_MINUTE=7\nOTHER=1\n");
    let (ok, checked) = check(dir.path(), &[("BELGIE_LIMITS_REGISTER_PER_MINUTE", "9")]);
    assert!(ok, "{checked}");
    assert_eq!(value(&checked, "site_name"), "\"Acme & sons\"");
    assert_eq!(value(&checked, "limits.register_per_minute"), "9", "the environment wins");

    write("BELGIE_SITE_NAME=Acme\nhunter2\nBELGIE_SECRET='hunter2\n");
    let (ok, said) = check(dir.path(), &[]);
    let text = said.to_string();
    assert!(!ok && text.contains(".env:2") && text.contains(".env:3") && text.contains("NAME=value"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    write("BELGIE_SITE_NAM=Acme\n");
    let (ok, said) = check(dir.path(), &[]);
    assert!(!ok && said.to_string().contains("did you mean `BELGIE_SITE_NAME`?"), "{said}");
}
