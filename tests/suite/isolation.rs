//! The isolation matrix: nobody learns of an organization they are not in, at any door.
//!
//! What comes of every cell stands in `isolation/table.txt`: a line for each door (route, page, tool, command), a column
//! for each kind of whoever asks, a word for the outcome. The words are those of [`table::Outcome`]. A route, tool or
//! command of the plugins of organizations and teams that is not in the table fails
//! [`no_door_of_organizations_and_teams_is_missing_from_the_table`], which reads the live surface. Prompts and resources they
//! have none of, which the test of the tools looks for: elsewhere a wrapped server brings some for each organization and team, under
//! rules of the operator's file.
//!
//! **Who.** Three organizations with an owner, an administrator, a member who leads the first team and is in the second
//! (`lead`, there `mate`), a member who is in the first team (`mate`, elsewhere `other`), somebody with a role the
//! organization has made itself (`custom`), which sees more and does less than an administrator; somebody of two organizations;
//! somebody of none; a stranger. Everybody is `outside` wherever they are not. Each organization has three teams, somebody
//! who is acted upon, a role, an invitation, a service, an agent and an application of its own.
//!
//! **What is crossed with what.**
//! - What only reads: everybody, with all three organizations and all nine teams.
//! - What changes something: of one organization, which is another for each line of the table, each role by its own teams;
//!   everybody else by its first team. What will be done is done in an organization made for that cell alone, with the
//!   same people in it; what will be refused is asked where everything stands, and at the end everything stands as before.
//! - `borrowed`: an owner names their own organization and one thing of another (team, person, role, invitation, service,
//!   agent, application), each thing by itself, and so does somebody who is in both; `account`: the operator likewise an account, of which they may know.
//! - Tools: the same, with an access token for the shared endpoint, one for the organization's own and a personal access
//!   token of each person in each of their organizations (what changes something is done with a personal one, elsewhere only
//!   the first names others); `service`, its token at both endpoints; `narrow`, a token without the scopes; `alone`, one
//!   for the person alone; `astray`, every token of an organization at the endpoint of another; `chosen`, an agent for which
//!   its person chose the first team, about the second; `nobody`, no token. Lists of tools are looked at with each of them.
//! - Tools in the older era: a session of each of these at the shared endpoint, in each organization; everything that is refused,
//!   and what reads. What changes something is done in the stateless era alone: behind the guard both eras are one, and
//!   `endpoint` holds them against each other. What is astray opens no session.
//! - Prompts, resources, templates and completions of a wrapped server: every token at the shared endpoint with all organizations
//!   and teams, alone and in a session of the older era; the others with their own. Lists have what can be had and nothing else.
//! - Consent: everybody is led to the page by an agent and by the code of a device, and answers it for an organization and for
//!   a team; and they answer what somebody of the organization was asked, and take back what that somebody is remembered for.
//!   In the end that somebody does, and it works.
//! - What is paid for: in a world with plans, where nothing is paid for yet. The tool `usage` names no organization and tells of
//!   the caller's own plan alone.
//! - Commands of plugins run on the host of the gateway, in its own process; `organization::command_line` and
//!   `team::command_line` start the program. Those of the program that take `--org` (`audit`, `explain`, `simulate`) are
//!   started. Operators see everything, but what is about one organization says nothing of another; of `/admin` no
//!   more is asked than that nobody else can ask for an explanation.
//!
//! **How it is known.** Organizations, teams, people, roles and letters are named by slug, by id and mixed, in turn.
//! `unseen` is no status: the same is asked about what exists nowhere, and both answers, headers and all, must be one when
//! the names that were sent are taken out. Every answer, headers and all, is searched for the word and the ids of each
//! organization that may not be spoken of there, without the names that were sent; somebody of two organizations may be
//! told of the one they ask about. A door that reads and never says the word of its own organization is a finding, too, since
//! the search would be blind there.
//!
//! Whether a slug is taken everybody can ask who may make an organization (`check-slug`): `done` is right there; and so it is for
//! what people read of an application when it asks them (`/auth/clients/public`).

mod agreement;
mod answer;
mod doors;
mod operator;
mod own;
mod programs;
mod run;
mod sessions;
mod table;
mod world;
mod wrapped;

use std::collections::BTreeSet;

use self::programs::Credentials;
use self::table::{Part, rows};
use self::world::{World, setup};
use crate::on_both_engines;
use crate::support::{Engine, Stripe, TestGateway};

/// The plugins whose doors are all in the table.
const PLUGINS: [&str; 2] = ["organization", "team"];
/// The plugin whose tools are, too, and its doors for people: they speak of what acts for organizations, and of what belongs
/// to them.
const BESIDE: &str = "oauth-server";

on_both_engines! {
    async fn everybody_gets_at_pages_and_routes_what_the_table_says(gateway: TestGateway, setup = setup()) {
        let world = World::new(gateway).await;
        let before = world.state().await;
        run::routes(&world, Part::Routes).await.settle("pages and routes");
        assert_eq!(world.state().await, before, "nothing has changed by what was refused");
        own::settle(&world).await;
    }
}

