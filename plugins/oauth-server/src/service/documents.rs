//! Metadata documents of clients, fetched and kept for a while.

use belgie_api::axum::http::StatusCode;
use belgie_api::ports::{FetchError, FetchLimits};
use belgie_api::{Failure, Result};
use url::Url;

use super::OAuth;
use super::kept::USUAL_AGE;
use crate::model::client::Client;
use crate::model::rules::ClientRules;
use crate::model::{document, refusal};

impl OAuth {
    /// The client of a document that was fetched a while ago; nothing is fetched for this.
    pub(super) fn known_document(&self, address: &str) -> Option<Client> {
        self.documents.find(address, self.host.now()).map(|entry| entry.value)
    }

    /// The client that publishes its metadata at this address.
    ///
    /// # Errors
    /// `invalid_client` (status 400) when the address or the document is not right, or it cannot be fetched;
    /// `temporarily_unavailable` (status 503) when too many others are being fetched.
    pub(super) async fn fetch_client(&self, address: &str) -> Result<Client> {
        let url =
            document::check_address(address, self.settings.allow_loopback_clients).map_err(|fault| refuse(&fault))?;
        if let Some(client) = self.known_document(address) {
            return Ok(client);
        }
        let fetch = self.fetches.join(address);
        fetch.get_or_init(|| self.fetch_document(&url)).await.clone()
    }

    /// What the document at this address holds its client to. Where it cannot be had, what it said last counts, if that is known:
    /// people's agents go on while the server of their makers does not answer.
    ///
    /// # Errors
    /// `temporarily_unavailable` (status 503) when too many others are being fetched.
    pub(super) async fn rules_of_document(&self, address: &str) -> Result<ClientRules> {
        match self.fetch_client(address).await {
            Ok(client) => Ok(client.rules),
            Err(failure) if failure.status() == StatusCode::SERVICE_UNAVAILABLE => Err(failure),
            Err(_) => Ok(self.documents.find_old(address).map(|client| client.rules).unwrap_or_default()),
        }
    }

    async fn fetch_document(&self, url: &Url) -> Result<Client> {
        let Ok(_place) = self.fetches.free.try_acquire() else { return Err(busy()) };
        let limits = FetchLimits { max_bytes: document::MAX_BYTES, timeout: self.settings.metadata_timeout };
        let fetched = self.host.outbound().get(url, limits).await.map_err(unfetched)?;
        // The port keeps the limit; a document beyond it is never read all the same.
        if fetched.body.len() > document::MAX_BYTES {
            return Err(unfetched(FetchError::TooLarge(document::MAX_BYTES)));
        }
        let mut client =
            document::read(url, &fetched.body, self.settings.allow_loopback_clients).map_err(|fault| refuse(&fault))?;
        let subjects = document::read_subjects(&fetched.body).map_err(|fault| refuse(&fault))?;
        // A list of its sector is fetched under the same guards; whatever is wrong with it, the client is not told more than that.
        client.sector = self.find_sector(&subjects, &client.redirect_uris).await.map_err(|fault| {
            refusal::unusable_client("The agent cannot be identified. It is not in the sector it names.").source(fault)
        })?;
        if client.sector.is_some() && client.has_devices {
            return Err(refusal::unusable_client(
                "The agent cannot be identified. An agent of devices has no names of its own for people.",
            ));
        }
        self.documents.keep(url.as_str(), &client, self.host.now(), fetched.fresh_for.unwrap_or(USUAL_AGE));
        Ok(client)
    }
}

fn refuse(fault: &document::DocumentFault) -> Failure {
    refusal::unusable_client(format!("The agent cannot be identified. {fault}"))
}

fn busy() -> Failure {
    let message = "Too many agents are being looked up right now.";
    Failure::with_status(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", message)
        .hint("Wait a moment, then start again from your agent.")
}

/// Says no more than that it failed: what our network sees behind an address is nobody's business (SSRF).
fn unfetched(error: FetchError) -> Failure {
    refusal::unusable_client("The agent cannot be identified. Its metadata document could not be fetched.")
        .source(error)
}
