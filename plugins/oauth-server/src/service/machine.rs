//! Clients that act with no person behind them (RFC 6749 section 4.4, `client_credentials`).

use belgie_api::axum::http::StatusCode;
use belgie_api::context::{ClientContext, ServiceContext};
use belgie_api::ports::{Organizations, Services};
use belgie_api::{
    GrantBinding, Holder, OrgId, Result, ScopeSet, ServiceId, Timestamp, TokenHash, TokenId, VerifiedToken,
};

use super::OAuth;
use super::binding::is_reached;
use super::client_auth::ClientProof;
use super::issue::NewAccess;
use super::redeem::IssuedTokens;
use crate::claims::About;
use crate::model::client::{CLIENT_CREDENTIALS, RegisteredClient};
use crate::model::refusal;
use crate::model::scopes::narrow_scopes;
use crate::store;
use crate::store::client_tokens::ClientToken;

/// How exactly the last use of a client is known.
const USE_IS_KNOWN_TO: std::time::Duration = std::time::Duration::from_secs(60);

impl OAuth {
    /// A token for the client itself, or for the organization whose service it acts as. There is no refresh token: the
    /// client can ask again (RFC 6749 section 4.4.3).
    ///
    /// # Errors
    /// `unauthorized_client` when the client did not prove who it is, or the operator made it for something else, or the service it
    /// acts as has ended; `invalid_scope` and `invalid_target` when it asks for more than it may.
    pub(super) async fn issue_to_client(
        &self,
        client: &ClientProof,
        asked: Option<&ScopeSet>,
        resources: Vec<String>,
    ) -> Result<IssuedTokens> {
        let now = self.host.now();
        let registered = client.confidential().ok_or_else(refusal::unauthorized_client)?;
        let service = registered.service_id.ok_or_else(refusal::unauthorized_client)?;
        if !registered.may_use(CLIENT_CREDENTIALS) {
            return Err(refusal::unauthorized_client());
        }
        let ends_at = self.end_of_service(service, registered.organization_id).await?;
        let held = self.scopes_of(registered)?;
        let scopes = narrow_scopes(&held, &self.closed(&held)?, asked)?;
        let resources = self.audience_for(registered, resources).await?;
        let scopes = self.scopes_at(&scopes, &resources)?;
        let usual_end = now.plus(self.settings.ttl_of(&scopes, self.settings.client_credentials_ttl));
        let binding = binding_of(registered.organization_id);
        let about = About { user: None, client: &registered.id, scopes: &scopes, binding: &binding };
        let custom = self.custom(about, false).await?;
        let keys = self.keys_for(&self.settings.algorithms()).await?;
        let token = ClientToken {
            id: TokenId::new(self.host.clock(), self.host.entropy()),
            client_id: registered.id.clone(),
            client_name: registered.name.clone(),
            service_id: service,
            organization_id: registered.organization_id,
            scopes,
            resources,
            expires_at: ends_at.map_or(usual_end, |end| end.min(usual_end)),
            key_thumbprint: client.key.clone(),
        };
        let wanted = NewAccess {
            id: token.id,
            subject: service.to_string(),
            client: &token.client_id,
            scopes: &token.scopes,
            binding: &binding,
            custom: custom.access,
            audience: &token.resources,
            signed_in_at: None,
            act: None,
            bound_to: client.key.as_deref(),
            now,
            expires_at: token.expires_at,
        };
        let unless_after = now.minus(USE_IS_KNOWN_TO);
        let use_is_known = registered.last_used_at.is_some_and(|last| last >= unless_after);
        let text = if use_is_known && !self.settings.signs_for(wanted.audience, self.host.urls().issuer()) {
            // One row is all there is to write: a statement that is a transaction by itself.
            let access = self.make_opaque();
            let hash = (access.text.hash(), None);
            store::client_tokens::insert(&mut self.host.db().single().await?, &token, hash, now).await?;
            access.text
        } else {
            let mut tx = self.host.db().begin().await?;
            let access = self.make_access(&mut tx, &keys, wanted).await?;
            let hash = (access.text.hash(), access.key.as_deref());
            store::client_tokens::insert(&mut tx, &token, hash, now).await?;
            store::clients::note_use(&mut tx, &token.client_id, now, unless_after).await?;
            tx.commit(now).await?;
            access.text
        };
        Ok(IssuedTokens {
            id_token: None,
            is_exchanged: false,
            is_bound: client.key.is_some(),
            access: text,
            expires_in: token.expires_at.since(now),
            refresh: None,
            scopes: token.scopes,
            binding,
            more: custom.answer,
        })
    }

