//! What other rules would have decided of what is on record.

use belgie::Builder;
use belgie::access::{Replay, Simulation};
use belgie_organization::{Actor, OrganizationChanges};
use serde_json::json;

use crate::on_both_engines;
use crate::organization::{known, organizations, owned_by};
use crate::policy::scope;
use crate::support::{Connected, Place, Places, Setup, TestGateway};

/// What would be different, in a few words.
fn changes(simulation: &Simulation) -> Vec<String> {
    let words = |change: &belgie::access::Change| {
        let who = change.email.as_deref().unwrap_or("gone");
        format!("{who} {} {} {}->{} {}", change.action, change.name, change.before, change.after, change.count)
    };
    simulation.changes.iter().map(words).collect()
}

/// Judges everything by the same configuration with these rules, on a node that knows the demo tools or does not.
async fn judged_by(gateway: &TestGateway, rules: &str, replay: Replay, is_demo: bool) -> Simulation {
    let build = |builder: Builder| if is_demo { builder.demo_tools().at_rest() } else { builder.at_rest() };
    let other = gateway.with_others(|text| text.replace("# rules", rules), build).await;
    gateway.gateway.archive().flush().await.expect("written");
    let simulation = other.simulate(replay).await.expect("an answer");
    other.shutdown().await;
    simulation
}

async fn judged(gateway: &TestGateway, rules: &str, replay: Replay) -> Simulation {
    judged_by(gateway, rules, replay, true).await
}

on_both_engines! {
    async fn the_same_rules_change_nothing(
        gateway: TestGateway,
        setup = Setup::default().config("[[access]]\ntools = ['add']\nwhen = \"arguments.a < 5 && caller.user.email.endsWith('@example.org')\"\n[[access]]\ntools = ['echo']\nroles = ['owner']\n")
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        for a in [1, 9] {
            ada.modern().call("add", json!({ "a": a, "b": 1 })).await;
        }
        ada.call().await;
        ada.modern().call("absent", json!({})).await;
        gateway.gateway.identity().delete_by(ada.person.id, belgie::identity::By::Host).await.expect("deleted");
        let simulation = gateway.gateway.simulate(Replay::default()).await.expect("an answer");
        assert_eq!((simulation.decisions, simulation.same, simulation.changed), (4, 4, 0), "{simulation:?}");
        assert_eq!(simulation.depends_on_arguments, 0, "rules that are the same say the same of any arguments");
    }
}

on_both_engines! {
    async fn other_rules_are_told_by_person_tool_and_count(gateway: TestGateway, setup = Setup::default().config("# rules")) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.net").await;
        for agent in [&ada, &ada, &bob] {
            agent.call().await;
            agent.session().await.send("tools/call", json!({ "name": "add", "arguments": { "a": 1, "b": 2 } })).await;
            agent.modern().call("step_up", json!({})).await;
        }
        let rules = "[[access]]\ntools = ['echo']\nwhen = \"caller.user.email.endsWith('@example.org')\"\n\
            [[access]]\ntools = ['add']\nscopes = ['demo:step-up']\n";
        let simulation = judged(&gateway, rules, Replay::default()).await;
        assert_eq!(changes(&simulation), [
            "ada@example.org tool.call add allowed->scope_missing 2",
            "bob@example.net tool.call add allowed->scope_missing 1",
            "bob@example.net tool.call echo allowed->hidden 1",
        ]);
        assert_eq!((simulation.decisions, simulation.same, simulation.changed), (9, 5, 4));
        assert!(simulation.changes[0].first < simulation.changes[0].last);

        let rules = "[[access]]\ntools = ['echo']\nwhen = \"arguments.text == 'x'\"\n\
            [[access]]\ntools = ['step_up']\nroles = ['owner']\n";
        let simulation = judged(&gateway, rules, Replay::default()).await;
        assert_eq!((simulation.depends_on_arguments, simulation.same), (3, 3), "{simulation:?}");
        assert_eq!(changes(&simulation), [
            "ada@example.org tool.call step_up scope_missing->hidden 2",
            "bob@example.net tool.call step_up scope_missing->hidden 1",
        ]);

        gateway.gateway.identity().delete_by(bob.person.id, belgie::identity::By::Host).await.expect("deleted");
        let rules = "[[access]]\ntools = ['echo']\nwhen = \"caller.user.email.endsWith('@example.net')\"\n";
        let simulation = judged(&gateway, rules, Replay::default()).await;
        assert_eq!(simulation.depends_on_the_gone, 1, "an address goes with the account: {simulation:?}");
        assert_eq!(changes(&simulation), ["ada@example.org tool.call echo allowed->hidden 2"]);

        // Of what a program does not know, the file's part is judged: it can refuse what was allowed, and that alone.
        let rules = "[[access]]\ntools = ['echo', 'step_up']\nroles = ['owner']\n";
        let simulation = judged_by(&gateway, rules, Replay::default(), false).await;
        assert_eq!(changes(&simulation), [
            "ada@example.org tool.call echo allowed->hidden 2",
            "gone tool.call echo allowed->hidden 1",
        ]);
        assert_eq!((simulation.same, simulation.depends_on_unknown_rules), (6, 0), "{simulation:?}");
        let rules = "[[access]]\ntools = ['nothing']\nroles = ['owner']\n";
        let simulation = judged_by(&gateway, rules, Replay::default(), false).await;
        assert_eq!((simulation.same, simulation.depends_on_unknown_rules), (6, 3), "what was refused stays open: {simulation:?}");

        let nothing = judged(&gateway, rules, Replay { until: Some(belgie_api::Timestamp::EPOCH), ..Replay::default() }).await;
        assert_eq!(nothing.decisions, 0);
    }
}

