//! Whether a provider is there, as `belgie doctor` asks.

use belgie_api::plugin::Checkup;
use belgie_api::{Failure, Host, Result};

use super::Provider;

impl Provider {
    /// Reads what the provider publishes about itself. Nobody is signed in, so whether it knows us, and our secret, is still
    /// open; what must be entered there for that is said.
    pub async fn examine(&self, host: &Host) -> Checkup {
        let (is_well, said) = match self.describe(host).await {
            Ok(said) => (true, format!("{said}; it must know this redirect URI: {}", self.callback(host))),
            Err(failure) => {
                let why = failure.private_source().unwrap_or_else(|| failure.message().to_owned());
                let remedy = "check its addresses in the settings, the network, and for a provider inside your own \
                    network [outbound] internal_hosts";
                (false, format!("{why}: {remedy}"))
            }
        };
        Checkup { what: self.settings.id.clone(), is_well, said }
    }

    async fn describe(&self, host: &Host) -> Result<String> {
        let line = self.line(host).await?;
        let secret = match self.strategy.client_secret(&line)? {
            Some(_) => "",
            None => "; no secret is set, as for a public client",
        };
        let metadata = &line.metadata;
        let keys = match &metadata.jwks_uri {
            Some(url) if self.settings.is_openid() => self.count_keys(host, url).await?,
            _ => {
                let there = metadata.authorization_endpoint.host_str().unwrap_or_default();
                return Ok(format!("it publishes nothing that could be read; people are sent to {there}{secret}"));
            }
        };
        if keys == 0 {
            return Err(Failure::internal("it publishes no key a signature could be checked with"));
        }
        let issuer = metadata.issuer.as_deref().unwrap_or_default();
        Ok(format!("{issuer} is there, with {keys} keys{secret}"))
    }
}
