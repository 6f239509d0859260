//! From a table of the configuration to the settings of a provider.

use std::time::Duration;

use belgie_api::settings::Section;
use belgie_api::web::is_local_path;
use url::{Host, Url};

use super::{AuthMethod, Pkce, ProviderSettings, ResponseMode, SignUp, StateStrategy};

impl ProviderSettings {
    /// Reads the table of a provider; what it does not say stays as it is in `self`. Problems are noted in the section.
    #[must_use]
    pub fn read(mut self, section: &mut Section) -> Self {
        self.client_ids = section.one_or_more("client_id");
        self.client_secret = section.secret("client_secret");
        self.name = section.string("name", &self.name);
        self.read_endpoints(section);
        self.read_request(section);
        self.read_accounts(section);
        self.check(section);
        self
    }

    fn read_endpoints(&mut self, section: &mut Section) {
        let mut url = |key: &str, usual: &Option<Url>| match usual {
            Some(usual) => Some(section.url(key, usual.clone())),
            None => section.opt_url(key),
        };
        self.discovery_url = url("discovery_url", &self.discovery_url);
        self.authorization_endpoint = url("authorization_endpoint", &self.authorization_endpoint);
        self.token_endpoint = url("token_endpoint", &self.token_endpoint);
        self.userinfo_endpoint = url("userinfo_endpoint", &self.userinfo_endpoint);
        self.jwks_uri = url("jwks_uri", &self.jwks_uri);
        let issuer = section.opt_string("issuer");
        self.issuer = issuer.or_else(|| self.issuer.take());
        self.require_issuer_parameter_validation =
            section.boolean("require_issuer_parameter_validation", self.require_issuer_parameter_validation);
        let timeout = section.seconds("timeout_seconds", 1..=60, self.timeout);
        self.timeout = timeout.max(Duration::from_secs(1));
        self.discovery_headers = section.secret_map("discovery_headers");
    }

    fn read_request(&mut self, section: &mut Section) {
        let scopes: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        self.scopes = section.list("scopes", &scopes);
        self.incremental_scopes = section.list("incremental_scopes", &[]);
        section.one_of("response_type", &[("code", ())], ());
        let modes =
            [("default", None), ("query", Some(ResponseMode::Query)), ("form_post", Some(ResponseMode::FormPost))];
        self.response_mode = section.one_of("response_mode", &modes, self.response_mode);
        let prompt = section.opt_string("prompt");
        self.prompt = prompt.or_else(|| self.prompt.take());
        self.proves_presence = section.boolean("proves_presence", self.proves_presence);
        let confirm_prompt = section.opt_string("confirm_prompt");
        self.confirm_prompt = confirm_prompt.or_else(|| self.confirm_prompt.take());
        let access_type = section.opt_string("access_type");
        self.access_type = access_type.or_else(|| self.access_type.take());
        let strategies = [
            ("database", StateStrategy::Database),
            ("adapter", StateStrategy::Database),
            ("cookie", StateStrategy::Cookie),
        ];
        self.state_strategy = section.one_of("state_strategy", &strategies, self.state_strategy);
        let methods = [
            ("client_secret_post", AuthMethod::Post),
            ("client_secret_basic", AuthMethod::Basic),
            ("none", AuthMethod::None),
        ];
        self.auth_method = section.one_of("token_endpoint_auth_method", &methods, self.auth_method);
        self.read_protection(section);
        self.authorization_params.extend(section.map("authorization_params"));
        self.token_params.extend(section.secret_map("token_params"));
    }

    /// What makes a flow weaker needs a second word.
    fn read_protection(&mut self, section: &mut Section) {
        let uses_pkce = section.boolean("use_pkce", self.pkce != Pkce::Off);
        let method = section.one_of(
            "code_challenge_method",
            &[("S256", Pkce::S256), ("s256", Pkce::S256), ("plain", Pkce::Plain)],
            Pkce::S256,
        );
        self.pkce = if uses_pkce { method } else { Pkce::Off };
        self.use_nonce = section.boolean("use_nonce", self.use_nonce);
        let may_be_weak = section.danger("weak_flow");
        let weak = [
            ("use_pkce", self.pkce == Pkce::Off),
            ("code_challenge_method", self.pkce == Pkce::Plain),
            ("use_nonce", !self.use_nonce),
        ];
        for (key, _) in weak.into_iter().filter(|(_, is_weak)| *is_weak && !may_be_weak) {
            section.complain(
                key,
                "this lets stolen codes or tokens be used by others",
                "take it out, or set danger_weak_flow = true if the provider can do no better",
            );
        }
    }

