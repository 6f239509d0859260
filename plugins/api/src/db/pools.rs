//! The open pools of either engine.

use std::sync::Arc;

use sqlx::{Database, PgPool, Pool, Postgres, Sqlite, SqlitePool};

use super::shelf::Shelf;

/// Open pools. SQLite has one writer, because it allows one, and several readers beside it.
#[derive(Clone)]
pub enum Pools {
    /// The embedded engine.
    Sqlite {
        /// For reading; any number of connections.
        readers: SqlitePool,
        /// For writing, one at a time. In a pool of our own [`Db`](super::Db) keeps one connection for itself, and there is a second
        /// for whoever comes to the pool.
        writer: SqlitePool,
    },
    /// The server.
    Postgres(PgPool),
}

impl Pools {
    /// `sqlite` or `postgres`.
    #[must_use]
    pub const fn engine_name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Closes every connection, after those in use have come back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// What is at hand of either engine's pools.
#[derive(Clone)]
pub(super) enum Shelves {
    Sqlite { readers: Arc<Shelf<Sqlite>>, writer: Arc<Shelf<Sqlite>> },
    Postgres(Arc<Shelf<Postgres>>),
}

impl Shelves {
    /// For pools of our own. One connection of each pool is left there for whoever comes to the pool itself, and one is the
    /// news': on SQLite they are read through here.
    pub(super) fn of(pools: &Pools) -> Self {
        match pools {
            Pools::Sqlite { readers, writer } => {
                let (reading, writing) = (size(readers), size(writer));
                Self::Sqlite {
                    readers: Shelf::new(readers, reading, reading.saturating_sub(2)),
                    writer: Shelf::new(writer, 1, writing.saturating_sub(1)),
                }
            }
            Pools::Postgres(pool) => {
                let size = size(pool);
                Self::Postgres(Shelf::new(pool, size.saturating_sub(1), size.saturating_sub(2)))
            }
        }
    }

    /// For pools that others use, too: everything goes back to them.
    pub(super) fn empty(pools: &Pools) -> Self {
        match pools {
            Pools::Sqlite { readers, writer } => {
                Self::Sqlite { readers: Shelf::new(readers, usize::MAX, 0), writer: Shelf::new(writer, usize::MAX, 0) }
            }
            Pools::Postgres(pool) => Self::Postgres(Shelf::new(pool, usize::MAX, 0)),
        }
    }

    /// Gives everything back to the pools, and nobody anything more.
    pub(super) fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close();
                writer.close();
            }
            Self::Postgres(shelf) => shelf.close(),
        }
    }
}

fn size<DB: Database>(pool: &Pool<DB>) -> usize {
    usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX)
}
