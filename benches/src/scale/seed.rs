//! Fills a database: the tables are the gateway's own, the rows are made by the database, the tokens by the command
//! `token create`.

use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use belgie::Gateway;
use belgie::api::command::PluginCommand;
use clap::Args;
use sqlx::{PgPool, SqlitePool};
use tokio::runtime::Runtime;

use super::{STRANGERS, Seeded, crowd, server};

/// How much goes into a database.
#[derive(Args, Clone, Copy, Debug)]
pub struct Size {
    /// Organizations
    #[arg(long)]
    pub organizations: u32,
    /// People
    #[arg(long)]
    pub users: u32,
    /// In how many organizations each of them is
    #[arg(long)]
    pub each: u32,
    /// How many tokens there are beside those that are made as people make them
    #[arg(long)]
    pub callers: u32,
}

impl Size {
    /// As it is said on the command line.
    pub fn arguments(self) -> Vec<String> {
        let Self { organizations, users, each, callers } = self;
        let said = [("organizations", organizations), ("users", users), ("each", each), ("callers", callers)];
        said.map(|(name, value)| format!("--{name}={value}")).into()
    }

    /// The first of the organizations of a person, whose owner they are.
    pub fn first_of(self, user: u32) -> u64 {
        u64::from(user) * STEP % u64::from(self.organizations)
    }
}

/// Spreads people over organizations; no divisor of their number, so that neighbours are apart.
const STEP: u64 = 7_919;

/// One text for each table: `$1` is how many rows, `$2` the organizations, `$3` how many each person is in.
struct Texts {
    users: &'static str,
    organizations: &'static str,
    slugs: &'static str,
    members: &'static str,
    roles: &'static str,
}

const SQLITE: Texts = Texts {
    users: "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
        INSERT INTO core_users (id, email, name, scopes, created_at, updated_at)
        SELECT CAST(printf('user%012d', i) AS BLOB), 'u' || i || '@example.com', 'User ' || i, '[]', 0, 0 FROM n",
    organizations: "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
        INSERT INTO organization_organizations (id, slug, name, metadata, created_at, updated_at)
        SELECT CAST(printf('orga%012d', i) AS BLOB), 'o' || i, 'Organization ' || i, '{}', 0, 0 FROM n",
    slugs: "INSERT INTO organization_slugs (slug, organization_id, created_at) SELECT slug, id, 0 FROM organization_organizations",
    members: "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1 * $3)
        INSERT INTO organization_members (organization_id, user_id, joined_at, id)
        SELECT CAST(printf('orga%012d', (i / $3 * 7919 + i % $3 * ($2 / 10)) % $2) AS BLOB),
            CAST(printf('user%012d', i / $3) AS BLOB), 0, randomblob(16) FROM n",
    roles: "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1 * $3)
        INSERT INTO organization_member_roles (organization_id, user_id, role, given_at)
        SELECT CAST(printf('orga%012d', (i / $3 * 7919 + i % $3 * ($2 / 10)) % $2) AS BLOB),
            CAST(printf('user%012d', i / $3) AS BLOB), CASE WHEN i % $3 = 0 THEN 'owner' ELSE 'member' END, 0 FROM n",
};

const POSTGRES: Texts = Texts {
    users: "INSERT INTO core_users (id, email, name, scopes, created_at, updated_at)
        SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'u' || i || '@example.com', 'User ' || i, '[]', now(), now()
        FROM generate_series(0, $1 - 1) AS i",
    organizations: "INSERT INTO organization_organizations (id, slug, name, metadata, created_at, updated_at)
        SELECT ('00000000-0000-4000-9000-' || lpad(to_hex(i), 12, '0'))::uuid, 'o' || i, 'Organization ' || i, '{}', now(), now()
        FROM generate_series(0, $1 - 1) AS i",
    slugs: "INSERT INTO organization_slugs (slug, organization_id, created_at) SELECT slug, id, now() FROM organization_organizations",
    members: "INSERT INTO organization_members (organization_id, user_id, joined_at, id)
        SELECT ('00000000-0000-4000-9000-' || lpad(to_hex((i / $3 * 7919 + i % $3 * ($2 / 10)) % $2), 12, '0'))::uuid,
            ('00000000-0000-4000-8000-' || lpad(to_hex(i / $3), 12, '0'))::uuid, now(), gen_random_uuid()
        FROM generate_series(0, $1 * $3 - 1) AS i",
    roles: "INSERT INTO organization_member_roles (organization_id, user_id, role, given_at)
        SELECT ('00000000-0000-4000-9000-' || lpad(to_hex((i / $3 * 7919 + i % $3 * ($2 / 10)) % $2), 12, '0'))::uuid,
            ('00000000-0000-4000-8000-' || lpad(to_hex(i / $3), 12, '0'))::uuid,
            CASE WHEN i % $3 = 0 THEN 'owner' ELSE 'member' END, now()
        FROM generate_series(0, $1 * $3 - 1) AS i",
};

