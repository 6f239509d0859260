//! Who calls the token, revocation and introspection endpoints (RFC 6749 section 2.3).

use belgie_api::{ClientId, Result};

use super::OAuth;
use crate::model::client::RegisteredClient;
use crate::model::refusal;

/// What a client shows of itself. The secret never appears in `Debug`.
pub struct PresentedClient {
    /// Its identifier.
    pub id: ClientId,
    /// Its secret, if it sent one.
    pub secret: Option<String>,
}

/// A client that proved who it is, as far as it can: a public client is only as good as what it presents next.
#[derive(Debug)]
pub struct ClientProof {
    /// Its identifier.
    pub(super) id: ClientId,
    /// Its row, if it has one, which must still be there when it is given a grant.
    pub(super) registered: Option<RegisteredClient>,
}

impl OAuth {
    /// Checks what a client shows of itself. A client known by its metadata document is always public; its document was
    /// checked when the code was asked for, and the code and refresh token are bound to its address.
    ///
    /// # Errors
    /// `invalid_client` (status 401), the same for an unknown client and a wrong secret.
    pub async fn authenticate(&self, presented: PresentedClient) -> Result<ClientProof> {
        let PresentedClient { id, secret } = presented;
        if id.is_metadata_url() {
            return match secret {
                None => Ok(ClientProof { id, registered: None }),
                Some(_) => Err(refused()),
            };
        }
        let client = self.find_registered(&id).await?.filter(|client| client.accepts(secret.as_deref()));
        let registered = Some(client.ok_or_else(refused)?);
        Ok(ClientProof { id, registered })
    }
}

fn refused() -> belgie_api::Failure {
    refusal::invalid_client("The client is unknown or its authentication is not right.")
}
