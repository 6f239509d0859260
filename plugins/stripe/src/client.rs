//! Stripe's interface, as much of it as is used here. Every request goes through the host's outbound client.

mod form;
mod objects;

use std::time::Duration;

use belgie_api::ports::{FetchError, FetchLimits, NamedBy, OutboundRequest, OutboundResponse};
use belgie_api::{Failure, Host, Result};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use crate::model::refusal;

pub use self::form::Form;
pub use self::objects::{
    BillingMeter, CheckoutSession, Customer, Item, List, PhaseDiscount, PortalSession, Price, Product, Schedule,
    Subscription, Tier,
};

/// The version of the interface that this code was written for.
pub const VERSION: &str = "2026-09-30.endive";
const LIMITS: FetchLimits = FetchLimits { max_bytes: 1024 * 1024, timeout: Duration::from_secs(20) };
/// Tries beyond the first.
const RETRIES: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Stripe.
pub struct Stripe {
    host: Host,
    base: Url,
    key: SecretString,
}

/// Why Stripe did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody answered.
    #[error("Stripe could not be reached")]
    Unreachable(#[from] FetchError),
    /// It said no.
    #[error("Stripe answered with status {status}, {kind} {code}: {message} (request {request})")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// `card_error`, `invalid_request_error` and the like.
        kind: String,
        /// A word for the error.
        code: String,
        /// The parameter it is about, if it is about one.
        parameter: Option<String>,
        /// A sentence for developers.
        message: String,
        /// Its id of the request.
        request: String,
    },
    /// The answer is not what it should be.
    #[error("Stripe's answer makes no sense: {0}")]
    Odd(String),
}

impl Refused {
    /// Whether there is no such object.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Answer { status: 404, .. })
    }

    /// Whether Stripe says that the object itself is not there, and not that there is no such address.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Answer { status: 404, code, .. } if code == "resource_missing")
    }

    /// Whether it says that there is no such object as this parameter names.
    #[must_use]
    pub fn lacks(&self, what: &str) -> bool {
        matches!(self, Self::Answer { status: 400 | 404, code, parameter: Some(parameter), .. }
            if code == "resource_missing" && parameter == what)
    }

    /// What of a buyer's own it does not take: all else that is sent is ours.
    fn theirs(&self) -> Option<&'static str> {
        let Self::Answer { status: 400, parameter: Some(parameter), .. } = self else { return None };
        match parameter.as_str() {
            "locale" => Some("locale"),
            name if name.starts_with("metadata") || name.starts_with("subscription_data[metadata]") => Some("metadata"),
            _ => None,
        }
    }

    /// Whether what was asked for cannot be done, however often it is asked.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Answer { status: 400 | 404, .. })
    }

    /// Whether Stripe may have done it all the same.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        match self {
            Self::Unreachable(error) => !matches!(error, FetchError::Forbidden(_) | FetchError::Unconnected(_)),
            Self::Answer { status, .. } => *status >= 500,
            Self::Odd(_) => true,
        }
    }

    /// Whether the card was declined (docs.stripe.com, "HTTP status code summary", 402).
    fn is_declined(&self) -> bool {
        matches!(self, Self::Answer { status: 402, kind, .. } if kind == "card_error")
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        if let Some(theirs) = refused.theirs() {
            return refusal::not_taken(theirs).source(refused);
        }
        if refused.is_declined() {
            return refusal::declined().source(refused);
        }
        match refused {
            Refused::Unreachable(_) | Refused::Answer { status: 409 | 429 | 500.., .. } => Self::unavailable(refused),
            Refused::Answer { .. } | Refused::Odd(_) => Self::internal(refused),
        }
    }
}

impl Stripe {
    /// Stripe at this address, with this secret key.
    #[must_use]
    pub fn new(host: Host, base: Url, key: SecretString) -> Self {
        Self { host, base, key }
    }

