//! A transaction on either engine.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sqlx::{Error, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::shelf::Lent;

/// The write lock at once.
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// A transaction on SQLite. It is begun and ended by prepared statements: the engine's thread takes what it is told in order, so
/// nothing of what the driver's own transaction does to know where it stands is needed.
pub(super) struct SqliteTx {
    lent: Lent<Sqlite>,
    is_open: bool,
}

impl SqliteTx {
    pub(super) async fn begin(lent: Lent<Sqlite>) -> Result<Self, Error> {
        // Open from here on: whoever does not wait for the answer leaves a transaction behind that has to be undone.
        let mut tx = Self { lent, is_open: true };
        if let Err(error) = sqlx::query(BEGIN).execute(tx.lent.engine()).await {
            tx.is_open = false;
            tx.lent.give_up();
            return Err(error);
        }
        Ok(tx)
    }

    pub(super) fn engine(&mut self) -> &mut SqliteConnection {
        self.lent.engine()
    }

    pub(super) async fn commit(mut self) -> Result<(), Error> {
        sqlx::query(COMMIT).execute(self.lent.engine()).await?;
        self.is_open = false;
        self.lent.found_well();
        Ok(())
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        // The first look at it puts the command in line, behind whatever is under way; the answer is nobody's. After a commit that
        // nobody waited for there is nothing to undo, and it says so.
        let asked =
            pin!(sqlx::query(ROLLBACK).execute(self.lent.engine())).poll(&mut Context::from_waker(Waker::noop()));
        match asked {
            Poll::Ready(Err(_)) => self.lent.give_up(),
            Poll::Ready(Ok(_)) | Poll::Pending => self.lent.found_well(),
        }
    }
}

/// A transaction on Postgres: the driver's own, which knows how to undo what nobody waits for. Its connection goes back to the
/// pool, and the place it has is free again then.
pub(super) struct PostgresTx {
    tx: Transaction<'static, Postgres>,
    _place: OwnedSemaphorePermit,
}

impl PostgresTx {
    pub(super) async fn begin(lent: Lent<Postgres>) -> Result<Self, Error> {
        let (conn, place) = lent.into_pooled();
        Ok(Self { tx: Transaction::begin(conn, None).await?, _place: place })
    }

    pub(super) fn engine(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await
    }
}