/// Fills the database of these settings and prints the tokens as JSON.
pub fn run(config: &Path, size: Size) -> anyhow::Result<()> {
    let seeded = Runtime::new()?.block_on(seed(config, size))?;
    println!("{}", serde_json::to_string(&seeded)?);
    Ok(())
}

/// Fills it and makes the tokens.
pub async fn seed(config: &Path, size: Size) -> anyhow::Result<Seeded> {
    let builder = server::builder(config)?;
    let commands = builder.commands();
    let gateway = builder.check()?.open().await?;
    fill(config, size).await?;
    let noun = commands.into_iter().find(|noun| noun.command.get_name() == "token");
    let noun = noun.context("no plugin has the command `token`")?;
    let mut tokens = Vec::new();
    for user in 0..STRANGERS {
        tokens.push(token(&gateway, &noun, user, size.first_of(user)).await?);
    }
    gateway.shutdown().await;
    let token = tokens.pop().context("no tokens")?;
    let (callers, hashes) = crowd::mint(size.callers);
    let added = add_callers(config, size, &hashes).await?;
    ensure!(added == i64::from(size.callers), "{added} of {} tokens could be added", size.callers);
    Ok(Seeded { token, strangers: tokens, callers })
}

/// Adds the tokens that are not made as people make them; how many there are of those.
async fn add_callers(config: &Path, size: Size, hashes: &str) -> anyhow::Result<i64> {
    const COUNT: &str =
        "SELECT COUNT(*) FROM oauth_server_access_tokens t JOIN oauth_server_grants g ON g.id = t.grant_id";
    let count = if let Some(url) = server::database_url(config)? {
        let pool = PgPool::connect(&url).await?;
        let mut tx = pool.begin().await?;
        crowd::fill_postgres(&mut tx, size, hashes).await?;
        let count: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        sqlx::query("ANALYZE").execute(&pool).await?;
        pool.close().await;
        count
    } else {
        let pool = sqlite(config).await?;
        let mut tx = pool.begin().await?;
        crowd::fill_sqlite(&mut tx, size, hashes).await?;
        let count: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        pool.close().await;
        count
    };
    Ok(count - i64::from(STRANGERS))
}

async fn sqlite(config: &Path) -> anyhow::Result<SqlitePool> {
    let file = config.with_file_name("belgie.db");
    Ok(SqlitePool::connect(&format!("sqlite:{}", file.display())).await?)
}

async fn token(gateway: &Gateway, noun: &PluginCommand, user: u32, organization: u64) -> anyhow::Result<String> {
    let (email, slug) = (format!("u{user}@example.com"), format!("o{organization}"));
    let words = ["token", "create", "--email", &email, "--org", &slug, "--scope", server::SCOPE, "--ttl", "86400"];
    let matches = noun.command.clone().try_get_matches_from(words)?;
    let output = (noun.run)(gateway.host().clone(), matches).await.map_err(|failure| anyhow!("no token: {failure}"))?;
    output.json["token"].as_str().map(str::to_owned).context("`token create` shows no token")
}

/// In one transaction, and with the statistics the planner would have gathered by itself in the course of time.
async fn fill(config: &Path, size: Size) -> anyhow::Result<()> {
    let [users, organizations, each] = [size.users, size.organizations, size.each].map(i64::from);
    if let Some(url) = server::database_url(config)? {
        let pool = PgPool::connect(&url).await?;
        let mut tx = pool.begin().await?;
        let [users, organizations, each] =
            [users, organizations, each].map(|count| i32::try_from(count).unwrap_or(i32::MAX));
        sqlx::query(POSTGRES.users).bind(users).execute(&mut *tx).await?;
        sqlx::query(POSTGRES.organizations).bind(organizations).execute(&mut *tx).await?;
        sqlx::query(POSTGRES.slugs).execute(&mut *tx).await?;
        for text in [POSTGRES.members, POSTGRES.roles] {
            sqlx::query(text).bind(users).bind(organizations).bind(each).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        sqlx::query("ANALYZE").execute(&pool).await?;
        pool.close().await;
        return Ok(());
    }
    let pool = sqlite(config).await?;
    let mut tx = pool.begin().await?;
    sqlx::query(SQLITE.users).bind(users).execute(&mut *tx).await?;
    sqlx::query(SQLITE.organizations).bind(organizations).execute(&mut *tx).await?;
    sqlx::query(SQLITE.slugs).execute(&mut *tx).await?;
    for text in [SQLITE.members, SQLITE.roles] {
        sqlx::query(text).bind(users).bind(organizations).bind(each).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    pool.close().await;
    Ok(())
}
