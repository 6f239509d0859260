//! Clients: how they become known, are found and are deleted.

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{ClientId, Event, OrgId, PlainToken, Result, ServiceId, Timestamp, TokenKind};

use super::OAuth;
use super::record::ended;
use super::secrets::unknown_client;
use crate::model::access_token::TokenText;
use crate::model::client::{Client, ClientFace, OPERATOR, REGISTRATION, RegisteredClient};
use crate::model::device::DEVICE_CODE;
use crate::model::grant::RevokeReason;
use crate::model::owned::StandingColumns;
use crate::model::refusal;
use crate::model::registration::Registration;
use crate::model::secret::{SecretColumns, SecretExpiry};
use crate::store;

/// A client that was just added. Its secret is shown now or never.
#[derive(Debug)]
pub struct NewClient {
    /// The client as stored.
    pub client: RegisteredClient,
    /// Its secret, if it has one.
    pub secret: Option<TokenText>,
    /// The token with which it manages its registration, if it registered itself.
    pub registration_token: Option<PlainToken>,
}

/// What an operator lets a client be besides a program that asks people.
#[derive(Debug, Default)]
pub struct Standing {
    /// What it acts as with no person behind it.
    pub acts_as: Option<ActsAs>,
    /// The resources it answers for.
    pub resources: Vec<String>,
    /// When its secret ends; `None` for what the settings say.
    pub secret_expiry: Option<SecretExpiry>,
    /// Of which sector it is, if it knows people by names of their own.
    pub(crate) sector: Option<String>,
}

/// What a client with no person behind it acts as.
#[derive(Clone, Copy, Debug)]
pub enum ActsAs {
    /// Itself: it is in no organization.
    Itself,
    /// A service of an organization, with its roles, for as long as there is that service.
    Service(ServiceId, OrgId),
}

impl OAuth {
    /// The client of an authorization request.
    ///
    /// # Errors
    /// `invalid_client` (status 400) when there is none.
    pub(super) async fn find_client(&self, id: &str) -> Result<Client> {
        let id = ClientId::from_wire(id);
        if id.is_metadata_url() {
            return self.fetch_client(id.as_str()).await;
        }
        match self.find_registered(&id).await? {
            Some(client) => Ok(client.into_client()),
            None => Err(refusal::unusable_client("This agent is not registered here.")),
        }
    }

