//! Asks at the doors of pages and routes, and holds what comes against the table.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use reqwest::StatusCode;

use super::answer::Answer;
use super::doors::{ACCOUNTS, Ask, Names, THINGS, ask, is_answer, used};
use super::table::{Outcome, Part, Row, rows};
use super::world::{Person, WORDS, World, has};
use crate::support::{Browser, Page, changed};

/// How many ask at a time.
pub const AT_ONCE: usize = 8;

/// What did not go as it should, and which doors showed whose they are.
#[derive(Default)]
pub struct Findings {
    pub problems: Vec<String>,
    /// Doors whose answer has the word of the organization it is about: where none had, a search for words would find nothing.
    pub telling: BTreeSet<&'static str>,
    pub cells: usize,
}

impl Findings {
    /// Both together.
    pub fn with(mut self, other: Self) -> Self {
        self.problems.extend(other.problems);
        self.telling.extend(other.telling);
        self.cells += other.cells;
        self
    }

    /// Notes it when an answer has the word of the organization, which is not in a name that was sent or in one's own address.
    pub fn note_telling(&mut self, cell: &Cell<'_>, answer: &Answer, email: &str, place: usize) {
        if !answer.status.is_success() || self.telling.contains(cell.row.door) {
            return;
        }
        let told = answer.told(cell.names, &cell.sent()).replace(email, "");
        if has(&told.to_ascii_lowercase(), WORDS[place]) {
            self.telling.insert(cell.row.door);
        }
    }

    /// Says that nothing is wrong, or everything that is.
    pub fn settle(self, what: &str) {
        println!("{what}: {} cells", self.cells);
        assert!(self.problems.is_empty(), "{} problems:\n{}", self.problems.len(), self.problems.join("\n"));
    }
}

/// One cell: who asks, at which door, about what.
pub struct Cell<'a> {
    pub row: &'a Row,
    pub who: &'a str,
    pub column: &'static str,
    /// What is sent, and what is sent for comparison: the same, about what exists nowhere.
    pub names: &'a Names,
    pub twin: &'a Names,
    /// Which organizations the answer may speak of.
    pub allowed: BTreeSet<usize>,
    /// Whether the address of the endpoint names an organization, too.
    pub is_at_one: bool,
}

impl Cell<'_> {
    /// Which names are sent.
    fn sent(&self) -> Vec<&'static str> {
        let in_address = self.is_at_one.then_some("organization");
        used(self.row.door).into_iter().chain(in_address).collect()
    }

    /// What an answer comes to. `twin`: the answer about what exists nowhere, if it has to be compared.
    pub fn outcome(&self, request: &Ask, answer: &Answer, twin: Option<&Answer>) -> Outcome {
        let found = answer.comes_to(request);
        let is_same = || {
            let told = answer.comparable(self.names, &self.sent());
            twin.is_some_and(|twin| told == twin.comparable(self.twin, &self.sent()))
        };
        let is_unseen_by = matches!(self.column, "outside" | "borrowed" | "chosen");
        match found {
            found if self.column == "account" && found != Outcome::Done => Outcome::Refused,
            Outcome::Told if is_same() => Outcome::Unseen,
            Outcome::Forbidden | Outcome::StepUp | Outcome::NotIn if is_unseen_by && is_same() => Outcome::Unseen,
            Outcome::Done if self.column == "borrowed" && !is_change(self.row) && is_same() => Outcome::Unseen,
            Outcome::Forbidden | Outcome::NotIn | Outcome::NotPaid if is_unseen_by => Outcome::Told,
            Outcome::SignIn if twin.is_some() && !is_same() => Outcome::Told,
            found => found,
        }
    }

    /// Whether the outcome takes a second answer to tell.
    pub fn needs_twin(&self, found: Outcome) -> bool {
        matches!(self.column, "outside" | "borrowed" | "nobody" | "astray" | "chosen") || found == Outcome::Told
    }

    /// Holds an answer against the table.
    pub fn judge(&self, world: &World, request: &Ask, answer: &Answer, twin: Option<&Answer>, findings: &mut Findings) {
        findings.cells += 1;
        let (found, expected) = (self.outcome(request, answer, twin), self.row.expected(self.column));
        let at = format!("{} by {} ({}): {request:?}", self.row.door, self.who, self.column);
        if found != expected {
            let twin = twin.map(|twin| format!("\n  and for nothing: {} {}", twin.status, short(&twin.body)));
            let said = format!("{} {}{}", answer.status, short(&answer.body), twin.unwrap_or_default());
            findings.problems.push(format!("{at}\n  expected {expected}, found {found}: {said}"));
        }
        if let Some(leak) = world.leak(&answer.told(self.names, &self.sent()), &self.allowed) {
            findings.problems.push(format!("{at}\n  leaks {leak}: {}", short(&answer.body)));
        }
    }
}