on_both_engines! {
    async fn callers_are_judged_by_what_they_were_then(engine: Engine) {
        let places = Places::new();
        let own = places.clone();
        let setup = Setup::default().config("# rules").build(move |builder| own.alone(builder).scope(scope("x")));
        let gateway = setup.start(engine).await;
        let editor = Place { slug: "acme", roles: &["editor"], permissions: &["notes:edit"], teams: &["blue"] };
        let ada = gateway.person("ada@example.org").await;
        places.join(ada.id, editor);
        places.join(ada.id, Place { slug: "globex", roles: &["owner"], permissions: &[], teams: &[] });
        for slug in ["acme", "globex"] {
            Connected::of(&gateway, &ada, "connections:read", Some(places.id(slug))).await.call().await;
        }
        // This node knows neither organization any more, nor who is in it.
        for (rules, expected) in [
            ("roles = ['editor']", "globex"),
            ("teams = ['blue']", "globex"),
            ("permissions = ['notes:edit']", "globex"),
            ("organizations = ['globex']", "acme"),
            ("roles = ['editor']\ndeny = true", "acme"),
            ("when = \"caller.organization.slug == 'globex' && size(caller.teams) == 0\"", "acme"),
        ] {
            let simulation = judged_by(&gateway, &format!("[[access]]\ntools = ['echo']\n{rules}\n"), Replay::default(), false).await;
            let told: Vec<_> = simulation.changes.iter().map(|change| change.organization_slug.as_deref()).collect();
            assert_eq!(told, [Some(expected)], "{rules}: {simulation:?}");
        }
        let one = Replay { organization: Some(places.id("acme")), ..Replay::default() };
        let simulation = judged(&gateway, "[[access]]\ntools = ['*']\ndeny = true\n", one).await;
        assert_eq!((simulation.decisions, simulation.changed), (1, 1), "{simulation:?}");
    }
}

on_both_engines! {
    async fn an_organization_is_judged_under_each_of_its_names(gateway: TestGateway, setup = Setup::default().config("# rules")) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, "", Some(acme.id)).await;
        agent.call().await;
        let changes = OrganizationChanges { slug: Some("apex".to_owned()), ..OrganizationChanges::default() };
        organizations(&gateway).update(&Actor::host(), acme.id, changes).await.expect("renamed");
        agent.call().await;
        let id = acme.id.to_string();
        for (name, denied, alone) in [("acme", 2, 0), ("apex", 2, 0), (id.as_str(), 2, 0), ("rose", 0, 2)] {
            let rule = format!("[[access]]\ntools = ['echo']\norganizations = ['{name}']\n");
            let simulation = judged(&gateway, &format!("{rule}deny = true\n"), Replay::default()).await;
            assert_eq!(simulation.changed, denied, "{name}, which may not: {simulation:?}");
            let simulation = judged(&gateway, &rule, Replay::default()).await;
            assert_eq!(simulation.changed, alone, "{name}, which alone may: {simulation:?}");
        }
    }
}
