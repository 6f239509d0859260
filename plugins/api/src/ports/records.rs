//! What is on record, as it is read: by operators, by those who may in an organization, and by programs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::context::ServiceContext;
use crate::id::{AuditId, ClientId, DecisionId, GrantId, OrgId, SessionId, TeamId, TokenId, UserId};
use crate::time::Timestamp;

/// What kind of entry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// Somebody has done something: made an organization, let an agent in.
    Act,
    /// It was decided whether a call may run, and it ran or not.
    Decision,
    /// So many decisions are missing here, since they could not be kept.
    Gap,
}

/// An entry of the record. Every field is there in JSON, `null` where there is nothing to say; these names stay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRecord {
    /// What kind of entry it is.
    #[serde(rename = "type")]
    pub kind: RecordKind,
    /// The entry: `aud_...` for acts, `dec_...` for decisions and gaps.
    pub id: String,
    /// When it was done or decided (RFC 3339, UTC).
    pub at: Timestamp,
    /// In which organization, or for which the call was made; `None` for no organization.
    pub organization: Option<OrgId>,
    /// Whose act or call it was; `None` for the host itself and for a service. The id stays when the account is gone.
    pub actor: Option<UserId>,
    /// The program of an organization's own whose act or call it was. The name is the one it had then; empty where that is
    /// not known any more.
    pub service: Option<ServiceContext>,
    /// The operator who wore the actor's session.
    pub impersonator: Option<UserId>,
    /// Through which client.
    pub client: Option<ClientId>,
    /// The clients that acted for one another, when the token had been given for another one: that client first, and last the one
    /// the person had let in.
    pub actors: Vec<ClientId>,
    /// What the client called itself at that moment; of decisions.
    pub client_name: Option<String>,
    /// `bearer` or `cookie`; of decisions.
    pub credential: Option<String>,
    /// The browser session, when that was the credential.
    pub session: Option<SessionId>,
    /// The grant behind the token, when a token was the credential.
    pub grant: Option<GrantId>,
    /// The token, when a token was the credential.
    pub token: Option<TokenId>,
    /// The teams the call was made for; of decisions.
    pub teams: Vec<TeamId>,
    /// What was done: `organization.created`; of a decision what was to be done: `tool.call`, `prompt.get`,
    /// `resource.read`, `completion.ask`, `task.use`, `server.use`; `gap`.
    pub action: String,
    /// To whom or what: an id with its prefix; of a decision the name of the tool or prompt, or the URI.
    pub target: Option<String>,
    /// `allowed`, or why not: `hidden`, `scope_missing`, `plan_too_small`, `arguments_refused`, `undecided`, `unknown` (there
    /// is no such thing). Of decisions.
    pub decision: Option<String>,
    /// What came of it. Of an act: `done`, `refused`. Of a decision: `done`, `failed` (the result says so), `error`,
    /// `cut_off` (nobody waited for it, or its credential ended), `refused`. Of a gap: `lost`.
    pub outcome: String,
    /// How long the call took, in microseconds.
    pub took_us: Option<i64>,
    /// In which request.
    pub request_id: Option<String>,
    /// From which address; of acts, and only for operators.
    pub ip: Option<String>,
    /// What else is worth knowing; of a gap, how many entries are missing.
    pub details: Value,
}

impl AuditRecord {
    /// Its place in the order of the record.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let uuid = self.id.split_once('_').and_then(|(_, digits)| Uuid::try_parse(digits).ok())?;
        Some(Place { at: self.at, id: uuid })
    }

    /// Its place in the order of writing.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.id.parse().ok()
    }
}

/// Which entries somebody wants. Every wish that is there must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this organization and no other.
    pub organization: Option<OrgId>,
    /// By this person, in whosever session; of acts also those done to the person.
    pub user: Option<UserId>,
    /// Through this client.
    pub client: Option<ClientId>,
    /// With tokens of this grant: decisions alone.
    pub grant: Option<GrantId>,
    /// About the tool, prompt or resource of this name: decisions alone.
    pub name: Option<String>,
    /// Acts alone, or decisions alone (with the gaps between them).
    pub only: Option<RecordKind>,
    /// With this result.
    pub result: AuditResult,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// With which result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditResult {
    /// Any.
    #[default]
    Any,
    /// What was allowed and done.
    Done,
    /// What was refused.
    Refused,
    /// What was allowed and came to no good end.
    Failed,
}

