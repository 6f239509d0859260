//! Organizations.

use belgie_api::{OrgId, Result, Timestamp, UserId};
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

use super::refusal;

const LONGEST_NAME: usize = 100;
const LONGEST_LOGO: usize = 64 * 1024;
const LONGEST_METADATA: usize = 8 * 1024;
/// Pictures that can stand in a `data:` URL; none of them can run anything.
const PICTURES: [&str; 4] = ["png", "jpeg", "webp", "gif"];

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// A picture: an https or `data:` URL.
    pub logo_url: Option<String>,
    /// Whatever the application keeps with it: a JSON object.
    #[sqlx(json)]
    pub metadata: Value,
    /// Who made it, unless the account is gone or the host made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// An organization somebody wants.
#[derive(Clone, Debug, Default)]
pub struct NewOrganization {
    /// What people will call it.
    pub name: String,
    /// Its name in URLs; without one it follows from the name.
    pub slug: Option<String>,
    /// A picture: an https or `data:` URL.
    pub logo_url: Option<String>,
    /// Whatever the application keeps with it: a JSON object of at most 8 KiB.
    pub metadata: Option<Value>,
}

/// What is to be different; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChanges {
    /// Another name.
    pub name: Option<String>,
    /// Another name in URLs. The old one leads to the new one from then on, and nobody else can ever have it.
    pub slug: Option<String>,
    /// Another picture, or none.
    pub logo_url: Option<Option<String>>,
    /// Other metadata, all of it.
    pub metadata: Option<Value>,
}

/// Reads a name: 1 to 100 characters on one line.
///
/// # Errors
/// 400 when it is empty or too long.
pub fn read_name(text: &str) -> Result<String> {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if (1..=LONGEST_NAME).contains(&name.chars().count()) { Ok(name) } else { Err(refusal::invalid_name(LONGEST_NAME)) }
}

/// Reads the address of a picture; an empty one is none.
///
/// # Errors
/// 400 when it is neither an https address nor a picture in a `data:` URL, or is longer than 64 KiB.
pub fn read_logo(text: &str) -> Result<Option<String>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let is_picture = PICTURES.iter().any(|kind| text.starts_with(&format!("data:image/{kind};base64,")));
    let is_https = || url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if text.len() <= LONGEST_LOGO && (is_picture || is_https()) {
        Ok(Some(text.to_owned()))
    } else {
        Err(refusal::invalid_logo())
    }
}

/// Checks what an application keeps with an organization.
///
/// # Errors
/// 400 when it is no object, or longer than 8 KiB.
pub fn check_metadata(metadata: &Value) -> Result<()> {
    if metadata.is_object() && metadata.to_string().len() <= LONGEST_METADATA {
        return Ok(());
    }
    Err(refusal::invalid_metadata())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{check_metadata, read_logo, read_name};

    #[test]
    fn names_are_one_line() {
        assert_eq!(read_name(" Acme\r\nBcc:  x ").unwrap(), "Acme Bcc: x");
        assert!(read_name(" \n").is_err() && read_name(&"x".repeat(101)).is_err());
    }

    #[test]
    fn logos_are_pictures_or_https() {
        assert_eq!(read_logo(" ").unwrap(), None);
        for right in ["https://acme.example/logo.png", "data:image/png;base64,AAAA"] {
            assert!(read_logo(right).unwrap().is_some(), "{right}");
        }
        for wrong in [
            "http://acme.example/l.png",
            "javascript:alert(1)",
            "data:image/svg+xml;base64,AAAA",
            "data:text/html,x",
            "logo.png",
        ] {
            assert!(read_logo(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metadata_is_a_small_object() {
        assert!(check_metadata(&json!({ "plan": 1 })).is_ok());
        assert!(check_metadata(&json!([])).is_err());
        assert!(check_metadata(&json!({ "x": "y".repeat(9000) })).is_err());
    }
}
