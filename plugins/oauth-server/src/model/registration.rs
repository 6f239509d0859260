//! What a client says of itself when it registers (RFC 7591 section 2), checked and completed.

use belgie_api::plugin::ScopeInfo;
use belgie_api::{Failure, ScopeSet};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::address::read_site;
use super::client::presentable_name;
use super::device::DEVICE_CODE;
use super::foreign_keys::ClientKeys;
use super::key::KeyAlgorithm;
use super::logout::LogoutWish;
use super::pairwise::SubjectWish;
use super::redirect::{RedirectKind, RedirectUri, kind_of};
use super::rules::ClientRules;
use super::settings::Settings;
use super::{openid, refusal, scopes};

/// The longest registration, in bytes.
pub const MAX_BYTES: usize = 8 * 1024;

const MAX_REDIRECT_URIS: usize = 10;

/// Metadata that can be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// `client_name`, presentable; may be empty.
    pub name: String,
    /// `client_uri`.
    pub uri: Option<String>,
    /// `redirect_uris`, one to ten.
    pub redirect_uris: Vec<RedirectUri>,
    /// `token_endpoint_auth_method`.
    pub auth_method: AuthMethod,
    /// `application_type`.
    pub application_type: ApplicationType,
    /// `grant_types`, of those offered here.
    pub grant_types: Vec<String>,
    /// `scope`, of those that exist here.
    pub scopes: ScopeSet,
    /// `id_token_signed_response_alg`, where there are id tokens.
    pub id_token_algorithm: KeyAlgorithm,
    /// What it wishes to know people by, where there are id tokens.
    pub subjects: SubjectWish,
    /// What it wishes for signing out, where there are id tokens.
    pub logout: LogoutWish,
    /// `jwks` or `jwks_uri`, for `private_key_jwt`.
    pub keys: Option<ClientKeys>,
    /// What it is held to.
    pub rules: ClientRules,
}

/// How a client proves at the token endpoint who it is (RFC 7591 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// It cannot: a public client.
    None,
    /// A secret in the `Authorization` header.
    SecretBasic,
    /// A secret in the form.
    SecretPost,
    /// A signature (RFC 7523 section 2.2).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// The method as it stands on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Whether it takes a secret.
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::SecretBasic | Self::SecretPost)
    }
}

/// Where a client runs (OpenID Connect Dynamic Client Registration section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationType {
    /// On the person's machine.
    Native,
    /// On a server.
    Web,
}

impl ApplicationType {
    /// The type as it stands on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Web => "web",
        }
    }
}

/// The members that count. Others are accepted and left out (RFC 7591 section 2), `client_id` and `client_secret` among
/// them: those are ours to choose.
#[derive(Deserialize)]
struct Wire {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
    client_uri: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    application_type: Option<String>,
    id_token_signed_response_alg: Option<String>,
    subject_type: Option<String>,
    sector_identifier_uri: Option<String>,
    post_logout_redirect_uris: Option<Vec<String>>,
    backchannel_logout_uri: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Registration {
    /// Reads and checks a registration request: of grants, what `settings` have switched on.
    ///
    /// # Errors
    /// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 section 3.2.2).
    pub fn read(body: &[u8], offered: &[ScopeInfo], settings: &Settings) -> Result<Self, Failure> {
        if body.len() > MAX_BYTES {
            return Err(refusal::invalid_client_metadata("The metadata is larger than 8 KiB."));
        }
        let wire: Wire = read_json(body)?;
        let redirect_uris = read_redirects(&wire.redirect_uris.unwrap_or_default())?;
        check_response_types(wire.response_types.as_deref())?;
        let application_type = read_type(wire.application_type.as_deref(), &redirect_uris)?;
        let (subjects, logout) = if openid::is_offered(offered) {
            let (kind, sector) = (wire.subject_type.as_deref(), wire.sector_identifier_uri.as_deref());
            let uris = wire.post_logout_redirect_uris.unwrap_or_default();
            let told_at = wire.backchannel_logout_uri.as_deref();
            (SubjectWish::read(kind, sector)?, LogoutWish::read(&uris, told_at, false)?)
        } else {
            (SubjectWish::default(), LogoutWish::default())
        };
        let grant_types = read_grant_types(wire.grant_types, settings)?;
        if subjects != SubjectWish::default() && grant_types.iter().any(|name| name == DEVICE_CODE) {
            return Err(refusal::no_names_on_devices());
        }
        let auth_method = read_method(wire.token_endpoint_auth_method.as_deref())?;
        let keys = (auth_method == AuthMethod::PrivateKeyJwt)
            .then(|| ClientKeys::read(&wire.more, settings.allow_loopback_clients));
        let keys = keys.transpose().map_err(|fault| refusal::invalid_client_metadata(fault.0))?;
        let rules = ClientRules::read(&wire.more).map_err(refusal::invalid_client_metadata)?.check(settings)?;
        Ok(Self {
            name: presentable_name(wire.client_name.as_deref().unwrap_or_default()),
            uri: wire.client_uri.as_deref().and_then(read_site),
            redirect_uris,
            auth_method,
            application_type,
            grant_types,
            scopes: scopes::known_in(wire.scope.as_deref().unwrap_or_default(), offered),
            id_token_algorithm: read_algorithm(wire.id_token_signed_response_alg.as_deref(), offered)?,
            subjects,
            logout,
            keys,
            rules,
        })
    }
}

/// What a client says when it changes its registration (RFC 7592 section 2.2). It may hold a secret, so it is never printed.
pub struct Change {
    /// What it is to be from now on.
    pub registration: Registration,
    /// The identifier it has.
    pub client_id: Option<String>,
    /// Its present secret, which it may say and not choose.
    pub client_secret: Option<String>,
}

/// What is beside the metadata when a client changes them (RFC 7592 section 2.2). What is ours to say must not be there.
#[derive(Deserialize)]
struct OwnWords {
    client_id: Option<String>,
    client_secret: Option<String>,
    registration_access_token: Option<IgnoredAny>,
    registration_client_uri: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
    client_id_issued_at: Option<IgnoredAny>,
}

/// Reads and checks an update request: the same rules as for a registration.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata`.
pub fn read_change(body: &[u8], offered: &[ScopeInfo], settings: &Settings) -> Result<Change, Failure> {
    let registration = Registration::read(body, offered, settings)?;
    let own: OwnWords = read_json(body)?;
    let ours = [
        own.registration_access_token,
        own.registration_client_uri,
        own.client_secret_expires_at,
        own.client_id_issued_at,
    ];
    if ours.iter().any(Option::is_some) {
        return Err(refusal::invalid_client_metadata(
            "registration_access_token, registration_client_uri, client_secret_expires_at and client_id_issued_at are \
             not the client's to say.",
        ));
    }
    Ok(Change { registration, client_id: own.client_id, client_secret: own.client_secret })
}

fn read_json<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|_| refusal::invalid_client_metadata("The body must be a JSON object of client metadata."))
}