impl FromStr for AuditResult {
    type Err = ();

    /// `done`, `refused`, `failed`; nothing stands for any.
    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "" | "any" => Self::Any,
            "done" => Self::Done,
            "refused" => Self::Refused,
            "failed" => Self::Failed,
            _ => return Err(()),
        })
    }
}

/// Which stretch of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// The newest first: so many before this place, or the newest of all.
    Before(Option<Place>, u32),
    /// The oldest first: so many after this place, or the oldest of all.
    After(Option<Place>, u32),
    /// In the order of writing: so many after this one, but nothing of the last minute ([`SETTLED_AFTER`]). A call is written
    /// when it ends and stands at the moment when it began, so whoever wants each entry once and none left out asks for this.
    Written(Cursor, u32),
}

impl Stretch {
    /// How many are wanted.
    #[must_use]
    pub const fn limit(self) -> u32 {
        match self {
            Self::Before(_, limit) | Self::After(_, limit) | Self::Written(_, limit) => limit,
        }
    }

    /// The same from behind this entry on.
    #[must_use]
    pub fn behind(self, last: &AuditRecord) -> Option<Self> {
        Some(match self {
            Self::Before(_, limit) => Self::Before(Some(last.place()?), limit),
            Self::After(_, limit) => Self::After(Some(last.place()?), limit),
            Self::Written(_, limit) => Self::Written(last.cursor()?, limit),
        })
    }

    /// Whether this entry comes before where it begins, and was given with what came before.
    #[must_use]
    pub fn is_behind(self, record: &AuditRecord) -> bool {
        match self {
            Self::Before(place, _) => place.is_none_or(|place| record.place().is_some_and(|own| own >= place)),
            Self::After(place, _) => place.is_none_or(|place| record.place().is_some_and(|own| own <= place)),
            Self::Written(cursor, _) => record.cursor().is_some_and(|own| own <= cursor),
        }
    }

    /// The place where it begins.
    #[must_use]
    pub const fn place(self) -> Option<Place> {
        match self {
            Self::Before(place, _) | Self::After(place, _) => place,
            Self::Written(..) => None,
        }
    }
}

/// What a look into the record gave.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// The entries, in the order that was asked for.
    pub records: Vec<AuditRecord>,
    /// Where to go on; `None`: that is all. A filter that matches little ends a page when enough was looked through, so one that
    /// is short or even empty can have more behind it.
    pub rest: Option<Stretch>,
}

impl AuditPage {
    /// How far it was looked when there are fewer entries than were asked for and others may come: back to this moment, or up to
    /// it. `None` for a full page, and for the end of the record.
    #[must_use]
    pub fn looked_to(&self) -> Option<Timestamp> {
        let rest = self.rest.filter(|rest| self.records.len() < rest.limit() as usize)?;
        rest.place().map(|place| place.at)
    }
}

/// How old an entry is before [`Stretch::Written`] shows it: until then one that was begun earlier may still be committed,
/// here or by another process, whose clock may differ by as much as half of this.
pub const SETTLED_AFTER: Duration = Duration::from_secs(60);

/// A place in the order of writing: entries have ids in that order, whatever kind they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(Option<Uuid>);

impl Cursor {
    /// Before everything.
    pub const START: Self = Self(None);

    /// The id behind which to go on; nothing is before the least.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0.unwrap_or_else(Uuid::nil)
    }

    /// Behind this id, whether there is such an entry or not.
    #[must_use]
    pub const fn at(id: Uuid) -> Self {
        Self(Some(id))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("start"),
            Some(id) => DecisionId::from_uuid(id).fmt(f),
        }
    }
}

