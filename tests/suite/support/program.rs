//! The program itself, beside a running gateway.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Engine, TestGateway};

impl TestGateway {
    /// Runs a command of the program on the database of this gateway: whether it went well, and what it said.
    pub async fn program(&self, arguments: &[&str]) -> (bool, Value) {
        match self.engine() {
            Engine::Sqlite => run(arguments, "--data-dir", self.data_dir()).await,
            Engine::Postgres(_) => self.configured_program(arguments).await,
        }
    }

    /// The same with the settings of this gateway.
    pub async fn configured_program(&self, arguments: &[&str]) -> (bool, Value) {
        run(arguments, "--config", self.config_file()).await
    }
}

/// The program serving on the database of a gateway, in a process of its own.
pub struct Program {
    child: Child,
    /// Its address, without a slash at the end.
    pub url: String,
    /// Its endpoint.
    pub mcp_url: String,
}

impl Program {
    /// Starts it with the settings of this gateway, on a port of its own.
    pub async fn start(gateway: &TestGateway) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
        command.args(["serve", "--demo-tools", "--json", "--config"]).arg(gateway.config_file());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = lines.next_line().await.expect("a line").expect("where it listens");
        let said: Value = serde_json::from_str(&line).expect("JSON");
        let text = |name: &str| said[name].as_str().expect("an address").to_owned();
        Self { child, url: text("base_url"), mcp_url: text("mcp_url") }
    }

    /// SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }
}

async fn run(arguments: &[&str], option: &str, path: PathBuf) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(arguments).arg("--json").arg(option).arg(path).stdin(Stdio::null());
    let output = command.output().await.expect("the program runs");
    (output.status.success(), serde_json::from_slice(&output.stdout).expect("JSON"))
}
