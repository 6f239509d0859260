#![doc = include_str!("../README.md")]

mod tenant;

use std::ops::Deref;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use belgie_api::axum::http::header;
use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result, async_trait};
use belgie_oauth_client::secrecy::SecretString;
use belgie_oauth_client::{
    Claims, Line, Profile, ProviderClient, ProviderSettings, ResponseMode, Strategy, TokenSet, mount_provider,
    user_info_missing,
};
use serde_json::Value;
use url::Url;

use crate::tenant::Tenant;

/// In the colours that its owner asks for.
const ICON: &str = concat!(
    r##"<path fill="#f25022" d="M2.5 2.5h9v9h-9z"/><path fill="#7fba00" d="M12.5 2.5h9v9h-9z"/>"##,
    r##"<path fill="#00a4ef" d="M2.5 12.5h9v9h-9z"/><path fill="#ffb900" d="M12.5 12.5h9v9h-9z"/>"##,
);
const AUTHORITY: &str = "https://login.microsoftonline.com";
const GRAPH: &str = "https://graph.microsoft.com/v1.0";

/// The largest picture that is kept, in bytes: it becomes a part of the account.
const MAX_PHOTO_BYTES: usize = 96 * 1024;

/// Sizes Microsoft Graph has, in pixels.
const PHOTO_SIZES: [(&str, u16); 9] = [
    ("48", 48),
    ("64", 64),
    ("96", 96),
    ("120", 120),
    ("240", 240),
    ("360", 360),
    ("432", 432),
    ("504", 504),
    ("648", 648),
];

/// Sign in with Microsoft: `[plugins.microsoft]`, on when `client_id` is set.
#[derive(Debug)]
pub struct Microsoft {
    settings: ProviderSettings,
    tenant: Tenant,
    photo: Option<Photo>,
}

#[derive(Clone, Debug)]
struct Photo {
    graph: Url,
    size: u16,
}

/// Microsoft, as applications are lent it.
#[derive(Clone)]
pub struct MicrosoftClient(ProviderClient);

impl Deref for MicrosoftClient {
    type Target = ProviderClient;

    fn deref(&self) -> &ProviderClient {
        &self.0
    }
}

impl Default for Microsoft {
    fn default() -> Self {
        let mut settings = ProviderSettings::new("microsoft", "Microsoft");
        settings.scopes = ["openid", "profile", "email", "offline_access", "User.Read"].map(str::to_owned).to_vec();
        settings.response_mode = Some(ResponseMode::Query);
        let tenant = Tenant::new(AUTHORITY, "common");
        settings.discovery_url = tenant.discovery_url();
        Self { settings, tenant, photo: None }
    }
}

impl Plugin for Microsoft {
    fn manifest(&self) -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest { id: "microsoft", version, needs: vec!["oauth-client"], scopes: Vec::new() }
    }

    fn configure(&mut self, section: &mut Section) {
        let tenant = section.string("tenant", "common");
        if !Tenant::is_name(&tenant) {
            section.complain(
                "tenant",
                "it is no tenant",
                "use common, organizations, consumers, the id of a tenant, or one of its domains",
            );
        }
        let authority = section.opt_url("authority");
        let authority =
            authority.map_or_else(|| AUTHORITY.to_owned(), |url| url.as_str().trim_end_matches('/').to_owned());
        self.tenant = Tenant::new(&authority, &tenant);
        let mut settings = Self::default().settings;
        settings.discovery_url = self.tenant.discovery_url();
        self.settings = settings.read(section);
        let why = "without `openid` nothing says which tenant somebody belongs to, so any tenant would do";
        self.settings.wants_openid(section, why);
        if self.settings.trusted_for_account_linking && self.tenant.takes_strangers() {
            section.complain(
                "trusted_for_account_linking",
                format!("with `tenant = \"{tenant}\"` whoever runs a tenant could write any address into it and take that account"),
                "name one tenant of your own as tenant: its id or one of its domains; or leave this out",
            );
        }
        let graph = section.opt_url("graph_url").or_else(|| Url::parse(GRAPH).ok());
        let is_off = section.boolean("disable_profile_photo", false);
        let size = section.one_of("profile_photo_size", &PHOTO_SIZES, 96);
        self.photo = graph.filter(|_| !is_off).map(|graph| Photo { graph, size });
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> Result<()> {
        let ways = Ways { tenant: self.tenant.clone(), photo: self.photo.clone() };
        if let Some(client) = mount_provider(mount, &self.settings, ways, ICON)? {
            mount.provide(Arc::new(MicrosoftClient(client)));
        }
        Ok(())
    }
}

struct Ways {
    tenant: Tenant,
    photo: Option<Photo>,
}

#[async_trait]
impl Strategy for Ways {
    fn accepts_issuer(&self, _settings: &ProviderSettings, issuer: &str) -> bool {
        self.tenant.accepts_document(issuer)
    }

    fn issuer_of(&self, _settings: &ProviderSettings, known: &str, claims: &Claims) -> Option<String> {
        self.tenant.issuer_of(known, claims)
    }

    /// Microsoft wants the scope said again.
    async fn refresh_tokens(
        &self,
        line: &Line<'_>,
        refresh_token: SecretString,
        _scope: Option<&str>,
    ) -> Result<TokenSet> {
        let scope = line.provider.settings().scopes.join(" ");
        let form = vec![
            ("grant_type".to_owned(), "refresh_token".into()),
            ("refresh_token".to_owned(), refresh_token),
            ("scope".to_owned(), scope.into()),
        ];
        line.ask_for_tokens(form).await
    }

    /// An address is proven only if the token says so in words: the claim `email` can be set by whoever runs a tenant.
    fn map_profile(&self, _settings: &ProviderSettings, claims: &Value) -> Result<Profile> {
        let mut profile = Profile::of_claims(claims).ok_or_else(|| user_info_missing("no subject"))?;
        if profile.email.is_none() {
            let name = claims.get("preferred_username").and_then(Value::as_str);
            profile.email = name.filter(|name| name.contains('@')).map(str::to_owned);
            profile.email_verified = false;
        }
        let is_owner_proven =
            claims.get("xms_edov").is_some_and(|claim| belgie_oauth_client::is_true(Some(claim)) || claim == 1);
        profile.email_verified |= is_owner_proven && claims.get("email").is_some();
        Ok(profile)
    }

    /// The picture, as a `data:` address. Whatever fails, there is none.
    async fn complete(&self, line: &Line<'_>, tokens: &TokenSet, profile: &mut Profile) {
        let (Some(photo), Some(token)) = (&self.photo, &tokens.access_token) else { return };
        let Photo { graph, size } = photo;
        let address = format!("{}/me/photos/{size}x{size}/$value", graph.as_str().trim_end_matches('/'));
        let Ok(url) = Url::parse(&address) else { return };
        let Ok(response) = line.get(&url, token).await else { return };
        let kind = response.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_picture = matches!(kind, "image/jpeg" | "image/png" | "image/gif" | "image/webp");
        if is_picture && response.body.len() <= MAX_PHOTO_BYTES {
            profile.image = Some(format!("data:{kind};base64,{}", STANDARD.encode(&response.body)));
        }
    }
}
