//! Devices that a person lets in from elsewhere (RFC 8628).

use std::net::IpAddr;
use std::time::Duration;

use belgie_api::crypto::{base64url, from_base64url, hmac_sha256, sha256};
use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{
    Caller, Failure, GrantBinding, GrantId, PlainToken, Result, ScopeSet, Timestamp, TokenHash, TokenKind,
};

use super::OAuth;
use super::client_auth::ClientProof;
use super::custom::Custom;
use super::id_token::FirstIdToken;
use super::record::ended;
use super::redeem::{FirstTokens, IssuedTokens, refuse};
use crate::model::address::slugs_in;
use crate::model::client::Client;
use crate::model::device::{
    GUESSES_COUNT_FOR, GUESSES_OF_ADDRESS, GUESSES_OF_PERSON, INTERVAL, network_of, new_user_code, read_user_code,
    shown_user_code,
};
use crate::model::grant::RevokeReason;
use crate::model::openid::{OPENID, OpenIdRequest};
use crate::model::params::Params;
use crate::model::pkce::Challenge;
use crate::model::request::{AuthorizationRequest, Reply, SignedIn, narrow_resources};
use crate::model::{refusal, scopes};
use crate::store;
use crate::store::devices::{NewDevice, StoredDevice};
use crate::store::interactions::Answerer;

/// The page people come to with a code.
pub const DEVICE: &str = "/device";

/// The page that says that the device was let in.
pub const DEVICE_ALLOWED: &str = "/device/allowed";

/// The page that says that it was not.
pub const DEVICE_DENIED: &str = "/device/denied";

/// How often another code is made when one is in use: never, in practice.
const ATTEMPTS: usize = 8;

/// What a device is told when it begins to wait (RFC 8628 section 3.2).
#[derive(Debug)]
pub struct DeviceAuthorization {
    /// `device_code`
    pub device_code: PlainToken,
    /// `user_code`, as people read it.
    pub user_code: String,
    /// `expires_in`
    pub expires_in: Duration,
    /// `interval`, in seconds.
    pub interval: i64,
}

/// A device that a person may let in.
#[derive(Debug)]
pub struct WaitingDevice {
    /// What it asks for, as this person can give it.
    pub request: AuthorizationRequest,
    /// The code the person typed, as the device shows it.
    pub user_code: String,
}

impl OAuth {
    /// Lets a device begin to wait.
    ///
    /// # Errors
    /// `unauthorized_client` for a client that was not made for it, `invalid_scope`, `invalid_target`.
    pub async fn begin_device(&self, proof: &ClientProof, params: &Params) -> Result<DeviceAuthorization> {
        let client = match &proof.registered {
            Some(registered) => registered.clone().into_client(),
            None => self.fetch_client(proof.id.as_str()).await?,
        };
        if !client.has_devices {
            return Err(refusal::unauthorized_client());
        }
        if client.keys.is_some() && !proof.is_proven {
            return Err(refusal::must_prove());
        }
        let request = self.read_device_request(params, client)?;
        let now = self.host.now();
        let expires_at = now.plus(self.settings.device_code_ttl);
        for _ in 0..ATTEMPTS {
            let device_code = TokenKind::Device.mint(self.host.entropy());
            let code = new_user_code(self.host.entropy());
            let (device, user_code) = (device_code.hash(), self.hash_of_user_code(&code));
            let new =
                NewDevice { device, user_code: &user_code, request: &request, now, expires_at, interval: INTERVAL };
            let mut tx = self.host.db().begin().await?;
            if store::devices::insert(&mut tx, &new).await? {
                tx.commit(now).await?;
                let (user_code, expires_in) = (shown_user_code(&code), self.settings.device_code_ttl);
                return Ok(DeviceAuthorization { device_code, user_code, expires_in, interval: INTERVAL });
            }
        }
        Err(Failure::internal("no code for a device was free"))
    }

    fn read_device_request(&self, params: &Params, client: Client) -> Result<AuthorizationRequest> {
        let catalog = self.host.catalog()?;
        let mut resources = self.find_resources(params.all("resource"))?.ok_or_else(refusal::invalid_target)?;
        if slugs_in(&resources).len() > 1 {
            return Err(refusal::invalid_target());
        }
        if resources.is_empty() {
            resources.extend(catalog.resources.first().cloned());
        }
        let offered = self.offered_at(&resources)?;
        let scopes = scopes::choose(params.get("scope"), &client.usual_scopes, &offered)
            .map_err(|_| refusal::invalid_scope("None of the scopes exists here, for this resource."))?;
        let with_refresh = client.can_refresh || scopes.has_named(scopes::OFFLINE_ACCESS);
        // There is no browser to come back to, so nothing is there for a nonce to tie together.
        let is_told = self.settings.openid_connect && scopes.has_named(OPENID);
        let openid = is_told.then_some(OpenIdRequest { nonce: None, algorithm: client.id_token_algorithm });
        // There is no code to be redeemed, so there is a challenge that nobody has a verifier for.
        let mut random = [0_u8; 32];
        self.host.entropy().fill(&mut random);
        let challenge = Challenge::read(&base64url(&sha256(&random)));
        Ok(AuthorizationRequest {
            is_proven: client.keys.is_some(),
            is_dpop_bound: client.rules.dpop_bound,
            key: None,
            sector: client.sector,
            client: client.face,
            reply: Reply { redirect_uri: DEVICE_ALLOWED.to_owned(), state: None },
            redirect_was_sent: true,
            challenge: challenge.ok_or_else(|| Failure::internal("a hash is no challenge"))?,
            scopes,
            resources,
            with_refresh,
            openid,
            signed_in: None,
            binding: GrantBinding::default(),
            device: None,
        })
    }

