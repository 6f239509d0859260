//! Asks as the operator does, with the commands of the plugins.

use belgie_api::command::PluginCommand;
use belgie_api::plugin::Plugin;

use super::answer::Answer;
use super::doors::{ACCOUNTS, Ask, Names, THINGS, ask, used};
use super::run::{Cell, Findings, blind, borrowed, spelled};
use super::table::{Outcome, Part, Row, rows};
use super::world::{WORDS, World};

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

/// Types a command.
async fn run(world: &World, request: &Ask) -> Answer {
    let Ask::Command(words) = request else { panic!("no command: {request:?}") };
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
    let table = rows(Part::Commands);
    for (number, row) in table.iter().enumerate() {
        for place in 0..WORDS.len() {
            let made = world.scratch(place, 0, number, &THINGS.into()).await;
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
    let telling =
        table.iter().filter(|row| [" members", " list", " agents"].iter().any(|verb| row.door.ends_with(verb)));
    findings.problems.extend(blind(telling, &findings.telling));
    findings
}
