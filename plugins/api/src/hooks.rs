//! What others may say about what happens to people and to what they are in: vetoes before it is true, observers afterwards.

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};

use crate::context::UserContext;
use crate::db::{Conn, Tx};
use crate::event::Event;
use crate::failure::Result;
use crate::id::{OrgId, TeamId, UserId};
use crate::ports::{NewUser, UserChanges};
use crate::web::Visitor;
use serde_json::Value;

/// Something that is about to happen to a person.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// An account is about to be made. It is not there yet.
    SignUp {
        /// What it will be.
        user: &'a NewUser,
        /// How the person came: `password`, `link`, `code`, `setup`, `operator`, or the id of a provider.
        method: &'a str,
    },
    /// A browser session is about to begin.
    SignIn {
        /// Whose.
        user: &'a UserContext,
        /// How the person proved it.
        method: &'a str,
    },
    /// An account is about to change.
    Update {
        /// What it was.
        user: &'a UserContext,
        /// What will be different.
        changes: &'a UserChanges,
    },
    /// An account is about to go.
    Delete {
        /// Which.
        user: &'a UserContext,
    },
    /// An organization is about to go, with everything in it.
    DeleteOrganization {
        /// Which.
        organization: OrgId,
    },
    /// A team is about to go.
    DeleteTeam {
        /// Of which organization.
        organization: OrgId,
        /// Which.
        team: TeamId,
    },
    /// Somebody has proved to own the address of an account, and a stranger may have been in it: nobody had proven the
    /// address before, a change of address is taken back, or the owner says so while choosing another password. What lets
    /// anybody in, linked accounts, grants and tokens, must end.
    Reclaim {
        /// The account.
        user: &'a UserContext,
    },
    /// Somebody has proved the address of a new account in the browser in which it was asked for
    /// ([`Newcomers::ask_to_sign_up`](crate::ports::Newcomers::ask_to_sign_up)), and the account has just been made in this
    /// transaction. Whoever brought the person here hangs on it what it brought.
    Bring {
        /// The new account.
        user: &'a UserContext,
        /// How the person came: the id of a provider.
        method: &'a str,
        /// What was brought.
        brought: &'a Value,
    },
    /// An account elsewhere is about to become a way into an account here.
    Link {
        /// The account here.
        user: &'a UserContext,
        /// The provider's id.
        provider: &'a str,
    },
    /// An account elsewhere is about to stop being a way in.
    Unlink {
        /// The account here.
        user: &'a UserContext,
        /// The provider's id.
        provider: &'a str,
    },
}

/// May refuse an act. It runs in the act's own transaction, before the commit: what it writes happens with the act or
/// not at all.
#[async_trait]
pub trait Veto: Send + Sync {
    /// What the log calls it: `<plugin id>.<what it guards>`.
    fn name(&self) -> &'static str;

    /// Looks at an act.
    ///
    /// # Errors
    /// The refusal, which the person sees; or that it cannot be found out. Either way the act does not happen.
    async fn check(&self, tx: &mut Tx, act: Act<'_>) -> Result<()>;
}

/// Hears of everything that has happened, after the commit, in order, at least once on some node of those that share
/// the database. It must bear hearing the same event twice.
#[async_trait]
pub trait Observer: Send + Sync {
    /// Its name in the database, where it is noted how far it has come: `<plugin id>.<what it does>`.
    fn name(&self) -> &'static str;

    /// Takes note of an event.
    ///
    /// # Errors
    /// When it could not; the event comes again, and the later ones wait for it.
    async fn observe(&self, event: &Event) -> Result<()>;
}

/// Knows of ways into accounts beyond those of the core, so that nobody can throw away the last one, and people are asked
/// to confirm that they are there only by what opens their account.
#[async_trait]
pub trait WaysIn: Send + Sync {
    /// The ways into this account there are here, each by the id of its
    /// [`SignInButton`](crate::plugin::SignInButton). One may come twice. It reads with the connection of whoever asks, and
    /// takes none of its own: many who ask at once would wait for each other's.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list(&self, conn: &mut Conn, user: UserId) -> Result<Vec<String>>;

    /// What passing through a way once more shows of whoever does; `None` when there is no such way here, or it shows nothing.
    fn shows(&self, _way: &str) -> Option<Shows> {
        None
    }

    /// Begins to ask the signed-in person to pass through a way once more. Only the page that asks calls this, for a form with
    /// the forgery token: whoever comes back by this passage, in the same session, makes it fresh
    /// ([`Sessions::confirm`](crate::ports::Sessions::confirm)), and nobody by any other. `return_to`: a path of ours. `None`
    /// when there is no such way here.
    ///
    /// # Errors
    /// When nobody is signed in, or it cannot be begun.
    async fn begin_to_confirm(
        &self,
        way: &str,
        (visitor, headers): (&Visitor, &HeaderMap),
        return_to: &str,
    ) -> Result<Option<Departure>> {
        let _not_here = (way, visitor, headers, return_to);
        Ok(None)
    }
}

/// What passing through a way shows of whoever does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// That the person proved just now to be there: by a signed word, such as `auth_time` (OpenID Connect Core 1.0 section 2).
    Presence,
    /// That the browser is signed in elsewhere, no more: perhaps since yesterday.
    Browser,
}

/// Where a browser is sent, and what it is given to keep.
pub struct Departure {
    /// An address.
    pub location: String,
    /// Values of `Set-Cookie` headers.
    pub cookies: Vec<HeaderValue>,
}
