//! Invitations to register a client: initial access tokens (RFC 7591 section 1.2).

use belgie_api::{ClientInvitationId, Timestamp};
use serde_json::{Value, json};

/// An invitation, without its token.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Invitation {
    /// Its id.
    pub id: ClientInvitationId,
    /// What the operator calls it.
    pub name: String,
    /// How many clients may still register with it.
    pub uses_left: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// The invitation as the operator is told of it.
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "uses_left": self.uses_left,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
        })
    }
}
