//! What members tried and were refused.

use std::future::Future;

use belgie_api::axum::http::StatusCode;
use belgie_api::ports::AuditEntry;
use belgie_api::{Failure, OrgId, Result};
use serde_json::{Value, json};

use super::Organizations;
use crate::actor::Actor;
use crate::model::role::Roles;
use crate::store;

/// An act in an organization before it is known what comes of it: what stands on record when it is refused.
#[derive(Clone, Debug)]
pub struct Attempt {
    action: &'static str,
    organization: OrgId,
    target: String,
    details: Value,
    roles: Roles,
}

impl Attempt {
    /// An act on an organization, under the name it has on record when it is done. `details`: a JSON object as
    /// [`record`](Organizations::record) takes it.
    #[must_use]
    pub fn new(action: &'static str, organization: OrgId, details: Value) -> Self {
        Self { action, organization, target: organization.to_string(), details, roles: Roles::new() }
    }

    /// To whom or what else in the organization: an id with its prefix.
    #[must_use]
    pub fn to(self, target: impl ToString) -> Self {
        Self { target: target.to_string(), ..self }
    }

    /// With these roles. A refused act may name any: those the organization has stand on record, the others are counted.
    #[must_use]
    pub fn with_roles(self, roles: &Roles) -> Self {
        Self { roles: roles.clone(), ..self }
    }
}

impl Organizations {
    /// Does something, and puts on record when it is refused, as [`note_refusal`](Self::note_refusal) does. The transaction
    /// of the act must be over by the end of `act`, which is boxed: acts are large.
    ///
    /// # Errors
    /// Those of the act.
    pub async fn attempt<T: Send>(
        &self,
        actor: &Actor,
        tried: Attempt,
        act: impl Future<Output = Result<T>> + Send + Unpin,
    ) -> Result<T> {
        match act.await {
            Ok(done) => Ok(done),
            Err(failure) => {
                self.note_refusal(actor, tried, &failure).await?;
                Err(failure)
            }
        }
    }

    /// Puts on record that somebody in an organization tried what was refused: what is beyond them (403), or what the state
    /// of things forbids (409), such as putting down the last owner. Mistakes and what is not there are no attempts, and
    /// whoever is outside leaves nothing on the record of an organization.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_refusal(&self, actor: &Actor, tried: Attempt, failure: &Failure) -> Result<()> {
        if !matches!(failure.status(), StatusCode::FORBIDDEN | StatusCode::CONFLICT) {
            return Ok(());
        }
        let Attempt { action, organization, target, mut details, roles } = tried;
        match self.look(actor, organization, None).await {
            Ok(_) => {}
            Err(outside) if outside.status().is_server_error() => return Err(outside),
            Err(_) => return Ok(()),
        }
        if let Some(details) = details.as_object_mut() {
            details.insert("code".to_owned(), json!(failure.code()));
            if !roles.is_empty() {
                let (there, others) = self.split_roles(organization, roles).await?;
                details.insert("roles".to_owned(), json!(there));
                if others > 0 {
                    details.insert("other_roles".to_owned(), json!(others));
                }
            }
        }
        let entry = AuditEntry::done(action).refused().to(target).within(organization).with(details);
        let mut tx = self.host.db().begin().await?;
        self.host.audit().record(&mut tx, &actor.sign(entry)).await?;
        tx.commit(self.host.now()).await
    }

    /// The roles that an organization has, and how many there were besides.
    async fn split_roles(&self, id: OrgId, mut roles: Roles) -> Result<(Roles, usize)> {
        let named = roles.len();
        let own = store::roles::list(&mut self.host.db().read().await?, id).await?;
        roles.retain(|role| role.is_built_in() || own.iter().any(|row| row.name == *role));
        let others = named - roles.len();
        Ok((roles, others))
    }
}
