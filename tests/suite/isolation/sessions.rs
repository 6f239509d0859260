//! Asks for tools in sessions of the older era.

use futures::stream::{self, StreamExt};
use reqwest::StatusCode;

use super::doors::used;
use super::programs::{Call, Credentials};
use super::run::{AT_ONCE, Findings, borrowed, is_change, spelled, twin_of};
use super::table::{Outcome, Part, Row, rows};
use super::world::{WORDS, World, in_team};
use crate::support::{LegacySession, Modern};

/// A session, and who is in it.
struct Visit {
    who: String,
    /// The column, if it is the same at every door.
    column: Option<&'static str>,
    place: usize,
    is_owner: bool,
    standing: Option<super::world::Standing>,
    session: LegacySession,
}

impl Visit {
    fn column(&self, row: &Row) -> &'static str {
        let of_standing = self.standing.map(|standing| in_team(standing, row.is_of_team().then_some(0)));
        self.column.or(of_standing).expect("somebody")
    }
}

/// A session of each kind in each organization.
async fn visits(world: &World, all: &Credentials<'_>) -> Vec<Visit> {
    let url = world.gateway.mcp_url();
    let mut visits = Vec::new();
    for (place, word) in WORDS.iter().enumerate() {
        let people = all.own.iter().filter(|own| own.place == place && own.kind == "shared endpoint");
        for own in people {
            let standing = own.person.standings.iter().find(|(at, _)| *at == place).map(|(_, standing)| *standing);
            let session = LegacySession::open(&all.client, &url, &own.token).await;
            let (who, is_owner) = (own.person.email.clone(), own.person.email == world.owner(place).email);
            visits.push(Visit { who, column: None, place, is_owner, standing, session });
        }
        let beside = [
            ("service", &world.places[place].service),
            ("narrow", &all.narrow[place]),
            ("alone", &all.alone[place]),
            ("chosen", &all.chosen[place]),
        ];
        for (column, token) in beside {
            let session = LegacySession::open(&all.client, &url, token).await;
            let who = format!("{column} of {word}");
            visits.push(Visit { who, column: Some(column), place, is_owner: false, standing: None, session });
        }
    }
    visits
}

/// Every tool in one session.
async fn ask_in(world: &World, all: &Credentials<'_>, table: &[Row], visit: &Visit) -> Findings {
    let mut findings = Findings::default();
    let (place, inside) = (visit.place, [visit.place]);
    let outside: [usize; 0] = [];
    let made = |column: &'static str| Call {
        who: format!("{} in a session", visit.who),
        url: &visit.session.url,
        token: None,
        column,
        allowed: if column == "alone" { &outside[..] } else { &inside[..] },
        session: Some(&visit.session),
    };
    let door = (world, &all.client);
    for row in table.iter().enumerate() {
        let (number, known) = row;
        let (column, has_names) = (visit.column(known), !used(known.door).is_empty());
        let (expected, own) = (known.expected(column), &world.places[place].names);
        if expected == Outcome::Nothing || expected == Outcome::Done && is_change(known) {
            continue;
        }
        let names = spelled(&own[usize::from(column == "chosen")], number);
        let twin = match column {
            "chosen" => names.with("team", &spelled(&world.nowhere, number)),
            _ => twin_of(world, &names, true, number),
        };
        made(column).make(door, row, (&names, &twin), &mut findings).await;
        if !visit.is_owner {
            continue;
        }
        let next = &world.places[(place + 1) % WORDS.len()].names[0];
        if has_names && known.expected("outside") != Outcome::Nothing {
            let (names, twin) = (spelled(next, number), spelled(&world.nowhere, number));
            made("outside").make(door, row, (&names, &twin), &mut findings).await;
        }
        for (_, thing) in borrowed(known, place).into_iter().filter(|(at, _)| *at == place) {
            let (names, twin) = (own[0].with(thing, next), own[0].with(thing, &world.nowhere));
            made("borrowed").make(door, row, (&names, &twin), &mut findings).await;
        }
    }
    findings
}

/// Whatever is for one organization begins no session at the address of another; nor does nobody.
async fn astray(world: &World, all: &Credentials<'_>) -> Findings {
    let mut findings = Findings::default();
    for (place, word) in WORDS.iter().enumerate() {
        let next = &world.places[(place + 1) % WORDS.len()].names[0];
        let url = world.gateway.at(&format!("/o/{}/mcp", next.of("organization")));
        let own = all.own.iter().filter(|own| own.place == place).map(|own| Some(own.token.as_str()));
        for token in own.chain([Some(world.places[place].service.as_str()), None]) {
            let params = serde_json::json!({
                "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "suite", "version": "1" },
            });
            let request = all.client.post(&url).header("accept", "application/json, text/event-stream");
            let request = request.json(&crate::support::rpc("initialize", params));
            let answer = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let status = answer.send().await.expect("the gateway answers").status();
            findings.cells += 1;
            if status != StatusCode::UNAUTHORIZED {
                findings.problems.push(format!("{status}: a session begins at {url} with a token of {word}"));
            }
        }
    }
    findings
}

/// Every tool, in a session of each kind.
pub async fn tools(world: &World, all: &Credentials<'_>) -> Findings {
    let table = rows(Part::Tools);
    let visits = visits(world, all).await;
    let asked = stream::iter(&visits).map(|visit| ask_in(world, all, &table, visit));
    let mut found = asked.buffer_unordered(AT_ONCE).fold(Findings::default(), async |all, found| all.with(found)).await;
    for visit in &visits {
        let listed = visit.session.send("tools/list", serde_json::json!({})).await;
        let (url, token) = (&visit.session.url, Some(visit.session.token.as_str()));
        let modern = Modern { client: &all.client, url, token }.send("tools/list", serde_json::json!({})).await;
        found.cells += 1;
        if listed.tool_names() != modern.tool_names() {
            found.problems.push(format!("{} is shown other tools in a session: {:?}", visit.who, listed.tool_names()));
        }
    }
    found.with(astray(world, all).await)
}
