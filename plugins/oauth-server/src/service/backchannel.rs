//! Telling clients that a browser session has ended (OpenID Connect Back-Channel Logout 1.0): whichever way it ended, at least once,
//! a bounded number of times.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use belgie_api::crypto::base64url;
use belgie_api::db::Tx;
use belgie_api::hooks::Observer;
use belgie_api::ports::{FetchLimits, NamedBy, OutboundRequest};
use belgie_api::{ClientId, Event, Result, SessionId, Timestamp, UserId, async_trait};
use url::{Url, form_urlencoded};

use super::OAuth;
use crate::model::client::Client;
use crate::model::logout::{LOGOUT_TOKEN, LOGOUT_TOKEN_TTL, LogoutClaims, events, pause_after};
use crate::store;
use crate::store::interactions::Answerer;
use crate::store::logins::NewLogin;
use crate::store::logouts::Logout;

/// How often it is looked for clients that are to be told again.
pub const TELL_EVERY: Duration = Duration::from_secs(10);

/// How often sessions are looked for that ended by themselves.
pub const LOOK_EVERY: Duration = Duration::from_secs(300);

/// Sessions that are looked at in one round; each is looked at once in this time.
const LOOKED_AT: i64 = 1000;
const LOOKED_AT_ONCE_IN: Duration = Duration::from_hours(1);

/// How many clients are told before it is looked again, and how long this node has them to itself: longer than all of them
/// take together.
const AT_ONCE: i64 = 8;
const HOLD: Duration = Duration::from_secs(120);
const LIMITS: FetchLimits = FetchLimits { max_bytes: 8 * 1024, timeout: Duration::from_secs(10) };

/// What has ended.
#[derive(Clone, Copy, Debug)]
enum Ended {
    Session(SessionId),
    All(UserId),
}

/// Who is to be told.
enum Listener {
    /// This client, there.
    There(Box<Client>, String),
    /// Nobody knows just now.
    Unknown,
    /// Nobody.
    Gone,
}

/// Hears that sessions end.
pub struct Logouts(pub Arc<OAuth>);

#[async_trait]
impl Observer for Logouts {
    fn name(&self) -> &'static str {
        "oauth-server.logouts"
    }

    async fn observe(&self, event: &Event) -> Result<()> {
        let ended = match event {
            Event::SessionRevoked { session } => Ended::Session(*session),
            Event::UserDeleted { user } | Event::UserBanned { user } => Ended::All(*user),
            _ => return Ok(()),
        };
        if self.0.note_logouts(ended).await? {
            let oauth = Arc::clone(&self.0);
            self.0.host.on_the_side("oauth-server.logouts", async move { oauth.tell_logouts().await });
        }
        Ok(())
    }
}

