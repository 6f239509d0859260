//! The program itself, beside a running gateway.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use super::{Engine, TestGateway};

impl TestGateway {
    /// Runs a command of the program on the database of this gateway: whether it went well, and what it said.
    pub async fn program(&self, arguments: &[&str]) -> (bool, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
        command.args(arguments).arg("--json").stdin(Stdio::null());
        match self.engine() {
            Engine::Sqlite => command.arg("--data-dir").arg(self.data_dir()),
            Engine::Postgres(_) => command.arg("--config").arg(self.config_file()),
        };
        let output = command.output().await.expect("the program runs");
        (output.status.success(), serde_json::from_slice(&output.stdout).expect("JSON"))
    }
}