    /// Looks an object up.
    ///
    /// # Errors
    /// When there is none, or it cannot be found out.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &Form) -> Result<T, Refused> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.set_query(Some(&query.encode()));
        }
        self.send(Method::GET, url, Vec::new(), None).await
    }

    /// Makes or changes an object. `key`: with the same one the same thing is done once, for a day at least.
    ///
    /// # Errors
    /// When Stripe does not do it, or nobody knows whether it did.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, form: &Form, key: &str) -> Result<T, Refused> {
        self.send(Method::POST, self.url(path)?, form.encode().into_bytes(), Some(key)).await
    }

    /// Ends an object. Done twice it says that there is none.
    ///
    /// # Errors
    /// When Stripe does not do it, or nobody knows whether it did.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        self.send(Method::DELETE, self.url(path)?, Vec::new(), None).await
    }

    fn url(&self, path: &str) -> Result<Url, Refused> {
        self.base.join(path).map_err(|error| Refused::Odd(error.to_string()))
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Vec<u8>,
        key: Option<&str>,
    ) -> Result<T, Refused> {
        let headers = self.headers(key)?;
        let (mut pause, mut doubt) = (FIRST_PAUSE, None);
        for tries_left in (0..=RETRIES).rev() {
            let request = OutboundRequest {
                method: method.clone(),
                url: url.clone(),
                headers: headers.clone(),
                body: body.clone(),
                limits: LIMITS,
                named_by: NamedBy::Operator,
            };
            match self.host.outbound().send(request).await {
                Ok(answer) if !should_retry(&answer) => return read(&answer),
                Err(error @ FetchError::Forbidden(_)) => return Err(error.into()),
                outcome => {
                    match outcome.map_err(Refused::from).and_then(|answer| read(&answer)) {
                        Err(refused) => doubt = Some(last_word(doubt, refused)),
                        done => return done,
                    }
                    if tries_left == 0 {
                        break;
                    }
                }
            }
            tokio::time::sleep(self.jittered(pause)).await;
            pause *= 4;
        }
        Err(doubt.unwrap_or_else(|| Refused::Odd("no answer".to_owned())))
    }

    /// Half of a pause and up to half of it more, so that those who failed together do not come back together.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut byte = [0_u8; 1];
        self.host.entropy().fill(&mut byte);
        pause / 2 + pause * u32::from(byte[0]) / 512
    }

    fn headers(&self, key: Option<&str>) -> Result<HeaderMap, Refused> {
        let odd = |error: http::header::InvalidHeaderValue| Refused::Odd(error.to_string());
        let mut secret = HeaderValue::from_str(&format!("Bearer {}", self.key.expose_secret())).map_err(odd)?;
        secret.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(HeaderName::from_static("stripe-version"), HeaderValue::from_static(VERSION));
        if let Some(key) = key {
            headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_str(key).map_err(odd)?);
        }
        Ok(headers)
    }
}

/// What is to be said of several tries: what an earlier one may have done, a later one that did nothing does not undo.
fn last_word(earlier: Option<Refused>, later: Refused) -> Refused {
    match earlier {
        Some(earlier) if earlier.is_unsure() && !later.is_unsure() => earlier,
        _ => later,
    }
}

/// Stripe says itself what is worth another try; where it does not, what a moment may put right (docs.stripe.com, "Advanced
/// error handling").
fn should_retry(answer: &OutboundResponse) -> bool {
    match answer.headers.get("stripe-should-retry").map(HeaderValue::as_bytes) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => answer.status.is_server_error() || matches!(answer.status.as_u16(), 409 | 429),
    }
}

fn read<T: DeserializeOwned>(answer: &OutboundResponse) -> Result<T, Refused> {
    if answer.status.is_success() {
        return serde_json::from_slice(&answer.body).map_err(|error| Refused::Odd(error.to_string()));
    }
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| {
        body.get("error").and_then(|error| error.get(name)).and_then(|value| value.as_str()).unwrap_or("-").to_owned()
    };
    let request = answer.headers.get("request-id").and_then(|id| id.to_str().ok()).unwrap_or("-").to_owned();
    Err(Refused::Answer {
        status: answer.status.as_u16(),
        kind: text("type"),
        code: text("code"),
        parameter: Some(text("param")).filter(|name| name != "-"),
        message: text("message"),
        request,
    })
}

#[cfg(test)]
mod tests {
    use belgie_api::ports::FetchError;

    use super::{Refused, last_word};

    fn unconnected() -> Refused {
        FetchError::Unconnected("nobody listens".into()).into()
    }

    fn answered(status: u16) -> Refused {
        let text = || "-".to_owned();
        Refused::Answer { status, kind: text(), code: text(), parameter: None, message: text(), request: text() }
    }

    #[test]
    fn what_one_try_may_have_done_stays_in_doubt_whatever_becomes_of_the_next() {
        let outcome = |tries: Vec<Refused>| {
            let all = tries.into_iter().fold(None, |earlier, later| Some(last_word(earlier, later)));
            all.is_some_and(|refused| refused.is_unsure())
        };
        assert!(!outcome(vec![unconnected(), unconnected(), unconnected()]), "nobody has heard anything");
        assert!(outcome(vec![FetchError::Timeout.into(), unconnected(), unconnected()]));
        assert!(outcome(vec![answered(500), unconnected(), answered(429)]));
        assert!(outcome(vec![unconnected(), unconnected(), FetchError::Timeout.into()]));
        assert!(!outcome(vec![answered(429), unconnected(), answered(429)]), "it was refused");
    }
}
