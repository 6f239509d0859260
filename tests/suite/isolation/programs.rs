//! Asks as agents and programs do: every tool, with every kind of token.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use reqwest::Client;
use serde_json::json;

use super::answer::Answer;
use super::doors::{Ask, Names, ask, used};
use super::run::{AT_ONCE, Cell, Findings, blind, borrowed, is_change, spelled, teams, things, twin_of};
use super::table::{Outcome, Part, Row, rows};
use super::world::{CONNECTIONS, OWN, Person, Standing, WORDS, World, in_team};
use crate::organization::done;
use crate::support::{LegacySession, Modern, Tokens, changed, rpc};

/// A token of a person that acts for an organization.
pub struct Credential<'a> {
    pub person: &'a Person,
    /// The place of the organization.
    pub place: usize,
    pub kind: &'static str,
    pub url: String,
    pub token: String,
}

impl Credential<'_> {
    /// What the person is where it acts.
    pub fn standing(&self) -> Standing {
        self.person.standings.iter().find(|(at, _)| *at == self.place).expect("they are in it").1
    }
}

/// Every token the matrix asks with.
pub struct Credentials<'a> {
    pub own: Vec<Credential<'a>>,
    /// Of each owner: one without the scopes of organizations and teams.
    pub narrow: Vec<String>,
    /// Of each owner: one for the person alone.
    pub alone: Vec<String>,
    /// Of each lead: one of an agent for which they chose the team they lead.
    pub chosen: Vec<String>,
    pub client: Client,
}

impl<'a> Credentials<'a> {
    /// Gets them the way real ones are got. They are made before anybody asks: being listed, they are part of what stands.
    pub async fn new(world: &'a World) -> Self {
        let (mut own, mut narrow, mut alone, mut chosen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for person in &world.people {
            for (place, _) in &person.standings {
                let ours = format!("/o/{}/mcp", world.places[*place].names[0].of("organization"));
                for (kind, path) in [("shared endpoint", "/mcp"), ("own endpoint", ours.as_str())] {
                    let token = consent(world, person, *place, path, None).await;
                    own.push(Credential { person, place: *place, kind, url: world.gateway.at(path), token });
                }
                let token = personal(person, OWN, Some(&world.places[*place].names[0])).await;
                own.push(Credential { person, place: *place, kind: "personal", url: world.gateway.mcp_url(), token });
            }
        }
        for place in 0..WORDS.len() {
            let names = &world.places[place].names[0];
            narrow.push(personal(world.owner(place), CONNECTIONS, Some(names)).await);
            alone.push(personal(world.owner(place), OWN, None).await);
            chosen.push(consent(world, world.lead(place), place, "/mcp", Some(names.of("team id"))).await);
        }
        Self { own, narrow, alone, chosen, client: Client::new() }
    }
}

/// An agent the person lets act for an organization, at one address; for all of their teams, or for one.
async fn consent(world: &World, person: &Person, place: usize, path: &str, team: Option<&str>) -> String {
    let (agent, mut browser) = (&world.agent, person.browser.clone());
    let resource = world.gateway.at(path);
    let parameters = changed(agent.authorization(OWN), "resource".to_owned(), Some(resource.clone()));
    let page = browser.get(&agent.authorize_url(&parameters)).await;
    let organization = world.places[place].id.to_string();
    let field = team.map(|team| format!("team.{team}"));
    let mut fields = vec![("decision", "allow"), ("organization", organization.as_str())];
    fields.extend(field.as_deref().map(|field| (field, organization.as_str())));
    let answer = browser.submit(&page.form("/authorize"), &fields).await;
    let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
    Tokens::of(&agent.redeem_with(&code, "resource", Some(&resource)).await).access
}

/// A personal access token.
pub async fn personal(person: &Person, scope: &str, organization: Option<&Names>) -> String {
    let mut wish = json!({ "name": "Script", "scope": scope, "ttl_seconds": 3600 });
    if let Some(names) = organization {
        wish["organization"] = json!(names.of("organization id"));
    }
    let said = done(&mut person.browser.clone(), "/auth/tokens/create", wish).await;
    said["token"].as_str().expect("a token").to_owned()
}

/// One call, held against the table.
pub struct Call<'a> {
    pub who: String,
    pub url: &'a str,
    pub token: Option<&'a str>,
    pub column: &'static str,
    /// Which organizations may be spoken of.
    pub allowed: &'a [usize],
    /// The session of the older era it is made in.
    pub session: Option<&'a LegacySession>,
}

