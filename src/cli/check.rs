//! `belgie check`: the configuration as it would be used.

use std::process::ExitCode;

use belgie_api::command::Output;
use serde_json::json;

use super::output::{CliError, print};
use crate::gateway::Builder;

/// Prints every setting with its value and where it came from, secrets masked, and what is hardly meant.
pub async fn check(builder: Builder, as_json: bool) -> Result<ExitCode, CliError> {
    let checked = builder.check()?;
    let effective = checked.config().effective();
    let lines: Vec<String> = effective.iter().map(ToString::to_string).collect();
    let list: Vec<_> = effective
        .iter()
        .map(|setting| json!({ "path": setting.path, "value": setting.value, "origin": setting.origin.to_string() }))
        .collect();
    let warnings = checked.rehearse().await?;
    let warned = warnings.iter().map(|warning| format!("Warning: {warning}."));
    let said: Vec<String> = warned.chain(["The configuration is right.".to_owned()]).collect();
    let text = format!("{}\n\n{}", lines.join("\n"), said.join("\n"));
    print(&Output::new(text, json!({ "ok": true, "settings": list, "warnings": warnings })), as_json)?;
    Ok(ExitCode::SUCCESS)
}
