//! Asking those who may refuse what is about to happen to people.

use std::sync::Arc;

use belgie_api::db::Tx;
use belgie_api::hooks::{Act, Veto, WaysIn};
use belgie_api::{Failure, Result, UserId};

use super::accounts::Identity;
use crate::store::users;

/// Who has a say, known once every plugin has mounted.
#[derive(Default)]
pub struct Hooks {
    /// Those who may refuse, in the order of the plugins.
    pub vetoes: Vec<Arc<dyn Veto>>,
    /// Those who know of ways into accounts.
    pub ways_in: Vec<Arc<dyn WaysIn>>,
}

impl Identity {
    /// Tells who has a say. Only the first time counts. The gateway keeps them: a plugin's hook holds the host, which holds
    /// this service, and a service that held the hook would hold itself for ever.
    pub fn set_hooks(&self, hooks: &Arc<Hooks>) {
        let _only_set_once = self.hooks.set(Arc::downgrade(hooks));
    }

    /// Those who have a say; nobody before they are told.
    fn hooks(&self) -> Result<Arc<Hooks>> {
        match self.hooks.get() {
            Some(hooks) => hooks.upgrade().ok_or_else(|| Failure::unavailable("the gateway is no more")),
            None => Ok(Arc::default()),
        }
    }

    /// Asks every veto about an act, inside its transaction.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn veto(&self, tx: &mut Tx, act: Act<'_>) -> Result<()> {
        let hooks = self.hooks()?;
        for veto in &hooks.vetoes {
            if let Err(failure) = veto.check(tx, act).await {
                tracing::info!(veto = veto.name(), error.code = failure.code(), "a veto refuses");
                return Err(failure);
            }
        }
        Ok(())
    }

    /// How many ways into an account there are: its password, mail to a proven address while that is offered, and what
    /// plugins know of.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn count_ways_in(&self, user: UserId) -> Result<usize> {
        let row = users::find(&mut self.db.read().await?, user).await?;
        let Some(row) = row else { return Ok(0) };
        let by_mail = self.rules.signs_in_by_link || self.rules.signs_in_by_code;
        let mut count = usize::from(self.rules.signs_in_by_password && row.password_hash.is_some());
        count += usize::from(by_mail && row.email_verified_at.is_some());
        for ways in &self.hooks()?.ways_in {
            count += ways.count(user).await?;
        }
        Ok(count)
    }
}