    fn read_accounts(&mut self, section: &mut Section) {
        self.sign_up = section.one_of("sign_up", &[("core", SignUp::AsCore), ("open", SignUp::Open)], self.sign_up);
        self.disable_sign_up = section.boolean("disable_sign_up", self.disable_sign_up);
        self.disable_implicit_sign_up = section.boolean("disable_implicit_sign_up", self.disable_implicit_sign_up);
        self.disable_id_token_sign_in = section.boolean("disable_id_token_sign_in", self.disable_id_token_sign_in);
        self.override_user_info_on_sign_in =
            section.boolean("override_user_info_on_sign_in", self.override_user_info_on_sign_in);
        self.update_account_on_sign_in = section.boolean("update_account_on_sign_in", self.update_account_on_sign_in);
        self.allow_implicit_account_linking =
            section.boolean("allow_implicit_account_linking", self.allow_implicit_account_linking);
        self.allow_different_link_emails =
            section.boolean("allow_different_link_emails", self.allow_different_link_emails);
        self.trusted_for_account_linking =
            section.boolean("trusted_for_account_linking", self.trusted_for_account_linking);
        self.store_account_cookie = section.boolean("store_account_cookie", self.store_account_cookie);
        self.default_error_redirect_url = section.opt_string("default_error_redirect_url");
        if !section.boolean("encrypt_tokens", true) {
            section.complain("encrypt_tokens", "tokens are always sealed at rest", "take it out");
        }
        if section.secret("token_encryption_secret").is_some() {
            let remedy =
                "take it out; to change the secret, set `secret` and keep the earlier one as `previous_secret`";
            section.complain("token_encryption_secret", "tokens are sealed with the secret of this host", remedy);
        }
    }

    fn check(&mut self, section: &Section) {
        let endpoints = [
            ("discovery_url", &self.discovery_url),
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("userinfo_endpoint", &self.userinfo_endpoint),
            ("jwks_uri", &self.jwks_uri),
        ];
        for (key, url) in endpoints {
            if url.as_ref().is_some_and(|url| !is_safe(url)) {
                section.complain(key, "secrets would travel in the clear", "use an https address");
            }
        }
        if let Some(target) = &self.default_error_redirect_url
            && !is_local_path(target)
            && !target.starts_with("https://")
            && !target.starts_with("http://")
        {
            section.complain(
                "default_error_redirect_url",
                "it leads nowhere",
                "use a path of this site, such as \"/welcome\"",
            );
        }
        if !self.is_on() {
            if self.client_secret.is_some() {
                let remedy = "set it to the id the provider gave you, or take the secret out";
                section.complain("client_id", "there is a secret and no id, so nobody can sign in this way", remedy);
            }
            return;
        }
        let has_both = self.authorization_endpoint.is_some() && self.token_endpoint.is_some();
        if self.discovery_url.is_none() && !has_both {
            section.complain(
                "discovery_url",
                "nothing says where the provider is",
                "set it, or both authorization_endpoint and token_endpoint",
            );
        }
        if self.discovery_url.is_none() && self.is_openid() && (self.issuer.is_none() || self.jwks_uri.is_none()) {
            section.complain(
                "issuer",
                "an id_token could not be checked",
                "set discovery_url, or both issuer and jwks_uri, or take `openid` out of the scopes",
            );
        }
        if self.discovery_url.is_none() && !self.is_openid() && self.userinfo_endpoint.is_none() {
            section.complain("userinfo_endpoint", "nothing would say who somebody is", "set it, or set discovery_url");
        }
    }
}

/// Whether an address is https, or on this machine.
pub fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}
