//! The database as stores see it: two engines, one query text.
//!
//! A store function takes a [`Conn`] and runs its one `const` query through [`on!`](crate::on), which hands the same
//! text to whichever engine is open. Writes happen in a [`Tx`], which also carries the news of what they changed.

mod outbox;
mod pools;
mod shelf;
mod transaction;

use std::sync::Arc;

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection};

pub use self::outbox::{StoredEvent, events_after, last_event, last_event_before, purge_events};
pub use self::pools::Pools;
use self::pools::Shelves;
use self::shelf::Lent;
use self::transaction::{PostgresTx, SqliteTx};
use crate::event::{Bus, Event};
use crate::failure::Result;
use crate::time::Timestamp;

/// The open database of this process.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    shelves: Shelves,
    bus: Arc<Bus>,
}

impl Db {
    /// Puts the news of this process and the open pools of an application together.
    #[must_use]
    pub fn new(pools: Pools, bus: Arc<Bus>) -> Self {
        Self { shelves: Shelves::empty(&pools), pools, bus }
    }

    /// The same for pools that are this process's alone: connections are kept at hand, one of each pool aside. To be ended with
    /// [`close`](Self::close).
    #[must_use]
    pub fn owning(pools: Pools, bus: Arc<Bus>) -> Self {
        Self { shelves: Shelves::of(&pools), pools, bus }
    }

    /// Closes every connection, after those in use have come back.
    pub async fn close(&self) {
        self.shelves.close();
        self.pools.close().await;
    }

    /// The pools, for whoever migrates or listens.
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Where events of this process are told.
    #[must_use]
    pub fn bus(&self) -> &Arc<Bus> {
        &self.bus
    }

    /// A connection for reading, outside any transaction.
    ///
    /// # Errors
    /// When no connection can be had in time.
    pub async fn read(&self) -> Result<Conn> {
        Ok(match &self.shelves {
            Shelves::Sqlite { readers, .. } => Conn(Held::Sqlite(readers.take().await?)),
            Shelves::Postgres(shelf) => Conn(Held::Postgres(shelf.take().await?)),
        })
    }

    /// A connection for writing with single statements, each of which is a transaction by itself: what is left of a transaction when
    /// one statement says everything, without the round trips for its beginning and its end. It has no news; what makes
    /// an event true is written in a [`Tx`].
    ///
    /// A statement with `RETURNING` is read to its end (`fetch_all`): SQLite commits there, and says there that it cannot.
    ///
    /// # Errors
    /// When no connection can be had in time.
    pub async fn single(&self) -> Result<Conn> {
        Ok(match &self.shelves {
            Shelves::Sqlite { writer, .. } => Conn(Held::Sqlite(writer.take().await?)),
            Shelves::Postgres(shelf) => Conn(Held::Postgres(shelf.take().await?)),
        })
    }

    /// A transaction for writing. On SQLite it takes the write lock at once, so it cannot fail half-way for want of it.
    ///
    /// # Errors
    /// When no connection or no write lock can be had in time.
    pub async fn begin(&self) -> Result<Tx> {
        let held = match &self.shelves {
            Shelves::Sqlite { writer, .. } => Held::SqliteTx(SqliteTx::begin(writer.take().await?).await?),
            Shelves::Postgres(shelf) => Held::PostgresTx(PostgresTx::begin(shelf.take().await?).await?),
        };
        Ok(Tx { conn: Conn(held), events: Vec::new(), afterwards: Vec::new(), bus: Arc::clone(&self.bus) })
    }
}

/// One connection, whichever engine it goes to.
pub struct Conn(Held);

enum Held {
    Sqlite(Lent<Sqlite>),
    SqliteTx(SqliteTx),
    Postgres(Lent<Postgres>),
    PostgresTx(PostgresTx),
}

/// The engine behind a connection, for the [`on!`](crate::on) macro.
pub enum Engine<'a> {
    /// Embedded.
    Sqlite(&'a mut SqliteConnection),
    /// Server.
    Postgres(&'a mut PgConnection),
}

impl Conn {
    /// The engine's own connection.
    pub fn engine(&mut self) -> Engine<'_> {
        match &mut self.0 {
            Held::Sqlite(lent) => Engine::Sqlite(lent.engine()),
            Held::SqliteTx(tx) => Engine::Sqlite(tx.engine()),
            Held::Postgres(lent) => Engine::Postgres(lent.engine()),
            Held::PostgresTx(tx) => Engine::Postgres(tx.engine()),
        }
    }

    /// What became of a statement, for the [`on!`](crate::on) macro: a connection that has answered one is kept at hand.
    pub fn heard<T>(&mut self, answer: std::result::Result<T, sqlx::Error>) -> std::result::Result<T, sqlx::Error> {
        match (&mut self.0, &answer) {
            (Held::Sqlite(lent), Ok(_)) => lent.found_well(),
            (Held::Postgres(lent), Ok(_)) => lent.found_well(),
            // One that ran into its transaction's end, or failed, is looked at by its pool.
            _ => {}
        }
        answer
    }
}

/// A transaction and the events it makes true. Dropped without [`commit`](Tx::commit) it never happened.
pub struct Tx {
    conn: Conn,
    events: Vec<Event>,
    afterwards: Vec<Box<dyn FnOnce() + Send>>,
    bus: Arc<Bus>,
}

impl Tx {
    /// Tells what this transaction makes true; heard by nobody unless it commits.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Does something small, such as waking somebody, once the transaction has committed; not at all if it does not.
    pub fn afterwards(&mut self, deed: impl FnOnce() + Send + 'static) {
        self.afterwards.push(Box::new(deed));
    }

    /// Makes it so. When this returns, this process has already forgotten what the events made untrue.
    ///
    /// # Errors
    /// When the database refuses; then nothing has happened.
    pub async fn commit(mut self, now: Timestamp) -> Result<()> {
        if !self.events.is_empty() {
            outbox::line_up(&mut self.conn).await?;
        }
        let mut announcements = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let seq = outbox::insert(&mut self.conn, event, now).await?;
            announcements.push(self.bus.announce(seq));
        }
        match self.conn.0 {
            Held::SqliteTx(tx) => tx.commit().await?,
            Held::PostgresTx(tx) => tx.commit().await?,
            Held::Sqlite(_) | Held::Postgres(_) => {}
        }
        for (event, announcement) in self.events.iter().zip(announcements) {
            announcement.tell(event);
        }
        for deed in self.afterwards {
            deed();
        }
        Ok(())
    }
}

impl std::ops::Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// Runs one expression on the engine behind a [`Conn`]: `on!(conn, c => sqlx::query(SQL).bind(id).execute(c).await)`.
///
/// The expression is compiled once for each engine, so every bound and every read type must exist on both.
#[macro_export]
macro_rules! on {
    ($conn:expr, $c:ident => $body:expr) => {{
        let conn: &mut $crate::db::Conn = $conn;
        let answer = match $crate::db::Conn::engine(conn) {
            $crate::db::Engine::Sqlite($c) => $body,
            $crate::db::Engine::Postgres($c) => $body,
        };
        $crate::db::Conn::heard(conn, answer)
    }};
}
