//! `belgie doctor`: what is well and what is not, with a remedy for each.

use std::process::ExitCode;
use std::time::Duration;

use belgie_api::command::Output;
use belgie_api::{Clock, Timestamp};
use serde_json::json;
use tokio::net::TcpStream;

use super::last_address;
use super::output::{CliError, print};
use crate::config::MailTransport;
use crate::gateway::{Builder, Gateway};

/// A machine that believes it lives before this moment (2026-01-01) has no clock to trust.
const EARLIEST: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);
const REACH_WITHIN: Duration = Duration::from_secs(3);

struct Finding {
    what: String,
    is_well: bool,
    /// Whether the gateway could serve all the same.
    is_warning: bool,
    said: String,
}

impl Finding {
    fn of(what: &str, is_well: bool, said: impl Into<String>) -> Self {
        Self { what: what.to_owned(), is_well, is_warning: false, said: said.into() }
    }
}

/// Opens everything, looks, and exits with 1 when something must be mended.
pub async fn doctor(builder: Builder, as_json: bool) -> Result<ExitCode, CliError> {
    let gateway = last_address::recall(builder.migrate(false).check()?).open().await?;
    let mut findings = vec![
        clock(&belgie_api::clock::SystemClock),
        keys(&gateway),
        database(&gateway).await,
        tables(&gateway),
        address(&gateway).await,
        mail(&gateway).await,
    ];
    let outside = gateway.examine().await;
    findings.extend(outside.into_iter().map(|found| Finding::of(&found.what, found.is_well, found.said)));
    gateway.shutdown().await;
    let lines: Vec<String> = findings.iter().map(|f| format!("{:<9} {:<9} {}", mark(f), f.what, f.said)).collect();
    let list: Vec<_> =
        findings.iter().map(|f| json!({ "check": f.what, "status": mark(f), "message": f.said })).collect();
    let is_well = findings.iter().all(|f| f.is_well || f.is_warning);
    print(&Output::new(lines.join("\n"), json!({ "ok": is_well, "checks": list })), as_json)?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn mark(finding: &Finding) -> &'static str {
    match (finding.is_well, finding.is_warning) {
        (true, _) => "ok",
        (false, true) => "warning",
        (false, false) => "FAILED",
    }
}

fn clock(clock: &dyn Clock) -> Finding {
    let now = clock.now();
    if now >= EARLIEST {
        return Finding::of("clock", true, now.to_string());
    }
    Finding::of(
        "clock",
        false,
        format!("{now} lies in the past: set the clock, or tokens will not expire as they should"),
    )
}

/// A secret that is weak, or that others can read, stops the boot, so what is left to say is where it comes from.
fn keys(gateway: &Gateway) -> Finding {
    let said = match &gateway.config().secret {
        Some(_) => "the configured secret is strong enough".to_owned(),
        None => format!("the secret in {} is readable by its owner only", gateway.config().data_dir.display()),
    };
    Finding::of("keys", true, said)
}

async fn database(gateway: &Gateway) -> Finding {
    let shown = &gateway.config().database.shown_url;
    if gateway.identity().is_database_there().await {
        Finding::of("database", true, format!("{shown} answers"))
    } else {
        Finding::of("database", false, format!("{shown} has no tables yet or does not answer: run `belgie migrate`"))
    }
}

fn tables(gateway: &Gateway) -> Finding {
    let pending = gateway.pending_migrations();
    if pending.is_empty() {
        Finding::of("tables", true, "up to date")
    } else {
        Finding::of(
            "tables",
            false,
            format!("these migrations have not run: {}: run `belgie migrate`", pending.join(", ")),
        )
    }
}

/// Whether somebody listens at the public address. Nobody does while the server is down, so this is a warning only.
async fn address(gateway: &Gateway) -> Finding {
    let url = gateway.host().urls().base();
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
    let attempt = tokio::time::timeout(REACH_WITHIN, TcpStream::connect((host.trim_matches(['[', ']']), port))).await;
    let is_well = matches!(attempt, Ok(Ok(_)));
    let said = if is_well {
        format!("{url} is reachable")
    } else {
        format!("nobody answers at {url}: start `belgie serve`, or check DNS, proxy and `base_url`")
    };
    Finding { is_warning: true, ..Finding::of("base_url", is_well, said) }
}

/// Whether the mail server lets us in. Nothing is sent.
async fn mail(gateway: &Gateway) -> Finding {
    let config = &gateway.config().mail;
    match (config.transport, gateway.mail_sender()) {
        (MailTransport::None, _) => Finding::of("mail", true, "none is sent; nothing that needs it is offered"),
        (MailTransport::Outbox, _) => Finding {
            is_warning: true,
            ..Finding::of("mail", false, "it goes to /dev/outbox and to nobody: set mail.transport to \"smtp\"")
        },
        (MailTransport::Smtp, sender) => {
            let server = config.smtp.as_ref().map(|smtp| format!("{}:{}", smtp.host, smtp.port)).unwrap_or_default();
            let tested = match sender {
                Some(sender) => sender.test().await,
                None => Err(belgie_api::Failure::internal("nothing is set up")),
            };
            match tested {
                Ok(()) => Finding::of("mail", true, format!("{server} lets us in")),
                Err(failure) => {
                    let why = failure.private_source().unwrap_or_default();
                    Finding::of("mail", false, format!("{server} does not: {why}. Check [mail]"))
                }
            }
        }
    }
}