impl Call<'_> {
    async fn send(&self, client: &Client, url: &str, request: &Ask) -> Answer {
        let Ask::Tool(name, arguments) = request else { panic!("no tool: {request:?}") };
        let params = json!({ "name": name, "arguments": arguments });
        let sent = match self.session {
            Some(session) => session.post(&rpc("tools/call", params)),
            None => Modern { client, url, token: self.token }.request("tools/call", params),
        };
        Answer::read(sent.send().await.expect("the gateway answers")).await
    }

    pub async fn make(
        &self,
        (world, client): (&World, &Client),
        (number, row): (usize, &Row),
        (names, twin): (&Names, &Names),
        findings: &mut Findings,
    ) {
        let request = ask(row.door, names, number);
        let answer = self.send(client, self.url, &request).await;
        let allowed = self.allowed.iter().copied().collect();
        let is_at_one = self.url.contains("/o/");
        let cell = Cell { row, who: &self.who, column: self.column, names, twin, allowed, is_at_one };
        let found = answer.comes_to(&request);
        let of_twin = if cell.needs_twin(found) {
            let url = self.url.replace(names.of("organization"), twin.of("organization"));
            Some(self.send(client, &url, &ask(row.door, twin, number)).await)
        } else {
            None
        };
        cell.judge(world, &request, &answer, of_twin.as_ref(), findings);
        if found == Outcome::Hidden {
            findings.problems.extend(self.is_told_from_nothing(client, &request, &answer).await);
        }
        if let Some(place) = self.allowed.first() {
            findings.note_telling(&cell, &answer, "", *place);
        }
    }

    /// Whether a tool that is hidden answers otherwise than one that is nowhere.
    async fn is_told_from_nothing(&self, client: &Client, request: &Ask, answer: &Answer) -> Option<String> {
        let Ask::Tool(name, arguments) = request else { return None };
        let nothing = Ask::Tool("no_such_tool".to_owned(), arguments.clone());
        let of_nothing = self.send(client, self.url, &nothing).await;
        let same = (answer.status, answer.body.replace(name, "TOOL"));
        let of_nothing = (of_nothing.status, of_nothing.body.replace("no_such_tool", "TOOL"));
        (same != of_nothing)
            .then(|| format!("{name} by {} is hidden otherwise than what is nowhere: {same:?}", self.who))
    }
}

