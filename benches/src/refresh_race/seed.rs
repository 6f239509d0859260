//! The world of the race: a person, a client, and a grant with its first refresh token, written as a consent leaves them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use belgie::api::db::Pools;
use belgie::api::entropy::SystemEntropy;
use belgie::api::{ClientId, GrantId, ScopeSet, Timestamp, TokenHash, TokenKind};
use belgie::config::RawConfig;
use belgie::identity::NewAccount;
use belgie::{Belgie, Gateway};
use sqlx::types::{Json, Uuid};
use tokio::runtime::Runtime;

use crate::folder::Folder;

const CLIENT: &str = "INSERT INTO oauth_server_clients (id, name, origin, auth_method, application_type, redirect_uris, \
    grant_types, scopes, created_at) VALUES ($1, 'bench', 'operator', 'none', 'native', $2, $3, $4, $5)";
const GRANT: &str = "INSERT INTO oauth_server_grants (id, user_id, kind, client_id, client_name, scopes, resources, \
    created_at, expires_at, ends_at) VALUES ($1, $2, 'agent', $3, 'bench', $4, $5, $6, $7, $7)";
const REFRESH: &str = "INSERT INTO oauth_server_refresh_tokens (token_hash, grant_id, created_at, expires_at) \
    VALUES ($1, $2, $3, $4)";
const SUCCESSORS: &str = "SELECT COUNT(*) FROM oauth_server_refresh_tokens WHERE previous_hash = $1";
const ALL_SUCCESSORS: &str = "SELECT COUNT(*) FROM oauth_server_refresh_tokens WHERE previous_hash IS NOT NULL";

/// Writes the settings of the gateway.
pub fn write_config(folder: &Folder, postgres: Option<&str>) -> anyhow::Result<PathBuf> {
    let config = folder.path().join("belgie.toml");
    let data = serde_json::Value::from(folder.path().to_string_lossy());
    let database =
        postgres.map(|url| format!("[database]\nurl = {}\nmigrate_on_start = true\n", serde_json::Value::from(url)));
    let text = format!(
        "data_dir = {data}\n[server]\nlisten = \"127.0.0.1:0\"\n[limits]\ntoken_per_minute = 1000000\nclient_per_minute = 1000000\n{}",
        database.unwrap_or_default()
    );
    std::fs::write(&config, text)?;
    Ok(config)
}

/// What the race is about, and a look into its database.
pub struct World {
    /// The first refresh token.
    pub refresh: String,
    client: ClientId,
    person: Uuid,
    gateway: Gateway,
    runtime: Runtime,
}

impl World {
    /// Makes the tables and what stands in them.
    pub fn make(config: &Path) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let text = std::fs::read_to_string(config)?;
        let gateway = runtime.block_on(Belgie::builder(RawConfig::from_text(&text)).check()?.open())?;
        let host = gateway.host().clone();
        let client = ClientId::new(host.clock(), host.entropy());
        let person = runtime.block_on(async {
            let account = NewAccount {
                email: "bench@example.com".to_owned(),
                name: String::new(),
                password: "a password nobody signs in with".to_owned(),
                scopes: ScopeSet::new(),
            };
            let person = gateway.identity().create(account).await.map_err(|error| anyhow!("no account: {error:?}"))?;
            insert_client(host.db().pools(), &client, host.now()).await?;
            anyhow::Ok(person.id.uuid())
        })?;
        let mut world = Self { refresh: String::new(), client, person, gateway, runtime };
        world.refresh = world.connect(&world.client)?;
        Ok(world)
    }

    /// The refresh token of one more connection of a client.
    pub fn connect(&self, client: &ClientId) -> anyhow::Result<String> {
        let host = self.gateway.host();
        let (grant, token) = (GrantId::new(host.clock(), host.entropy()), TokenKind::Refresh.mint(&SystemEntropy));
        let inserted = insert_grant(host.db().pools(), client, self.person, grant.uuid(), token.hash(), host.now());
        self.runtime.block_on(inserted)?;
        Ok(token.expose().to_owned())
    }

    /// The form that refreshes with a token.
    pub fn form(&self, token: &str) -> String {
        format!("grant_type=refresh_token&client_id={}&refresh_token={token}", self.client)
    }

    /// How many tokens came of this one.
    pub fn count_successors(&self, token: TokenHash) -> anyhow::Result<i64> {
        let hash = token.as_bytes().to_vec();
        Ok(self.runtime.block_on(async {
            match self.gateway.host().db().pools() {
                Pools::Sqlite { readers, .. } => sqlx::query_scalar(SUCCESSORS).bind(hash).fetch_one(readers).await,
                Pools::Postgres(pool) => sqlx::query_scalar(SUCCESSORS).bind(hash).fetch_one(pool).await,
            }
        })?)
    }

    /// How many tokens came of others.
    pub fn count_all_successors(&self) -> anyhow::Result<i64> {
        Ok(self.runtime.block_on(async {
            match self.gateway.host().db().pools() {
                Pools::Sqlite { readers, .. } => sqlx::query_scalar(ALL_SUCCESSORS).fetch_one(readers).await,
                Pools::Postgres(pool) => sqlx::query_scalar(ALL_SUCCESSORS).fetch_one(pool).await,
            }
        })?)
    }
}

async fn insert_client(pools: &Pools, client: &ClientId, now: Timestamp) -> anyhow::Result<()> {
    let (empty, grant_types) = (Json(Vec::<String>::new()), Json(vec!["authorization_code", "refresh_token"]));
    macro_rules! on_pool {
        ($pool:expr) => {
            sqlx::query(CLIENT)
                .bind(client)
                .bind(&empty)
                .bind(&grant_types)
                .bind(&empty)
                .bind(now)
                .execute($pool)
                .await
                .map(drop)
        };
    }
    match pools {
        Pools::Sqlite { writer, .. } => on_pool!(writer),
        Pools::Postgres(pool) => on_pool!(pool),
    }?;
    Ok(())
}

async fn insert_grant(
    pools: &Pools,
    client: &ClientId,
    person: Uuid,
    grant: Uuid,
    refresh: TokenHash,
    now: Timestamp,
) -> anyhow::Result<()> {
    let end = now.plus(Duration::from_secs(86_400));
    let (scopes, resources) = (Json(vec!["connections:read"]), Json(vec!["http://127.0.0.1/mcp"]));
    macro_rules! on_pool {
        ($pool:expr) => {{
            sqlx::query(GRANT)
                .bind(grant)
                .bind(person)
                .bind(client)
                .bind(&scopes)
                .bind(&resources)
                .bind(now)
                .bind(end)
                .execute($pool)
                .await?;
            sqlx::query(REFRESH).bind(refresh.as_bytes()).bind(grant).bind(now).bind(end).execute($pool).await?;
        }};
    }
    match pools {
        Pools::Sqlite { writer, .. } => on_pool!(writer),
        Pools::Postgres(pool) => on_pool!(pool),
    }
    Ok(())
}
