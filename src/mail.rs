//! Mail: written down sealed in the transaction that causes it, handed on afterwards.

mod delivery;
mod message;
mod post;
mod transport;

use std::sync::Arc;

use async_trait::async_trait;
use belgie_api::db::{Db, Tx};
use belgie_api::ports::{Keys, Mail, Mailer};
use belgie_api::{Clock, Entropy, Failure, MailId, Result, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use self::delivery::Delivery;
pub use self::post::{Letter, Post};
pub use self::transport::{Sender, SmtpSettings, Tls};
use crate::store::mails::{self, MailRow};

/// What sealed mails are sealed for.
const PURPOSE: &str = "mail";
/// How many mails the outbox shows.
const SHOWN: i64 = 100;

/// Where mail waits.
pub struct MailQueue {
    is_available: bool,
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    bell: Arc<Notify>,
}

/// A mail as it lies in the queue.
#[derive(Serialize, Deserialize)]
struct Content {
    to: String,
    subject: String,
    text: String,
    html: String,
}

/// A mail that waits, opened.
pub struct Waiting {
    /// The mail's row.
    pub id: MailId,
    /// When it was written.
    pub created_at: Timestamp,
    /// How long ago that is, in words.
    pub ago: String,
    /// What is in it.
    pub mail: Mail,
}

impl MailQueue {
    /// `is_available`: whether anything takes the mails out again.
    #[must_use]
    pub fn new(is_available: bool, keys: Arc<dyn Keys>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { is_available, keys, clock, entropy, bell: Arc::default() }
    }

    /// Rings when a mail was written down here.
    #[must_use]
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Does the work of [`enqueue`](Mailer::enqueue), and nothing comes of it: for whoever must not learn from the time
    /// an answer takes that there is nobody to write to.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pretend(&self, tx: &mut Tx, mail: &Mail) -> Result<()> {
        let now = self.clock.now();
        let (id, sealed) = self.seal(mail)?;
        let nothing = sealed.get(..0).unwrap_or_default();
        mails::insert(tx, id, nothing, now, Some(now)).await
    }

    /// The mails that wait, opened, the newest first.
    ///
    /// # Errors
    /// When the database does not answer, or a mail does not open.
    pub async fn list_waiting(&self, db: &Db) -> Result<Vec<Waiting>> {
        let rows = mails::list_waiting(&mut db.read().await?, SHOWN).await?;
        rows.iter().map(|row| self.open(row)).collect()
    }

    fn seal(&self, mail: &Mail) -> Result<(MailId, String)> {
        let id = MailId::new(self.clock.as_ref(), self.entropy.as_ref());
        let Mail { to, subject, text, html } = mail.clone();
        let content = serde_json::to_vec(&Content { to, subject, text, html }).map_err(Failure::internal)?;
        Ok((id, self.keys.seal(PURPOSE, id.uuid().as_bytes(), &content)?))
    }

    fn open(&self, row: &MailRow) -> Result<Waiting> {
        let content = self.keys.unseal(PURPOSE, row.id.uuid().as_bytes(), &row.sealed)?;
        let Content { to, subject, text, html } = serde_json::from_slice(&content).map_err(Failure::internal)?;
        Ok(Waiting {
            id: row.id,
            created_at: row.created_at,
            ago: row.created_at.ago(self.clock.now()),
            mail: Mail { to, subject, text, html },
        })
    }
}

#[async_trait]
impl Mailer for MailQueue {
    fn is_available(&self) -> bool {
        self.is_available
    }

    async fn enqueue(&self, tx: &mut Tx, mail: &Mail) -> Result<()> {
        if !self.is_available {
            return Err(Failure::internal("a mail was written, and nothing here sends mail"));
        }
        let (id, sealed) = self.seal(mail)?;
        mails::insert(tx, id, &sealed, self.clock.now(), None).await?;
        let bell = self.bell();
        tx.afterwards(move || bell.notify_one());
        Ok(())
    }
}
