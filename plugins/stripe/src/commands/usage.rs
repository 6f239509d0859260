//! What the operator can do about what is counted: `usage ...`.

use belgie_api::clap::{Arg, ArgAction, ArgMatches, Command};
use belgie_api::command::{Output, PluginCommand};
use belgie_api::ports::{BillingSubject, Use};
use belgie_api::{Failure, MeteredId, OrgId, Result, TeamId, UserId};
use serde_json::{Value, json};

use crate::model::refusal;
use crate::service::{AccountUsage, Billing, Which};
use crate::store::meter_calls::Call;

/// The command.
pub fn command() -> PluginCommand {
    PluginCommand::new(words(), |host, matches| async move {
        let billing: Use<Billing> = host.provided().ok_or_else(refusal::off)?;
        run(&billing, matches).await
    })
}

fn words() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let account = Arg::new("account").value_name("ACCOUNT").help("Its id: usr_..., org_... or tea_...");
    let call = Arg::new("call").value_name("CALL").help("Its id mtr_...").required_unless_present("all");
    Command::new("usage")
        .about("What is counted, and what Stripe is told of it")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("show")
                .about("Shows what an account has used in this period, or what everybody has")
                .arg(account),
            Command::new("calls").about("Lists counted calls, 200 at most").args([
                flag("waiting", "Those that Stripe is still to be told of"),
                flag("given-up", "Those of which that was given up, and why").conflicts_with("waiting"),
            ]),
            Command::new("check").about("Holds the sum of all calls against what is used and what Stripe was told"),
            Command::new("tell").about("Tells Stripe now whatever is due"),
            Command::new("again")
                .about("Tells Stripe once more of calls that were given up")
                .args([call, flag("all", "All of them").conflicts_with("call")]),
        ])
}

async fn run(billing: &Billing, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("show", matches)) => match matches.get_one::<String>("account") {
            Some(id) => Ok(account(&billing.usage_of(subject(id)?).await?)),
            None => everybody(billing).await,
        },
        Some(("calls", matches)) => {
            let which = match (matches.get_flag("waiting"), matches.get_flag("given-up")) {
                (true, _) => Which::Waiting,
                (_, true) => Which::GivenUp,
                _ => Which::Last,
            };
            Ok(calls(&billing.counted_calls(which).await?))
        }
        Some(("check", _)) => check(billing).await,
        Some(("tell", _)) => {
            let reported = billing.report_usage().await?;
            let text = format!("{} told, {} later, {} given up", reported.told, reported.later, reported.given_up);
            let json = json!({ "told": reported.told, "later": reported.later, "given_up": reported.given_up });
            Ok(Output::new(text, json))
        }
        Some(("again", matches)) => {
            let id = matches.get_one::<String>("call").map(|id| id.parse::<MeteredId>()).transpose();
            let id = id.map_err(|error| Failure::bad_request("usage.no_call", error.to_string()))?;
            let count = billing.report_again(id).await?;
            Ok(Output::new(format!("{count} calls wait to be told"), json!({ "again": count })))
        }
        _ => Err(Failure::internal("clap lets nothing else through")),
    }
}

/// An account, whoever is in it: this is the operator.
fn subject(id: &str) -> Result<BillingSubject> {
    if let Ok(user) = id.parse::<UserId>() {
        return Ok(BillingSubject::User { user });
    }
    if let Ok(organization) = id.parse::<OrgId>() {
        return Ok(BillingSubject::Organization { organization });
    }
    // Rows of a team name it alone, so it does not matter for reading them whose it is.
    let team = id.parse::<TeamId>().map_err(|_| refusal::unknown_account())?;
    Ok(BillingSubject::Team { organization: OrgId::from_uuid(team.uuid()), team })
}

