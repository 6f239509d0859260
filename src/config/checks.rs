//! Rules between settings of different sections.

use belgie_api::settings::{Ledger, Origin};
use secrecy::ExposeSecret;
use url::Host;

use super::{Config, MailTransport, RequireVerified, strength};

const STRONG: &str = "make one with `openssl rand -base64 32` and give it as BELGIE_SECRET or in a secret_file";

/// Notes every rule that `config` breaks.
pub(super) fn run(config: &Config, ledger: &Ledger) {
    plain_http(config, ledger);
    listening(config, ledger);
    secret(config, ledger);
    cookie_domain(config, ledger);
    outbox(config, ledger);
    ways_in(config, ledger);
}

/// RFC 6749 section 3.1 and the MCP authorization rules want TLS everywhere but on the machine itself.
fn plain_http(config: &Config, ledger: &Ledger) {
    if !config.base_url_is_derived && !config.base_url.is_https() && !config.base_url.is_loopback() {
        ledger.complain(
            "base_url",
            "plain http is only for this machine: tokens and sessions would cross the network readable",
            "use an https:// address; put a proxy that speaks TLS in front of the gateway",
        );
    }
}

/// Whoever can be reached from outside needs a real address and a secret that is not an accident. No switch turns
/// this off.
fn listening(config: &Config, ledger: &Ledger) {
    if config.server.listen.ip().to_canonical().is_loopback() {
        return;
    }
    // An address that was given but could not be read has its own problem already.
    let is_unreadable = ledger.origin("base_url").is_none();
    let is_public = if config.base_url_is_derived { is_unreadable } else { config.base_url.is_https() };
    if !is_public {
        ledger.complain(
            "server.listen",
            "it is reachable from other machines, and base_url is not an https address",
            "set base_url (BELGIE_BASE_URL) to the https:// address people use, or listen on 127.0.0.1",
        );
    }
    if config.secret.is_none() && ledger.origin("secret") == Some(Origin::Default) {
        ledger.complain(
            "server.listen",
            "it is reachable from other machines, and no secret is given",
            format!("{STRONG}; or listen on 127.0.0.1"),
        );
    }
}

/// A secret that is given must be worth the name everywhere; on one machine it can be left out instead.
fn secret(config: &Config, ledger: &Ledger) {
    if let Some(secret) = &config.secret
        && let Some(weakness) = strength::weakness(secret.expose_secret())
    {
        ledger.complain("secret", weakness, format!("{STRONG}; on 127.0.0.1 it can be left out"));
    }
}

/// Browsers refuse a cookie for a domain that the page's host is not in (RFC 6265 section 5.3, step 6).
fn cookie_domain(config: &Config, ledger: &Ledger) {
    let Some(domain) = &config.cookie.domain else {
        return;
    };
    let inside = match config.base_url.host() {
        Host::Domain(host) => host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        Host::Ipv4(_) | Host::Ipv6(_) => false,
    };
    if !inside {
        ledger.complain(
            "cookie.domain",
            format!("the host of base_url, {}, is not in this domain", config.base_url.host()),
            "take it out: the cookie then belongs to that host alone",
        );
    }
}

/// The outbox shows every link of every mail to whoever opens it.
fn outbox(config: &Config, ledger: &Ledger) {
    if config.mail.transport == MailTransport::Outbox && !config.base_url.is_loopback() {
        ledger.complain(
            "mail.transport",
            "the outbox shows everybody's mail to everybody, so it is only for this machine",
            "use smtp; or take base_url out while you develop",
        );
    }
}

fn ways_in(config: &Config, ledger: &Ledger) {
    if config.sign_in.require_verified_email == RequireVerified::Always && !config.mail.is_available() {
        ledger.complain(
            "sign_in.require_verified_email",
            "without mail nobody can prove an address, so nobody could sign in",
            "set mail.transport, or set this to \"auto\"",
        );
    }
}
