//! The isolation matrix.

mod answer;
mod doors;
mod operator;
mod programs;
mod run;
mod table;
mod world;

use std::collections::BTreeSet;

use self::programs::Credentials;
use self::table::{Part, rows};
use self::world::{World, setup};
use crate::on_both_engines;
use crate::support::{Engine, Setup, TestGateway};

/// The plugins whose doors are all in the table.
const PLUGINS: [&str; 2] = ["organization", "team"];

on_both_engines! {
    async fn everybody_gets_at_pages_and_routes_what_the_table_says(gateway: TestGateway, setup = setup()) {
        let world = World::new(gateway).await;
        let before = world.state().await;
        run::routes(&world).await.settle("pages and routes");
        assert_eq!(world.state().await, before, "nothing has changed by what was refused");
    }
}

on_both_engines! {
    async fn every_token_opens_the_tools_the_table_says(gateway: TestGateway, setup = setup()) {
        let world = World::new(gateway).await;
        let credentials = Credentials::new(&world).await;
        let before = world.state().await;
        programs::tools(&world, &credentials).await.settle("tools");
        assert_eq!(world.state().await, before, "nothing has changed by what was refused");
    }
}

on_both_engines! {
    async fn commands_speak_of_the_organization_they_name_and_of_no_other(gateway: TestGateway, setup = setup()) {
        let world = World::new(gateway).await;
        let before = world.state().await;
        operator::ask_all(&world).await.settle("commands");
        assert_eq!(world.state().await, before, "nothing has changed by what was refused");
    }
}

/// The doors of the plugins, of one part of the surface: `routes` or `tools`.
fn live(surface: &str, part: &str) -> BTreeSet<String> {
    let lines = surface.lines().skip_while(|line| *line != part).skip(1).take_while(|line| line.starts_with("  "));
    let words = |line: &str| line.trim().split("  ").map(str::to_owned).collect::<Vec<_>>();
    let ours = lines.map(words).filter(|words| {
        let is_about_one = words[0].contains("{organization}");
        is_about_one || PLUGINS.iter().any(|plugin| words.last().is_some_and(|last| last == plugin))
    });
    ours.map(|words| words[0].clone()).collect()
}

fn doors(part: Part) -> BTreeSet<String> {
    rows(part).into_iter().map(|row| row.door.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_door_of_organizations_and_teams_is_missing_from_the_table() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let surface = gateway.gateway.surface();
    let routes = live(surface, "routes");
    let missing: Vec<_> = routes.difference(&doors(Part::Routes)).cloned().collect();
    assert!(missing.is_empty() && routes.len() > 80, "not in tests/suite/isolation/table.txt: {missing:#?}");
    let tools: BTreeSet<String> = live(surface, "tools").into_iter().map(|tool| format!("tool {tool}")).collect();
    assert_eq!(doors(Part::Tools), tools, "the tools of the table and those that are there");
    let verbs: BTreeSet<String> = operator::verbs().into_iter().collect();
    let of_tokens = |door: &String| !door.starts_with("token ");
    let known: BTreeSet<String> = doors(Part::Commands).into_iter().filter(of_tokens).collect();
    assert_eq!(known, verbs, "the commands of the table and those that are there");
}
