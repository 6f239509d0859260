//! Whose account somebody elsewhere is.

use std::sync::Arc;

use async_trait::async_trait;

use crate::failure::Result;
use crate::id::UserId;

/// Knows which accounts are linked with people at other providers.
#[async_trait]
pub trait SubjectLinks: Send + Sync {
    /// The account that is linked with this person at this issuer (`iss` and `sub` of OpenID Connect); `None` when there is none, or
    /// more than one.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn find_by_subject(&self, issuer: &str, subject: &str) -> Result<Option<UserId>>;
}

/// Whoever links accounts, as a plugin [provides](crate::Mount::provide) it.
pub struct LinkedSubjects(pub Arc<dyn SubjectLinks>);
