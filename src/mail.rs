//! Mail: written down sealed in the transaction that causes it, handed on afterwards.

use std::sync::Arc;

use async_trait::async_trait;
use belgie_api::db::Tx;
use belgie_api::ports::{Keys, Mail, Mailer};
use belgie_api::{Clock, Entropy, Failure, MailId, Result};
use serde_json::json;

use crate::store::mails;

/// What sealed mails are sealed for.
const PURPOSE: &str = "mail";

/// Where mail waits.
pub struct MailQueue {
    is_available: bool,
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl MailQueue {
    /// `is_available`: whether anything takes the mails out again.
    #[must_use]
    pub fn new(is_available: bool, keys: Arc<dyn Keys>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { is_available, keys, clock, entropy }
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
        let id = MailId::new(self.clock.as_ref(), self.entropy.as_ref());
        let content = json!({ "to": mail.to, "subject": mail.subject, "text": mail.text, "html": mail.html });
        let sealed = self.keys.seal(PURPOSE, id.uuid().as_bytes(), content.to_string().as_bytes())?;
        mails::insert(tx, id, &sealed, self.clock.now()).await
    }
}
