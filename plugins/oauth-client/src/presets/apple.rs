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

const ICON: &str = r#"<path d="M12.152 6.896c-.948 0-2.415-1.078-3.96-1.04-2.04.027-3.91 1.183-4.961 3.014-2.117 3.675-.546 9.103 1.519 12.09 1.013 1.454 2.208 3.09 3.792 3.039 1.52-.065 2.09-.987 3.935-.987 1.831 0 2.35.987 3.96.948 1.637-.026 2.676-1.48 3.676-2.948 1.156-1.688 1.636-3.325 1.662-3.415-.039-.013-3.182-1.221-3.22-4.857-.026-3.04 2.48-4.494 2.597-4.559-1.429-2.09-3.623-2.324-4.39-2.376-2-.156-3.675 1.09-4.61 1.09zM15.53 3.83c.843-1.012 1.4-2.427 1.245-3.83-1.207.052-2.662.805-3.532 1.818-.78.896-1.454 2.338-1.273 3.714 1.338.104 2.715-.688 3.559-1.701"/>"#;

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
