//! Clients, whichever way they became known.

use belgie_api::crypto::constant_time_eq;
use belgie_api::text::is_unseen;
use belgie_api::{ClientId, OrgId, ScopeSet, ServiceId, Timestamp, TokenHash};
use serde::{Deserialize, Serialize};

use super::device::DEVICE_CODE;
use super::foreign_keys::ClientKeys;
use super::key::KeyAlgorithm;
use super::owned::StandingColumns;
use super::redirect::RedirectUri;
use super::rules::ClientRules;
use super::secret::SecretColumns;

/// The client id of personal access tokens. No client can register it: registered ids begin with `cli_`.
pub const PERSONAL: &str = "personal";

/// Where a client comes from that the operator entered.
pub const OPERATOR: &str = "operator";

/// Where a client comes from that registered itself.
pub const REGISTRATION: &str = "registration";

/// The grant of clients with no person behind them (RFC 6749 section 4.4).
pub const CLIENT_CREDENTIALS: &str = "client_credentials";

/// What an authorization request needs to know of a client.
#[derive(Clone, Debug)]
pub struct Client {
    /// What people are shown of it.
    pub face: ClientFace,
    /// Whether the operator entered it. Anybody can bring any other client, with an address of their choice.
    pub is_operators: bool,
    /// Whether the operator vouches for it, so that people need not be asked.
    pub is_trusted: bool,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Whether it can use refresh tokens (RFC 7591 section 2, `grant_types`).
    pub can_refresh: bool,
    /// Whether it can be let in on a device (RFC 8628).
    pub has_devices: bool,
    /// What it gets when it asks for no scope; empty when it did not say.
    pub usual_scopes: ScopeSet,
    /// What its id tokens are signed with.
    pub id_token_algorithm: KeyAlgorithm,
    /// Its keys, when it is known by its metadata document and proves by them who it is.
    pub keys: Option<ClientKeys>,
    /// What it is held to.
    pub rules: ClientRules,
    /// Of which sector it is, whose clients know people by names of their own; `None` when it is told the accounts' own ids.
    pub sector: Option<String>,
    /// Where it is told that a session has ended.
    pub backchannel_logout_uri: Option<String>,
}

impl Client {
    /// The redirect URI an answer goes to: the asked one if it is the client's, or its only one when none is asked
    /// (OAuth 2.1 section 4.1.1). `None` when there is no such one.
    pub fn redirect_for(&self, asked: Option<&str>) -> Option<String> {
        match (asked, self.redirect_uris.as_slice()) {
            (Some(asked), own) => own.iter().any(|uri| uri.allows(asked)).then(|| asked.to_owned()),
            (None, [only]) => Some(only.as_str().to_owned()),
            (None, _) => None,
        }
    }
}

/// What people are shown of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFace {
    /// Its identifier.
    pub id: ClientId,
    /// What it calls itself; may be empty, and is never to be trusted.
    pub name: String,
    /// The host that published its metadata document, which we fetched from there.
    pub host: Option<String>,
    /// The web site it names.
    pub uri: Option<String>,
}