async fn ask_as(world: &World, all: &Credentials<'_>, row: (usize, &Row), credential: &Credential<'_>) -> Findings {
    let (mut findings, (number, door)) = (Findings::default(), row);
    let Credential { person, place: bound, kind, url, token } = credential;
    let standing = credential.standing();
    let is_main = *kind == "shared endpoint";
    for place in 0..WORDS.len() {
        let is_inside = place == *bound;
        let has_names = !used(door.door).is_empty();
        if (is_change(door) && *bound != number % WORDS.len()) || (!is_inside && (!is_main || !has_names)) {
            continue;
        }
        for team in teams(door) {
            let own = in_team(standing, (is_inside && door.is_of_team()).then_some(team));
            // What is hidden where they are, they do not find with the names of others.
            let column = if is_inside || door.expected(own) == Outcome::Hidden { own } else { "outside" };
            let who = format!("{} with a token of kind {kind} for {}", person.email, WORDS[*bound]);
            let allowed = [*bound];
            if is_change(door) && is_inside && door.expected(column) == Outcome::Done {
                if !is_main || person.standings.len() > 1 {
                    continue;
                }
                let case = number * 1000 + team * 100 + world.index(person);
                let scratch = world.scratch(place, team, case, &used(door.door)).await;
                let names = &scratch.names[0];
                let token = personal(person, OWN, Some(names)).await;
                let url = world.gateway.mcp_url();
                let made = Call { who, url: &url, token: Some(&token), column, allowed: &allowed, session: None };
                made.make((world, &all.client), row, (names, &world.nowhere), &mut findings).await;
                continue;
            }
            let way = number + place + team;
            let names = spelled(&world.places[place].names[team], way);
            let twin = twin_of(world, &names, is_inside, way);
            let made = Call { who, url, token: Some(token), column, allowed: &allowed, session: None };
            made.make((world, &all.client), row, (&names, &twin), &mut findings).await;
        }
    }
    findings
}

/// Tokens that are no person's in the organization, or none at all.
async fn ask_beside(world: &World, all: &Credentials<'_>, row: (usize, &Row)) -> Findings {
    let (mut findings, (number, door)) = (Findings::default(), row);
    let shared = world.gateway.mcp_url();
    for (place, of) in world.places.iter().enumerate() {
        let names = &of.names[0];
        let twin = twin_of(world, names, true, 0);
        let at = |names: &Names| world.gateway.at(&format!("/o/{}/mcp", names.of("organization")));
        let (own, next) = (at(names), &world.places[(place + 1) % WORDS.len()].names[0]);
        let (inside, outside) = ([place], []);
        let token = |text: &'static str| (text, format!("{text} of {}", WORDS[place]));
        let mut calls = Vec::new();
        if !is_change(door) || door.expected("service") != Outcome::Done {
            calls.push((token("service"), shared.as_str(), Some(of.service.as_str()), &inside[..]));
            calls.push((token("service"), own.as_str(), Some(of.service.as_str()), &inside[..]));
        }
        calls.push((token("narrow"), &shared, Some(&all.narrow[place]), &inside));
        calls.push((token("alone"), &shared, Some(&all.alone[place]), &outside));
        calls.push((token("nobody"), &shared, None, &outside));
        calls.push((token("nobody"), &own, None, &outside));
        for ((column, who), url, token, allowed) in calls {
            let twin = if column == "nobody" { &world.nowhere } else { &twin };
            let made = Call { who, url, token, column, allowed, session: None };
            made.make((world, &all.client), row, (names, twin), &mut findings).await;
        }
        // An agent for which one team was chosen, about another of the same organization.
        if door.expected("chosen") != Outcome::Nothing {
            for way in [0, 1] {
                let (names, twin) = (spelled(&of.names[1], way), names.with("team", &spelled(&world.nowhere, way)));
                let token = Some(all.chosen[place].as_str());
                let who = format!("an agent for one team of {}", WORDS[place]);
                let made = Call { who, url: &shared, token, column: "chosen", allowed: &inside, session: None };
                made.make((world, &all.client), row, (&names, &twin), &mut findings).await;
            }
        }
        // Whatever is for one organization at the address of another.
        let elsewhere = at(next);
        let mine = all.own.iter().filter(|credential| credential.place == place).map(|credential| &credential.token);
        for token in mine.chain([&of.service]) {
            let who = format!("a token for {}", WORDS[place]);
            let made =
                Call { who, url: &elsewhere, token: Some(token), column: "astray", allowed: &outside, session: None };
            made.make((world, &all.client), row, (next, &world.nowhere), &mut findings).await;
        }
        // And for the owner, about one thing of another; as well for who is in both.
        let mut mine =
            all.own.iter().filter(|credential| credential.place == place && credential.kind == "shared endpoint");
        let main = mine.next().expect("the owner's");
        let of_owner =
            borrowed(door, number).into_iter().filter(|(at, _)| *at == place).map(|(_, thing)| (main, thing));
        let of_both = mine.find(|credential| credential.person.standings.len() > 1).filter(|_| place == 0);
        let of_both =
            of_both.into_iter().flat_map(|credential| things(door).into_iter().map(move |thing| (credential, thing)));
        for (main, thing) in of_owner.chain(of_both) {
            for way in [0, 1] {
                let foreign = spelled(&world.places[(place + 1) % WORDS.len()].names[way], way);
                let (names, twin) = (names.with(thing, &foreign), names.with(thing, &spelled(&world.nowhere, way)));
                let who = format!("{} with {thing} of another", main.person.email);
                let own = in_team(main.standing(), None);
                let column = if row.1.expected(own) == Outcome::Hidden { own } else { "borrowed" };
                let made =
                    Call { who, url: &main.url, token: Some(&main.token), column, allowed: &inside, session: None };
                made.make((world, &all.client), row, (&names, &twin), &mut findings).await;
            }
        }
    }
    findings
}

