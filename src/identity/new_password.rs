//! What a password must be to be chosen: long enough, and known to nobody else (NIST SP 800-63B-4 section 3.1.1.2). No
//! rules about kinds of characters.

use belgie_api::Result;

use super::accounts::Identity;
use crate::store::users::normalize_email;

/// The longest password, in bytes: enough for any passphrase, too little to keep a hasher busy.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;

impl Identity {
    /// What speaks against choosing this password, said beside its field; `None` when nothing does.
    ///
    /// # Errors
    /// When the operator's list of known passwords cannot be read.
    pub async fn password_problem(&self, password: &str, email: &str) -> Result<Option<String>> {
        let least = self.rules.min_password_length;
        Ok(if password.chars().count() < least {
            Some(format!("Use at least {least} characters."))
        } else if password.len() > MAX_PASSWORD_BYTES {
            Some(format!("Use at most {MAX_PASSWORD_BYTES} characters."))
        } else if normalize_email(password) == normalize_email(email) {
            Some("Do not use your address as the password.".to_owned())
        } else if self.breached.knows(password).await? {
            Some(
                "This password is on a list of common or leaked ones, which attackers try first. Choose another."
                    .to_owned(),
            )
        } else {
            None
        })
    }
}