impl FromStr for Cursor {
    type Err = ();

    /// `start`, or the id of an entry, `aud_...` or `dec_...`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let act = || text.parse().map(AuditId::uuid);
        match text {
            "start" => Ok(Self::START),
            id => id.parse().map(DecisionId::uuid).or_else(|_| act()).map(|id| Self(Some(id))).map_err(drop),
        }
    }
}

/// The least id that can be made at a moment (RFC 9562 section 5.7).
#[must_use]
pub fn first_id_at(moment: Timestamp) -> Uuid {
    Uuid::from_u128(u128::try_from(moment.unix_millis()).unwrap_or_default() << 80)
}

/// A place in the order of the record, to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The moment.
    pub at: Timestamp,
    /// Among entries of one moment.
    pub id: Uuid,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.unix_micros(), self.id.simple())
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('-').ok_or(())?;
        let at = at.parse().map_err(|_| ())?;
        Ok(Self { at: Timestamp::from_unix_micros(at), id: Uuid::try_parse(id).map_err(|_| ())? })
    }
}

/// A moment as people type it: RFC 3339, a day (`2026-11-05`, its beginning in UTC), or how long ago: `30m`, `24h`, `7d`.
#[must_use]
pub fn read_moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let day = || Timestamp::from_rfc3339(&format!("{text}T00:00:00Z"));
    if let Some(moment) = Timestamp::from_rfc3339(text).or_else(day) {
        return Some(moment);
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(now.minus(Duration::from_secs(number.checked_mul(unit)?)))
}

#[cfg(test)]
mod tests {
    use super::{AuditId, Cursor, DecisionId, Place, Timestamp, first_id_at, read_moment};

    #[test]
    fn moments_are_read_as_people_type_them() {
        let now = Timestamp::from_unix_seconds(1_795_432_200);
        let text = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        assert_eq!(text(read_moment("2026-11-05", now)).as_deref(), Some("2026-11-05T00:00:00Z"));
        assert_eq!(text(read_moment(" 2026-11-05T12:30:00+01:00 ", now)).as_deref(), Some("2026-11-05T11:30:00Z"));
        assert_eq!(read_moment("90m", now), Some(now.minus(std::time::Duration::from_mins(90))));
        assert_eq!(read_moment("7d", now), Some(now.minus(std::time::Duration::from_hours(7 * 24))));
        for wrong in ["", "d", "7", "7w", "-7d", "7.5d", "yesterday", "2026-13-01", "ä", "99999999999999999999d"] {
            assert_eq!(read_moment(wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_the_id_of_an_entry_of_either_kind() {
        let id = uuid::Uuid::from_u128(7);
        for text in [DecisionId::from_uuid(id).to_string(), AuditId::from_uuid(id).to_string()] {
            assert_eq!(text.parse::<Cursor>().map(Cursor::uuid), Ok(id));
        }
        assert!("start".parse::<Cursor>() == Ok(Cursor::START) && Cursor::START.uuid() < id);
        for wrong in ["", "usr_00000000000000000000000000000007", "00000000000000000000000000000007", "dec_7"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(()), "{wrong}");
        }
        let made = uuid::Builder::from_unix_timestamp_millis(1_795_432_200_123, &[0; 10]).into_uuid();
        let at = |millis: i64| first_id_at(Timestamp::from_unix_micros(millis * 1_000));
        assert!(at(1_795_432_200_123) <= made && made < at(1_795_432_200_124));
    }

    #[test]
    fn places_come_back_as_they_were_written() {
        let place = Place { at: Timestamp::from_unix_micros(-5), id: uuid::Uuid::from_u128(7) };
        // A moment before 1970 has a sign, and is no moment of ours.
        assert_eq!(place.to_string().parse::<Place>(), Err(()));
        let place = Place { at: Timestamp::from_unix_micros(5), ..place };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "-", "5", "5-", "x-00000000000000000000000000000007"] {
            assert_eq!(wrong.parse::<Place>(), Err(()), "{wrong}");
        }
    }
}
