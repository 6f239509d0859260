//! Ids are types: a user's id cannot be handed in where a session's is meant.
//!
//! Row ids are UUID version 7 (RFC 9562 section 5.7), so they sort by the time they were made. On the outside they are
//! shown as a prefix and 32 hexadecimal digits, such as `usr_019a8f...`. They are names, never secrets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::clock::Clock;
use crate::entropy::Entropy;

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an id of the form {prefix}_<32 hexadecimal digits>")]
pub struct InvalidId {
    prefix: &'static str,
}

/// Makes a version 7 UUID from the clock and the entropy it is handed (house rule: both are arguments).
fn new_v7(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(clock.now().unix_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of the shown form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh id; ids made later sort after it.
            #[must_use]
            pub fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(new_v7(clock, entropy))
            }

            /// The id of a row whose UUID is known.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|digits| Uuid::try_parse(digits).ok())
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A person with an account.
    UserId = "usr";
    /// A browser session of a person.
    SessionId = "ses";
    /// What a person allowed a client to do: the root of a token family.
    GrantId = "grt";
    /// What a person allowed a client, remembered so that they are not asked again.
    ConsentId = "con";
    /// One issued access or personal token (the row, never the secret).
    TokenId = "tok";
    /// A mail that waits to be handed on.
    MailId = "mai";
    /// An entry of the record of acts.
    AuditId = "aud";
    /// A decision on record, with the call it was made about.
    DecisionId = "dec";
    /// An account elsewhere that is a way into an account here.
    LinkedAccountId = "lac";
    /// An organization.
    OrgId = "org";
    /// An invitation into an organization.
    InvitationId = "inv";
    /// A subscription to a plan.
    SubscriptionId = "sbs";
    /// A call that is counted on a meter: what it is called wherever it is charged.
    MeteredId = "mtr";
    /// A team inside an organization.
    TeamId = "tea";
    /// One stay of a person in an organization or a team: whoever leaves and comes back has another one.
    MembershipId = "mem";
    /// An invitation to register an OAuth client (RFC 7591 section 1.2).
    ClientInvitationId = "civ";
    /// A program of an organization's own, with a token and no person behind it.
    ServiceId = "svc";
}

/// An OAuth client identifier (RFC 6749 section 2.2): `cli_...` for registered clients, an https URL for clients that
/// publish a client ID metadata document.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// The prefix of identifiers this server hands out.
    pub const PREFIX: &'static str = "cli";

    /// A fresh identifier for a registered client.
    #[must_use]
    pub fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        Self(format!("{}_{}", Self::PREFIX, new_v7(clock, entropy).simple()))
    }

    /// An identifier as a client wrote it; nothing is checked here.
    #[must_use]
    pub fn from_wire(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The identifier as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the URL of a client ID metadata document.
    #[must_use]
    pub fn is_metadata_url(&self) -> bool {
        self.0.starts_with("https://") || self.0.starts_with("http://")
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
