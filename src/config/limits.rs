//! `[limits]`: how often, before we ask for patience.

use std::num::NonZeroU32;

use belgie_api::settings::Section;

/// Requests per minute, unless the name says per hour; counted on each node, and those of the authorization server (`register`, `token`,
/// `client`, `revoke`, `introspect`, `userinfo`, `manage`, `authorize`) at all nodes together, too. An "address" is the client's IP address as far as trusted proxies let
/// us know it.
///
/// The numbers for clients are high because hosted agents of thousands of people come from a handful of addresses;
/// those for people who type a password are low because guessing is what they stop.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sign-in attempts from one address.
    pub sign_in_per_minute: NonZeroU32,
    /// Sign-in attempts at one account from one address.
    pub sign_in_per_account_per_minute: NonZeroU32,
    /// Sign-in attempts at one account, each hour, from browsers it was never used in.
    pub sign_in_from_new_devices_per_hour: NonZeroU32,
    /// Mails asked for from one address.
    pub mails_per_minute: NonZeroU32,
    /// Mails to one recipient, each hour.
    pub mails_per_recipient_per_hour: NonZeroU32,
    /// New accounts from one address.
    pub sign_up_per_minute: NonZeroU32,
    /// Client registrations from one address.
    pub register_per_minute: NonZeroU32,
    /// Token requests from one address.
    pub token_per_minute: NonZeroU32,
    /// Calls of one endpoint of the authorization server by one client.
    pub client_per_minute: NonZeroU32,
    /// Revocations from one address.
    pub revoke_per_minute: NonZeroU32,
    /// Introspections from one address.
    pub introspect_per_minute: NonZeroU32,
    /// Questions who a person is from one address.
    pub userinfo_per_minute: NonZeroU32,
    /// What clients do about their registration from one address; questions of one person whether a slug is taken.
    pub manage_per_minute: NonZeroU32,
    /// What one person does about plans.
    pub billing_per_minute: NonZeroU32,
    /// Authorization requests from one address.
    pub authorize_per_minute: NonZeroU32,
}

impl Limits {
    pub(super) fn read(section: &mut Section) -> Self {
        let mut number = |key: &str, default: u32| {
            let number = section.integer(key, 1..=1_000_000, default);
            NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
        };
        Self {
            sign_in_per_minute: number("sign_in_per_minute", 20),
            sign_in_per_account_per_minute: number("sign_in_per_account_per_minute", 10),
            sign_in_from_new_devices_per_hour: number("sign_in_from_new_devices_per_hour", 60),
            mails_per_minute: number("mails_per_minute", 10),
            mails_per_recipient_per_hour: number("mails_per_recipient_per_hour", 10),
            sign_up_per_minute: number("sign_up_per_minute", 5),
            register_per_minute: number("register_per_minute", 60),
            token_per_minute: number("token_per_minute", 600),
            client_per_minute: number("client_per_minute", 6000),
            revoke_per_minute: number("revoke_per_minute", 600),
            introspect_per_minute: number("introspect_per_minute", 60_000),
            userinfo_per_minute: number("userinfo_per_minute", 600),
            manage_per_minute: number("manage_per_minute", 60),
            billing_per_minute: number("billing_per_minute", 60),
            authorize_per_minute: number("authorize_per_minute", 120),
        }
    }
}
