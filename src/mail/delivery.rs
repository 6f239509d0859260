//! Takes mails out of the queue and hands them on.
//!
//! A mail is claimed in one statement for as long as handing it on can take, so two nodes do not send the same one. A
//! node that dies in between leaves it to the others: it may then go out twice, with the same Message-ID.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::db::Db;
use belgie_api::{Clock, Result, Timestamp};

use super::{MailQueue, Sender};
use crate::store::mails::{self, MailRow};

/// How many are claimed at once. Handing them on takes less than the lease even if every step takes all its time.
const AT_ONCE: i64 = 5;
const LEASE: Duration = Duration::from_mins(10);
/// A mail is tried this often, over about five hours.
const MOST_ATTEMPTS: i64 = 10;
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Hands on what is due.
pub struct Delivery {
    /// The database.
    pub db: Db,
    /// Where mails wait.
    pub queue: Arc<MailQueue>,
    /// Who takes them.
    pub sender: Sender,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Delivery {
    /// Hands on everything that is due now.
    ///
    /// # Errors
    /// When the database does not answer. A mail server that does not is no error here: the mails wait.
    pub async fn deliver_due(&self) -> Result<()> {
        loop {
            let now = self.clock.now();
            let mut tx = self.db.begin().await?;
            let rows = mails::claim(&mut tx, now, now.plus(LEASE), AT_ONCE).await?;
            tx.commit(now).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                self.deliver(&row).await?;
            }
        }
    }

    async fn deliver(&self, row: &MailRow) -> Result<()> {
        let outcome = match self.queue.open(row) {
            Ok(waiting) => self.sender.send(&waiting).await,
            Err(_) => Err("it does not open: was the secret changed?".to_owned()),
        };
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        match outcome {
            Ok(()) => mails::note_sent(&mut tx, row.id, now).await?,
            Err(why) if row.attempts >= MOST_ATTEMPTS => {
                tracing::error!(mail.id = %row.id, mail.attempts = row.attempts, why, "a mail is given up");
                mails::give_up(&mut tx, row.id, now).await?;
            }
            Err(why) => {
                tracing::warn!(mail.id = %row.id, mail.attempts = row.attempts, why, "a mail has to wait");
                mails::put_off(&mut tx, row.id, next_try(now, row.attempts)).await?;
            }
        }
        tx.commit(now).await
    }
}

/// Twice as long after every failure.
fn next_try(now: Timestamp, attempts: i64) -> Timestamp {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    now.plus(FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use belgie_api::Timestamp;

    use super::{LONGEST_WAIT, MOST_ATTEMPTS, next_try};

    #[test]
    fn a_mail_waits_longer_every_time_and_never_longer_than_an_hour() {
        let waits: Vec<u64> =
            (1..=MOST_ATTEMPTS).map(|n| next_try(Timestamp::EPOCH, n).since(Timestamp::EPOCH).as_secs()).collect();
        assert_eq!(waits[..4], [30, 60, 120, 240]);
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT.as_secs()));
        assert_eq!(waits.last(), Some(&3_600));
    }
}
