//! People and what is theirs: ways in, addresses, passwords, and what others try on them.

mod address;
mod code;
mod dangerous;
mod devices;
mod hijack;
mod leaving;
mod limits;
mod link;
mod mail_server;
mod meanwhile;
mod nobody;
mod outbox;
mod outdated;
mod password;
mod presence;
mod reset;
mod session;
mod sign_up;

use crate::support::Setup;

/// A gateway with mail on which anybody may make an account.
fn open_with_mail() -> Setup {
    Setup::default().with_mail().with_open_sign_up()
}
