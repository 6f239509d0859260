//! The way to the mail server. The one door out of the house beside `outbound`: mail is no HTTP, and its server is the
//! operator's choice, never a stranger's.

use std::time::Duration;

use belgie_api::{Failure, Result};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use super::{Waiting, message};

/// How long one step of the conversation may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// After a greeting in the clear, and never without it.
    AfterGreeting,
    /// From the first byte.
    FromTheStart,
    /// Not at all: a server on this machine.
    None,
}

/// The mail server.
pub struct SmtpSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who to sign in as, and the password.
    pub credentials: Option<(String, SecretString)>,
    /// How the connection is protected.
    pub tls: Tls,
    /// Whom mail is from.
    pub from: String,
}

/// Hands mails to the mail server.
#[derive(Clone)]
pub struct Sender {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Sender {
    /// Prepares connections; none is opened yet.
    ///
    /// # Errors
    /// When the sender's address or the server's name cannot be used.
    pub fn new(settings: &SmtpSettings) -> Result<Self> {
        type Smtp = AsyncSmtpTransport<Tokio1Executor>;
        let builder = match settings.tls {
            Tls::AfterGreeting => Smtp::starttls_relay(&settings.host).map_err(Failure::internal)?,
            Tls::FromTheStart => Smtp::relay(&settings.host).map_err(Failure::internal)?,
            Tls::None => Smtp::builder_dangerous(&settings.host),
        };
        let mut builder = builder.port(settings.port).timeout(Some(PATIENCE));
        if let Some((user, password)) = &settings.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        let from = settings.from.parse().map_err(Failure::internal)?;
        Ok(Self { smtp: builder.build(), from })
    }

    /// Whether the server answers and lets us in. Nothing is sent.
    ///
    /// # Errors
    /// What it said instead.
    pub async fn test(&self) -> Result<()> {
        match self.smtp.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::internal("the mail server does not answer as one")),
            Err(error) => Err(Failure::internal(error)),
        }
    }

    /// Hands one mail on.
    ///
    /// # Errors
    /// What the log may know: the status of the server's reply (RFC 5321 section 4.2), or that there was none. The reply
    /// itself may repeat the address.
    pub(super) async fn send(&self, waiting: &Waiting) -> Result<(), String> {
        let message = message::compose(&self.from, waiting).map_err(|_| "not an address mail can go to".to_owned())?;
        match self.smtp.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.status() {
                Some(status) => format!("the server replied {status}"),
                None if error.is_timeout() => "no reply in time".to_owned(),
                None => "the server could not be reached".to_owned(),
            }),
        }
    }
}
