//! What is said when something does not work: one sentence for the public, one source for the log.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// The result of anything that can fail towards the outside.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failed request: status, a stable code, a public sentence with a remedy, and a private source that never leaves the
/// process. As a response it is an empty shell: the room it happened in dresses it as page, JSON or OAuth error.
#[derive(Clone)]
pub struct Failure(Arc<Inner>);

struct Inner {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    source: Option<Source>,
}

impl Failure {
    fn build(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self(Arc::new(Inner { status, code, message, hint: None, retry_after: None, source: None }))
    }

    /// 400: the request is not what it should be. `message` says what is wrong.
    #[must_use]
    pub fn bad_request(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(StatusCode::BAD_REQUEST, code, message)
    }

    /// 401: who is calling is not known.
    #[must_use]
    pub fn unauthorized(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403: the caller is known and may not.
    #[must_use]
    pub fn forbidden(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(StatusCode::FORBIDDEN, code, message)
    }

    /// 404: there is no such thing, or none that this caller may know of.
    #[must_use]
    pub fn not_found(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(StatusCode::NOT_FOUND, code, message)
    }

    /// 409: it clashes with what is there already.
    #[must_use]
    pub fn conflict(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(StatusCode::CONFLICT, code, message)
    }

    /// 429: too many; come back after this time (`Retry-After`, RFC 9110 section 10.2.3).
    #[must_use]
    pub fn too_many(retry_after: Duration) -> Self {
        Self::build(StatusCode::TOO_MANY_REQUESTS, "limits.too_many_requests", "Too many attempts in a short time.")
            .hint("Wait a moment, then try again.")
            .edit(|inner| inner.retry_after = Some(retry_after))
    }

    /// 503: a part this host depends on does not answer.
    #[must_use]
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::build(StatusCode::SERVICE_UNAVAILABLE, "server.unavailable", "The service cannot answer right now.")
            .hint("Try again in a moment.")
            .source(source)
    }

    /// 500: our fault. The source is logged; the public learns nothing of it.
    #[must_use]
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::build(StatusCode::INTERNAL_SERVER_ERROR, "server.internal", "Something went wrong on our side.")
            .hint("Try again. If it stays, tell the operator the request id.")
            .source(source)
    }

    /// Any other client or server error status; anything else becomes 500.
    #[must_use]
    pub fn with_status(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let is_error = status.is_client_error() || status.is_server_error();
        Self::build(if is_error { status } else { StatusCode::INTERNAL_SERVER_ERROR }, code, message)
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// Adds what to do next, in one sentence.
    #[must_use]
    pub fn hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.edit(|inner| inner.hint = Some(hint.into()))
    }

    /// Adds the private cause.
    #[must_use]
    pub fn source(self, source: impl Into<Source>) -> Self {
        self.edit(|inner| inner.source = Some(source.into()))
    }

    /// The HTTP status, always 4xx or 5xx.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code, such as `session.expired`; in the OAuth room the RFC 6749 error code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The public sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, if something can be done.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// When to come back, for status 429.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The private cause with its own causes, for the log only.
    #[must_use]
    pub fn private_source(&self) -> Option<String> {
        let source = self.0.source.as_deref()?;
        let mut text = source.to_string();
        let mut next = source.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        Some(text)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("status", &self.status().as_u16())
            .field("code", &self.code())
            .field("message", &self.message())
            .field("source", &self.private_source())
            .finish()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Failure {}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::unavailable(error),
            sqlx::Error::Database(ref refused) if refused.code().is_some_and(|code| is_passing(&code)) => {
                Self::unavailable(error)
            }
            other => Self::internal(other),
        }
    }
}

/// Whether the database would accept the same thing a moment later: SQLite busy or locked, Postgres serialization
/// failure, deadlock, too many connections, shutting down or starting.
fn is_passing(code: &str) -> bool {
    matches!(code, "5" | "6" | "261" | "517" | "40001" | "40P01" | "53300" | "57P01" | "57P02" | "57P03")
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
