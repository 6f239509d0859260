//! Authorization requests that clients send ahead (RFC 9126): what the browser brings is a reference, and nothing in it can be changed.

use std::time::Duration;

use belgie_api::{ClientId, Failure, PlainToken, Result, TokenKind};
use url::form_urlencoded;

use super::OAuth;
use super::client_auth::ClientProof;
use super::request::{PresentableRequest, Refusal};
use crate::model::dpop::Proof;
use crate::model::params::Params;
use crate::model::refusal;
use crate::model::settings::Pushing;
use crate::steps::Requests;
use crate::store;

/// How long a client has to send the browser (RFC 9126 section 2.2 suggests 5 to 600 seconds).
pub const PUSHED_TTL: Duration = Duration::from_secs(60);

/// How long a browser has to get through signing in.
const TAKEN_TTL: Duration = Duration::from_secs(900);

/// What a reference begins with (RFC 9126 section 2.2).
const REFERENCE: &str = "urn:ietf:params:oauth:request_uri:";

/// The parameter of our own under which a browser goes on with a request it has brought.
const TAKEN: &str = "belgie_request";

/// What people are told who bring a request that is over.
const AGAIN: &str = "Start again from your agent.";

/// The longest request an application keeps, in bytes.
const MAX_KEPT_BYTES: usize = 8 * 1024;

/// What a client is told that said it would send its requests ahead, and has not.
const OWN_WORD: &str = "This agent has said that its requests are sent ahead (RFC 9126).";

/// What is not kept of a pushed request: how its client proved who it is.
const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

impl OAuth {
    /// Keeps an authorization request of a client, once it is found to be one: its reference. With a proof the code is bound to its
    /// key, as with `dpop_jkt`.
    ///
    /// # Errors
    /// What the authorization endpoint would answer, told to the client here (RFC 9126 section 2.3); `invalid_dpop_proof` for a proof
    /// that was used, or of another key than `dpop_jkt` (RFC 9449 section 10.1).
    pub async fn push(&self, client: &ClientProof, params: &Params, proof: Option<Proof>) -> Result<String> {
        if params.get("request_uri").is_some() {
            return Err(refusal::invalid_request("A request that is sent ahead refers to no other."));
        }
        if params.get("client_id").is_some_and(|id| id != client.id.as_str()) {
            return Err(refusal::invalid_request("client_id is another client's."));
        }
        let key = self.key_for_code(proof, params.get("dpop_jkt")).await?;
        let query = kept_of(client, params, key.as_deref());
        let asked = self.read_request(query.as_bytes()).await.map_err(|refusal| match refusal {
            Refusal::Page(failure) => failure,
            Refusal::Onward(_) => unknown(),
            Refusal::Reply(reply) => Failure::bad_request(reply.error.code, reply.error.description),
        })?;
        if asked.request.is_proven && !client.is_proven {
            return Err(refusal::must_prove());
        }
        let (now, handle) = (self.host.now(), TokenKind::Interaction.mint(self.host.entropy()));
        let mut tx = self.host.db().begin().await?;
        store::pushed::insert(&mut tx, handle.hash(), (&client.id, &query), now, now.plus(PUSHED_TTL), None).await?;
        tx.commit(now).await?;
        Ok(format!("{REFERENCE}{}", handle.expose()))
    }

    /// The authorization request a browser brings: in the address, or sent ahead. A reference is taken once; from then on this browser
    /// alone knows how to go on.
    ///
    /// # Errors
    /// As [`read_request`](Self::read_request); `invalid_request` for a reference that is unknown, taken, too old or another client's,
    /// and for a request that was not sent ahead where it must be.
    pub async fn read_brought(&self, query: &str) -> Result<PresentableRequest, Refusal> {
        let params = Params::read(query.as_bytes()).unwrap_or_default();
        let client = ClientId::from_wire(params.get("client_id").unwrap_or_default());
        let (pushing, reference) = (self.settings.pushed_requests, params.get("request_uri"));
        let is_pushed = |reference: &str| pushing != Pushing::Off && reference.starts_with(REFERENCE);
        if let (Some(requests), None, Some(uri)) =
            (self.own.requests.as_deref(), params.get(TAKEN), reference.filter(|uri| !is_pushed(uri)))
        {
            // Nobody is asked about what anybody can write into an address, and a client's own word counts here, too.
            let known = self.find_client(params.one("client_id").ok().flatten().unwrap_or_default()).await?;
            if known.rules.pushed_only {
                return Err(not_sent_ahead(OWN_WORD).into());
            }
            return Err(Refusal::Onward(self.take_kept(requests, &client, uri).await?));
        }
        if pushing == Pushing::Off && self.own.requests.is_none() {
            return self.read_bare(query).await;
        }
        match (pushing, params.get(TAKEN), reference) {
            (Pushing::Off | Pushing::Allowed, None, None) => self.read_bare(query).await,
            (_, Some(handle), _) => {
                let handle = PlainToken::parse_as(TokenKind::Interaction, handle).ok_or_else(unknown)?;
                let mut conn = self.host.db().read().await?;
                let found = store::pushed::find(&mut conn, handle.hash(), &client, self.host.now()).await?;
                drop(conn);
                self.read_request(found.ok_or_else(unknown)?.as_bytes()).await
            }
            (_, None, Some(reference)) => Err(Refusal::Onward(self.take_pushed(&client, reference).await?)),
            (Pushing::Required, None, None) => {
                Err(not_sent_ahead("Agents send their requests ahead here (RFC 9126).").into())
            }
        }
    }