    /// What the client may have: what the operator gave it and still exists. What hangs on an account is nobody's who has none.
    fn scopes_of(&self, client: &RegisteredClient) -> Result<ScopeSet> {
        let offered = &self.host.catalog()?.scopes;
        let is_offered = |name: &str| offered.iter().any(|info| info.name == name);
        let held = client.scopes.within_account(&ScopeSet::new());
        Ok(held.iter().filter(|scope| is_offered(scope.as_str())).cloned().collect())
    }

    /// Where the token may be used: where it is asked for, or at the first resource of this host. The endpoint of an
    /// organization is for those who act for it.
    async fn audience_for(&self, client: &RegisteredClient, mut asked: Vec<String>) -> Result<Vec<String>> {
        if asked.is_empty() {
            asked.extend(self.host.catalog()?.resources.first().cloned());
        }
        let Some(service) = client.service_id else { return Err(refusal::invalid_target()) };
        let is_reached = self.service_reaches(service, client.organization_id, &asked).await?;
        if is_reached { Ok(asked) } else { Err(refusal::invalid_target()) }
    }

    /// Whether the service that a client acts as is still there, and none of the endpoints is of another organization than
    /// its own: a new name is a new address. A service that is the client's own is always there.
    pub(super) async fn service_reaches(
        &self,
        service: ServiceId,
        organization: Option<OrgId>,
        resources: &[String],
    ) -> Result<bool> {
        let slug = match (organization, self.host.provided::<Organizations>()) {
            (None, _) => None,
            (Some(_), None) => return Ok(false),
            (Some(organization), Some(port)) => match port.0.find_service(service, organization).await? {
                Some(context) => Some(context.slug),
                None => return Ok(false),
            },
        };
        Ok(is_reached(resources, slug.as_deref()))
    }

    /// When a service ends; `None` for one that is the client's own.
    ///
    /// # Errors
    /// `unauthorized_client` when it has ended.
    async fn end_of_service(&self, service: ServiceId, organization: Option<OrgId>) -> Result<Option<Timestamp>> {
        let Some(organization) = organization else { return Ok(None) };
        let port = self.host.provided::<Services>().ok_or_else(refusal::unauthorized_client)?;
        let known = match port.0.list(&organization.to_string()).await {
            Ok(known) => known,
            // An organization that is gone has no services either.
            Err(failure) if failure.status() == StatusCode::NOT_FOUND => Vec::new(),
            Err(failure) => return Err(failure),
        };
        let found = known.into_iter().find(|known| known.id == service);
        found.map(|service| Some(service.expires_at)).ok_or_else(refusal::unauthorized_client)
    }

    /// A token of a client without a person, if it is in force.
    pub(super) async fn find_client_token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<VerifiedToken>> {
        let found = store::client_tokens::find_live(&mut self.host.db().read().await?, hash, now).await?;
        Ok(found.map(|token| VerifiedToken {
            holder: Holder::Service(ServiceContext { id: token.service_id, name: token.client_name.clone() }),
            client: ClientContext { id: token.client_id, name: token.client_name },
            actors: Vec::new(),
            grant: None,
            token: token.id,
            scopes: token.scopes,
            audience: token.resources,
            binding: binding_of(token.organization_id),
            expires_at: token.expires_at,
            key: token.key_thumbprint,
        }))
    }

    /// The service an operator means: one of an organization, by its id.
    ///
    /// # Errors
    /// 404 when there is none of this id in the organization, 400 when there are no organizations here.
    pub async fn find_service(&self, organization: &str, service: ServiceId) -> Result<(ServiceId, OrgId)> {
        let port = self.host.provided::<Services>().ok_or_else(refusal::no_services)?;
        let known = port.0.list(organization).await?.into_iter().find(|known| known.id == service);
        known.map(|known| (known.id, known.organization_id)).ok_or_else(refusal::unknown_service)
    }
}

fn binding_of(organization: Option<OrgId>) -> GrantBinding {
    GrantBinding { organization, ..GrantBinding::default() }
}
