//! Apple: OpenID Connect with a client secret that is signed anew, and answers that come as a form.

use std::time::Duration;

use belgie_api::settings::Section;
use belgie_api::{Failure, Host, Manifest, Mount, Plugin, Result};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use crate::handle::mount_provider;
use crate::model::settings::{ProviderSettings, ResponseMode};
use crate::provider::Line;
use crate::strategy::Strategy;

const ICON: &str = r#"<path d="M12 7c1.5-2 3-2.5 4.5-2.5C16.5 3 15 2 13.5 2 12.5 3 12 4.5 12 7Zm0 0c-1.5-1-3-1.3-4.5-.8C5 7 4 9.5 4 12c0 4 2.5 9 5 9 1 0 2-.7 3-.7s2 .7 3 .7c2 0 3.8-3 4.5-5.5-2-1-3-2.5-3-4.3 0-1.5.8-3 2.2-3.9C17.5 6 15.5 5.5 12 7Z"/>"#;

/// How long a client secret lasts: one request is all it is for.
const SECRET_LIFETIME: Duration = Duration::from_secs(300);

/// Sign in with Apple: `[plugins.apple]`.
#[derive(Debug)]
pub struct Apple {
    settings: ProviderSettings,
    signer: Option<Signer>,
}

#[derive(Clone, Debug)]
struct Signer {
    team_id: String,
    key_id: String,
    private_key: SecretString,
}

impl Default for Apple {
    fn default() -> Self {
        let mut settings = ProviderSettings::new("apple", "Apple");
        settings.discovery_url = Url::parse("https://appleid.apple.com/.well-known/openid-configuration").ok();
        settings.scopes = ["openid", "email", "name"].map(str::to_owned).to_vec();
        settings.response_mode = Some(ResponseMode::FormPost);
        Self { settings, signer: None }
    }
}

impl Plugin for Apple {
    fn manifest(&self) -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest { id: "apple", version, needs: vec!["oauth-client"], scopes: Vec::new() }
    }

    fn configure(&mut self, settings: &mut Section) {
        self.settings = Self::default().settings.read(settings);
        let (team_id, key_id) = (settings.opt_string("team_id"), settings.opt_string("key_id"));
        let private_key = settings.secret("private_key");
        self.signer = match (team_id, key_id, private_key) {
            (Some(team_id), Some(key_id), Some(private_key)) => Some(Signer { team_id, key_id, private_key }),
            _ => None,
        };
        if !self.settings.is_on() {
            return;
        }
        match &self.signer {
            None if self.settings.client_secret.is_none() => settings.complain(
                "private_key",
                "Apple wants a signed client secret, and there is nothing to sign it with",
                "set team_id, key_id and private_key_file (the .p8 file Apple gave you)",
            ),
            Some(signer) if signer.key().is_err() => settings.complain(
                "private_key",
                "it is no private key in PEM form",
                "use the .p8 file Apple gave you as it is",
            ),
            _ => {}
        }
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> Result<()> {
        mount_provider(mount, &self.settings, Ways(self.signer.clone()), ICON).map(drop)
    }
}

impl Signer {
    fn key(&self) -> Result<EncodingKey> {
        EncodingKey::from_ec_pem(self.private_key.expose_secret().as_bytes()).map_err(Failure::internal)
    }
}

struct Ways(Option<Signer>);

impl Strategy for Ways {
    fn client_secret(&self, line: &Line<'_>) -> Result<Option<SecretString>> {
        let settings = line.provider.settings();
        let Some(signer) = &self.0 else { return Ok(settings.client_secret.clone()) };
        let now = line.now();
        let claims = json!({
            "iss": signer.team_id,
            "iat": now.unix_seconds(),
            "exp": now.plus(SECRET_LIFETIME).unix_seconds(),
            // Not the address of the description, which an operator may change, but what Apple asks for.
            "aud": line.metadata.issuer,
            "sub": settings.client_id(),
        });
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(signer.key_id.clone());
        encode(&header, &claims, &signer.key()?).map(|jwt| Some(jwt.into())).map_err(Failure::internal)
    }
}
