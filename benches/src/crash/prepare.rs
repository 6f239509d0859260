//! The world in which the program is killed: a person with a token, whose plan is paid.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use belgie::Belgie;
use belgie::api::db::Pools;
use belgie::api::{MeteredId, ScopeSet, Timestamp};
use belgie::config::RawConfig;
use belgie::identity::NewAccount;
use serde::Deserialize;
use sqlx::types::{Json, Uuid};
use tokio::runtime::Runtime;

use crate::folder::Folder;

/// What webhooks are signed with.
pub const SIGNING_SECRET: &str = "whsec_bench";
const EMAIL: &str = "bench@example.com";
/// A token has a scope at least; no tool that is called needs it.
const SCOPE: &str = "connections:read";
const CUSTOMER: &str = "INSERT INTO stripe_customers (subject_kind, subject_id, customer_id, created_at) \
    VALUES ('user', $1, 'cus_bench', $2)";
const SEATS: &str = "SELECT seats FROM stripe_subscriptions WHERE stripe_id = 'sub_bench'";
const ALERTS: &str = "SELECT details FROM core_audit WHERE action = 'quota.reached'";
const SUBSCRIPTION: &str = "INSERT INTO stripe_subscriptions (id, subject_kind, subject_id, stripe_id, customer_id, plan, \
    price_id, item_id, pay_interval, status, period_start, period_end, cancel_at_period_end, synced_seq, created_at, updated_at) \
    VALUES ($1, 'user', $1, 'sub_bench', 'cus_bench', 'pro', 'price_1', 'si_bench', 'month', 'active', $3, $4, $5, 0, $2, $2)";

/// The largest part of what is included, in percent, of which somebody is told. Each percent before it is told of as well.
pub const LARGEST_PART: i64 = 1000;

/// Writes the settings of the gateway, with a plan that includes so many calls and lets all others through.
pub fn write_config(
    folder: &Folder,
    stripe: SocketAddr,
    postgres: Option<&str>,
    included: i64,
) -> anyhow::Result<PathBuf> {
    let config = folder.path().join("belgie.toml");
    let data = serde_json::Value::from(folder.path().to_string_lossy());
    let database =
        postgres.map(|url| format!("[database]\nurl = {}\nmigrate_on_start = true\n", serde_json::Value::from(url)));
    let parts: Vec<String> = (1..=LARGEST_PART).map(|percent| format!("{percent}%")).collect();
    let parts = serde_json::Value::from(parts);
    let text = format!(
        r#"data_dir = {data}
[server]
listen = "127.0.0.1:0"
{}
[outbound]
danger_allow_loopback = true

[plugins.stripe]
secret_key = "sk_test_bench"
webhook_secret = "{SIGNING_SECRET}"
api_base = "http://{stripe}/"
meter_lease = "1s"

[[meter]]
name = "calls"
event_name = "bench_calls"

[[plan]]
name = "pro"
monthly_price = "price_1"
metered_prices = ["price_2"]
[plan.quotas.calls]
included = {included}
cap = "soft"
alert_at = {parts}

[[access]]
tools = ["echo", "add", "slow"]
meter = "calls"
"#,
        database.unwrap_or_default()
    );
    std::fs::write(&config, text)?;
    Ok(config)
}

/// Makes tables, a person with a plan that is paid for this period (seconds since 1970), and a token, and prints that.
pub fn play(config: &Path, period: Range<i64>) -> anyhow::Result<()> {
    let token = Runtime::new()?.block_on(async {
        let text = std::fs::read_to_string(config)?;
        let builder = Belgie::builder(RawConfig::from_text(&text)).demo_tools();
        let commands = builder.commands();
        let gateway = builder.check()?.open().await?;
        let account = NewAccount {
            email: EMAIL.to_owned(),
            name: String::new(),
            password: "a password nobody signs in with".to_owned(),
            scopes: ScopeSet::new(),
        };
        let person = gateway.identity().create(account).await.map_err(|error| anyhow!("no account: {error:?}"))?;
        pay(gateway.host().db().pools(), person.id.uuid(), period, gateway.host().now()).await?;
        let noun = commands.into_iter().find(|noun| noun.command.get_name() == "token");
        let noun = noun.context("no plugin has the command `token`")?;
        let words = ["token", "create", "--email", EMAIL, "--scope", SCOPE, "--ttl", "86400"];
        let matches = noun.command.try_get_matches_from(words)?;
        let output =
            (noun.run)(gateway.host().clone(), matches).await.map_err(|failure| anyhow!("no token: {failure}"))?;
        gateway.shutdown().await;
        output.json["token"].as_str().map(str::to_owned).context("`token create` shows no token")
    })?;
    println!("{token}");
    Ok(())
}

/// What the gateway has in its database.
pub struct Kept {
    /// How many seats it knows of.
    pub seats: Option<i64>,
    /// The parts of what is included that are on record as reached, in percent, in order.
    pub alerts: Vec<i64>,
}

