//! `[sign_up]`: who may make an account.

use belgie_api::settings::Section;

/// The rules for new accounts.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// Whether anyone may make an account. Otherwise the first is made with the set-up link and others by invitation
    /// or by the operator.
    pub open: bool,
    /// The shortest password, in characters.
    pub min_password_length: usize,
}

impl SignUp {
    pub(super) fn read(section: &mut Section) -> Self {
        Self {
            open: section.boolean("open", false),
            // NIST SP 800-63B-4 section 3.1.1.2: never fewer than 8, even beside a second factor.
            min_password_length: section.integer("min_password_length", 8..=128, 12),
        }
    }
}