fn short(text: &str) -> String {
    let text = text.split("<main").nth(1).unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(600).collect()
}

/// Whether something changes when it is done.
pub fn is_change(row: &Row) -> bool {
    let verb = row.door.split(" --").next().and_then(|door| door.rsplit(' ').next()).unwrap_or_default();
    match row.part {
        Part::Routes | Part::Billing => row.door.starts_with("POST "),
        Part::Tools => !["list_", "get_", "read_", "prepare_"].iter().any(|reads| verb.starts_with(reads)),
        Part::Wrapped => false,
        Part::Commands => {
            !["list", "members", "agents", "roles", "invitations", "export", "explain", "simulate"].contains(&verb)
        }
    }
}

/// Sends it as this person.
pub async fn send(world: &World, person: &Person, request: &Ask) -> Answer {
    let mut browser: Browser = person.browser.clone();
    let raw = browser.raw().clone();
    let page = match request {
        Ask::Read(path) => browser.send(raw.get(browser.address(path)).header("sec-fetch-site", "same-origin")).await,
        Ask::Call(path, body) => {
            browser.send(raw.post(browser.address(path)).header("sec-fetch-site", "same-origin").json(body)).await
        }
        Ask::Page(path) => browser.get(path).await,
        Ask::Authorize(path) => {
            let resource = browser.address(path);
            let parameters = changed(world.agent.authorization(""), "resource".to_owned(), Some(resource));
            browser.get(&world.agent.authorize_url(&parameters)).await
        }
        Ask::Form(path, fields) => {
            let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            fields.push(("csrf_token", &person.csrf));
            browser.post(path, &fields).await
        }
        Ask::Consent(fields) => {
            let page = browser.get(&world.agent.authorize_url(&world.agent.authorization(""))).await;
            answer(world, (browser, &person.csrf), page, fields).await
        }
        Ask::Device(fields) => {
            let code = world.television.begin().await;
            let page = browser.post("/device", &[("user_code", &code), ("csrf_token", &person.csrf)]).await;
            if fields.is_empty() { page } else { answer(world, (browser, &person.csrf), page, fields).await }
        }
        Ask::Tool(..) | Ask::Command(_) => panic!("no browser asks this: {request:?}"),
    };
    page.into()
}

/// Answers the consent page; whoever was not shown one answers what nobody was asked.
async fn answer(world: &World, (mut browser, csrf): (Browser, &str), page: Page, fields: &[(String, String)]) -> Page {
    let shown = (page.status == StatusCode::OK).then(|| page.form("/authorize").value("request"));
    let question = shown.unwrap_or_else(|| world.nowhere.of("question").to_owned());
    let own = [("request", question.as_str()), ("csrf_token", csrf)];
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<_> = own.into_iter().chain(fields).collect();
    browser.post("/authorize", &fields).await
}

/// How a door wants names spelled, of the ways there are.
fn way_of(row: &Row, way: usize) -> usize {
    match row.door {
        // The addresses of endpoints know slugs alone.
        door if door.contains("/o/{organization}") => 0,
        door if is_answer(door) || row.part == Part::Billing => 1,
        // What is asked is whether a slug is taken.
        "POST /auth/organization/check-slug" => 0,
        _ => way,
    }
}

