//! Signing out on the word of a client (OpenID Connect RP-Initiated Logout 1.0).

use belgie_api::{Caller, ClientId, Failure, Result};

use super::OAuth;
use super::hint::Hint;
use crate::model::client::{OPERATOR, RegisteredClient};
use crate::model::logout::with_state;
use crate::model::params::Params;
use crate::model::redirect::RedirectUri;
use crate::model::refusal;
use crate::store;

/// Where people sign out on the word of a client (`end_session_endpoint`).
pub const LOGOUT: &str = "/logout";

/// The parameters that are read (section 2).
pub const LOGOUT_PARAMS: [&str; 5] = ["id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state"];

/// Whom a request to sign out means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Nobody else than who is here.
    Nobody,
    /// Who is here, by their address. Whether it is theirs a client is not told by what happens, so they are asked.
    ByAddress,
    /// Somebody else, or another session.
    Another,
}

/// A checked request to sign out.
#[derive(Debug)]
pub struct LogoutRequest {
    /// The client, if the request says which.
    pub client: Option<RegisteredClient>,
    /// Where the person goes afterwards, with the client's reminder.
    pub back: Option<String>,
    hint: Option<Hint>,
    /// Whom it means (`logout_hint`): the address of an account, or what the client knows a person or a session by.
    named: Option<String>,
}

impl LogoutRequest {
    /// Whether any browser may be sent back: the operator knows the client. Anybody can bring any other one, and would have
    /// a link here that leads to an address of their choice (RFC 9700 section 4.11.2).
    pub fn is_operators(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.origin == OPERATOR)
    }
}

impl OAuth {
    /// Reads a request to sign out.
    ///
    /// # Errors
    /// `invalid_request` for a hint that is no id token of ours, a client that is not the one of the hint, and an address that
    /// the client did not register. They are for a page: nobody is sent to an address that is not certain.
    pub async fn read_logout(&self, query: &[u8]) -> Result<LogoutRequest> {
        let params = Params::read(query).filter(|params| !params.has_repetition());
        let params = params.ok_or_else(|| faulty("The request cannot be read."))?;
        let hint = match params.get("id_token_hint") {
            None => None,
            Some(text) => {
                let hint = self.read_hint(text).await?;
                Some(hint.ok_or_else(|| faulty("The application did not prove whom it means."))?)
            }
        };
        let named = params.get("client_id").map(ClientId::from_wire);
        if let (Some(hint), Some(named)) = (&hint, &named)
            && hint.client != *named
        {
            return Err(faulty("The request names two applications."));
        }
        let client = match hint.as_ref().map(|hint| hint.client.clone()).or(named) {
            Some(id) => self.find_registered(&id).await?,
            None => None,
        };
        let back = match params.get("post_logout_redirect_uri") {
            None => None,
            Some(asked) => {
                let own = client.iter().flat_map(|client| &client.post_logout_redirect_uris);
                let known = own.map(RedirectUri::as_str).find(|own| *own == asked);
                let known = known.ok_or_else(|| faulty("The address to go to afterwards is not the application's."))?;
                Some(with_state(known, params.get("state")))
            }
        };
        let named = params.get("logout_hint").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(LogoutRequest { client, back, hint, named })
    }

    /// Whom a client means. What `logout_hint` says is left to us (section 2): the address of an account, the `sub` the client knows
    /// the person by, or the `sid` of this session. Beside an id token only what stands in it counts: a client learns from what
    /// happens next nothing of names that others know the person by.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn meant_by(&self, request: &LogoutRequest, caller: &Caller) -> Result<Meant> {
        if request.hint.as_ref().is_some_and(|hint| !hint.means(caller)) {
            return Ok(Meant::Another);
        }
        let (Some(named), user) = (request.named.as_deref(), caller.user()) else { return Ok(Meant::Nobody) };
        if user.email.eq_ignore_ascii_case(named) {
            return Ok(Meant::ByAddress);
        }
        let is_this = match &request.hint {
            Some(hint) => hint.sub == named || hint.sid.as_deref() == Some(named),
            // Nobody is signed out unasked by this, so it is for the person's eyes alone.
            None => user.id.to_string() == named || self.is_known_as(request, caller, named).await?,
        };
        Ok(if is_this { Meant::Nobody } else { Meant::Another })
    }

    async fn is_known_as(&self, request: &LogoutRequest, caller: &Caller, named: &str) -> Result<bool> {
        let mut conn = self.host.db().read().await?;
        if store::subjects::find_user(&mut conn, named).await? == Some(caller.user().id) {
            return Ok(true);
        }
        let (Some(session), Some(client)) = (caller.session(), &request.client) else { return Ok(false) };
        Ok(store::logins::find_sid(&mut conn, session, &client.id).await?.as_deref() == Some(named))
    }

    /// Whether a client has shown that it means this very session: by an id token that it was given in it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn proves_session(&self, request: &LogoutRequest, caller: &Caller) -> Result<bool> {
        let Some(hint) = request.hint.as_ref().filter(|hint| hint.means(caller)) else { return Ok(false) };
        let (Some(session), Some(sid)) = (caller.session(), &hint.sid) else { return Ok(false) };
        let known = store::logins::find_sid(&mut self.host.db().read().await?, session, &hint.client).await?;
        Ok(known.as_ref() == Some(sid))
    }
}

fn faulty(message: &'static str) -> Failure {
    refusal::invalid_request(message).hint("You are still signed in. You can sign out on your account page.")
}
