//! Services: made, seen, ended, and what they are.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::context::{ClientContext, OrgContext, ServiceContext};
use belgie_api::db::Conn;
use belgie_api::ports::{NewService, Service, ServiceTokens, TokenVerifier};
use belgie_api::resource::path_of;
use belgie_api::{
    ClientId, Event, GrantBinding, Holder, OrgId, PlainToken, Result, ScopeSet, ServiceId, Timestamp, TokenId,
    TokenKind, VerifiedToken, async_trait,
};
use serde_json::json;

use super::Organizations;
use super::attempts::Attempt;
use super::work::Work;
use crate::actor::Actor;
use crate::model::member::{Powers, Slugs};
use crate::model::role::{OWNER, Role, Roles, read_roles};
use crate::model::service::{NewServiceToken, ServiceRow, check_lifetime, check_scopes, read_name};
use crate::model::{permission, refusal};
use crate::store;

/// How many services of one organization can be in force.
const MOST: usize = 50;
/// How exactly the last use is known.
const USE_IS_KNOWN_TO: Duration = Duration::from_secs(60);

impl Organizations {
    /// The services of an organization that are in force, newest first.
    ///
    /// # Errors
    /// 404, or 403 without `token:read`.
    pub async fn services(&self, actor: &Actor, id: OrgId) -> Result<Vec<Service>> {
        let mut conn = self.host.db().read().await?;
        self.admit(&mut conn, actor, id, Some(permission::TOKEN_READ)).await?;
        let rows = store::services::list(&mut conn, id, self.host.now()).await?;
        Ok(rows.into_iter().map(Service::from).collect())
    }

    /// Makes a service. Its token is shown now or never.
    ///
    /// # Errors
    /// 404, 403 without `token:create`, for an agent, or when its roles allow more than whoever makes it may, 409 when there
    /// are 50, 400 when a value is wrong.
    pub async fn create_service(
        &self,
        actor: &Actor,
        id: OrgId,
        new: NewServiceToken,
    ) -> Result<(PlainToken, Service)> {
        let offered = self.host.catalog()?.offered_here();
        let scopes: ScopeSet =
            new.scopes.iter().filter(|scope| offered.iter().any(|info| info.name == scope.as_str())).cloned().collect();
        let details = json!({ "name": read_name(&new.name).ok(), "scopes": scopes });
        let tried = Attempt::new("organization.service_created", id, details).with_roles(&new.roles);
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                actor.must_be_no_agent()?;
                let work = self.begin(actor, id, &[], Some(permission::TOKEN_CREATE)).await?;
                let Work { mut tx, powers, now, .. } = work;
                let name = read_name(&new.name)?;
                check_lifetime(new.lifetime)?;
                check_scopes(&new.scopes, &self.host.catalog()?.offered_here())?;
                if new.roles.contains(OWNER) {
                    return Err(refusal::owners_are_people());
                }
                actor.must_cover(&powers, &self.powers_of_roles(&mut tx, id, &new.roles).await?)?;
                if store::services::list(&mut tx, id, now).await?.len() >= MOST {
                    return Err(refusal::too_many_services(MOST));
                }
                let (clock, entropy) = (self.host.clock(), self.host.entropy());
                let secret = TokenKind::Service.mint(entropy);
                let row = ServiceRow {
                    id: ServiceId::new(clock, entropy),
                    organization_id: id,
                    name,
                    roles: new.roles,
                    scopes: new.scopes,
                    created_by: actor.user_id(),
                    created_at: now,
                    expires_at: now.plus(new.lifetime),
                    last_used_at: None,
                };
                store::services::insert(&mut tx, &row, secret.hash()).await?;
                let details = json!({ "service": row.id, "name": row.name, "roles": row.roles, "scopes": row.scopes });
                self.record(&mut tx, actor, "organization.service_created", id, details).await?;
                tx.commit(now).await?;
                Ok((secret, row.into()))
            }),
        )
        .await
    }

    /// Ends a service, with whatever runs for it.
    ///
    /// # Errors
    /// 404, or 403 without `token:revoke` or when its roles allow more than whoever ends it may.
    pub async fn revoke_service(&self, actor: &Actor, id: OrgId, service: ServiceId) -> Result<()> {
        let tried = Attempt::new("organization.service_revoked", id, json!({ "service": service }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[], Some(permission::TOKEN_REVOKE)).await?;
                let Work { mut tx, powers, now, .. } = work;
                let found = store::services::find(&mut tx, service, now).await?;
                let found = found.filter(|found| found.organization_id == id).ok_or_else(refusal::unknown_service)?;
                actor.must_cover(&powers, &self.powers_left(&mut tx, id, &found.roles).await?)?;
                if !store::services::revoke(&mut tx, service, now).await? {
                    return Err(refusal::unknown_service());
                }
                tx.emit(Event::TokenRevoked { token: token_of(service) });
                let details = json!({ "service": service, "name": found.name });
                self.record(&mut tx, actor, "organization.service_revoked", id, details).await?;
                tx.commit(now).await
            }),
        )
        .await
    }

    /// What a service is in an organization: the roles it was given that are still there. `None` when it has ended or is
    /// another's.
    pub(super) async fn powers_of_service(
        &self,
        conn: &mut Conn,
        id: OrgId,
        service: ServiceId,
    ) -> Result<Option<(Slugs, Powers)>> {
        let found = store::services::standing(conn, id, service, self.host.now()).await?;
        let Some(store::services::ServiceStanding { slug, former_slugs, mut roles }) = found else { return Ok(None) };
        if roles.iter().any(|role| !role.is_built_in()) {
            let own = store::roles::list(conn, id).await?;
            roles.retain(|role| role.is_built_in() || own.iter().any(|row| row.name == *role));
        }
        Ok(Some((Slugs::new(slug, former_slugs.as_deref()), self.powers_left(conn, id, &roles).await?)))
    }

    /// The same, as callers have it.
    pub(crate) async fn find_service(&self, service: ServiceId, id: OrgId) -> Result<Option<OrgContext>> {
        let mut conn = self.host.db().read().await?;
        let found = self.powers_of_service(&mut conn, id, service).await?;
        Ok(found.map(|(slugs, powers)| powers.into_context(id, slugs)))
    }

    /// Whether a service that is in force has a role.
    pub(super) async fn is_role_of_service(&self, conn: &mut Conn, id: OrgId, role: &Role) -> Result<bool> {
        let services = store::services::list(conn, id, self.host.now()).await?;
        Ok(services.iter().any(|service| service.roles.contains(role)))
    }

    async fn note_use(&self, service: ServiceId, now: Timestamp, unless_after: Timestamp) -> Result<()> {
        let mut tx = self.host.db().begin().await?;
        store::services::note_use(&mut tx, service, now, unless_after).await?;
        tx.commit(now).await
    }
}

