//! Services: programs of an organization that act for it with no person behind them.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::plugin::ScopeInfo;
use belgie_api::ports::Service;
use belgie_api::{OrgId, Result, ScopeSet, ServiceId, Timestamp, UserId};

use super::refusal;
use super::role::Roles;
use belgie_api::scope::is_account_bound;
use belgie_api::text::is_unseen;

/// The longest name, in characters.
const LONGEST: usize = 64;
const DAY: u64 = 24 * 3600;
/// The longest a token lasts.
const MOST_DAYS: u64 = 365;

/// A service that is to be made.
#[derive(Clone, Debug)]
pub struct NewServiceToken {
    /// What the organization calls it.
    pub name: String,
    /// What it is in the organization.
    pub roles: Roles,
    /// What its token may be used for.
    pub scopes: ScopeSet,
    /// How long it lasts.
    pub lifetime: Duration,
}

/// A service as it is stored, without its token.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ServiceRow {
    /// Its id.
    pub id: ServiceId,
    /// The organization.
    pub organization_id: OrgId,
    /// Its name.
    pub name: String,
    /// What it is.
    #[sqlx(json)]
    pub roles: Roles,
    /// What its token may be used for.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// Who made it, unless the host did or the account is gone.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When its token was last seen, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl From<ServiceRow> for Service {
    fn from(row: ServiceRow) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            name: row.name,
            roles: row.roles.iter().map(ToString::to_string).collect(),
            scopes: row.scopes,
            created_by: row.created_by,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        }
    }
}

/// Reads the name of a service: one line, with nothing in it that cannot be seen.
///
/// # Errors
/// 400 when it is empty, too long, or has control characters.
pub fn read_name(text: &str) -> Result<String> {
    let name = text.trim();
    let is_fine = (1..=LONGEST).contains(&name.chars().count()) && !name.chars().any(is_unseen);
    if is_fine { Ok(name.to_owned()) } else { Err(refusal::invalid_service_name(LONGEST)) }
}

/// Checks how long a service is to last.
///
/// # Errors
/// 400 when it is nothing at all or longer than a year.
pub fn check_lifetime(lifetime: Duration) -> Result<()> {
    let is_fine = (1..=MOST_DAYS * DAY).contains(&lifetime.as_secs());
    if is_fine { Ok(()) } else { Err(refusal::invalid_lifetime(MOST_DAYS)) }
}

/// Checks that every scope exists here and hangs on no account.
///
/// # Errors
/// 400 when one does not.
pub fn check_scopes(scopes: &ScopeSet, offered: &[ScopeInfo]) -> Result<()> {
    let known: BTreeSet<&str> = offered_to_services(offered).map(|info| info.name.as_ref()).collect();
    let is_known = scopes.iter().all(|scope| known.contains(scope.as_str()));
    if is_known { Ok(()) } else { Err(refusal::unknown_scope(&known)) }
}

/// The scopes that a service can have.
pub fn offered_to_services(offered: &[ScopeInfo]) -> impl Iterator<Item = &ScopeInfo> {
    offered.iter().filter(|info| !is_account_bound(&info.name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use belgie_api::plugin::ScopeInfo;

    use super::{check_lifetime, check_scopes, read_name};

    #[test]
    fn names_can_be_read_by_people() {
        assert_eq!(read_name("  Nightly export ").unwrap(), "Nightly export");
        for wrong in ["", "   ", "two\nlines", "turned \u{202e} round", &"x".repeat(65)] {
            assert!(read_name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_service_ends_within_a_year_and_has_no_scope_of_an_account() {
        let day = 24 * 3600;
        assert!(
            check_lifetime(Duration::from_secs(1)).is_ok() && check_lifetime(Duration::from_secs(365 * day)).is_ok()
        );
        assert!(check_lifetime(Duration::ZERO).is_err() && check_lifetime(Duration::from_secs(365 * day + 1)).is_err());
        let scope = |name: &'static str| ScopeInfo::on_request(name, "");
        let offered = [scope("notes:read"), scope("admin")];
        assert!(check_scopes(&"notes:read".parse().unwrap(), &offered).is_ok());
        for wrong in ["admin", "notes:write", "notes:read admin", "offline_access"] {
            assert!(check_scopes(&wrong.parse().unwrap(), &offered).is_err(), "{wrong}");
        }
    }
}
