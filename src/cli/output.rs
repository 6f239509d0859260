//! What a command prints: lines for people, or one JSON value.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use belgie_api::command::Output;
use belgie_api::{Failure, Result};
use serde_json::json;

use crate::gateway::BootError;

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// The gateway did not start.
    Boot(BootError),
    /// The command itself failed.
    Failure(Failure),
}

impl From<BootError> for CliError {
    fn from(error: BootError) -> Self {
        Self::Boot(error)
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Prints an answer to standard output.
///
/// # Errors
/// When it cannot be written, for another reason than that nobody reads on.
pub fn print(output: &Output, as_json: bool) -> Result<()> {
    if as_json { say(&output.json) } else { say(&output.text) }.map_err(Failure::internal)
}

fn say(answer: &impl Display) -> std::io::Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{answer}").and_then(|()| out.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Prints what is wrong; the exit code says it, too, where it cannot be written.
fn complain(wrong: &impl Display) {
    if let Err(error) = say(wrong) {
        tracing::debug!(%error, "nobody reads what is wrong");
    }
}

/// Prints what is wrong with the arguments, or the help that was asked for; the exit code.
pub fn misuse(misuse: &clap::Error, as_json: bool) -> ExitCode {
    if as_json && misuse.use_stderr() {
        let text = misuse.render().to_string();
        let (message, hint) = text.trim_end().split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let message = message.trim_start_matches("error: ");
        complain(&json!({ "error": "command.misuse", "error_description": message, "hint": hint }));
    } else if let Err(error) = misuse.print() {
        tracing::debug!(%error, "nobody reads what is wrong with the arguments");
    }
    ExitCode::from(u8::try_from(misuse.exit_code()).unwrap_or(2))
}

impl CliError {
    /// Prints the error and gives the exit code: 2 for a configuration that is not right, 1 for everything else.
    #[expect(clippy::print_stderr, reason = "a command reports its errors itself")]
    pub fn report(self, as_json: bool) -> ExitCode {
        let (text, value, code) = match &self {
            Self::Boot(BootError::Config(problems)) => {
                let list: Vec<_> = problems
                    .iter()
                    .map(|p| json!({ "path": p.path, "message": p.message, "remedy": p.remedy }))
                    .collect();
                (problems.to_string(), json!({ "error": "config", "problems": list }), 2)
            }
            Self::Boot(error) => {
                (error.to_string(), json!({ "error": "boot", "error_description": error.to_string() }), 1)
            }
            Self::Failure(failure) => {
                let hint = failure.remedy().map(|hint| format!("\n{hint}")).unwrap_or_default();
                let source = failure.private_source().map(|source| format!("\n({source})")).unwrap_or_default();
                let value = json!({ "error": failure.code(), "error_description": failure.message(), "hint": failure.remedy() });
                (format!("{}{hint}{source}", failure.message()), value, 1)
            }
        };
        if as_json {
            complain(&value);
        } else {
            eprintln!("belgie: {}", text.trim_end());
        }
        ExitCode::from(code)
    }
}