/// Checks the redirect URIs of a registration, or of the operator's command.
///
/// # Errors
/// `invalid_redirect_uri`, with what is wrong.
pub fn read_redirects(texts: &[String]) -> Result<Vec<RedirectUri>, Failure> {
    if !(1..=MAX_REDIRECT_URIS).contains(&texts.len()) {
        return Err(refusal::invalid_redirect_uri("A client has 1 to 10 redirect URIs."));
    }
    texts
        .iter()
        .map(|text| {
            RedirectUri::read(text).map_err(|fault| refusal::invalid_redirect_uri(format!("Not allowed: {fault}.")))
        })
        .collect()
}

fn check_response_types(types: Option<&[String]>) -> Result<(), Failure> {
    match types {
        Some(types) if !types.iter().any(|name| name == "code") => {
            Err(refusal::invalid_client_metadata("The only response type here is code."))
        }
        _ => Ok(()),
    }
}

fn read_method(method: Option<&str>) -> Result<AuthMethod, Failure> {
    // Without a word it is client_secret_basic (RFC 7591 section 2).
    let method = method.unwrap_or(AuthMethod::SecretBasic.as_str());
    [AuthMethod::None, AuthMethod::SecretBasic, AuthMethod::SecretPost, AuthMethod::PrivateKeyJwt]
        .into_iter()
        .find(|known| known.as_str() == method)
        .ok_or_else(|| {
            refusal::invalid_client_metadata(
                "token_endpoint_auth_method must be none, client_secret_basic, client_secret_post or private_key_jwt.",
            )
        })
}

/// Where there are no id tokens it does not matter. `none` is no way to sign (OpenID Connect Dynamic Client Registration 1.0
/// section 2 would let it through for the code flow).
fn read_algorithm(name: Option<&str>, offered: &[ScopeInfo]) -> Result<KeyAlgorithm, Failure> {
    let Some(name) = name.filter(|_| openid::is_offered(offered)) else { return Ok(KeyAlgorithm::Rs256) };
    KeyAlgorithm::named(name)
        .ok_or_else(|| refusal::invalid_client_metadata("id_token_signed_response_alg must be RS256, ES256 or EdDSA."))
}

fn read_grant_types(names: Option<Vec<String>>, settings: &Settings) -> Result<Vec<String>, Failure> {
    let Some(names) = names else { return Ok(vec!["authorization_code".to_owned()]) };
    if !names.iter().any(|name| name == "authorization_code") {
        return Err(refusal::invalid_client_metadata("grant_types must hold authorization_code."));
    }
    let offered =
        ["authorization_code", "refresh_token"].into_iter().chain(settings.device_authorization.then_some(DEVICE_CODE));
    Ok(offered.filter(|known| names.iter().any(|name| name == known)).map(str::to_owned).collect())
}

