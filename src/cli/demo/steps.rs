//! The play, as a list. A new step is a function in one of the files below and a line here.

mod consent;
mod discovery;
mod paying;
mod together;
mod tokens;
mod work;

use std::future::Future;
use std::pin::Pin;

use super::expect::Broken;
use super::scene::Scene;

/// One step.
pub struct Step {
    /// The part of the play it belongs to.
    pub chapter: &'static str,
    /// Its name for machines; it does not change.
    pub name: &'static str,
    /// What happens, for people.
    pub title: &'static str,
    /// Plays it.
    pub act: Act,
}

/// Plays a step: works on the scene, notes what it sees there, and says when a promise is broken.
pub type Act = for<'a> fn(&'a mut Scene) -> Playing<'a>;

/// A step that is being played.
pub type Playing<'a> = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send + 'a>>;

const fn step(chapter: &'static str, name: &'static str, title: &'static str, act: Act) -> Step {
    Step { chapter, name, title, act }
}

const FINDING: &str = "The agent finds the way in";
const CONSENT: &str = "A person lets it in";
const MODERN: &str = "The agent works: MCP 2026-07-28, where every request stands for itself";
const LEGACY: &str = "An older agent works: MCP 2025-11-25, with a session and event streams";
const RENEWAL: &str = "Tokens are renewed, and a stolen one is noticed";
const BEGINNING: &str = "A new beginning";
const PLAN: &str = "A plan: a call is refused, the plan is paid, and the same token gets through";
const ENDING: &str = "A clean end";

const TOGETHER: &str = "An organization: the agent acts for what its person chose, as long as they belong there";

/// All steps, in order.
pub fn script() -> Vec<Step> {
    vec![
        step(FINDING, "call_without_token", "The agent calls without a token and is turned away", |scene| {
            Box::pin(discovery::call_without_token(scene))
        }),
        step(FINDING, "resource_metadata", "It reads who guards the endpoint", |scene| {
            Box::pin(discovery::resource_metadata(scene))
        }),
        step(FINDING, "server_metadata", "It reads where to ask for access", |scene| {
            Box::pin(discovery::server_metadata(scene))
        }),
        step(FINDING, "register", "It introduces itself and gets a client id", |scene| {
            Box::pin(discovery::register(scene))
        }),
        step(CONSENT, "authorize", "It sends the person's browser to ask; nobody is signed in yet", |scene| {
            Box::pin(consent::authorize(scene))
        }),
        step(CONSENT, "sign_up", "The person makes an account", |scene| Box::pin(consent::sign_up(scene))),
        step(CONSENT, "consent", "The person allows it; the browser brings a code back", |scene| {
            Box::pin(consent::consent(scene))
        }),
        step(CONSENT, "token", "The agent trades the code for tokens", |scene| Box::pin(consent::redeem(scene))),
        step(MODERN, "modern_tools_list", "It asks which tools there are", |scene| {
            Box::pin(work::list_tools_modern(scene))
        }),
        step(MODERN, "modern_whoami", "It calls the tool whoami, which knows who is calling", |scene| {
            Box::pin(work::whoami_modern(scene))
        }),
        step(LEGACY, "legacy_initialize", "It opens a session", |scene| Box::pin(work::open_session(scene))),
        step(LEGACY, "legacy_tools_list", "It asks which tools there are", |scene| {
            Box::pin(work::list_tools_legacy(scene))
        }),
        step(LEGACY, "legacy_whoami", "It calls the tool whoami, which knows who is calling", |scene| {
            Box::pin(work::whoami_legacy(scene))
        }),
        step(LEGACY, "legacy_delete", "It closes the session; the id is worth nothing any more", |scene| {
            Box::pin(work::close_session(scene))
        }),
        step(RENEWAL, "refresh", "The agent trades its refresh token for a new pair", |scene| {
            Box::pin(tokens::refresh(scene))
        }),
        step(RENEWAL, "refresh_again", "It uses the new refresh token, once as well", |scene| {
            Box::pin(tokens::refresh_again(scene))
        }),
        step(
            RENEWAL,
            "refresh_reuse",
            "A thief presents the first one: refused, and all of its family ends",
            |scene| Box::pin(tokens::reuse(scene)),
        ),
        step(
            BEGINNING,
            "sign_in_again",
            "The person signs in with another browser and allows the agent anew",
            |scene| Box::pin(consent::sign_in_again(scene)),
        ),
        step(PLAN, "plan_refused", "It calls a tool behind a plan and is told where that can be had", |scene| {
            Box::pin(paying::call_without_plan(scene))
        }),
        step(PLAN, "plan_chosen", "The person opens the link and chooses; the payment is elsewhere", |scene| {
            Box::pin(paying::choose(scene))
        }),
        step(PLAN, "plan_claimed", "A stranger claims that it is paid, without the signature: refused", |scene| {
            Box::pin(paying::claim(scene))
        }),
        step(PLAN, "plan_paid", "The person pays at a stand-in for Stripe, which tells by signed webhook", |scene| {
            Box::pin(paying::pay(scene))
        }),
        step(PLAN, "plan_works", "The same call with the same token gets through", |scene| {
            Box::pin(paying::call_with_plan(scene))
        }),
        step(ENDING, "revoke", "The agent hands its tokens back", |scene| Box::pin(tokens::revoke(scene))),
        step(ENDING, "call_after_revocation", "The next call is turned away", |scene| {
            Box::pin(tokens::call_after_revocation(scene))
        }),
        step(TOGETHER, "organization_create", "The person makes an organization", |scene| {
            Box::pin(together::make_organization(scene))
        }),
        step(TOGETHER, "organization_invite", "They invite a colleague, who opens the letter and accepts", |scene| {
            Box::pin(together::invite(scene))
        }),
        step(TOGETHER, "organization_consent", "The colleague lets the agent in, for the organization", |scene| {
            Box::pin(together::choose(scene))
        }),
        step(
            TOGETHER,
            "organization_member",
            "It works for a member, and sees nothing of an administrator's tool",
            |scene| Box::pin(together::work_as_member(scene)),
        ),
        step(
            TOGETHER,
            "organization_admin",
            "The owner makes the colleague an administrator; the tool is there",
            |scene| Box::pin(together::promote(scene)),
        ),
        step(
            TOGETHER,
            "organization_removed",
            "The owner removes the colleague; the next call is turned away",
            |scene| Box::pin(together::remove(scene)),
        ),
    ]
}