    /// What anybody may know of a client: one with a row, or one whose metadata document is known already.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn find_face(&self, id: &str) -> Result<ClientFace> {
        let id = ClientId::from_wire(id);
        let face = if id.is_metadata_url() {
            self.known_document(id.as_str()).map(|client| client.face)
        } else {
            self.find_registered(&id).await?.map(|client| client.into_client().face)
        };
        face.ok_or_else(unknown_client)
    }

    /// The client with a row.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn find_registered(&self, id: &ClientId) -> Result<Option<RegisteredClient>> {
        store::clients::find(&mut self.host.db().read().await?, id).await
    }

    /// Adds a client that registers itself (RFC 7591 section 3). `invitation`: the initial access token it shows, if it does.
    ///
    /// # Errors
    /// `invalid_client_metadata` when it is not in the sector it names;
    /// `invalid_token` (status 401) when it needs an invitation and shows none, or one that is not good.
    pub async fn register(&self, registration: Registration, invitation: Option<&str>) -> Result<NewClient> {
        self.check_invitation(invitation).await?;
        let sector = self.find_sector(&registration.subjects, &registration.redirect_uris).await?;
        let standing = Standing { sector, ..Standing::default() };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let invitation = self.admit(&mut tx, invitation, now).await?;
        let token = TokenKind::Registration.mint(self.host.entropy());
        let mut new = self.add_client(&mut tx, registration, REGISTRATION, standing, now).await?;
        store::clients::set_registration_token(&mut tx, &new.client.id, token.hash()).await?;
        // Those that register themselves are strangers, who would fill the record; whoever is invited is none.
        if let Some(invitation) = invitation {
            let act = AuditEntry::done("client.registered").to(&new.client.id);
            self.record(&mut tx, &act.with(json!({ "invitation": invitation.id }))).await?;
        }
        tx.commit(now).await?;
        new.registration_token = Some(token);
        Ok(new)
    }

    /// Adds a client for the operator.
    ///
    /// # Errors
    /// `invalid_client_metadata` when it is not in the sector it names, or is for devices and would have names of its own for people; or when
    /// the database does not answer.
    pub async fn create_client(&self, registration: Registration, standing: Standing) -> Result<NewClient> {
        let sector = self.find_sector(&registration.subjects, &registration.redirect_uris).await?;
        let standing = Standing { sector, ..standing };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let new = self.add_client(&mut tx, registration, OPERATOR, standing, now).await?;
        self.record(&mut tx, &AuditEntry::done("client.created").to(&new.client.id)).await?;
        tx.commit(now).await?;
        Ok(new)
    }

    pub(super) async fn add_client(
        &self,
        tx: &mut Tx,
        registration: Registration,
        origin: &str,
        standing: Standing,
        now: Timestamp,
    ) -> Result<NewClient> {
        // Whichever way it comes: at the command line nobody has read this as a registration.
        if standing.sector.is_some() && registration.grant_types.iter().any(|name| name == DEVICE_CODE) {
            return Err(refusal::no_names_on_devices());
        }
        let (clock, entropy) = (self.host.clock(), self.host.entropy());
        let secret =
            registration.auth_method.has_secret().then(|| self.spelling.mint(TokenKind::ClientSecret, entropy));
        let (service_id, organization_id) = match standing.acts_as {
            None => (None, None),
            Some(ActsAs::Itself) => (Some(ServiceId::new(clock, entropy)), None),
            Some(ActsAs::Service(service, organization)) => (Some(service), Some(organization)),
        };
        let expires_at = self.secret_end(standing.secret_expiry, now)?.filter(|_| secret.is_some());
        let client = RegisteredClient {
            id: self.spelling.client_id(clock, entropy)?,
            name: registration.name,
            uri: registration.uri,
            origin: origin.to_owned(),
            auth_method: registration.auth_method.as_str().to_owned(),
            secret_hash: secret.as_ref().map(|secret| secret.hash().as_bytes().to_vec()),
            secrets: SecretColumns { secret_expires_at: expires_at, ..SecretColumns::default() },
            registration_token_hash: None,
            application_type: registration.application_type.as_str().to_owned(),
            redirect_uris: registration.redirect_uris,
            grant_types: registration.grant_types,
            scopes: registration.scopes,
            service_id,
            organization_id,
            resources: standing.resources,
            id_token_algorithm: registration.id_token_algorithm,
            sector: standing.sector,
            post_logout_redirect_uris: registration.logout.redirect_uris,
            backchannel_logout_uri: registration.logout.backchannel_uri,
            standing: StandingColumns::default(),
            keys: registration.keys,
            rules: registration.rules,
            created_at: now,
            last_used_at: None,
        };
        store::clients::insert(tx, &client).await?;
        if let Some(keys) = &client.keys {
            store::client_keys::set(tx, &client.id, keys).await?;
        }
        if let Some(end) = expires_at {
            store::secrets::set_end(tx, &client.id, end).await?;
        }
        let secret = secret.map(|secret| self.spelling.write(&secret)).transpose()?;
        Ok(NewClient { client, secret, registration_token: None })
    }

    /// The newest 1,000 registered clients.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_clients(&self) -> Result<Vec<RegisteredClient>> {
        store::clients::list(&mut self.host.db().read().await?).await
    }

    /// Deletes a client with everything given to it: how many grants. A client known by its metadata document only loses
    /// its grants; its document is not ours to delete.
    ///
    /// # Errors
    /// 404 when nothing is known of it.
    pub async fn delete_client(&self, id: &ClientId) -> Result<usize> {
        self.delete_client_as(id, AuditEntry::done("client.deleted")).await
    }

    /// The same, by somebody.
    pub(super) async fn delete_client_as(&self, id: &ClientId, act: AuditEntry) -> Result<usize> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let ended = self.delete_in(&mut tx, id, act, now).await?;
        tx.commit(now).await?;
        Ok(ended)
    }

    /// The same, in a transaction that goes on.
    pub(super) async fn delete_in(&self, tx: &mut Tx, id: &ClientId, act: AuditEntry, now: Timestamp) -> Result<usize> {
        // The client first, then its grants and what hangs on them: rows are locked in one order everywhere (the README has it).
        store::secrets::hold(tx, id).await?;
        store::interactions::delete_of_client(tx, id).await?;
        let known = self.end_grants_of_client(tx, id, now).await?;
        store::consents::delete_of_client(tx, id).await?;
        store::codes::delete_of_client(tx, id).await?;
        store::devices::delete_of_client(tx, id).await?;
        store::pushed::delete_of_client(tx, id).await?;
        store::steps::delete_of_client(tx, id).await?;
        store::logins::delete_of_client(tx, id).await?;
        store::logouts::delete_of_client(tx, id).await?;
        let had_row = store::clients::delete(tx, id).await?;
        // A client without a row cannot be held: what was made of its codes before they were gone ends as well.
        let ended = known + self.end_grants_of_client(tx, id, now).await?;
        if !had_row && ended == 0 {
            return Err(unknown_client());
        }
        let exchanged = store::exchanged::revoke_of_client(tx, id, now).await?;
        self.end_tokens(tx, exchanged, now).await?;
        self.record(tx, &act.to(id)).await?;
        tx.emit(Event::ClientDeleted { client: id.clone() });
        Ok(ended)
    }

    /// Ends what a client that goes was given: how many grants.
    async fn end_grants_of_client(&self, tx: &mut Tx, id: &ClientId, now: Timestamp) -> Result<usize> {
        let grants = store::grants::revoke_of_client(tx, id, RevokeReason::ClientDeleted, now).await?;
        for grant in &grants {
            self.note_end(tx, grant, RevokeReason::ClientDeleted, ended(), now).await?;
        }
        Ok(grants.len())
    }
}
