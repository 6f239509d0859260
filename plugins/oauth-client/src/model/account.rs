//! Accounts elsewhere that are ways into accounts here.

use belgie_api::{LinkedAccountId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// An account elsewhere. Tokens are sealed for this row.
#[derive(Clone, sqlx::FromRow)]
pub struct LinkedAccount {
    /// Its id.
    pub id: LinkedAccountId,
    /// Whose way in it is.
    pub user_id: UserId,
    /// The provider.
    pub provider: String,
    /// Who vouches for the account there; empty when the provider has no issuer.
    pub issuer: String,
    /// The account there: unique within the issuer.
    pub subject: String,
    /// The address there, as of the last sign-in.
    pub email: Option<String>,
    /// `Bearer`, as a rule.
    pub token_type: Option<String>,
    /// What was granted.
    pub scope: Option<String>,
    /// Sealed.
    pub access_token: Option<String>,
    /// Sealed.
    pub refresh_token: Option<String>,
    /// Sealed.
    pub id_token: Option<String>,
    /// When the access token ends.
    pub access_expires_at: Option<Timestamp>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<Timestamp>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Option<Timestamp>,
    /// Until when somebody has its tokens to themselves, to renew them.
    pub lease_until: Option<Timestamp>,
}

/// The account somebody has elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The provider.
    pub provider: String,
    /// Who vouches for it; empty when the provider has no issuer.
    pub issuer: String,
    /// The account there.
    pub subject: String,
}