/// What is for sale in the part of the table about billing.
const PLANS: &str = "[[plan]]\nname = 'free'\ntitle = 'Free'\n\n\
    [[plan]]\nname = 'pro'\ntitle = 'Pro'\nmonthly_price = 'price_pro_month'";
/// Doors of plans that name no organization: Stripe's own, the way back from it, and the page behind a sealed link.
const OF_NO_ACCOUNT: [&str; 3] = ["/auth/stripe/webhook", "/auth/subscription/success", "/billing/upgrade"];

on_both_engines! {
    async fn everybody_gets_of_what_is_paid_for_what_the_table_says(engine: Engine) {
        let stripe = Stripe::start().await;
        let gateway = setup().config(&stripe.table()).config(PLANS).start(engine).await;
        let told = doors(Part::Billing);
        for line in gateway.gateway.surface().lines().filter(|line| line.ends_with("  stripe") && line.contains(" /")) {
            let path = line.split("  ").find(|words| words.contains('/')).and_then(|words| words.split(' ').next_back());
            let path = path.expect("a path");
            let is_told = told.iter().any(|door| address(door).ends_with(&format!(" {path}")));
            assert!(is_told || OF_NO_ACCOUNT.contains(&path), "not in tests/suite/isolation/table.txt: {line}");
        }
        let world = World::new(gateway).await;
        let before = world.state().await;
        run::routes(&world, Part::Billing).await.settle("what is paid for");
        assert_eq!(world.state().await, before, "nothing has changed by what was refused");
    }
}

on_both_engines! {
    async fn every_token_opens_the_tools_the_table_says(gateway: TestGateway, setup = setup()) {
        let world = World::new(gateway).await;
        let credentials = Credentials::new(&world).await;
        let before = world.state().await;
        programs::tools(&world, &credentials).await.settle("tools");
        sessions::tools(&world, &credentials).await.settle("tools in sessions");
        assert_eq!(world.state().await, before, "nothing has changed by what was refused");
    }
}

on_both_engines! {
    async fn every_token_opens_the_prompts_and_resources_the_table_says(
        gateway: TestGateway,
        setup = setup().config(&wrapped::rules()).build(wrapped::server)
    ) {
        let world = World::new(gateway).await;
        let credentials = Credentials::new(&world).await;
        let before = world.state().await;
        wrapped::ask_all(&world, &credentials).await.settle("prompts and resources");
        assert_eq!(world.state().await, before, "nothing has changed by what was asked");
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
        let is_of = |plugin: &&str| words.last().is_some_and(|last| last == plugin);
        let rooms = [" /account/", " /auth/", " /device/"];
        let is_for_people = || {
            let is_one = ["/authorize", "/device"].iter().any(|page| words[0].ends_with(page));
            is_one || rooms.iter().any(|room| words[0].contains(room))
        };
        let is_beside = is_of(&BESIDE) && (part == "tools" || is_for_people());
        is_about_one || PLUGINS.iter().any(is_of) || is_beside
    });
    ours.map(|words| words[0].clone()).collect()
}

/// Method and path of a door, without what is asked there.
fn address(door: &str) -> String {
    let words: Vec<&str> = door.split('?').next().unwrap_or_default().splitn(3, ' ').collect();
    let is_about = words.get(1).is_some_and(|path| ["/authorize", "/device"].contains(path));
    if is_about { words[..2].join(" ") } else { words.join(" ") }
}

fn doors(part: Part) -> BTreeSet<String> {
    rows(part).into_iter().map(|row| row.door.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_door_of_organizations_and_teams_is_missing_from_the_table() {
    let gateway = setup().start(Engine::Sqlite).await;
    let surface = gateway.gateway.surface();
    let routes = live(surface, "routes");
    let asked: BTreeSet<String> = doors(Part::Routes).iter().map(|door| address(door)).collect();
    let missing: Vec<_> = routes.difference(&asked).cloned().collect();
    assert!(missing.is_empty() && routes.len() > 80, "not in tests/suite/isolation/table.txt: {missing:#?}");
    // Nor does the table speak of what is gone; endpoints of organizations are found without the router.
    let all = surface.lines().flat_map(|line| {
        let words: Vec<&str> = line.trim().split("  ").next().unwrap_or_default().split(' ').collect();
        let path = words.last().map(|path| (*path).to_owned()).unwrap_or_default();
        words.iter().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    });
    let all: BTreeSet<String> = all.collect();
    let is_there = |door: &String| all.contains(&address(door)) || door.contains("/o/");
    let gone: Vec<_> = doors(Part::Routes).into_iter().filter(|door| !is_there(door)).collect();
    assert!(gone.is_empty(), "in the table, and nowhere else: {gone:#?}");
    let tools: BTreeSet<String> = live(surface, "tools").into_iter().map(|tool| format!("tool {tool}")).collect();
    assert_eq!(doors(Part::Tools), tools, "the tools of the table and those that are there");
    let verbs: BTreeSet<String> = operator::verbs().into_iter().chain(operator::of_the_program().await).collect();
    let typed: BTreeSet<String> =
        doors(Part::Commands).iter().map(|door| door.split(" --").next().unwrap_or_default().to_owned()).collect();
    assert_eq!(verbs, typed, "the commands of the table and those that are there");
}
