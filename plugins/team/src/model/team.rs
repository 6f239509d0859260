//! Teams.

use belgie_api::resource::{LONGEST_SLUG, is_slug};
use belgie_api::{OrgId, Result, TeamId, Timestamp, UserId};
use serde::Serialize;
use sqlx::FromRow;

use super::refusal;

/// Words that stand for something else where the slug of a team may stand.
const RESERVED: [&str; 4] = ["create", "list", "me", "new"];

/// A team of an organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// The organization it belongs to, for good.
    pub organization_id: OrgId,
    /// Its name in URLs and rules, which no other team of the organization has. It stays, so that rules hold.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A team somebody wants.
#[derive(Clone, Debug, Default)]
pub struct NewTeam {
    /// What people will call it.
    pub name: String,
    /// Its name in URLs and rules; without one it follows from the name.
    pub slug: Option<String>,
    /// Who leads it: somebody of the organization. Without one whoever makes it; nobody, when the host does.
    pub lead: Option<UserId>,
}

/// The slug a new team gets: the one that is wanted, in any case, or one that suits the name.
///
/// # Errors
/// 400 when it is none, or none suits the name; 409 when it is reserved, as if a team had it.
pub fn slug_for(wanted: Option<&str>, name: &str) -> Result<String> {
    let slug = match wanted.map(str::trim).filter(|wanted| !wanted.is_empty()) {
        Some(wanted) => wanted.to_lowercase(),
        None => suggest(name),
    };
    if !is_slug(&slug) {
        return Err(refusal::invalid_slug());
    }
    if RESERVED.contains(&slug.as_str()) { Err(refusal::slug_taken()) } else { Ok(slug) }
}

fn suggest(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let words: String = name.chars().map(plain).collect();
    let slug: String = words.split_whitespace().collect::<Vec<_>>().join("-").chars().take(LONGEST_SLUG).collect();
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::slug_for;

    #[test]
    fn a_slug_is_wanted_or_follows_from_the_name() {
        assert_eq!(slug_for(Some(" R-and-D "), "Research").unwrap(), "r-and-d");
        assert_eq!(slug_for(None, "Research & Development").unwrap(), "research-development");
        assert_eq!(slug_for(Some(""), &"abc ".repeat(20)).unwrap().len(), 47);
        for (wanted, name) in [(Some("a_b"), "x"), (None, "株式会社"), (None, "X")] {
            assert_eq!(slug_for(wanted, name).unwrap_err().code(), "team.invalid_slug", "{wanted:?} {name}");
        }
        assert_eq!(slug_for(None, "New").unwrap_err().code(), "team.slug_taken");
    }
}
