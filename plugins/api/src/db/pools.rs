//! The open pools of either engine.

use sqlx::{PgPool, SqlitePool};

/// Open pools. SQLite has one writer, because it allows one, and several readers beside it.
#[derive(Clone)]
pub enum Pools {
    /// The embedded engine.
    Sqlite {
        /// For reading; any number of connections.
        readers: SqlitePool,
        /// For writing; one connection.
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
