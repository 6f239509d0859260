//! Asks as the operator does, with the commands of the plugins, and with those of the program that can be about one
//! organization.

use std::process::Stdio;

use belgie_api::command::PluginCommand;
use belgie_api::plugin::Plugin;
use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::process::Command;

use super::answer::Answer;
use super::doors::{ACCOUNTS, Ask, Names, THINGS, ask, used};
use super::run::{Cell, Findings, blind, borrowed, is_change, spelled};
use super::table::{Outcome, Part, Row, rows};
use super::world::{Place, WORDS, World};
use crate::support::Modern;

/// What stands in the file that `simulate` judges by: something is different then, and it says of whom.
const OTHER_RULES: &str = "[[access]]\ntools = ['*']\ndeny = true\n";

/// Commands that have nothing to do with organizations: who may register a program that belongs to nobody.
const OF_NOBODY: [&str; 3] = ["invitations", "invite", "uninvite"];

/// The commands of the plugins of organizations and teams, and those about tokens and clients, which organizations have.
fn commands() -> Vec<PluginCommand> {
    let organizations = belgie_organization::Organization::default().commands();
    let mut tokens = belgie_oauth_server::OAuthServer::default().commands();
    tokens.retain(|noun| ["token", "client"].contains(&noun.command.get_name()));
    organizations.into_iter().chain(belgie_team::Team::default().commands()).chain(tokens).collect()
}

/// Every command with its verb, as the table calls it.
pub fn verbs() -> Vec<String> {
    let of = |noun: PluginCommand| {
        let name = noun.command.get_name().to_owned();
        let verbs = noun.command.get_subcommands().map(belgie_api::clap::Command::get_name);
        let ours = verbs.filter(|verb| name != "client" || !OF_NOBODY.contains(verb));
        ours.map(|verb| format!("{name} {verb}")).collect::<Vec<_>>()
    };
    commands().into_iter().flat_map(of).collect()
}

/// What the program says to these words.
async fn says(words: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    let output = command.args(words).stdin(Stdio::null()).output().await.expect("the program runs");
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), text.concat())
}

/// The commands of the program itself that take an organization, as its help lists them.
pub async fn of_the_program() -> Vec<String> {
    let plugins: Vec<String> = commands().iter().map(|noun| noun.command.get_name().to_owned()).collect();
    let (mut open, mut found) = (vec![String::new()], Vec::new());
    while let Some(command) = open.pop() {
        let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).chain(["--help"]).collect();
        let help = says(&words).await.1;
        let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let verbs = verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help");
        let verbs = verbs.map(|verb| format!("{command} {verb}").trim().to_owned());
        open.extend(verbs.filter(|verb| !plugins.contains(verb)));
        if help.lines().any(|line| line.trim_start().starts_with("--org ")) {
            found.push(command);
        }
    }
    found
}

/// Whether it is a command of the program, which is started for it.
fn is_of_the_program(noun: &str) -> bool {
    ["audit", "explain", "simulate"].contains(&noun)
}

/// Starts the program with these words, on what the gateway has.
async fn start(world: &World, words: &[String]) -> Answer {
    let mut file = world.gateway.config_file();
    if words.first().is_some_and(|noun| noun == "simulate") {
        let text = std::fs::read_to_string(&file).expect("the file");
        assert!(text.contains("# rules"), "{text}");
        file.set_file_name("others.toml");
        std::fs::write(&file, text.replace("# rules", OTHER_RULES)).expect("written");
    }
    let file = file.to_str().expect("a plain path");
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--json", "--config", file]).collect();
    Answer::from(says(&words).await)
}

/// Has a call for this organization put on record.
async fn call_for(world: &World, place: &Place) {
    let (client, url) = (Client::new(), world.gateway.mcp_url());
    let reply = Modern { client: &client, url: &url, token: Some(&place.service) }.call("whoami", json!({})).await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
    world.gateway.gateway.archive().flush().await.expect("written");
}

/// Types a command.
async fn run(world: &World, request: &Ask) -> Answer {
    let Ask::Command(words) = request else { panic!("no command: {request:?}") };
    if words.first().is_some_and(|noun| is_of_the_program(noun)) {
        return start(world, words).await;
    }
    let mut nouns =
        commands().into_iter().filter(|noun| Some(noun.command.get_name()) == words.first().map(String::as_str));
    let PluginCommand { command, run } = nouns.next().expect("a noun");
    let matches = command.try_get_matches_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    Answer::from(run(world.gateway.gateway.host().clone(), matches).await)
}

async fn judged(
    world: &World,
    (number, row): (usize, &Row),
    column: &'static str,
    (names, twin): (&Names, &Names),
    (place, findings): (usize, &mut Findings),
) {
    let request = ask(row.door, names, number * WORDS.len() + place);
    let answer = run(world, &request).await;
    // Who asks about none in particular is told of all.
    let is_about_one = ["organization", "service", "client"].iter().any(|name| used(row.door).contains(name));
    let allowed = if is_about_one { [place].into() } else { (0..WORDS.len()).collect() };
    let cell = Cell { row, who: "the operator", column, names, twin, allowed, is_at_one: false };
    let of_twin = match column {
        "borrowed" => Some(run(world, &ask(row.door, twin, number)).await),
        _ => None,
    };
    cell.judge(world, &request, &answer, of_twin.as_ref(), findings);
    findings.note_telling(&cell, &answer, "", place);
}

/// Every command: about an organization that is there, and about it and one thing of another.
pub async fn ask_all(world: &World) -> Findings {
    let mut findings = Findings::default();
    for place in &world.places {
        call_for(world, place).await;
    }
    let table = rows(Part::Commands);
    for (number, row) in table.iter().enumerate() {
        for place in 0..WORDS.len() {
            let made = world.scratch(place, 0, number, &THINGS.into()).await;
            if row.door.split(' ').next().is_some_and(is_of_the_program) {
                call_for(world, &made).await;
            }
            let names = &made.names[0];
            judged(world, (number, row), "there", (names, names), (place, &mut findings)).await;
        }
        let accounts = ACCOUNTS.into_iter().filter(|name| used(row.door).contains(name));
        assert_eq!(accounts.clone().next().is_some(), row.expected("account") != Outcome::Nothing, "{}", row.door);
        for account in accounts {
            let names = world.places[0].names[0].with(account, &world.places[1].names[0]);
            judged(world, (number, row), "account", (&names, &names), (0, &mut findings)).await;
        }
        for (place, thing) in borrowed(row, number) {
            for way in [0, 1] {
                let own = &world.places[place].names[0];
                let foreign = spelled(&world.places[(place + 1) % WORDS.len()].names[way], way);
                let (names, twin) = (own.with(thing, &foreign), own.with(thing, &spelled(&world.nowhere, way)));
                judged(world, (number, row), "borrowed", (&names, &twin), (place, &mut findings)).await;
            }
        }
    }
    // Of a person the record has ids alone, and nothing on it came through the application.
    let telling = table.iter().filter(|row| !is_change(row) && !row.door.starts_with("audit list --"));
    findings.problems.extend(blind(telling, &findings.telling));
    findings
}