    /// A request that stands in the address itself.
    async fn read_bare(&self, query: &str) -> Result<PresentableRequest, Refusal> {
        let asked = self.read_request(query.as_bytes()).await?;
        if asked.is_pushed_only { Err(not_sent_ahead(OWN_WORD).into()) } else { Ok(asked) }
    }

    /// Asks the application for a request it keeps, whenever a browser brings its address: where the browser goes on.
    async fn take_kept(&self, requests: &dyn Requests, client: &ClientId, uri: &str) -> Result<String> {
        let unknown = || Failure::bad_request("invalid_request_uri", "This request is unknown here.").hint(AGAIN);
        let found = requests.find(client, uri).await?.ok_or_else(unknown)?;
        let params = Params::read(found.as_bytes()).ok_or_else(unknown)?;
        let is_of_client = params.all("client_id").all(|id| id == client.as_str());
        if !is_of_client || params.get("request_uri").is_some() || params.get(TAKEN).is_some() {
            return Err(unknown());
        }
        let pairs = params.pairs().filter(|(name, _)| *name != "client_id");
        let pairs = std::iter::once(("client_id", client.as_str())).chain(pairs);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        if query.len() > MAX_KEPT_BYTES {
            return Err(unknown());
        }
        let (now, handle) = (self.host.now(), TokenKind::Interaction.mint(self.host.entropy()));
        let mut tx = self.host.db().begin().await?;
        let until = now.plus(TAKEN_TTL);
        store::pushed::insert(&mut tx, handle.hash(), (client, &query), now, until, Some(now)).await?;
        tx.commit(now).await?;
        Ok(way_on(client, &handle))
    }

    /// Takes what a reference stands for, once: where the browser goes on.
    async fn take_pushed(&self, client: &ClientId, reference: &str) -> Result<String> {
        let handle = reference.strip_prefix(REFERENCE);
        let handle = handle.and_then(|text| PlainToken::parse_as(TokenKind::Interaction, text)).ok_or_else(unknown)?;
        let (now, next) = (self.host.now(), TokenKind::Interaction.mint(self.host.entropy()));
        let mut tx = self.host.db().begin().await?;
        if !store::pushed::take(&mut tx, handle.hash(), client, next.hash(), now, now.plus(TAKEN_TTL)).await? {
            return Err(unknown());
        }
        tx.commit(now).await?;
        Ok(way_on(client, &next))
    }
}

/// Where a browser goes on with a request it has brought.
fn way_on(client: &ClientId, handle: &PlainToken) -> String {
    let mut onward = form_urlencoded::Serializer::new(String::new());
    onward.append_pair("client_id", client.as_str()).append_pair(TAKEN, handle.expose());
    format!("/authorize?{}", onward.finish())
}

/// What is kept of a pushed request.
fn kept_of(client: &ClientProof, params: &Params, key: Option<&str>) -> String {
    let is_kept = |name: &str| name != "client_id" && !PROOFS.contains(&name) && !(key.is_some() && name == "dpop_jkt");
    let rest = params.pairs().filter(|(name, _)| is_kept(name));
    let pairs = std::iter::once(("client_id", client.id.as_str())).chain(rest).chain(key.map(|key| ("dpop_jkt", key)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn not_sent_ahead(message: &'static str) -> Failure {
    refusal::invalid_request(message)
        .hint("Start again from your agent. If it stays, tell its makers what this page says.")
}

fn unknown() -> Failure {
    refusal::invalid_request("This request was used before, has waited too long, or is another agent's.").hint(AGAIN)
}