/// The names about a team, each way one can be named: by slug, by id, and mixed.
pub fn spelled(names: &Names, way: usize) -> Names {
    let mut names = names.clone();
    let by_id: &[(&'static str, &str)] = match way % 3 {
        0 => &[],
        1 => &[("organization", "organization id"), ("team", "team id")],
        _ => &[("team", "team id")],
    };
    for (name, id) in by_id {
        if let Some(value) = names.0.get(id).cloned() {
            names.0.insert(name, value);
        }
    }
    names
}

/// The teams a door is asked about.
pub fn teams(row: &Row) -> std::ops::Range<usize> {
    if row.is_of_team() { 0..3 } else { 0..1 }
}

/// Names about nothing, or about nothing of an organization one is in.
pub fn twin_of(world: &World, names: &Names, is_inside: bool, way: usize) -> Names {
    let mut twin = spelled(&world.nowhere, way);
    if is_inside {
        for name in ["organization", "organization id"] {
            twin.0.insert(name, names.of(name).to_owned());
        }
    }
    twin
}

async fn ask_as(world: &World, (number, row): (usize, &Row), person: &Person) -> Findings {
    let mut findings = Findings::default();
    let names = used(row.door);
    if names.is_empty() {
        let home = person.standings.first().map_or(WORDS.len(), |(place, _)| *place);
        let request = ask(row.door, &world.nowhere, number * 100 + world.index(person));
        let answer = send(world, person, &request).await;
        let (column, allowed) = (person.column(home, None), person.words(None));
        let cell = Cell {
            row,
            who: &person.email,
            column,
            names: &world.nowhere,
            twin: &world.nowhere,
            allowed,
            is_at_one: false,
        };
        cell.judge(world, &request, &answer, Some(&answer), &mut findings);
        return findings;
    }
    let mut twins: BTreeMap<String, Answer> = BTreeMap::new();
    for place in 0..WORDS.len() {
        if is_change(row) && place != number % WORDS.len() {
            continue;
        }
        for team in teams(row) {
            let is_inside = person.standings.iter().any(|(at, _)| *at == place);
            if is_change(row) && (!is_inside && team > 0 || is_inside && person.standings.len() > 1) {
                continue;
            }
            let column = person.column(place, row.is_of_team().then_some(team));
            let way = way_of(row, number + place + team);
            let is_done_for_good = is_inside && is_change(row) && row.expected(column) == Outcome::Done;
            let names = if is_done_for_good {
                let case = number * 1000 + team * 100 + world.index(person);
                spelled(&world.scratch(place, team, case, &names).await.names[0], way_of(row, 0))
            } else {
                spelled(&world.places[place].names[team], way)
            };
            let twin = twin_of(world, &names, is_inside, way);
            let request = ask(row.door, &names, number);
            let answer = send(world, person, &request).await;
            let about = (!row.lists_own()).then_some(place);
            let mut allowed = person.words(about);
            allowed.extend(row.is_public().then_some(place));
            let cell = Cell { row, who: &person.email, column, names: &names, twin: &twin, allowed, is_at_one: false };
            let found = answer.comes_to(&request);
            let twin_request = ask(row.door, &twin, number);
            let key = format!("{twin_request:?}");
            if cell.needs_twin(found) && !twins.contains_key(&key) {
                twins.insert(key.clone(), send(world, person, &twin_request).await);
            }
            cell.judge(world, &request, &answer, twins.get(&key), &mut findings);
            findings.note_telling(&cell, &answer, &person.email, place);
        }
    }
    findings
}

/// Whoever owns an organization asks about it and about one thing of another; and so does somebody who is in both.
async fn borrow(world: &World, (number, row): (usize, &Row)) -> Findings {
    let mut findings = Findings::default();
    let of_owners = borrowed(row, number).into_iter().map(|(place, thing)| (world.owner(place), place, thing));
    let is_about_one = used(row.door).contains("organization") || is_answer(row.door);
    let of_both = things(row).into_iter().filter(|_| is_about_one).map(|thing| (world.both(), 0, thing));
    for (person, place, thing) in of_owners.chain(of_both) {
        for way in [0, 1] {
            let own = &world.places[place].names[0];
            let spelling = way_of(row, way);
            let foreign = spelled(&world.places[(place + 1) % WORDS.len()].names[way], spelling);
            let (names, twin) = (own.with(thing, &foreign), own.with(thing, &spelled(&world.nowhere, spelling)));
            let request = ask(row.door, &names, number);
            let (answer, of_twin) =
                (send(world, person, &request).await, send(world, person, &ask(row.door, &twin, number)).await);
            let cell = Cell {
                row,
                who: &person.email,
                column: "borrowed",
                names: &names,
                twin: &twin,
                allowed: if row.is_public() { (0..WORDS.len()).collect() } else { person.words(Some(place)) },
                is_at_one: false,
            };
            cell.judge(world, &request, &answer, Some(&of_twin), &mut findings);
        }
    }
    findings
}

/// What can be borrowed at a door: with a command that names no organization, the thing says whose it is.
pub fn things(row: &Row) -> Vec<&'static str> {
    let names = used(row.door);
    if row.part == Part::Commands && !names.contains("organization") {
        return Vec::new();
    }
    let is_own = |name: &&'static str| names.contains(name) && (row.part != Part::Commands || !ACCOUNTS.contains(name));
    THINGS.into_iter().filter(is_own).collect()
}

