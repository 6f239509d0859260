//! Opens the pools of either engine with the settings they need to be safe.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use belgie_api::db::Pools;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

/// How long a request waits for a connection before it is told that the service is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after it was used a connection to a server is believed to be there without asking: each is asked when it is given back, too.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// One connection more than requests may use: the news of other processes are heard on it.
const FOR_NEWS: u32 = 1;
/// One connection writes; the other is for whoever comes to the pool itself.
const ONE_AND_A_SECOND: u32 = 2;
/// How long one process waits for the write lock another one holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of the file a connection keeps in memory, as SQLite writes it: minus so many KiB. The system keeps the rest near.
const CACHE: &str = "-512";

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address names neither engine.
    #[error("the database address must begin with `sqlite:` or `postgres://`")]
    UnknownEngine,
    /// The engine said no.
    #[error("the database could not be opened: {0}")]
    Engine(#[from] sqlx::Error),
}

/// Opens `sqlite:<path>` (made when missing) or `postgres://...`, with at most `max_connections` connections.
///
/// # Errors
/// When the address is not understood or the engine cannot be reached.
pub async fn open(url: &SecretString, max_connections: u32) -> Result<Pools, OpenError> {
    let url = url.expose_secret();
    if url.starts_with("sqlite:") {
        open_sqlite(url, max_connections).await
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let options = PgConnectOptions::from_str(url)?.application_name("belgie");
        let pool = PgPoolOptions::new()
            .max_connections(max_connections.saturating_add(FOR_NEWS))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|conn, known| {
                Box::pin(async move {
                    if known.idle_for >= TRUSTED_FOR {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Pools::Postgres(pool))
    } else {
        Err(OpenError::UnknownEngine)
    }
}

async fn open_sqlite(url: &str, max_connections: u32) -> Result<Pools, OpenError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", CACHE);
    keep_private(options.get_filename())?;
    // The writer goes first: it makes the file and turns the write-ahead log on.
    let writer = SqlitePoolOptions::new()
        .max_connections(ONE_AND_A_SECOND)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A file does not go away as a server does.
        .test_before_acquire(false)
        .connect_with(options.clone())
        .await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(max_connections.saturating_add(FOR_NEWS))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "on"))
        .await?;
    Ok(Pools::Sqlite { readers, writer })
}

/// Pools on a database in memory without tables, which is made when somebody asks and goes with whoever did.
///
/// # Errors
/// When the engine does not know its own name for it.
pub fn empty() -> Result<Pools, OpenError> {
    let pool = || SqlitePoolOptions::new().max_connections(1).connect_lazy("sqlite::memory:");
    Ok(Pools::Sqlite { readers: pool()?, writer: pool()? })
}

/// Makes the file before the engine does, so that only its owner can read addresses and hashes. The engine gives its
/// side files the same mode.
fn keep_private(path: &Path) -> Result<(), sqlx::Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(sqlx::Error::Io(error)),
    }
}