/// Reads what a gateway that has ended has kept.
pub fn kept(config: &Path) -> anyhow::Result<Kept> {
    Runtime::new()?.block_on(async {
        let text = std::fs::read_to_string(config)?;
        let gateway = Belgie::builder(RawConfig::from_text(&text)).demo_tools().check()?.open().await?;
        let (seats, details): (_, Vec<Json<Details>>) = match gateway.host().db().pools() {
            Pools::Sqlite { readers, .. } => (
                sqlx::query_scalar(SEATS).fetch_one(readers).await?,
                sqlx::query_scalar(ALERTS).fetch_all(readers).await?,
            ),
            Pools::Postgres(pool) => {
                (sqlx::query_scalar(SEATS).fetch_one(pool).await?, sqlx::query_scalar(ALERTS).fetch_all(pool).await?)
            }
        };
        gateway.shutdown().await;
        let mut alerts: Vec<i64> = details.into_iter().map(|Json(details)| details.percent).collect();
        alerts.sort_unstable();
        Ok(Kept { seats, alerts })
    })
}

/// What a life of the program has left behind, in rows.
#[derive(Clone, Copy, Default)]
pub struct Left {
    /// Units set aside for tools that answer at once: the call had not begun to run, or was not settled yet.
    pub set_aside: usize,
    /// Units set aside for the tool that takes its time.
    pub running: usize,
    /// Calls that were heard outside, of which the ledger does not know that.
    pub unnoted: usize,
    /// Webhooks that are kept, and what they tell of is not written.
    pub kept: usize,
    /// Webhooks of which it is, and that is not noted.
    pub synced: usize,
}

const HELD: &str = "SELECT name FROM stripe_meter_calls WHERE lease_until IS NOT NULL";
const UNSENT: &str = "SELECT id FROM stripe_meter_calls WHERE committed_at IS NOT NULL AND sent_at IS NULL";
const UNDONE: &str =
    "SELECT COUNT(*) FROM stripe_events WHERE event_id = $1 AND processed_at IS NULL AND failed_at IS NULL";

/// Looks at what the program has left, and changes nothing. `heard`: whether a call was heard outside. `event`: the webhook of this
/// life, with how many seats it tells of.
pub fn left(config: &Path, heard: impl Fn(&str) -> bool, event: Option<(&str, i64)>) -> anyhow::Result<Left> {
    Runtime::new()?.block_on(async {
        let text = std::fs::read_to_string(config)?;
        let gateway = Belgie::builder(RawConfig::from_text(&text)).demo_tools().at_rest().check()?.open().await?;
        let (held, unsent, seats): (Vec<String>, Vec<MeteredId>, Option<i64>) = match gateway.host().db().pools() {
            Pools::Sqlite { readers, .. } => (
                sqlx::query_scalar(HELD).fetch_all(readers).await?,
                sqlx::query_scalar(UNSENT).fetch_all(readers).await?,
                sqlx::query_scalar(SEATS).fetch_one(readers).await?,
            ),
            Pools::Postgres(pool) => (
                sqlx::query_scalar(HELD).fetch_all(pool).await?,
                sqlx::query_scalar(UNSENT).fetch_all(pool).await?,
                sqlx::query_scalar(SEATS).fetch_one(pool).await?,
            ),
        };
        let mut left = Left { unnoted: unsent.iter().filter(|id| heard(&id.to_string())).count(), ..Left::default() };
        left.running = held.iter().filter(|name| *name == "slow").count();
        left.set_aside = held.len() - left.running;
        if let Some((id, told)) = event {
            let undone: i64 = match gateway.host().db().pools() {
                Pools::Sqlite { readers, .. } => sqlx::query_scalar(UNDONE).bind(id).fetch_one(readers).await?,
                Pools::Postgres(pool) => sqlx::query_scalar(UNDONE).bind(id).fetch_one(pool).await?,
            };
            let is_synced = seats == Some(told);
            left.kept = usize::from(undone > 0 && !is_synced);
            left.synced = usize::from(undone > 0 && is_synced);
        }
        gateway.shutdown().await;
        Ok(left)
    })
}

impl Left {
    /// That of all lives.
    pub fn add(&mut self, other: Self) {
        self.set_aside += other.set_aside;
        self.running += other.running;
        self.unnoted += other.unnoted;
        self.kept += other.kept;
        self.synced += other.synced;
    }
}

#[derive(Deserialize)]
struct Details {
    percent: i64,
}

async fn pay(pools: &Pools, user: Uuid, period: Range<i64>, now: Timestamp) -> anyhow::Result<()> {
    let [start, end] = [period.start, period.end].map(Timestamp::from_unix_seconds);
    match pools {
        Pools::Sqlite { writer, .. } => {
            sqlx::query(CUSTOMER).bind(user).bind(now).execute(writer).await?;
            sqlx::query(SUBSCRIPTION).bind(user).bind(now).bind(start).bind(end).bind(false).execute(writer).await?;
        }
        Pools::Postgres(pool) => {
            sqlx::query(CUSTOMER).bind(user).bind(now).execute(pool).await?;
            sqlx::query(SUBSCRIPTION).bind(user).bind(now).bind(start).bind(end).bind(false).execute(pool).await?;
        }
    }
    Ok(())
}