/// Without a word, a client that listens on the person's machine is native: agents leave the member out, and the `web`
/// of OpenID Connect would shut them out.
fn read_type(text: Option<&str>, redirect_uris: &[RedirectUri]) -> Result<ApplicationType, Failure> {
    let is_local = redirect_uris.iter().any(|uri| kind_of(uri.as_str()) != RedirectKind::Https);
    match text {
        None if is_local => Ok(ApplicationType::Native),
        Some("native") => Ok(ApplicationType::Native),
        Some("web") if is_local => Err(refusal::invalid_redirect_uri(
            "A web application has https redirect URIs only; register as native for the loopback interface or a private-use scheme.",
        )),
        None | Some("web") => Ok(ApplicationType::Web),
        Some(_) => Err(refusal::invalid_client_metadata("application_type must be native or web.")),
    }
}

#[cfg(test)]
mod tests {
    use super::{ApplicationType, AuthMethod, Registration, Settings};
    use belgie_api::plugin::ScopeInfo;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<Registration, String> {
        let offered = [ScopeInfo::by_default("notes:read", "Read")];
        Registration::read(body.to_string().as_bytes(), &offered, &Settings::default())
            .map_err(|failure| failure.code().to_owned())
    }

    #[test]
    fn what_is_left_out_is_completed() {
        let client = read(&json!({"redirect_uris": ["https://a.example/cb"]})).unwrap();
        assert_eq!(client.auth_method, AuthMethod::SecretBasic);
        assert_eq!(client.application_type, ApplicationType::Web);
        assert_eq!(client.grant_types, ["authorization_code"]);
        assert!(client.scopes.is_empty() && client.name.is_empty());
    }

    #[test]
    fn a_client_on_the_loopback_interface_is_native_without_saying_so() {
        for uri in
            ["http://127.0.0.1:19876/mcp/oauth/callback", "http://localhost/cb", "cursor://x/cb", "com.example:/cb"]
        {
            let client = read(&json!({"redirect_uris": [uri]})).unwrap();
            assert_eq!(client.application_type, ApplicationType::Native, "{uri}");
        }
    }

    #[test]
    fn unknown_members_scopes_and_grant_types_are_left_out() {
        let client = read(&json!({
            "client_id": "https://evil.example/client.json", "client_secret": "mine", "software_id": {"x": 1},
            "redirect_uris": ["http://localhost/cb"], "client_name": "A\u{202e}gent", "client_uri": "javascript:alert(1)",
            "grant_types": ["client_credentials", "refresh_token", "authorization_code"], "scope": "notes:read admin \"",
            "token_endpoint_auth_method": "none", "application_type": "native", "response_types": ["code", "token"],
        }))
        .unwrap();
        assert_eq!(client.name, "Agent");
        assert_eq!(client.uri, None);
        assert_eq!(client.grant_types, ["authorization_code", "refresh_token"]);
        assert_eq!(client.scopes.to_string(), "notes:read");
        assert_eq!(client.auth_method, AuthMethod::None);
    }

    #[test]
    fn what_cannot_be_a_client_is_refused_with_the_right_code() {
        let good = "https://a.example/cb";
        let many: Vec<String> = (0..11).map(|n| format!("https://a.example/{n}")).collect();
        let table = [
            (json!([]), "invalid_client_metadata"),
            (json!({}), "invalid_redirect_uri"),
            (json!({"redirect_uris": []}), "invalid_redirect_uri"),
            (json!({"redirect_uris": many}), "invalid_redirect_uri"),
            (json!({"redirect_uris": "https://a.example/cb"}), "invalid_client_metadata"),
            (json!({"redirect_uris": [good, "javascript:alert(1)"]}), "invalid_redirect_uri"),
            (json!({"redirect_uris": ["http://a.example/cb"]}), "invalid_redirect_uri"),
            (json!({"redirect_uris": ["myapp://cb"]}), "invalid_redirect_uri"),
            (json!({"redirect_uris": ["http://localhost/cb"], "application_type": "web"}), "invalid_redirect_uri"),
            (json!({"redirect_uris": [good], "application_type": "toaster"}), "invalid_client_metadata"),
            (
                json!({"redirect_uris": [good], "token_endpoint_auth_method": "private_key_jwt"}),
                "invalid_client_metadata",
            ),
            (json!({"redirect_uris": [good], "grant_types": ["client_credentials"]}), "invalid_client_metadata"),
            (json!({"redirect_uris": [good], "response_types": ["token"]}), "invalid_client_metadata"),
            (json!({"redirect_uris": [good], "dpop_bound_access_tokens": "yes"}), "invalid_client_metadata"),
            (
                json!({"redirect_uris": [good], "require_pushed_authorization_requests": true}),
                "invalid_client_metadata",
            ),
            (json!({"redirect_uris": [good], "x": "y".repeat(20_000)}), "invalid_client_metadata"),
        ];
        for (body, code) in table {
            assert_eq!(read(&body).unwrap_err(), code, "{body}");
        }
    }
}
