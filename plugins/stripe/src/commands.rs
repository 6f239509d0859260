//! What the operator can do at the command line: `stripe ...`.

mod usage;

use belgie_api::clap::{Arg, ArgAction, ArgMatches, Command};
use belgie_api::command::{Output, PluginCommand};
use belgie_api::ports::Use;
use belgie_api::{Failure, Result};
use serde_json::{Value, json};

use crate::model::refusal;
use crate::service::{Billing, Drift};
use crate::store::events::Kept;

/// The commands of this plugin.
pub fn commands() -> Vec<PluginCommand> {
    vec![
        PluginCommand::new(command(), |host, matches| async move {
            let billing: Use<Billing> = host.provided().ok_or_else(refusal::off)?;
            run(&billing, matches).await
        }),
        usage::command(),
    ]
}

fn command() -> Command {
    let failed = |help: &'static str| Arg::new("failed").long("failed").action(ArgAction::SetTrue).help(help);
    let event = Arg::new("event").value_name("EVENT").help("Its id evt_...").required_unless_present("failed");
    Command::new("stripe")
        .about("Plans sold through Stripe: what it told us, and what it sells")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("events")
                .about("Lists the last 200 events, the newest first")
                .arg(failed("Only those that were given up")),
            Command::new("replay")
                .about("Looks at an event once more; done twice it does nothing new")
                .args([event, failed("All that were given up").conflicts_with("event")]),
            Command::new("plan")
                .about("The plans of the file, and what Stripe sells")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommands([
                    Command::new("diff").about("Says in what they differ; ends with 1 if they do"),
                    Command::new("push").about("Makes the meters, products and prices that are missing at Stripe"),
                ]),
        ])
}

async fn run(billing: &Billing, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("events", matches)) => events(billing, matches.get_flag("failed")).await,
        Some(("replay", matches)) => {
            let event = matches.get_one::<String>("event").map(String::as_str);
            let replayed = billing.replay(event).await?;
            let text = format!("{} done, {} still failing", replayed.done, replayed.failed);
            Ok(Output::new(text, json!({ "done": replayed.done, "failed": replayed.failed })))
        }
        Some(("plan", matches)) => match matches.subcommand_name() {
            Some("push") => push(billing).await,
            _ => diff(billing).await,
        },
        _ => Err(Failure::internal("clap lets nothing else through")),
    }
}

async fn diff(billing: &Billing) -> Result<Output> {
    let all = billing.plan_drift().await?;
    let line = |drift: &Drift| {
        let remedy = if drift.can_be_pushed { "  (`belgie stripe plan push` makes it)" } else { "" };
        format!("{}  {}  {}: {}{remedy}", drift.plan, drift.what, drift.name, drift.says)
    };
    let text = match all.as_slice() {
        [] => "Stripe sells what the file says, and counts it.".to_owned(),
        all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    Ok(Output::new(text, json!({ "drift": all })).bad(!all.is_empty()))
}

async fn push(billing: &Billing) -> Result<Output> {
    let made = billing.push_plans().await?;
    let text = match made.as_slice() {
        [] => "Nothing was missing that can be made.".to_owned(),
        made => made
            .iter()
            .map(|one| format!("made the {} {} of {}", one.what, one.id, one.plan))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    Ok(Output::new(text, json!({ "made": made })))
}

async fn events(billing: &Billing, only_failed: bool) -> Result<Output> {
    let all = billing.events(only_failed).await?;
    let text = match all.as_slice() {
        [] if only_failed => "Nothing was given up.".to_owned(),
        [] => "Stripe has told nothing.".to_owned(),
        all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    Ok(Output::new(text, json!({ "events": all.iter().map(describe).collect::<Vec<_>>() })))
}

fn state(kept: &Kept) -> &'static str {
    match (kept.processed_at, kept.failed_at) {
        (Some(_), _) => "done",
        (None, Some(_)) => "given up",
        (None, None) => "waits",
    }
}

fn line(kept: &Kept) -> String {
    let note = kept.note.as_deref().map(|note| format!("  {note}")).unwrap_or_default();
    format!("{}  {}  {}  {}{note}", kept.received_at, kept.event_id, kept.kind, state(kept))
}

fn describe(kept: &Kept) -> Value {
    json!({
        "id": kept.event_id,
        "type": kept.kind,
        "state": state(kept),
        "attempts": kept.attempts,
        "received_at": kept.received_at,
        "due_at": kept.due_at,
        "note": kept.note,
    })
}
