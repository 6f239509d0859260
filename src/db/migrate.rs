//! Brings the tables up to date: the core's and each plugin's, every owner with a ledger of its own.

use std::collections::HashSet;

use belgie_api::db::Pools;
use belgie_api::plugin::{Migrations, Plugin};
use sqlx::migrate::{Migrate, MigrateError, Migrator};

/// The migrations of one owner and the name of the table that remembers which of them ran.
pub struct Ledger {
    /// `core` or the id of a plugin.
    pub owner: &'static str,
    migrations: Migrations,
}

/// The ledgers of the core and of all plugins, in the order they must run.
#[must_use]
pub fn ledgers<'a>(plugins: impl IntoIterator<Item = &'a dyn Plugin>) -> Vec<Ledger> {
    let core =
        Migrations { sqlite: sqlx::migrate!("migrations/sqlite"), postgres: sqlx::migrate!("migrations/postgres") };
    let mut ledgers = vec![Ledger { owner: "core", migrations: core }];
    for plugin in plugins {
        if let Some(migrations) = plugin.migrations() {
            ledgers.push(Ledger { owner: plugin.manifest().id, migrations });
        }
    }
    for ledger in &mut ledgers {
        let table = format!("{}_migrations", ledger.owner.replace('-', "_"));
        ledger.migrations.sqlite.dangerous_set_table_name(table.clone());
        ledger.migrations.postgres.dangerous_set_table_name(table);
    }
    ledgers
}

impl Ledger {
    fn migrator(&self, pools: &Pools) -> &Migrator {
        match pools {
            Pools::Sqlite { .. } => &self.migrations.sqlite,
            Pools::Postgres(_) => &self.migrations.postgres,
        }
    }

    /// The SQL of all migrations of one engine (`sqlite` or `postgres`), for checks of names and shapes.
    #[must_use]
    pub fn texts(&self, engine: &str) -> Vec<String> {
        let migrator = if engine == "sqlite" { &self.migrations.sqlite } else { &self.migrations.postgres };
        migrator.iter().map(|migration| migration.sql.as_str().to_owned()).collect()
    }
}

/// Runs what has not run yet. Several processes may try at once: one does it, the others wait.
///
/// # Errors
/// When a migration fails, or one that ran before was changed afterwards.
pub async fn migrate(pools: &Pools, ledgers: &[Ledger]) -> Result<(), MigrateError> {
    for ledger in ledgers {
        match pools {
            Pools::Sqlite { writer, .. } => ledger.migrator(pools).run(writer).await?,
            Pools::Postgres(pool) => ledger.migrator(pools).run(pool).await?,
        }
    }
    Ok(())
}

/// What has not run yet, as `owner/number description`.
///
/// # Errors
/// When the ledgers cannot be read.
pub async fn pending(pools: &Pools, ledgers: &[Ledger]) -> Result<Vec<String>, MigrateError> {
    let mut waiting = Vec::new();
    for ledger in ledgers {
        let migrator = ledger.migrator(pools);
        let table = format!("{}_migrations", ledger.owner.replace('-', "_"));
        let applied = match pools {
            Pools::Sqlite { writer, .. } => applied(&mut *writer.acquire().await?, &table).await?,
            Pools::Postgres(pool) => applied(&mut *pool.acquire().await?, &table).await?,
        };
        let missing = migrator.iter().filter(|migration| !applied.contains(&migration.version));
        waiting.extend(missing.map(|m| format!("{}/{:04} {}", ledger.owner, m.version, m.description)));
    }
    Ok(waiting)
}

async fn applied(conn: &mut impl Migrate, table: &str) -> Result<HashSet<i64>, MigrateError> {
    conn.ensure_migrations_table(table).await?;
    Ok(conn.list_applied_migrations(table).await?.into_iter().map(|applied| applied.version).collect())
}
