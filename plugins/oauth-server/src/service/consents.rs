//! Remembered consents: when a person need not be asked, and how what is remembered is seen and withdrawn.

use std::collections::BTreeSet;

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, ConsentId, GrantBinding, Result, Timestamp, UserId};

use super::OAuth;
use super::authorize::answerer;
use crate::model::address::slugs_in;
use crate::model::consent::{Consent, remembered_host};
use crate::model::refusal::unknown_consent;
use crate::model::request::AuthorizationRequest;
use crate::store;

impl OAuth {
    /// Remembers what a person has just allowed, unless it is sent to a program on their machine.
    pub(super) async fn remember(
        &self,
        tx: &mut Tx,
        user: UserId,
        request: &AuthorizationRequest,
        now: Timestamp,
    ) -> Result<()> {
        let Some(redirect_host) = remembered_host(request).filter(|_| self.settings.remember_consent) else {
            return Ok(());
        };
        let consent = Consent {
            id: ConsentId::new(self.host.clock(), self.host.entropy()),
            user_id: user,
            client_id: request.client.id.clone(),
            client_name: request.client.name.clone(),
            client_host: request.client.host.clone(),
            redirect_host,
            scopes: Consent::scopes_of(request),
            resources: request.resources.clone(),
            binding: request.binding.clone().into(),
            sector: request.sector.clone(),
            created_at: now,
        };
        store::consents::remember(tx, &consent).await
    }

    /// Where the browser goes next when the person has allowed all of this before: the same client, to the same host and told the same
    /// names of people, no scope and no resource more, for the one organization it was allowed for, on the same stay there. `None` when they
    /// must be asked: also when there are several places they could choose from, since the request does not say which.
    ///
    /// # Errors
    /// When the database does not answer, or it cannot be found out what the person is in the organization.
    pub async fn answer_remembered(&self, caller: &Caller, request: &AuthorizationRequest) -> Result<Option<String>> {
        let Some(host) = remembered_host(request).filter(|_| self.settings.remember_consent) else { return Ok(None) };
        let (Ok(answerer), now) = (answerer(caller), self.host.now()) else { return Ok(None) };
        let since = now.minus(self.settings.grant_max_age);
        let mut conn = self.host.db().read().await?;
        let known = store::consents::list_for(&mut conn, answerer.user, &request.client.id, &host).await?;
        drop(conn);
        let known: Vec<Consent> = known.into_iter().filter(|consent| consent.created_at > since).collect();
        // The endpoint of an organization says itself for which one it is.
        if slugs_in(&request.resources).is_empty() && !self.leaves_no_choice(answerer.user, &known).await? {
            return Ok(None);
        }
        let hierarchy = &self.host.catalog()?.hierarchy;
        let Some(consent) = known.into_iter().find(|consent| consent.covers(request, hierarchy)) else {
            return Ok(None);
        };
        if !self.still_binds(answerer.user, &consent, request).await? {
            return Ok(None);
        }
        let mut request = request.clone();
        request.binding = consent.binding.clone().into();
        let mut tx = self.host.db().begin().await?;
        if !self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await? {
            return Ok(None);
        }
        // Whoever withdraws it, or says no, in this very moment comes before the code or finds it.
        if !store::consents::hold(&mut tx, consent.id).await? {
            return Ok(None);
        }
        self.give(tx, caller, answerer, request, "consent.remembered", now).await.map(Some)
    }

    /// Whether what is remembered is for the one place there is: the organization the person is in, or none if they are in
    /// none. Whoever could choose another one today is asked.
    async fn leaves_no_choice(&self, user: UserId, known: &[Consent]) -> Result<bool> {
        let places: BTreeSet<_> = known.iter().map(|consent| consent.binding.organization_id).collect();
        let organizations: BTreeSet<_> =
            self.list_organizations(user).await?.into_iter().map(|organization| Some(organization.id)).collect();
        Ok(if organizations.is_empty() {
            places == BTreeSet::from([None])
        } else {
            places == organizations && places.len() == 1
        })
    }

    /// Whether the person is in the organization, and in the teams, as they were when they answered.
    async fn still_binds(&self, user: UserId, consent: &Consent, request: &AuthorizationRequest) -> Result<bool> {
        let binding: GrantBinding = consent.binding.clone().into();
        if !self.stands(user, &binding, &request.resources).await? {
            return Ok(false);
        }
        match binding.organization {
            None => Ok(true),
            Some(organization) => {
                let today = self.bind_to(user, organization, binding.teams.clone()).await?;
                Ok(today.is_some_and(|today| today == binding))
            }
        }
    }

    /// What is remembered of a person, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_consents(&self, user: UserId) -> Result<Vec<Consent>> {
        let since = self.host.now().minus(self.settings.grant_max_age);
        let mut known = store::consents::list(&mut self.host.db().read().await?, user).await?;
        known.retain(|consent| consent.created_at > since);
        Ok(known)
    }

    /// Forgets an answer of the caller: the client asks again. What it was given before goes on.
    ///
    /// # Errors
    /// 404 when it is not the caller's.
    pub async fn withdraw_consent(&self, caller: &Caller, info: &RequestInfo, id: ConsentId) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let client = store::consents::delete(&mut tx, id, caller.user().id).await?;
        let client = client.ok_or_else(unknown_consent)?;
        let act = AuditEntry::done("consent.withdrawn").by(caller).during(info).to(&client);
        self.record(&mut tx, &act).await?;
        tx.commit(now).await
    }
}
