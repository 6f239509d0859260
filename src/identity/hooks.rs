//! Asking those who may refuse what is about to happen to people.

use std::sync::Arc;

use belgie_api::db::{Conn, Tx};
use belgie_api::hooks::{Act, Veto, WaysIn};
use belgie_api::plugin::{Connection, Connections};
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
    /// Those who let agents act for people.
    pub connections: Vec<Arc<dyn Connections>>,
}

impl Identity {
    /// Tells who has a say. Only the first time counts. Plugins hold the host, and the host holds this: so whoever answers
    /// requests holds the plugins, and here they are only pointed at.
    pub fn set_hooks(&self, hooks: &Arc<Hooks>) {
        let _only_set_once = self.hooks.set(Arc::downgrade(hooks));
    }

    /// Who has a say; nobody before plugins have mounted.
    ///
    /// # Errors
    /// When the gateway is gone, and with it those who would have to be asked.
    fn those_with_a_say(&self) -> Result<Option<Arc<Hooks>>> {
        let Some(hooks) = self.hooks.get() else { return Ok(None) };
        hooks.upgrade().map(Some).ok_or_else(|| Failure::internal("the gateway is gone, and nobody can be asked"))
    }

    /// Asks every veto about an act, inside its transaction.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn veto(&self, tx: &mut Tx, act: Act<'_>) -> Result<()> {
        let Some(hooks) = self.those_with_a_say()? else { return Ok(()) };
        for veto in &hooks.vetoes {
            if let Err(failure) = veto.check(tx, act).await {
                tracing::info!(veto = veto.name(), error.code = failure.code(), "a veto refuses");
                return Err(failure);
            }
        }
        Ok(())
    }

    /// How many ways into an account there are just now, outside any transaction.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn ways_in_now(&self, user: UserId) -> Result<usize> {
        self.count_ways_in(&mut self.db.read().await?, user).await
    }

    /// How many ways into an account there are: its password, mail to a proven address while that is offered, and what
    /// plugins know of.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn count_ways_in(&self, conn: &mut Conn, user: UserId) -> Result<usize> {
        let row = users::find(conn, user).await?;
        let Some(row) = row else { return Ok(0) };
        let by_mail = self.rules.signs_in_by_link || self.rules.signs_in_by_code;
        let mut count = usize::from(self.rules.signs_in_by_password && row.password_hash.is_some());
        count += usize::from(by_mail && row.email_verified_at.is_some());
        Ok(count + self.list_ways_of_plugins(conn, user).await?.len())
    }

    /// As [`list_ways_of_plugins`](Self::list_ways_of_plugins), for whoever holds no connection.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_ways_of_plugins_now(&self, user: UserId) -> Result<Vec<String>> {
        self.list_ways_of_plugins(&mut self.db.read().await?, user).await
    }

    /// The ways into an account that plugins know of, by the ids of their buttons.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_ways_of_plugins(&self, conn: &mut Conn, user: UserId) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if let Some(hooks) = self.those_with_a_say()? {
            for ways in &hooks.ways_in {
                found.extend(ways.list(conn, user).await?);
            }
        }
        Ok(found)
    }

    /// The agents and tokens that act for a person.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub(super) async fn connections_of(&self, user: UserId) -> Result<Vec<Connection>> {
        let mut found = Vec::new();
        if let Some(hooks) = self.those_with_a_say()? {
            for connections in &hooks.connections {
                found.extend(connections.list(&mut self.db.read().await?, user).await?);
            }
        }
        Ok(found)
    }

    /// Ends one of them in this transaction; `false` when none of the plugins knows it as this person's.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn end_connection(&self, tx: &mut Tx, user: UserId, id: &str) -> Result<bool> {
        if let Some(hooks) = self.those_with_a_say()? {
            for connections in &hooks.connections {
                if connections.end(tx, user, id).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
