//! `[mail]`: how letters to people leave the house.

use belgie_api::settings::Section;
use secrecy::SecretString;

/// Where mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTransport {
    /// Nowhere: nothing that needs mail is offered.
    None,
    /// To a mail server (RFC 5321).
    Smtp,
    /// To a page of this host, for development.
    Outbox,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS after a greeting in the clear, and never without it (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314 section 3.3).
    Tls,
    /// None, for a server on this machine.
    DangerPlain,
}

/// The mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who to sign in as; `None` for a server that asks for nobody.
    pub user: Option<String>,
    /// The password that goes with it.
    pub password: Option<SecretString>,
    /// How the connection is protected.
    pub security: SmtpSecurity,
}

/// The rules of mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Where it goes.
    pub transport: MailTransport,
    /// Whom it is from: `Belgie <belgie@example.com>` or the address alone.
    pub from: Option<String>,
    /// The server; there for [`MailTransport::Smtp`].
    pub smtp: Option<Smtp>,
}

impl Mail {
    /// Whether mail goes anywhere.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.transport != MailTransport::None
    }

    pub(super) fn read(section: &mut Section) -> Self {
        let transports =
            [("none", MailTransport::None), ("smtp", MailTransport::Smtp), ("outbox", MailTransport::Outbox)];
        let transport = section.one_of("transport", &transports, MailTransport::None);
        let from = section.opt_parsed("from", "an address such as Belgie <belgie@example.com>", |text| {
            text.parse::<lettre::message::Mailbox>().map(|_| text.to_owned()).map_err(|_| "not an address".to_owned())
        });
        let host = section.opt_string("smtp_host");
        let given_port = section.integer("smtp_port", 0..=65_535, 0_u16);
        let user = section.opt_string("smtp_user");
        let password = section.secret("smtp_password");
        let security = [
            ("starttls", SmtpSecurity::StartTls),
            ("tls", SmtpSecurity::Tls),
            ("danger_plain", SmtpSecurity::DangerPlain),
        ];
        let security = section.one_of("smtp_security", &security, SmtpSecurity::StartTls);
        if transport != MailTransport::Smtp {
            return Self { transport, from, smtp: None };
        }
        let from = section.require("from", from, "an address the mail server lets you send from");
        if user.is_some() != password.is_some() {
            section.complain("smtp_user", "user and password go together", "give both, or neither");
        }
        let Some(host) = section.require("smtp_host", host, "the name of the mail server") else {
            return Self { transport, from, smtp: None };
        };
        if security == SmtpSecurity::DangerPlain && !is_this_machine(&host) {
            section.complain(
                "smtp_security",
                "without TLS everybody on the way reads the links in the mails",
                "use starttls or tls; danger_plain is for a server on this machine",
            );
        }
        let usual = match security {
            SmtpSecurity::StartTls => 587,
            SmtpSecurity::Tls => 465,
            SmtpSecurity::DangerPlain => 25,
        };
        let port = if given_port == 0 { usual } else { given_port };
        Self { transport, from, smtp: Some(Smtp { host, port, user, password, security }) }
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
