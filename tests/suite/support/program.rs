//! The program itself, beside a running gateway.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

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

async fn run(arguments: &[&str], option: &str, path: PathBuf) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(arguments).arg("--json").arg(option).arg(path).stdin(Stdio::null());
    let output = command.output().await.expect("the program runs");
    (output.status.success(), serde_json::from_slice(&output.stdout).expect("JSON"))
}
