//! Vetoes and observers as closures, the way applications write them.
//!
//! `on_...` runs after the commit, in order, at least once, and comes again when it fails; the act is never held up by it.
//! `before_...` runs inside the transaction of the act and may refuse it. A closure that is not async returns
//! `std::future::ready(..)`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::{Act, Observer, Veto};
use belgie_api::ports::{Accounts, NewUser, UserChanges};
use belgie_api::{Event, Result, SessionId, UserId};

use super::Builder;
use crate::identity::Identity;

type Answer = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Somebody has signed in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Who.
    pub user: UserContext,
    /// The session that began.
    pub session: SessionId,
    /// How: `password`, `link`, `code`, or the id of a provider.
    pub method: String,
}

/// A closure and what it wants to hear of. It becomes an observer once there are accounts to look people up in.
pub(super) struct Hook {
    name: &'static str,
    run: Run,
}

enum Run {
    SignUp(Box<dyn Fn(UserContext) -> Answer + Send + Sync>),
    SignIn(Box<dyn Fn(SignIn) -> Answer + Send + Sync>),
    Update(Box<dyn Fn(UserContext) -> Answer + Send + Sync>),
    Delete(Box<dyn Fn(UserId) -> Answer + Send + Sync>),
}

impl Hook {
    pub(super) fn observer(self, identity: Identity) -> Arc<dyn Observer> {
        Arc::new(Hooked { hook: self, identity })
    }
}

struct Hooked {
    hook: Hook,
    identity: Identity,
}

#[async_trait]
impl Observer for Hooked {
    fn name(&self) -> &'static str {
        self.hook.name
    }

    /// Whoever is gone or banned by now is not told of.
    async fn observe(&self, event: &Event) -> Result<()> {
        match (&self.hook.run, event) {
            (Run::SignUp(run), Event::UserCreated { user }) | (Run::Update(run), Event::UserChanged { user }) => {
                match self.identity.find(*user).await? {
                    Some(user) => run(user).await,
                    None => Ok(()),
                }
            }
            (Run::SignIn(run), Event::UserSignedIn { user, session, method }) => {
                match self.identity.find(*user).await? {
                    Some(user) => run(SignIn { user, session: *session, method: method.clone() }).await,
                    None => Ok(()),
                }
            }
            (Run::Delete(run), Event::UserDeleted { user }) => run(*user).await,
            _ => Ok(()),
        }
    }
}

/// A closure that may refuse.
struct Before {
    name: &'static str,
    ask: Ask,
}

enum Ask {
    SignUp(Box<dyn Fn(NewUser, String) -> Answer + Send + Sync>),
    SignIn(Box<dyn Fn(UserContext, String) -> Answer + Send + Sync>),
    Update(Box<dyn Fn(UserContext, UserChanges) -> Answer + Send + Sync>),
    Delete(Box<dyn Fn(UserContext) -> Answer + Send + Sync>),
}

#[async_trait]
impl Veto for Before {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn check(&self, _tx: &mut Tx, act: Act<'_>) -> Result<()> {
        match (&self.ask, act) {
            (Ask::SignUp(ask), Act::SignUp { user, method }) => ask(user.clone(), method.to_owned()).await,
            (Ask::SignIn(ask), Act::SignIn { user, method }) => ask(user.clone(), method.to_owned()).await,
            (Ask::Update(ask), Act::Update { user, changes }) => ask(user.clone(), changes.clone()).await,
            (Ask::Delete(ask), Act::Delete { user }) => ask(user.clone()).await,
            _ => Ok(()),
        }
    }
}

impl Builder {
    fn hook(mut self, name: &'static str, run: Run) -> Self {
        self.hooks.push(Hook { name, run });
        self
    }

    /// Runs after somebody got an account, however. `name`: unique, such as `shop.welcome`; under it the database notes how
    /// far the hook has come.
    #[must_use]
    pub fn on_sign_up<F, A>(self, name: &'static str, run: F) -> Self
    where
        F: Fn(UserContext) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.hook(name, Run::SignUp(Box::new(move |user| Box::pin(run(user)))))
    }

    /// Runs after somebody signed in. `name` as in [`on_sign_up`](Self::on_sign_up).
    #[must_use]
    pub fn on_sign_in<F, A>(self, name: &'static str, run: F) -> Self
    where
        F: Fn(SignIn) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.hook(name, Run::SignIn(Box::new(move |sign_in| Box::pin(run(sign_in)))))
    }

    /// Runs after an account changed, with the account as it is now. `name` as in [`on_sign_up`](Self::on_sign_up).
    #[must_use]
    pub fn on_user_updated<F, A>(self, name: &'static str, run: F) -> Self
    where
        F: Fn(UserContext) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.hook(name, Run::Update(Box::new(move |user| Box::pin(run(user)))))
    }

    /// Runs after an account was deleted. `name` as in [`on_sign_up`](Self::on_sign_up).
    #[must_use]
    pub fn on_user_deleted<F, A>(self, name: &'static str, run: F) -> Self
    where
        F: Fn(UserId) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.hook(name, Run::Delete(Box::new(move |user| Box::pin(run(user)))))
    }

    /// May refuse a new account; the failure is what the person sees. The second argument says how the person came:
    /// `password`, `link`, `code`, `setup`, `operator`, or the id of a provider.
    #[must_use]
    pub fn before_sign_up<F, A>(self, name: &'static str, ask: F) -> Self
    where
        F: Fn(NewUser, String) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.veto(Before { name, ask: Ask::SignUp(Box::new(move |user, method| Box::pin(ask(user, method)))) })
    }

    /// May refuse a session, also one an operator wants to wear (method `impersonation`).
    #[must_use]
    pub fn before_sign_in<F, A>(self, name: &'static str, ask: F) -> Self
    where
        F: Fn(UserContext, String) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.veto(Before { name, ask: Ask::SignIn(Box::new(move |user, method| Box::pin(ask(user, method)))) })
    }

    /// May refuse a change of an account.
    #[must_use]
    pub fn before_update<F, A>(self, name: &'static str, ask: F) -> Self
    where
        F: Fn(UserContext, UserChanges) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.veto(Before { name, ask: Ask::Update(Box::new(move |user, changes| Box::pin(ask(user, changes)))) })
    }

    /// May refuse that an account is deleted, by whomever.
    #[must_use]
    pub fn before_delete<F, A>(self, name: &'static str, ask: F) -> Self
    where
        F: Fn(UserContext) -> A + Send + Sync + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.veto(Before { name, ask: Ask::Delete(Box::new(move |user| Box::pin(ask(user)))) })
    }
}