impl OAuth {
    /// Writes down who is to be told, once for each session and client; whether anybody is.
    async fn note_logouts(&self, ended: Ended) -> Result<bool> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let logins = match ended {
            Ended::Session(session) => store::logins::take_of_session(&mut tx, session).await?,
            Ended::All(user) => store::logins::take_of_user(&mut tx, user).await?,
        };
        for login in &logins {
            store::logouts::insert(&mut tx, &self.random_id(), login, now).await?;
        }
        tx.commit(now).await?;
        Ok(!logins.is_empty())
    }

    /// Notes that a client is told in this session who the person is; what it knows the session by.
    pub(super) async fn enter_login(
        &self,
        tx: &mut Tx,
        answerer: Answerer,
        (client, subject): (&ClientId, Option<&str>),
        now: Timestamp,
    ) -> Result<String> {
        let subject = subject.map_or_else(|| answerer.user.to_string(), str::to_owned);
        let sid = self.random_id();
        let (session, user) = (answerer.session, answerer.user);
        let login = NewLogin { session, client, user, sid, subject: &subject };
        store::logins::enter(tx, login, now).await
    }

    /// An id nobody can guess.
    fn random_id(&self) -> String {
        let mut random = [0_u8; 16];
        self.host.entropy().fill(&mut random);
        base64url(&random)
    }

    /// Tells every client whose turn it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tell_logouts(&self) -> Result<()> {
        loop {
            let now = self.host.now();
            // On SQLite whoever writes keeps others from it, so it is looked first.
            if !store::logouts::has_due(&mut self.host.db().read().await?, now).await? {
                return Ok(());
            }
            let mut tx = self.host.db().begin().await?;
            let due = store::logouts::claim(&mut tx, now, now.plus(HOLD), AT_ONCE).await?;
            tx.commit(now).await?;
            for logout in &due {
                self.tell(logout).await?;
            }
        }
    }

    /// Tells one client, and notes what became of it.
    async fn tell(&self, logout: &Logout) -> Result<()> {
        let is_told = match self.find_listener(&logout.client_id).await? {
            Listener::There(client, uri) => self.send_logout(logout, &client, &uri).await?,
            Listener::Unknown => false,
            // It has taken its wish back meanwhile, or never had it.
            Listener::Gone => true,
        };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        match pause_after(logout.attempts).filter(|_| !is_told) {
            Some(pause) => store::logouts::again(&mut tx, &logout.id, now.plus(pause)).await?,
            None => store::logouts::delete(&mut tx, &logout.id).await?,
        }
        tx.commit(now).await?;
        if !is_told && pause_after(logout.attempts).is_none() {
            tracing::warn!(client.id = %logout.client_id, "a client could not be told that a session has ended");
        }
        Ok(())
    }

    /// Where a client wants to be told, as it is now. One that is known by its metadata document says so there.
    async fn find_listener(&self, id: &ClientId) -> Result<Listener> {
        let client = if id.is_metadata_url() {
            match self.fetch_client(id.as_str()).await {
                Ok(client) => client,
                Err(failure) => {
                    tracing::info!(client.id = %id, error = ?failure, "the document of a client could not be had");
                    return Ok(Listener::Unknown);
                }
            }
        } else {
            match self.find_registered(id).await? {
                Some(client) => client.into_client(),
                None => return Ok(Listener::Gone),
            }
        };
        let uri = client.backchannel_logout_uri.clone();
        Ok(uri.map_or(Listener::Gone, |uri| Listener::There(Box::new(client), uri)))
    }

    /// Whether the client took the message (Back-Channel Logout sections 2.5 and 2.8).
    async fn send_logout(&self, logout: &Logout, client: &Client, uri: &str) -> Result<bool> {
        let Ok(url) = Url::parse(uri) else { return Ok(false) };
        let token = self.make_logout_token(logout, client).await?;
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let named_by = if client.is_operators { NamedBy::Operator } else { NamedBy::Stranger };
        let request =
            OutboundRequest { method: Method::POST, url, headers, body: body.into_bytes(), limits: LIMITS, named_by };
        let sent = self.host.outbound().send(request).await;
        let status = sent.as_ref().map(|answer| answer.status).ok();
        if status.is_none_or(|status| !status.is_success()) {
            let status = status.as_ref().map(StatusCode::as_u16);
            tracing::info!(client.id = %client.face.id, status, attempts = logout.attempts, error = ?sent.err(), "a client was not told of a logout");
            return Ok(false);
        }
        Ok(true)
    }

    async fn make_logout_token(&self, logout: &Logout, client: &Client) -> Result<String> {
        let keys = self.keys_for(&self.settings.algorithms()).await?;
        let now = self.host.now();
        let ends = now.plus(LOGOUT_TOKEN_TTL);
        let claims = LogoutClaims {
            iss: self.host.urls().issuer(),
            sub: &logout.subject,
            aud: client.face.id.as_str(),
            iat: now.unix_seconds(),
            exp: ends.unix_seconds(),
            jti: &logout.id,
            sid: &logout.sid,
            events: events(),
        };
        let mut tx = self.host.db().begin().await?;
        let token = self.sign(&mut tx, (&keys, client.id_token_algorithm), LOGOUT_TOKEN, &claims, ends).await?;
        tx.commit(now).await?;
        Ok(token)
    }

    /// Looks for sessions that have ended by themselves, of which there is no news.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_lapsed_logins(&self) -> Result<()> {
        let now = self.host.now();
        let since = now.minus(LOOKED_AT_ONCE_IN);
        let unchecked = store::logins::list_unchecked(&mut self.host.db().read().await?, since, LOOKED_AT).await?;
        for (session, user) in unchecked {
            if self.host.sessions().is_live(session, user).await? {
                let mut tx = self.host.db().begin().await?;
                store::logins::note_check(&mut tx, session, now).await?;
                tx.commit(now).await?;
            } else {
                self.note_logouts(Ended::Session(session)).await?;
            }
        }
        Ok(())
    }
}
