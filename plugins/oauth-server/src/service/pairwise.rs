//! What a client knows a person by.

use std::time::Duration;

use belgie_api::crypto::{base64url, hmac_sha256};
use belgie_api::db::Tx;
use belgie_api::ports::FetchLimits;
use belgie_api::{Result, Timestamp, UserId};

use super::OAuth;
use crate::model::pairwise::{SubjectWish, lists_all, sector_of};
use crate::model::redirect::RedirectUri;
use crate::model::refusal;
use crate::store;

const SECTOR_LIMITS: FetchLimits = FetchLimits { max_bytes: 16 * 1024, timeout: Duration::from_secs(5) };

impl OAuth {
    /// The sector of a new client; `None` for one that is told the accounts' own ids.
    ///
    /// # Errors
    /// `invalid_client_metadata` when it has none, or is not in the one it names.
    pub(super) async fn find_sector(&self, wish: &SubjectWish, own: &[RedirectUri]) -> Result<Option<String>> {
        let SubjectWish::Pairwise { sector } = wish else { return Ok(None) };
        let Some(url) = sector else { return sector_of(own).map(Some) };
        let not_in = || refusal::invalid_client_metadata("sector_identifier_uri does not list every redirect URI.");
        let document = self.host.outbound().get(url, SECTOR_LIMITS).await.map_err(|_| not_in())?;
        let host = url.host_str().filter(|_| lists_all(&document.body, own)).ok_or_else(not_in)?;
        Ok(Some(host.to_owned()))
    }

    /// What a client of a sector knows a person by; `None` for the account's own id. A name is made with the host's secret, and kept: it
    /// outlives the secret.
    pub(super) async fn subject_for(
        &self,
        tx: &mut Tx,
        sector: Option<&str>,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<String>> {
        let Some(sector) = sector else { return Ok(None) };
        let key = self.host.key("oauth-server.pairwise");
        let name = base64url(&hmac_sha256(&key, &[sector.as_bytes(), user.uuid().as_bytes()]));
        store::subjects::claim(tx, sector, user, &name, now).await.map(Some)
    }
}
