//! What is said when something is not done.

use belgie_api::Failure;

/// No plan of this name can be bought.
pub fn unknown_plan() -> Failure {
    Failure::not_found("subscription.unknown_plan", "There is no such plan to be had.")
}

/// The plan has no price for this interval.
pub fn no_price(interval: &str) -> Failure {
    Failure::bad_request("subscription.no_price", format!("This plan has no price by the {interval}."))
        .hint("Choose the other interval.")
}

/// There is no such account, or none that the person may know of.
pub fn unknown_account() -> Failure {
    Failure::not_found("subscription.unknown_account", "There is no such account.").hint(
        "Name yourself (usr_...), an organization (org_...) or a team (tea_...) you are in; without one it is you.",
    )
}

/// The person may not decide on the plan of an organization.
pub fn forbidden() -> Failure {
    Failure::forbidden("subscription.forbidden", "Your roles do not let you choose and pay its plan.")
        .hint("Ask an owner or an administrator of the organization.")
}

/// An operator wears the session.
pub fn worn() -> Failure {
    Failure::forbidden("session.impersonated", "This is for the person alone.").hint("End the impersonation first.")
}

/// The address of the account is not proven.
pub fn unproven() -> Failure {
    Failure::bad_request("subscription.email_verification_required", "Your address is not confirmed yet.")
        .hint("Confirm it on your account page first.")
}

/// Something of a buyer's own is nothing that Stripe would take.
pub fn not_taken(what: &str) -> Failure {
    let failure = Failure::bad_request("subscription.not_taken", format!("Stripe does not take this `{what}`."));
    match what {
        "metadata" => failure.hint(
            "At most 47 names, each of at most 40 letters without square brackets, with values of at most 500 letters.",
        ),
        _ => failure.hint("Leave it out, or see which ones Stripe knows."),
    }
}

/// It is this plan already, by the same interval.
pub fn already_subscribed() -> Failure {
    Failure::bad_request("subscription.already_subscribed", "This is the present plan already.")
}

/// There is nothing to act on.
pub fn no_subscription() -> Failure {
    Failure::not_found("subscription.none", "There is no subscription.")
}

/// There is nobody at Stripe yet whose payments could be shown.
pub fn no_customer() -> Failure {
    Failure::not_found("subscription.no_customer", "Nothing has been paid for yet.").hint("Choose a plan first.")
}

/// Nothing is to be taken back.
pub fn not_canceled() -> Failure {
    Failure::bad_request("subscription.not_pending_cancellation", "The subscription does not end.")
}

/// The card does not pay what a change costs.
pub fn declined() -> Failure {
    Failure::bad_request("subscription.payment_declined", "The payment was declined, so nothing has changed.")
        .hint("Choose another card in the billing portal.")
}

/// Another change waits for the next period.
pub fn change_planned() -> Failure {
    Failure::conflict("subscription.change_planned", "A change is planned for the next period already.").hint(
        "Take it back first, with the button at /billing/usage or POST /auth/subscription/restore; then choose again.",
    )
}

/// What is to become of the subscription was settled elsewhere.
pub fn scheduled_elsewhere() -> Failure {
    Failure::conflict(
        "subscription.scheduled_elsewhere",
        "Somebody has planned at Stripe what becomes of this subscription.",
    )
    .hint("Let go of that schedule in Stripe's dashboard first.")
}

/// An account, organization or team goes for which somebody still pays.
pub fn still_paid(what: &str) -> Failure {
    let message = format!("A subscription of this {what} is still running.");
    Failure::conflict("subscription.still_running", message)
        .hint("Cancel it in the billing portal, and delete once its period is over; or let Stripe's dashboard end it at once.")
}

/// Somebody began another payment for the same account at the same moment.
pub fn overtaken() -> Failure {
    Failure::conflict("subscription.overtaken", "Another payment has just begun for this account.").hint("Try again.")
}

/// An address that does not lead back to us.
pub fn foreign_address() -> Failure {
    Failure::bad_request("subscription.foreign_address", "The address must be a path, or one of this host.")
}

/// A link that is none of ours, or too old.
pub fn bad_link() -> Failure {
    Failure::bad_request("subscription.bad_link", "This link is damaged or too old.")
        .hint("Let your agent try again; it gets a new link.")
}

/// The payment is not through yet.
pub fn not_final() -> Failure {
    Failure::conflict("subscription.not_final", "The payment is not through yet.").hint("Reload this page in a moment.")
}

/// A webhook that is not believed.
pub fn not_genuine(why: super::signature::NotGenuine) -> Failure {
    Failure::bad_request("stripe.bad_signature", "The signature of this webhook is missing or wrong.").source(why)
}

/// A webhook that is no event.
pub fn no_event() -> Failure {
    Failure::bad_request("stripe.no_event", "This is no event.")
}

/// The plugin is off.
pub fn off() -> Failure {
    Failure::bad_request("stripe.off", "Stripe is not set up here.")
        .hint("Set plugins.stripe.secret_key and plugins.stripe.webhook_secret.")
}
