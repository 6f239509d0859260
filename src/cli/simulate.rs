//! `belgie simulate`: what the rules of a configuration would have decided of what is on record.

use std::fmt::Write as _;
use std::process::ExitCode;

use belgie_api::Result;
use belgie_api::command::Output;
use belgie_api::ports::AuditFilter;
use serde_json::json;

use super::args::SimulateArgs;
use super::audit::part_of;
use super::output::{CliError, print};
use crate::access::{Change, Replay, Simulation};
use crate::gateway::Gateway;

/// Judges what is on record anew, and says what would be different.
pub async fn simulate(gateway: &Gateway, asked: SimulateArgs, as_json: bool) -> Result<ExitCode, CliError> {
    let AuditFilter { organization, since, until, .. } = part_of(gateway, &asked.part).await?;
    let replay = Replay { organization, since, until };
    let simulation = gateway.simulate(replay).await?;
    print(&Output::new(in_words(&simulation), json!(simulation)), as_json)?;
    let has_changes = simulation.changed > 0;
    Ok(if asked.fail_on_change && has_changes { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn in_words(simulation: &Simulation) -> String {
    let Simulation { decisions, same, changed, changes, .. } = simulation;
    let mut text = format!("{decisions} decisions on record: {same} would be the same, {changed} would be others.");
    for change in changes {
        let _ = write!(text, "\n{}", line(change));
    }
    let open = [
        (simulation.depends_on_arguments, "depend on arguments, which are not kept"),
        (simulation.depends_on_the_gone, "depend on the address or name of an account that is gone"),
        (
            simulation.depends_on_unknown_rules,
            "were refused for what this program does not know; the rule in code may have done it",
        ),
    ];
    for (count, why) in open.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, "\nNobody can say of {count}: they {why}.");
    }
    text
}

fn line(change: &Change) -> String {
    let Change { action, name, user, service, email, before, after, count, first, last, .. } = change;
    let what = match (before.as_str(), *after) {
        (_, "allowed") => "would be allowed",
        ("allowed", _) => "would be refused",
        _ => "would be refused for another reason",
    };
    let service = || service.as_ref().map(|own| format!("the service {}", own.name));
    let who = email.clone().or_else(service).or_else(|| user.map(|user| user.to_string())).unwrap_or_default();
    let place = change.organization_slug.as_ref().map(|slug| format!(" for {slug}")).unwrap_or_default();
    let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
    format!("  {what}: {who}{place}  {action} {name}  {before} -> {after}  {times}, {first} to {last}")
}
