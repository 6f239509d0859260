//! The settings of one provider: `[plugins.google]`, `[plugins.oauth-client.<id>]` and the like.

mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use belgie_api::settings::Section;
use secrecy::SecretString;
use url::Url;

pub use self::read::is_safe;

/// The settings of one provider. In a program: [`new`](Self::new), then set what differs.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The id in addresses and in the database: letters, digits, `_` and `-`.
    pub id: String,
    /// What people call the provider; the button says "Continue with ...".
    pub name: String,
    /// Our identifiers there: the first is used, all are accepted as audience.
    pub client_ids: Vec<String>,
    /// Our secret there; none for a public client.
    pub client_secret: Option<SecretString>,
    /// Where the provider describes itself (OpenID Connect Discovery 1.0, RFC 8414).
    pub discovery_url: Option<Url>,
    /// Who the provider says it is; otherwise what the address of the description implies.
    pub issuer: Option<String>,
    /// Whether an answer without `iss` is refused (RFC 9207) though the provider does not announce it.
    pub require_issuer_parameter_validation: bool,
    /// Where people are sent; wins over the discovered one, as the next three do.
    pub authorization_endpoint: Option<Url>,
    /// Where codes are redeemed.
    pub token_endpoint: Option<Url>,
    /// Where the profile is read.
    pub userinfo_endpoint: Option<Url>,
    /// Where the keys of `id_token`s are.
    pub jwks_uri: Option<Url>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What a link may ask for besides, by `?scopes=`.
    pub incremental_scopes: Vec<String>,
    /// How the answer comes back; `None`: as the provider likes, which is in the query.
    pub response_mode: Option<ResponseMode>,
    /// `prompt` of every request.
    pub prompt: Option<String>,
    /// Whether the provider says when somebody last proved to be there (`auth_time` of the `id_token`) and asks again when told
    /// to (`max_age`; OpenID Connect Core 1.0 section 3.1.2.1). Without `openid` among the scopes it counts for nothing.
    pub proves_presence: bool,
    /// `prompt` of a request that asks a person to prove to be there; `None` for a provider that knows none.
    pub confirm_prompt: Option<String>,
    /// `access_type` of every request.
    pub access_type: Option<String>,
    /// Where a sign-in under way is kept.
    pub state_strategy: StateStrategy,
    /// How the code is bound to us (RFC 7636).
    pub pkce: Pkce,
    /// Whether an `id_token` must carry our nonce.
    pub use_nonce: bool,
    /// How we authenticate where codes are redeemed.
    pub auth_method: AuthMethod,
    /// More parameters for where people are sent.
    pub authorization_params: BTreeMap<String, String>,
    /// More parameters for where codes are redeemed.
    pub token_params: BTreeMap<String, SecretString>,
    /// Headers for reading the description and the keys.
    pub discovery_headers: BTreeMap<String, SecretString>,
    /// Who may make an account by signing in.
    pub sign_up: SignUp,
    /// Whether nobody makes an account by signing in here.
    pub disable_sign_up: bool,
    /// Whether only links that say so (`request_sign_up`) make accounts.
    pub disable_implicit_sign_up: bool,
    /// Whether programs may not sign in with an `id_token` they got themselves.
    pub disable_id_token_sign_in: bool,
    /// Whether a sign-in overwrites name and picture.
    pub override_user_info_on_sign_in: bool,
    /// Whether a sign-in stores the new tokens.
    pub update_account_on_sign_in: bool,
    /// Whether a sign-in with a proven address joins the account of that address.
    pub allow_implicit_account_linking: bool,
    /// Whether an account of another address may be linked by hand.
    pub allow_different_link_emails: bool,
    /// Whether addresses of this provider count as proven though it does not say so.
    pub trusted_for_account_linking: bool,
    /// Whether the browser keeps which account there was used last.
    pub store_account_cookie: bool,
    /// Where errors go when the link did not say: a path of ours, or an address of our origin.
    pub default_error_redirect_url: Option<String>,
    /// The organization a person must belong to: `hd` of the `id_token`.
    pub hosted_domain: Option<String>,
    /// How long the provider may take for each answer.
    pub timeout: Duration,
}

/// How the answer comes back (OAuth 2.0 Multiple Response Type Encoding Practices).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the callback.
    Query,
    /// In a form that the provider makes the browser post.
    FormPost,
}

impl ResponseMode {
    /// The mode on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }
}

/// Where a sign-in under way is kept. Bound to the browser by a cookie in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateStrategy {
    /// In the database, sealed.
    Database,
    /// In the cookie alone, sealed.
    Cookie,
}

/// How a code is bound to whoever asked for it (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkce {
    /// By a hash.
    S256,
    /// By the verifier itself.
    Plain,
    /// Not at all.
    Off,
}

/// How we authenticate where codes are redeemed (OpenID Connect Core 1.0 section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// In the form.
    Post,
    /// HTTP Basic.
    Basic,
    /// Not at all: a public client.
    None,
}

/// Who may make an account by signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Whoever may make one at all (`[sign_up] open`).
    AsCore,
    /// Everybody this provider vouches for.
    Open,
}

impl ProviderSettings {
    /// A provider of which nothing but id and name is known.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            client_ids: Vec::new(),
            client_secret: None,
            discovery_url: None,
            issuer: None,
            require_issuer_parameter_validation: false,
            authorization_endpoint: None,
            token_endpoint: None,
            userinfo_endpoint: None,
            jwks_uri: None,
            scopes: Vec::new(),
            incremental_scopes: Vec::new(),
            response_mode: None,
            prompt: None,
            proves_presence: true,
            confirm_prompt: Some("login".to_owned()),
            access_type: None,
            state_strategy: StateStrategy::Database,
            pkce: Pkce::S256,
            use_nonce: true,
            auth_method: AuthMethod::Post,
            authorization_params: BTreeMap::new(),
            token_params: BTreeMap::new(),
            discovery_headers: BTreeMap::new(),
            sign_up: SignUp::AsCore,
            disable_sign_up: false,
            disable_implicit_sign_up: false,
            disable_id_token_sign_in: false,
            override_user_info_on_sign_in: false,
            update_account_on_sign_in: true,
            allow_implicit_account_linking: true,
            allow_different_link_emails: false,
            trusted_for_account_linking: false,
            store_account_cookie: false,
            default_error_redirect_url: None,
            hosted_domain: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// The identifier we use.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.client_ids.first().map_or("", String::as_str)
    }

    /// Whether the provider is set up at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.client_ids.is_empty()
    }

    /// Whether it speaks OpenID Connect to us, so that an `id_token` must come.
    #[must_use]
    pub fn is_openid(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "openid")
    }

    /// Whether a person can show here to be there just now.
    #[must_use]
    pub fn can_prove_presence(&self) -> bool {
        self.is_openid() && self.proves_presence
    }

    /// Notes a problem when a provider that is on does not ask for `openid` though who may come in is read from signed
    /// claims. `why`: what would not be checked.
    pub fn wants_openid(&self, section: &Section, why: &str) {
        if self.is_on() && !self.is_openid() {
            section.complain("scopes", why, "add \"openid\" to the scopes");
        }
    }

    /// How we authenticate: without a secret there is nothing to authenticate with.
    #[must_use]
    pub fn effective_auth_method(&self) -> AuthMethod {
        if self.client_secret.is_none() { AuthMethod::None } else { self.auth_method }
    }

    /// What a button says.
    #[must_use]
    pub fn button_label(&self) -> String {
        format!("Continue with {}", self.name)
    }
}
