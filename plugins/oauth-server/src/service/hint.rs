//! `id_token_hint`: an id token of ours, by which a client says whom it means (OpenID Connect Core 1.0 section 3.1.2.1,
//! RP-Initiated Logout 1.0 section 2).

use belgie_api::{Caller, ClientId, Result, UserId};
use serde::Deserialize;

use super::OAuth;
use crate::store;

/// The `typ` of id tokens.
pub(super) const ID_TOKEN: &str = "JWT";

/// Whom an id token was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The client it was made for.
    pub client: ClientId,
    /// What it called the person.
    pub sub: String,
    /// The person; `None` for somebody who is not known any more.
    pub user: Option<UserId>,
    /// What the client knew the session by.
    pub sid: Option<String>,
}

impl Hint {
    /// Whether this is the person.
    pub fn means(&self, caller: &Caller) -> bool {
        self.user == Some(caller.user().id)
    }
}

#[derive(Deserialize)]
struct HintClaims {
    iss: String,
    sub: String,
    aud: String,
    sid: Option<String>,
}

impl OAuth {
    /// Reads a hint: an id token that one of our keys has signed, over or not. `None` for any other text.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn read_hint(&self, text: &str) -> Result<Option<Hint>> {
        let Some(claims) = self.check_signature::<HintClaims>(text, ID_TOKEN).await? else { return Ok(None) };
        if claims.iss != self.host.urls().issuer() {
            return Ok(None);
        }
        let user = match claims.sub.parse() {
            Ok(user) => Some(user),
            Err(_) => store::subjects::find_user(&mut self.host.db().read().await?, &claims.sub).await?,
        };
        Ok(Some(Hint { client: ClientId::from_wire(claims.aud), sub: claims.sub, user, sid: claims.sid }))
    }
}
