//! Tokens at rest: sealed, each for its row and column.

use belgie_api::{Failure, Result};
use secrecy::{ExposeSecret, SecretString};

use super::Engine;
use crate::model::account::LinkedAccount;
use crate::model::tokens::TokenSet;

const ACCESS: &str = "oauth-client.access-token";
const REFRESH: &str = "oauth-client.refresh-token";
const ID: &str = "oauth-client.id-token";

impl Engine {
    fn seal(&self, purpose: &str, account: &LinkedAccount, secret: &SecretString) -> Result<String> {
        self.host.seal(purpose, account.id.uuid().as_bytes(), secret.expose_secret().as_bytes())
    }

    fn unseal(&self, purpose: &str, account: &LinkedAccount, sealed: Option<&str>) -> Result<Option<SecretString>> {
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = self.host.unseal(purpose, account.id.uuid().as_bytes(), sealed)?;
        let text = std::str::from_utf8(&opened).map_err(Failure::internal)?;
        Ok(Some(SecretString::from(text)))
    }

    /// The tokens of an account in the clear.
    pub(super) fn open_tokens(&self, account: &LinkedAccount) -> Result<TokenSet> {
        Ok(TokenSet {
            access_token: self.unseal(ACCESS, account, account.access_token.as_deref())?,
            refresh_token: self.unseal(REFRESH, account, account.refresh_token.as_deref())?,
            id_token: self.unseal(ID, account, account.id_token.as_deref())?,
            token_type: account.token_type.clone(),
            scope: account.scope.clone(),
            access_expires_at: account.access_expires_at,
            refresh_expires_at: account.refresh_expires_at,
        })
    }

    /// Puts new tokens into a row. What the provider leaves out stays as it was (RFC 6749 section 6).
    pub(super) fn put_tokens(&self, account: &mut LinkedAccount, tokens: &TokenSet) -> Result<()> {
        if let Some(token) = &tokens.access_token {
            account.access_token = Some(self.seal(ACCESS, account, token)?);
            // The end of the old token is not that of the new one.
            account.access_expires_at = tokens.access_expires_at;
        }
        if let Some(token) = &tokens.refresh_token {
            account.refresh_token = Some(self.seal(REFRESH, account, token)?);
            account.refresh_expires_at = tokens.refresh_expires_at;
        } else if tokens.refresh_expires_at.is_some() {
            account.refresh_expires_at = tokens.refresh_expires_at;
        }
        if let Some(token) = &tokens.id_token {
            account.id_token = Some(self.seal(ID, account, token)?);
        }
        account.token_type = tokens.token_type.clone().or_else(|| account.token_type.take());
        account.scope = tokens.scope.clone().or_else(|| account.scope.take());
        self.seal_again(account)
    }

    /// Whether a token was sealed with an earlier secret of the host.
    pub(super) fn is_stale(&self, account: &LinkedAccount) -> bool {
        let sealed = [&account.access_token, &account.refresh_token, &account.id_token];
        sealed.into_iter().flatten().any(|sealed| self.host.is_stale(sealed))
    }

    /// Seals what was sealed with an earlier secret.
    pub(super) fn seal_again(&self, account: &mut LinkedAccount) -> Result<()> {
        if !self.is_stale(account) {
            return Ok(());
        }
        let open = self.open_tokens(account)?;
        let seal = |purpose, secret: &Option<SecretString>| {
            secret.as_ref().map(|secret| self.seal(purpose, account, secret)).transpose()
        };
        let (access, refresh, id) =
            (seal(ACCESS, &open.access_token)?, seal(REFRESH, &open.refresh_token)?, seal(ID, &open.id_token)?);
        (account.access_token, account.refresh_token, account.id_token) = (access, refresh, id);
        Ok(())
    }
}