    fn hash_of_user_code(&self, code: &str) -> [u8; 32] {
        hmac_sha256(&self.host.key("oauth-server.user-code"), &[code.as_bytes()])
    }

    /// The device of a code that a person typed; `None` when there is none that waits. Every attempt counts, right or wrong, for the
    /// person and for their address, at all nodes together: whoever tries codes soon has no more attempts.
    ///
    /// # Errors
    /// 429 when there were too many attempts; `invalid_scope` when the person can give nothing of what is asked for.
    pub async fn find_device(&self, caller: &Caller, address: IpAddr, typed: &str) -> Result<Option<WaitingDevice>> {
        let now = self.host.now();
        let key = self.host.key("oauth-server.guesses");
        let of_person = hmac_sha256(&key, &[b"person ", caller.user().id.to_string().as_bytes()]);
        let of_address = hmac_sha256(&key, &[b"address ", network_of(address).to_string().as_bytes()]);
        let mut tx = self.host.db().begin().await?;
        let until = now.plus(GUESSES_COUNT_FOR);
        let by_person = store::devices::count_guess(&mut tx, &of_person, now, until).await?;
        let by_address = store::devices::count_guess(&mut tx, &of_address, now, until).await?;
        tx.commit(now).await?;
        if by_person > GUESSES_OF_PERSON || by_address > GUESSES_OF_ADDRESS {
            return Err(Failure::too_many(GUESSES_COUNT_FOR));
        }
        let Some(code) = read_user_code(typed) else { return Ok(None) };
        let user_code = self.hash_of_user_code(&code);
        let found = store::devices::find_waiting(&mut self.host.db().read().await?, &user_code, now).await?;
        let Some((device, mut request)) = found else { return Ok(None) };
        let given = request.scopes.within_account(&caller.user().scopes);
        if given.is_empty() && !request.scopes.is_empty() {
            return Err(refusal::invalid_scope("You cannot give any of what this device asks for."));
        }
        request.scopes = given;
        request.device = Some(base64url(&device));
        Ok(Some(WaitingDevice { request, user_code: shown_user_code(&code) }))
    }

    /// Lets the device of a request in, and commits: where the browser goes next.
    pub(super) async fn let_device_in(
        &self,
        mut tx: Tx,
        caller: &Caller,
        answerer: Answerer,
        mut request: AuthorizationRequest,
        now: Timestamp,
    ) -> Result<String> {
        let device = device_of(&request)?;
        request.signed_in = caller
            .principal()
            .presence()
            .map(|presence| SignedIn { at: presence.authenticated_at, by: presence.method.clone() });
        if !store::devices::approve(&mut tx, &device, answerer, &request, now).await? {
            return Err(answered());
        }
        let (teams, resources) = (&request.binding.teams, &request.resources);
        let given = json!({ "scopes": request.scopes, "teams": teams, "resources": resources, "device": true });
        let act = AuditEntry::done("consent.given").by(caller).to(&request.client.id).with(given);
        self.record(&mut tx, &act.within(request.binding.organization)).await?;
        tx.commit(now).await?;
        Ok(DEVICE_ALLOWED.to_owned())
    }

    /// Turns the device of a request away, in the transaction: where the browser goes next.
    pub(super) async fn turn_device_away(
        &self,
        tx: &mut Tx,
        request: &AuthorizationRequest,
        now: Timestamp,
    ) -> Result<String> {
        if store::devices::deny(tx, &device_of(request)?, now).await? {
            Ok(DEVICE_DENIED.to_owned())
        } else {
            Err(answered())
        }
    }

