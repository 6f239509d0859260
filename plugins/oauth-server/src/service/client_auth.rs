//! Who calls the token, revocation and introspection endpoints (RFC 6749 section 2.3).

use std::net::IpAddr;

use belgie_api::axum::http::StatusCode;
use belgie_api::ports::LimitBucket;
use belgie_api::{ClientId, Result, Timestamp, TokenHash, TokenKind};

use super::OAuth;
use crate::model::client::RegisteredClient;
use crate::model::refusal;
use crate::model::registration::AuthMethod;
use crate::model::request::AuthorizationRequest;
use crate::model::rules::ClientRules;
use crate::store;

/// What a client shows of itself. What it shows never appears in `Debug`.
pub struct PresentedClient {
    /// Its identifier.
    pub id: ClientId,
    /// How it proves that it is this client, if it does.
    pub proof: PresentedProof,
}

/// How a client proves who it is.
pub enum PresentedProof {
    /// It does not.
    None,
    /// By its secret.
    Secret(String),
    /// By something it has signed (RFC 7523 section 2.2).
    Assertion(String),
}

/// A client that proved who it is, as far as it can: a public client is only as good as what it presents next.
#[derive(Debug)]
pub struct ClientProof {
    /// Its identifier.
    pub(super) id: ClientId,
    /// Its row, if it has one, which must still be there when it is given a grant.
    pub(super) registered: Option<RegisteredClient>,
    /// Whether it proved it, by a secret or a signature.
    pub(super) is_proven: bool,
    /// What it is held to, as far as that is known: of a public client without a row its requests say it.
    pub(super) rules: ClientRules,
    /// The thumbprint of the key it has shown (RFC 9449), to which what it is given is bound.
    pub(super) key: Option<String>,
}

impl ClientProof {
    /// A client with a row.
    pub(super) fn registered(client: RegisteredClient, is_proven: bool) -> Self {
        Self { id: client.id.clone(), rules: client.rules, registered: Some(client), is_proven, key: None }
    }

    /// One that is known by its metadata document.
    fn published(id: ClientId, rules: ClientRules, is_proven: bool) -> Self {
        Self { id, rules, registered: None, is_proven, key: None }
    }

    /// The key its refresh tokens are bound to: of public clients alone, since others prove with each refresh who they are (RFC 9449
    /// section 5).
    pub(super) fn key_of_refresh(&self) -> Option<String> {
        self.key.clone().filter(|_| !self.is_proven)
    }

    /// Of which sector it is: as its row says or, for one known by its metadata document, as that said when it asked.
    pub(super) fn sector_in<'a>(&'a self, request: &'a AuthorizationRequest) -> Option<&'a str> {
        self.registered.as_ref().map_or(&request.sector, |registered| &registered.sector).as_deref()
    }

    /// The client's row, if it proved that it is this one.
    pub(super) fn confidential(&self) -> Option<&RegisteredClient> {
        self.registered.as_ref().filter(|_| self.is_proven)
    }
}

impl OAuth {
    /// Counts a call of an endpoint by a client that has shown who it is. One that cannot prove it counts by address as well: else
    /// anybody could use up what it may.
    ///
    /// # Errors
    /// 429 with `Retry-After` when it has called too often, at all nodes together.
    pub async fn count_call(
        &self,
        bucket: LimitBucket,
        endpoint: &str,
        client: &ClientProof,
        from: IpAddr,
    ) -> Result<()> {
        let id = client.id.as_str();
        let key = if client.is_proven { format!("{endpoint} {id}") } else { format!("{endpoint} {id} {from}") };
        self.host.limits().take(bucket, &key).await
    }

    /// Checks what a client shows of itself. Whoever registered keys proves who it is by them and in no other way. A client known
    /// by its metadata document has no secret; one that shows nothing is public, and gets nothing by what was given to one that
    /// has keys.
    ///
    /// # Errors
    /// `invalid_client` (status 401), the same for an unknown client and a wrong proof; one that cannot be checked because the
    /// client's keys cannot be fetched says so.
    pub(super) async fn authenticate(&self, presented: PresentedClient) -> Result<ClientProof> {
        if presented.id.is_metadata_url() {
            return self.authenticate_published(presented.id, presented.proof).await;
        }
        let client = self.find_registered(&presented.id).await?.ok_or_else(refused)?;
        self.authenticate_registered(client, presented).await
    }

    /// The same for a client whose row was just read.
    pub(super) async fn authenticate_registered(
        &self,
        client: RegisteredClient,
        presented: PresentedClient,
    ) -> Result<ClientProof> {
        let PresentedClient { id, proof } = presented;
        let has_keys = client.auth_method == AuthMethod::PrivateKeyJwt.as_str();
        let is_proven = match (&proof, &client.keys) {
            (PresentedProof::Assertion(text), Some(keys)) if has_keys => self.proves(text, &id, keys).await?,
            (PresentedProof::Secret(text), _) if !has_keys => self.is_secret_of(&client, text, self.host.now()),
            (PresentedProof::None, _) if !has_keys && client.accepts(None, self.host.now()) => {
                return Ok(ClientProof::registered(client, false));
            }
            _ => false,
        };
        if is_proven { Ok(ClientProof::registered(client, true)) } else { Err(refused()) }
    }

    /// The same for the introspection endpoint, where calls are not counted: nothing is fetched for somebody who may not ask
    /// at all, whatever they show.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn authenticate_asker(&self, presented: PresentedClient, address: IpAddr) -> Result<ClientProof> {
        if matches!(presented.proof, PresentedProof::Assertion(_)) {
            let answers = self.find_registered(&presented.id).await?.is_some_and(|client| !client.resources.is_empty());
            if !answers {
                return Err(refused());
            }
        }
        self.authenticate_from(presented, address).await
    }

    /// Sees to it that a client without a row proves who it is with a refresh token that was given to one that did. One with a row
    /// has proved it before, or has no keys.
    ///
    /// # Errors
    /// `invalid_client` when it did not.
    pub(super) async fn check_proof(&self, client: &ClientProof, refresh: TokenHash) -> Result<()> {
        if client.is_proven || client.registered.is_some() {
            return Ok(());
        }
        let needs_proof = store::client_keys::needs_proof(&mut self.host.db().read().await?, refresh).await?;
        if needs_proof { Err(refusal::must_prove()) } else { Ok(()) }
    }

    /// Whether a text is a secret of this client that is good now, in the form in which secrets are handed out here.
    pub(super) fn is_secret_of(&self, client: &RegisteredClient, text: &str, now: Timestamp) -> bool {
        let secret = self.spelling.read(TokenKind::ClientSecret, text);
        secret.is_some_and(|secret| client.accepts(Some(secret.expose()), now))
    }

    async fn authenticate_published(&self, id: ClientId, proof: PresentedProof) -> Result<ClientProof> {
        let assertion = match proof {
            PresentedProof::None => return Ok(ClientProof::published(id, ClientRules::default(), false)),
            PresentedProof::Secret(_) => return Err(refused()),
            PresentedProof::Assertion(assertion) => assertion,
        };
        let client = self.fetch_client(id.as_str()).await.map_err(|failure| match failure.status() {
            StatusCode::SERVICE_UNAVAILABLE => failure,
            _ => refusal::invalid_client("The metadata document of the client could not be had.").source(failure),
        })?;
        match client.keys {
            Some(keys) if self.proves(&assertion, &id, &keys).await? => {
                Ok(ClientProof::published(id, client.rules, true))
            }
            _ => Err(refused()),
        }
    }
}

fn refused() -> belgie_api::Failure {
    refusal::invalid_client("The client is unknown or its authentication is not right.")
}