/// Every tool, with every token.
pub async fn tools(world: &World, all: &Credentials<'_>) -> Findings {
    let table = rows(Part::Tools);
    let cells = table.iter().enumerate().flat_map(|row| all.own.iter().map(move |credential| (row, credential)));
    let asked = stream::iter(cells).map(|(row, credential)| ask_as(world, all, row, credential));
    let found = asked.buffer_unordered(AT_ONCE).fold(Findings::default(), async |all, found| all.with(found)).await;
    let beside = stream::iter(table.iter().enumerate()).map(|row| ask_beside(world, all, row));
    let mut found = beside.buffer_unordered(AT_ONCE).fold(found, async |all, found| all.with(found)).await;
    // The record speaks of ids; the words are those of people, and may be gone by then.
    let reads = table.iter().filter(|row| !is_change(row) && row.door != "tool read_record");
    found.problems.extend(blind(reads, &found.telling));
    found.with(lists(world, all, &table).await)
}

/// What is listed of these tools, with each token: those that the table does not hide. Prompts and resources of organizations and
/// teams are none so far: whatever is listed beside has to come into the table first.
async fn lists(world: &World, all: &Credentials<'_>, table: &[Row]) -> Findings {
    let mut findings = Findings::default();
    let shared = world.gateway.mcp_url();
    let own = all.own.iter().map(|own| (&own.url, &own.token, in_team(own.standing(), None)));
    let services = world.places.iter().map(|place| (&shared, &place.service, "service"));
    let alone = all.alone.iter().map(|token| (&shared, token, "alone"));
    for (url, token, column) in own.chain(services).chain(alone) {
        let shown = table.iter().filter(|row| row.expected(column) != Outcome::Hidden);
        let expected: BTreeSet<&str> = shown.filter_map(|row| row.door.strip_prefix("tool ")).collect();
        let listed = Modern { client: &all.client, url, token: Some(token) }.send("tools/list", json!({})).await;
        let names = listed.tool_names();
        let known = names.iter().copied().filter(|name| table.iter().any(|row| row.door == format!("tool {name}")));
        let found: BTreeSet<&str> = known.collect();
        findings.cells += 1;
        if found != expected {
            let wrong: Vec<_> = found.symmetric_difference(&expected).collect();
            findings.problems.push(format!("{column} at {url}: listed against the table, or not listed: {wrong:?}"));
        }
        for method in ["prompts/list", "resources/list", "resources/templates/list"] {
            let reply = Modern { client: &all.client, url, token: Some(token) }.send(method, json!({})).await;
            let lists =
                reply.body["result"].as_object().into_iter().flatten().filter_map(|(_, value)| value.as_array());
            if lists.flatten().next().is_some() {
                findings.problems.push(format!("{method} at {url} has what no table speaks of: {}", reply.body));
            }
        }
    }
    findings
}
