//! Guessing secrets of clients: counted in the database, so that all nodes know of it.
//!
//! Only failures count, and only from where they come: a client that never fails is never refused for what strangers elsewhere
//! do, however many they are. Three counts run at once, for ten minutes each:
//!
//! | of | failures until it is refused | and then |
//! |---|---|---|
//! | one client, from one address | `client_secret_attempts` | every attempt |
//! | one address, at all clients | 10 times that | every attempt |
//! | one client, from all addresses | 20 times that | attempts from addresses that have failed at this client before |
//!
//! An address is one of IPv4 or a /64 of IPv6. What remains: whoever shares the address of a client, such as a neighbour in the
//! same network, can make it wait, as with every limit by address.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use belgie_api::crypto::hmac_sha256;
use belgie_api::{ClientId, Failure, Result, Timestamp};

use super::OAuth;
use super::client_auth::{ClientProof, PresentedClient, PresentedProof};
use crate::store;
use crate::store::secrets::{Attempted, Counts};

/// How long failures count.
const WINDOW: Duration = Duration::from_secs(600);
/// How much more one address may fail at all clients together than at one.
const AT_ALL_CLIENTS: i64 = 10;
/// How much more all addresses together may fail at one client than one of them.
const FROM_ALL_ADDRESSES: i64 = 20;

/// The keys an attempt is counted under.
struct Keys {
    here: [u8; 32],
    address: [u8; 32],
    client: [u8; 32],
}

impl Keys {
    fn each(&self) -> [&[u8]; 3] {
        [&self.here, &self.address, &self.client]
    }

    /// In the order in which rows are written.
    fn sorted(&self) -> [&[u8]; 3] {
        let mut all = self.each();
        all.sort_unstable();
        all
    }
}

impl OAuth {
    /// As [`authenticate`](Self::authenticate), for whoever comes from an address: guesses are counted, and refused when there
    /// were too many. Who has no secret to guess is not counted.
    ///
    /// # Errors
    /// `invalid_client` (status 401), and 429 with `Retry-After` after too many failures.
    pub async fn authenticate_from(&self, presented: PresentedClient, address: IpAddr) -> Result<ClientProof> {
        if !matches!(presented.proof, PresentedProof::Secret(_)) {
            return self.authenticate(presented).await;
        }
        let keys = self.attempt_keys(&presented.id, address);
        let now = self.host.now();
        let mut conn = self.host.db().read().await?;
        // One look for both; only who is unknown is looked for twice.
        let (client, counts) = match store::secrets::find_counted(&mut conn, &presented.id, keys.each(), now).await? {
            Some(Attempted { client, counts }) => (Some(client), counts),
            None => (None, store::secrets::counted(&mut conn, keys.each(), now).await?),
        };
        drop(conn);
        self.check_attempts(&counts, now)?;
        let proof = match client {
            Some(client) => self.authenticate_registered(client, presented).await,
            None => self.authenticate(presented).await,
        };
        if proof.as_ref().is_err_and(|failure| failure.code() == "invalid_client") {
            let now = self.host.now();
            let mut tx = self.host.db().begin().await?;
            store::secrets::count(&mut tx, keys.sorted(), now.plus(WINDOW), now).await?;
            tx.commit(now).await?;
        }
        proof
    }

    fn check_attempts(&self, counts: &Counts, now: Timestamp) -> Result<()> {
        let most = i64::from(self.settings.client_secret_attempts);
        let is_over = |count: Option<(i64, Timestamp)>, most| count.filter(|(failures, _)| *failures >= most);
        let refused = is_over(counts.here(), most)
            .or_else(|| is_over(counts.address(), most * AT_ALL_CLIENTS))
            .or_else(|| is_over(counts.client(), most * FROM_ALL_ADDRESSES).filter(|_| counts.here().is_some()));
        match refused {
            None => Ok(()),
            Some((_, ends_at)) => Err(Failure::too_many(ends_at.since(now).max(Duration::from_secs(1)))),
        }
    }

    /// Keyed, so that the table tells nobody which addresses were seen.
    fn attempt_keys(&self, client: &ClientId, address: IpAddr) -> Keys {
        let key = self.host.key("oauth-server.attempts");
        let (client, address) = (client.as_str().as_bytes(), network_of(address).to_string());
        let made = |parts: &[&[u8]]| hmac_sha256(&key, parts);
        Keys {
            here: made(&[b"here", client, address.as_bytes()]),
            address: made(&[b"address", address.as_bytes()]),
            client: made(&[b"client", client]),
        }
    }
}

/// What a single subscriber has at least (RFC 4291 section 2.5.4).
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}