fn account(usage: &AccountUsage) -> Output {
    let plan = usage.plan.as_deref().unwrap_or("no plan");
    let mut lines = vec![format!("{}  {plan}  until {}", usage.account_id, usage.resets_at)];
    for meter in &usage.meters {
        let limit = meter.limit.map_or_else(|| "no limit".to_owned(), |limit| format!("at most {limit}"));
        let (name, used, running, included) = (&meter.meter, meter.used, meter.running, meter.included);
        lines.push(format!("  {name}: {used} used and {running} running of {included} included, {limit}"));
        lines.extend(meter.shares.iter().map(|share| format!("    {} {}: {}", share.level, share.id, share.used)));
    }
    Output::new(lines.join("\n"), json!({ "usage": usage }))
}

async fn everybody(billing: &Billing) -> Result<Output> {
    let all = billing.usage_of_all().await?;
    let line = |row: &crate::store::meter_usage::OfMeter| {
        let account = format!("{} {}", row.subject_kind, row.subject_id.simple());
        format!(
            "{account}  {}  since {}: {} used, {} running",
            row.meter, row.period_start, row.stand.used, row.stand.reserved
        )
    };
    let text = match all.as_slice() {
        [] => "Nothing was counted.".to_owned(),
        all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    let describe = |row: &crate::store::meter_usage::OfMeter| {
        json!({ "kind": row.subject_kind, "id": row.subject_id.simple().to_string(), "meter": row.meter,
            "period_start": row.period_start, "used": row.stand.used, "running": row.stand.reserved })
    };
    Ok(Output::new(text, json!({ "usage": all.iter().map(describe).collect::<Vec<_>>() })))
}

async fn check(billing: &Billing) -> Result<Output> {
    let (sums, stand) = billing.sums().await?;
    let agrees = sums.units == stand.used && sums.running == stand.reserved;
    let text = format!(
        "{} calls of {} units, {} used; {} running, {} set aside; told {}, waiting {}, given up {}{}",
        sums.calls,
        sums.units,
        stand.used,
        sums.running,
        stand.reserved,
        sums.told,
        sums.waiting,
        sums.given_up,
        if agrees { "" } else { "\nThe sum of the calls is not what is used." }
    );
    let json = json!({
        "calls": sums.calls, "units": sums.units, "used": stand.used, "running": sums.running,
        "set_aside": stand.reserved, "told": sums.told, "waiting": sums.waiting, "given_up": sums.given_up,
        "agrees": agrees,
    });
    Ok(Output::new(text, json))
}

fn calls(all: &[Call]) -> Output {
    let text = match all {
        [] => "There are none.".to_owned(),
        all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    Output::new(text, json!({ "calls": all.iter().map(describe).collect::<Vec<_>>() }))
}

fn state(call: &Call) -> &'static str {
    match (call.committed_at, call.released_at) {
        (None, None) => "runs",
        (None, Some(_)) => "given back",
        _ if call.given_up_at.is_some() => "given up",
        _ if call.sent_at.is_some() => "told",
        _ if call.due_at.is_some() => "to be told",
        _ => "counted",
    }
}

fn line(call: &Call) -> String {
    let note = call.note.as_deref().map(|note| format!("  {note}")).unwrap_or_default();
    let (id, at) = (call.id, call.reserved_at);
    format!("{at}  {id}  {} of {}  {}  {}{note}", call.units, call.meter, call.name, state(call))
}

fn describe(call: &Call) -> Value {
    json!({
        "id": call.id,
        "account": { "kind": call.subject.subject_kind, "id": call.subject.subject_id.simple().to_string() },
        "meter": call.meter,
        "units": call.units,
        "name": call.name,
        "user": call.user_id,
        "client": call.client_id,
        "state": state(call),
        "reserved_at": call.reserved_at,
        "committed_at": call.committed_at,
        "released_at": call.released_at,
        "sent_at": call.sent_at,
        "given_up_at": call.given_up_at,
        "due_at": call.due_at,
        "attempts": call.attempts,
        "note": call.note,
    })
}