/// The same, by whom: for what only reads by every owner, else by one of them.
pub fn borrowed(row: &Row, number: usize) -> Vec<(usize, &'static str)> {
    let things = things(row);
    let is_expected = row.expected("borrowed") != Outcome::Nothing;
    assert!(is_expected != things.is_empty(), "{}: the table and the things of it, {things:?}", row.door);
    let places = (0..WORDS.len()).filter(|place| !is_change(row) || *place == number % WORDS.len());
    places.flat_map(|place| things.iter().map(move |thing| (place, *thing)).collect::<Vec<_>>()).collect()
}

/// Everybody asks at every page and route, of one part of the table.
pub async fn routes(world: &World, part: Part) -> Findings {
    let table = rows(part);
    let mut found = Findings::default();
    for row in table.iter().enumerate().filter(|(_, row)| row.lists_own()) {
        for person in &world.people {
            found = found.with(ask_as(world, row, person).await);
        }
    }
    let others = table.iter().enumerate().filter(|(_, row)| !row.lists_own());
    let cells = others.flat_map(|row| world.people.iter().map(move |person| (row, person)));
    let asked = stream::iter(cells).map(|(row, person)| ask_as(world, row, person)).buffer_unordered(AT_ONCE);
    let found = asked.fold(found, async |all, found| all.with(found)).await;
    let lent = stream::iter(table.iter().enumerate()).map(|row| borrow(world, row)).buffer_unordered(AT_ONCE);
    let mut found = lent.fold(found, async |all, found| all.with(found)).await;
    let is_about_one = |row: &Row| ["organization", "organization id"].iter().any(|name| used(row.door).contains(name));
    let reads = table.iter().filter(|row| is_about_one(row) && !is_change(row));
    // What is paid for is told by ids alone.
    let wordless = ["/.well-known/", "?user=", "/admin/", "/auth/subscription/"];
    let reads = reads.filter(|row| !wordless.iter().any(|part| row.door.contains(part)));
    found.problems.extend(blind(reads, &found.telling));
    found
}

/// Doors whose answers never had the word that leaks are known by.
pub fn blind<'a>(rows: impl Iterator<Item = &'a Row>, telling: &BTreeSet<&'static str>) -> Vec<String> {
    let silent = rows.filter(|row| !telling.contains(row.door));
    silent.map(|row| format!("{}: no answer has the word of its organization", row.door)).collect()
}