/// Each service has one token, which goes by the same digits.
fn token_of(service: ServiceId) -> TokenId {
    TokenId::from_uuid(service.uuid())
}

/// Services, as the host and the operator know them.
pub struct HostedServices(pub Arc<Organizations>);

#[async_trait]
impl TokenVerifier for HostedServices {
    fn kinds(&self) -> &[TokenKind] {
        &[TokenKind::Service]
    }

    async fn verify(&self, token: &PlainToken, now: Timestamp) -> Result<Option<VerifiedToken>> {
        let host = &self.0.host;
        let found = store::services::find_by_token(&mut host.db().read().await?, token.hash(), now).await?;
        let Some(store::services::Behind { service, slug }) = found else { return Ok(None) };
        let unless_after = now.minus(USE_IS_KNOWN_TO);
        if service.last_used_at.is_none_or(|last| last < unless_after) {
            // A token is no less good because its use could not be noted.
            if let Err(failure) = self.0.note_use(service.id, now, unless_after).await {
                tracing::warn!(error = ?failure, "the use of a service's token could not be noted");
            }
        }
        let own = host.urls().absolute(&path_of(&slug));
        Ok(Some(VerifiedToken {
            client: ClientContext { id: ClientId::from_wire(service.id.to_string()), name: service.name.clone() },
            holder: Holder::Service(ServiceContext { id: service.id, name: service.name }),
            actors: Vec::new(),
            grant: None,
            token: token_of(service.id),
            scopes: service.scopes,
            audience: host.catalog()?.resources.iter().cloned().chain([own]).collect(),
            binding: GrantBinding { organization: Some(service.organization_id), ..GrantBinding::default() },
            expires_at: service.expires_at,
            key: None,
        }))
    }
}

#[async_trait]
impl ServiceTokens for HostedServices {
    async fn create(&self, organization: &str, new: NewService) -> Result<(PlainToken, Service)> {
        let id = self.0.resolve(organization).await?;
        let NewService { name, roles, scopes, lifetime } = new;
        let roles: Roles = read_roles(roles)?;
        self.0.create_service(&Actor::host(), id, NewServiceToken { name, roles, scopes, lifetime }).await
    }

    async fn list(&self, organization: &str) -> Result<Vec<Service>> {
        let id = self.0.resolve(organization).await?;
        self.0.services(&Actor::host(), id).await
    }

    async fn revoke(&self, service: ServiceId) -> Result<bool> {
        let found = store::services::find(&mut self.0.host.db().read().await?, service, self.0.host.now()).await?;
        let Some(found) = found else { return Ok(false) };
        match self.0.revoke_service(&Actor::host(), found.organization_id, service).await {
            Ok(()) => Ok(true),
            Err(failure) if failure.code() == refusal::unknown_service().code() => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}