/// A client with a row: it registered itself (RFC 7591), or the operator entered it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RegisteredClient {
    /// Its identifier, `cli_...`.
    pub id: ClientId,
    /// What it calls itself.
    pub name: String,
    /// The web site it names.
    pub uri: Option<String>,
    /// [`REGISTRATION`] or [`OPERATOR`].
    pub origin: String,
    /// `token_endpoint_auth_method` (RFC 7591 section 2).
    pub auth_method: String,
    /// SHA-256 of its secret; `None` for a public client.
    pub secret_hash: Option<Vec<u8>>,
    /// Until when that holds, and the secret before it.
    #[sqlx(flatten)]
    pub secrets: SecretColumns,
    /// SHA-256 of the token with which it manages its registration (RFC 7592), if it has one.
    pub registration_token_hash: Option<Vec<u8>>,
    /// `native` or `web`.
    pub application_type: String,
    /// Where answers may go.
    #[sqlx(json)]
    pub redirect_uris: Vec<RedirectUri>,
    /// `grant_types` (RFC 7591 section 2).
    #[sqlx(json)]
    pub grant_types: Vec<String>,
    /// What it gets when it asks for no scope; the most it gets when no person is behind it.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// What it acts as with no person behind it, if it may.
    pub service_id: Option<ServiceId>,
    /// The organization whose service that is; `None` when it is the client's own.
    pub organization_id: Option<OrgId>,
    /// The resources it answers for: about tokens for them it may ask (RFC 7662).
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// `id_token_signed_response_alg` (OpenID Connect Dynamic Client Registration 1.0 section 2).
    #[sqlx(try_from = "String")]
    pub id_token_algorithm: KeyAlgorithm,
    /// Of which sector it is, whose clients know people by names of their own; `None` when it is told the accounts' own ids.
    pub sector: Option<String>,
    /// Where people may be sent after signing out on its word.
    #[sqlx(json)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that a session has ended, if it wants to be.
    pub backchannel_logout_uri: Option<String>,
    /// Whose it is.
    #[sqlx(flatten)]
    pub standing: StandingColumns,
    /// The keys it proves by who it is (`private_key_jwt`).
    #[sqlx(json(nullable))]
    pub keys: Option<ClientKeys>,
    /// What it is held to.
    #[sqlx(flatten)]
    pub rules: ClientRules,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When somebody last gave it a grant.
    pub last_used_at: Option<Timestamp>,
}

impl RegisteredClient {
    /// Whether `secret` proves now that this is the client: a right one, or none for a client that has none.
    pub fn accepts(&self, secret: Option<&str>, now: Timestamp) -> bool {
        match (&self.secret_hash, secret) {
            (None, None) => true,
            (Some(hash), Some(secret)) => self.secrets.accept(hash, secret, now),
            _ => false,
        }
    }

    /// Whether this is the token with which it manages its registration.
    pub fn is_managed_with(&self, token: TokenHash) -> bool {
        self.registration_token_hash.as_ref().is_some_and(|known| constant_time_eq(token.as_bytes(), known))
    }

    /// Whether people would be shown something else, or answers would go elsewhere.
    pub fn looks_different(&self, other: &Self) -> bool {
        (&self.name, &self.uri, &self.redirect_uris) != (&other.name, &other.uri, &other.redirect_uris)
    }

    /// Whether the operator would vouch for something else: it looks different, proves otherwise who it is, knows people by other names, or
    /// has people, or news of them, sent elsewhere when they sign out.
    pub fn is_another(&self, other: &Self) -> bool {
        self.looks_different(other)
            || (&self.auth_method, &self.keys, &self.sector) != (&other.auth_method, &other.keys, &other.sector)
            || self.post_logout_redirect_uris != other.post_logout_redirect_uris
            || self.backchannel_logout_uri != other.backchannel_logout_uri
    }

    /// Whether it was registered for this grant.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|name| name == grant_type)
    }

    /// What an authorization request needs to know.
    pub fn into_client(self) -> Client {
        let (can_refresh, has_devices) = (self.may_use("refresh_token"), self.may_use(DEVICE_CODE));
        Client {
            is_operators: self.origin == OPERATOR,
            is_trusted: self.standing.trusted_at.is_some(),
            face: ClientFace { id: self.id, name: self.name, host: None, uri: self.uri },
            redirect_uris: self.redirect_uris,
            can_refresh,
            has_devices,
            usual_scopes: self.scopes,
            id_token_algorithm: self.id_token_algorithm,
            keys: None,
            rules: self.rules,
            sector: self.sector,
            backchannel_logout_uri: self.backchannel_logout_uri,
        }
    }
}

/// A name as it may be shown: one line, without characters that are invisible or turn the text around, not too long.
pub fn presentable_name(text: &str) -> String {
    let visible = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_unseen(*c));
    visible
        .collect::<String>()
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(100)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::presentable_name;

    #[test]
    fn a_name_is_one_visible_line() {
        assert_eq!(presentable_name("  Claude\n\tCode "), "Claude Code");
        assert_eq!(presentable_name("\u{202e}edoC\u{200b}\0"), "edoC");
        assert_eq!(presentable_name(&"ä".repeat(500)).chars().count(), 100);
    }
}
