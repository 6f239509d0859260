//! `[sign_in]`: the ways in.

use std::path::PathBuf;

use belgie_api::settings::Section;

/// When an address must be proven before a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequireVerified {
    /// When this host can send mail.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The rules for signing in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Whether a password is a way in.
    pub password: bool,
    /// Whether a link sent by mail is a way in. Only offered when mail works.
    pub magic_link: bool,
    /// Whether a code sent by mail is a way in. Only offered when mail works.
    pub code: bool,
    /// Whether the address must be proven first.
    pub require_verified_email: RequireVerified,
    /// Whether people are told by mail of a sign-in from a browser they did not use before.
    pub notify_new_device: bool,
    /// Passwords nobody may choose: SHA-1 hashes in order, or a plain list.
    pub breached_passwords_file: Option<PathBuf>,
}

impl SignIn {
    pub(super) fn read(section: &mut Section) -> Self {
        let required =
            [("auto", RequireVerified::Auto), ("true", RequireVerified::Always), ("false", RequireVerified::Never)];
        Self {
            password: section.boolean("password", true),
            magic_link: section.boolean("magic_link", true),
            code: section.boolean("code", true),
            require_verified_email: section.one_of("require_verified_email", &required, RequireVerified::Auto),
            notify_new_device: section.boolean("notify_new_device", true),
            breached_passwords_file: section.opt_path_buf("breached_passwords_file"),
        }
    }

    /// Whether the address must be proven first, on a host that can send mail or cannot.
    #[must_use]
    pub fn requires_verified_email(&self, has_mail: bool) -> bool {
        match self.require_verified_email {
            RequireVerified::Auto => has_mail,
            RequireVerified::Always => true,
            RequireVerified::Never => false,
        }
    }
}
