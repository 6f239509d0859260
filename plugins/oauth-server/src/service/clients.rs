//! Clients: how they become known, are found and are deleted.

use belgie_api::ports::AuditEntry;
use belgie_api::{ClientId, Event, Failure, OrgId, PlainToken, Result, ServiceId, TokenKind};

use super::OAuth;
use super::record::ended;
use crate::model::client::{Client, OPERATOR, REGISTRATION, RegisteredClient};
use crate::model::grant::RevokeReason;
use crate::model::refusal;
use crate::model::registration::{AuthMethod, Registration};
use crate::store;

/// A client that was just added. Its secret is shown now or never.
#[derive(Debug)]
pub struct NewClient {
    /// The client as stored.
    pub client: RegisteredClient,
    /// Its secret, if it has one.
    pub secret: Option<PlainToken>,
}

/// What an operator lets a client be besides a program that asks people.
#[derive(Debug, Default)]
pub struct Standing {
    /// What it acts as with no person behind it.
    pub acts_as: Option<ActsAs>,
    /// The resources it answers for.
    pub resources: Vec<String>,
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

    /// The client with a row.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn find_registered(&self, id: &ClientId) -> Result<Option<RegisteredClient>> {
        store::clients::find(&mut self.host.db().read().await?, id).await
    }

    /// Adds a client that registered itself (RFC 7591 section 3).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn register(&self, registration: Registration) -> Result<NewClient> {
        self.add_client(registration, REGISTRATION, Standing::default()).await
    }

    /// Adds a client for the operator.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create_client(&self, registration: Registration, standing: Standing) -> Result<NewClient> {
        self.add_client(registration, OPERATOR, standing).await
    }

    async fn add_client(&self, registration: Registration, origin: &str, standing: Standing) -> Result<NewClient> {
        let (clock, entropy, now) = (self.host.clock(), self.host.entropy(), self.host.now());
        let secret = (registration.auth_method != AuthMethod::None).then(|| TokenKind::ClientSecret.mint(entropy));
        let (service_id, organization_id) = match standing.acts_as {
            None => (None, None),
            Some(ActsAs::Itself) => (Some(ServiceId::new(clock, entropy)), None),
            Some(ActsAs::Service(service, organization)) => (Some(service), Some(organization)),
        };
        let client = RegisteredClient {
            id: ClientId::new(clock, entropy),
            name: registration.name,
            uri: registration.uri,
            origin: origin.to_owned(),
            auth_method: registration.auth_method.as_str().to_owned(),
            secret_hash: secret.as_ref().map(|secret| secret.hash().as_bytes().to_vec()),
            application_type: registration.application_type.as_str().to_owned(),
            redirect_uris: registration.redirect_uris,
            grant_types: registration.grant_types,
            scopes: registration.scopes,
            service_id,
            organization_id,
            resources: standing.resources,
            id_token_algorithm: registration.id_token_algorithm,
            created_at: now,
            last_used_at: None,
        };
        let mut tx = self.host.db().begin().await?;
        store::clients::insert(&mut tx, &client).await?;
        // Those that register themselves are strangers, who would fill the record.
        if origin == OPERATOR {
            self.record(&mut tx, &AuditEntry::done("client.created").to(&client.id)).await?;
        }
        tx.commit(now).await?;
        Ok(NewClient { client, secret })
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
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        // Codes first, in the order in which redeeming locks rows, then the client, then what was made meanwhile.
        store::codes::delete_of_client(&mut tx, id).await?;
        store::interactions::delete_of_client(&mut tx, id).await?;
        store::consents::delete_of_client(&mut tx, id).await?;
        let had_row = store::clients::delete(&mut tx, id).await?;
        let grants = store::grants::revoke_of_client(&mut tx, id, RevokeReason::ClientDeleted, now).await?;
        if !had_row && grants.is_empty() {
            return Err(Failure::not_found("client.unknown", "There is no client of this id.")
                .hint("`belgie client list` shows the ids."));
        }
        for grant in &grants {
            self.note_end(&mut tx, grant, RevokeReason::ClientDeleted, ended()).await?;
        }
        self.record(&mut tx, &AuditEntry::done("client.deleted").to(id)).await?;
        tx.emit(Event::ClientDeleted { client: id.clone() });
        tx.commit(now).await?;
        Ok(grants.len())
    }
}