    /// Answers a device that asks whether it was let in (RFC 8628 section 3.5).
    ///
    /// # Errors
    /// `authorization_pending`, `slow_down`, `access_denied`, `expired_token`; `invalid_grant` for a code that is unknown, another
    /// client's, or was redeemed: then its grant ends.
    pub(super) async fn redeem_device(
        &self,
        client: &ClientProof,
        code: TokenHash,
        (asked_scopes, asked): (Option<&ScopeSet>, &[String]),
    ) -> Result<IssuedTokens> {
        if asked_scopes.is_some() {
            return Err(refusal::invalid_request("The scope was asked for when the device began to wait."));
        }
        let ahead = store::devices::find(&mut self.host.db().read().await?, code, &client.id).await?;
        let ahead = ahead.ok_or_else(refusal::invalid_grant)?;
        let answerer = ahead.answerer();
        let today = match answerer {
            Some(answerer) => Some(self.today_of(answerer.user, &ahead.request).await?),
            None => None,
        };
        // Read ahead: nobody in a transaction waits for a second connection.
        let profile = match answerer.filter(|_| ahead.request.openid.is_some()) {
            Some(answerer) => self.host.accounts().profile(answerer.user).await?,
            None => None,
        };
        let custom = match (answerer, &today) {
            (Some(answerer), Some(today)) => {
                let there = self.today_at(today, &ahead.request.resources, asked)?;
                self.custom(there.about(answerer.user, &client.id), profile.is_some()).await?
            }
            _ => Custom::default(),
        };
        let keys = self.keys_for(&self.settings.algorithms()).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        // As with a code: whoever ends the session waits until the grant is there to be ended as well, or has ended it before.
        let session_stands = match answerer {
            Some(answerer) => self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await?,
            None => true,
        };
        // As with a code: the client before it. One that only asks whether it was let in holds nobody up.
        if answerer.is_some() && !self.hold_client(&mut tx, client).await? {
            return Err(refusal::invalid_grant());
        }
        let found = store::devices::hold(&mut tx, code, &client.id).await?.ok_or_else(refusal::invalid_grant)?;
        if let Some(grant) = found.grant_id {
            tracing::warn!(grant.id = %grant, "a device code came twice: its grant is revoked");
            self.end_grant(&mut tx, grant, RevokeReason::CodeReplayed, ended(), now).await?;
            return refuse(tx, now, refusal::invalid_grant()).await;
        }
        if found.request.is_proven && !client.is_proven {
            return Err(refusal::must_prove());
        }
        if found.request.is_dpop_bound && client.key.is_none() {
            return Err(refusal::key_wanted());
        }
        if let Some(failure) = self.still_waits(&mut tx, code, &found, answerer, now).await? {
            return refuse(tx, now, failure).await;
        }
        let Some((answerer, today)) = answerer.filter(|_| session_stands).zip(today) else {
            return Err(refusal::invalid_grant());
        };
        let audience = narrow_resources(&found.request.resources, asked)?;
        if client.registered.is_some() {
            store::clients::touch(&mut tx, &client.id, now).await?;
        }
        let grant = GrantId::new(self.host.clock(), self.host.entropy());
        if !store::devices::consume(&mut tx, code, grant).await? {
            return Err(refusal::invalid_grant());
        }
        let subject = self.subject_for(&mut tx, client.sector_in(&found.request), answerer.user, now).await?;
        // The device has no part in the browser session of whoever let it in, so it is not told which one that is.
        let told = FirstIdToken {
            request: &found.request,
            profile: profile.as_ref(),
            subject: subject.clone(),
            sid: None,
            custom: custom.id.clone(),
        };
        let key = client.key.clone();
        let (for_refresh, sid) = (client.key_of_refresh(), None);
        let first = FirstTokens { request: &found.request, today, custom, subject, sid, key, for_refresh };
        let mut issued = self.issue_first(&mut tx, &keys, (grant, answerer.user), first, audience, now).await?;
        issued.id_token = self.first_id_token(&mut tx, &keys, told, &issued, now).await?;
        tx.commit(now).await?;
        Ok(issued)
    }

    /// What a device is told that was not let in, or not yet; `None` for one that was. One that was let in just now learns it with
    /// its next question: its session is not held.
    async fn still_waits(
        &self,
        tx: &mut Tx,
        code: TokenHash,
        found: &StoredDevice,
        held: Option<Answerer>,
        now: Timestamp,
    ) -> Result<Option<Failure>> {
        if found.denied_at.is_some() {
            return Ok(Some(refusal::access_denied()));
        }
        if found.expires_at <= now {
            return Ok(Some(refusal::expired_token()));
        }
        if held.is_some() {
            return Ok(None);
        }
        let is_early = found.next_poll_at.is_some_and(|next| next > now);
        let interval = found.interval_seconds + if is_early { INTERVAL } else { 0 };
        // A second less than it was told, since its clock and the way here are not ours.
        let wait = Duration::from_secs(u64::try_from(interval - 1).unwrap_or_default());
        store::devices::note_poll(tx, code, now.plus(wait), interval).await?;
        Ok(Some(if is_early { refusal::slow_down() } else { refusal::authorization_pending() }))
    }
}

fn device_of(request: &AuthorizationRequest) -> Result<Vec<u8>> {
    let device = request.device.as_deref().and_then(from_base64url);
    device.ok_or_else(|| Failure::internal("a request of a device names none"))
}

fn answered() -> Failure {
    Failure::bad_request("device.answered", "This device was answered before, or has waited too long.")
        .hint("Start again on the device.")
}
