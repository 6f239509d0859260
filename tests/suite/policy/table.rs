//! One table: who meets which rules, and what becomes of it in lists, before the call and in it.

use belgie_api::{Rule, ToolSet, access, tool};
use reqwest::StatusCode;
use serde_json::json;

use super::{Both, editor, refusal, scope};
use crate::on_both_engines;
use crate::support::{Connected, Engine, Places, Setup};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Listed, let in, run.
    Runs,
    /// Not listed, let in, as unknown as what never was.
    Hidden,
    /// Listed, and asked for more scopes before anything else.
    Scope,
    /// Listed, let in, refused for want of a plan.
    Plan,
    /// Not listed, 503.
    Undecided,
}

use Outcome::{Hidden, Plan, Runs, Scope, Undecided};

type Row = (&'static str, fn() -> Rule, &'static str, [Outcome; 3]);

/// The tool, its rule in code, its entries in the file; then what becomes of calls by an agent of a person alone, by one
/// of an editor of acme, and by one that has the scope `notes:write` besides.
const TABLE: [Row; 25] = [
    ("open", access, "", [Runs, Runs, Runs]),
    ("by_organization", access, "organizations = ['other', 'acme']", [Hidden, Runs, Runs]),
    ("by_other_organization", access, "organizations = ['globex']", [Hidden, Hidden, Hidden]),
    ("by_role", access, "roles = ['owner', 'editor']", [Hidden, Runs, Runs]),
    ("by_other_role", access, "roles = ['owner']", [Hidden, Hidden, Hidden]),
    ("by_permission", access, "permissions = ['notes:edit']", [Hidden, Runs, Runs]),
    ("by_two_permissions", access, "permissions = ['notes:edit', 'notes:drop']", [Hidden, Hidden, Hidden]),
    ("by_team", access, "teams = ['blue', 'red']", [Hidden, Runs, Runs]),
    ("by_person", access, "person = true", [Runs, Runs, Runs]),
    ("not_by_people", access, "person = true\ndeny = true", [Hidden, Hidden, Hidden]),
    ("of_all_teams", access, "all_teams = true", [Runs, Runs, Runs]),
    ("by_permission_there", || access().permission_there("notes:drop"), "", [Runs, Hidden, Hidden]),
    ("by_scope", access, "scopes = ['notes:write']", [Scope, Scope, Runs]),
    ("by_role_and_scope", access, "roles = ['editor']\nscopes = ['notes:write']", [Hidden, Scope, Runs]),
    ("by_plan", access, "plans = ['pro']", [Plan, Plan, Plan]),
    ("by_feature", access, "entitlements = ['export']", [Plan, Plan, Plan]),
    ("by_scope_and_plan", access, "scopes = ['notes:write']\nplans = ['pro']", [Scope, Scope, Plan]),
    ("denied", access, "deny = true", [Hidden, Hidden, Hidden]),
    ("denied_to_editors", access, "roles = ['editor']\ndeny = true", [Runs, Hidden, Hidden]),
    ("denied_to_writers", access, "scopes = ['notes:write']\ndeny = true", [Runs, Runs, Hidden]),
    ("narrowed", || access().scope("notes:write"), "roles = ['editor']", [Hidden, Scope, Runs]),
    ("never_widened", || access().role("owner"), "when = 'true'", [Hidden, Hidden, Hidden]),
    ("by_caller", access, "when = \"caller.organization.slug == 'acme'\"", [Hidden, Runs, Runs]),
    ("by_scope_of_caller", access, "when = \"'notes:write' in caller.scopes\"", [Hidden, Hidden, Runs]),
    ("broken", access, "roles = ['editor']\nwhen = 'caller.scopes[7] == \"\"'", [Hidden, Undecided, Undecided]),
];

async fn nothing() -> String {
    "ran".to_owned()
}

fn setup(direct: bool, places: &Places) -> Setup {
    let entry = |(name, _, lines, _): &Row| format!("[[access]]\ntools = ['{name}']\n{lines}\n");
    let entries: String = TABLE.iter().filter(|(_, _, lines, _)| !lines.is_empty()).map(entry).collect();
    // Entries that match one name add up: the second one here is for whoever is in acme, and for everybody else.
    let more = "[[access]]\ntools = ['*_scope']\nwhen = 'caller.user.email_verified == false'\n";
    let set = TABLE
        .iter()
        .fold(ToolSet::new(()), |set, (name, rule, _, _)| set.tool(tool(name, "Runs").plain(), rule(), nothing));
    let places = places.clone();
    Setup::default()
        .config(&format!("[mcp]\ndirect_path = {direct}\n{entries}{more}"))
        .build(move |builder| places.alone(builder).tools(set).scope(scope("notes:write")))
}

on_both_engines! {
    async fn rules_of_the_file_are_met_hidden_or_refused_as_the_table_says(engine: Engine) {
        // Both ways through the endpoint on SQLite, the long one on Postgres: no database has a part in the difference.
        let ways: &[bool] = if matches!(engine, Engine::Sqlite) { &[true, false] } else { &[false] };
        let mut wrong = Vec::new();
        for direct in ways {
            let places = Places::new();
            let gateway = setup(*direct, &places).start(engine.clone()).await;
            let ada = editor(&gateway, &places).await;
            let acme = Some(places.id("acme"));
            let agents = [
                Connected::of(&gateway, &ada, "connections:read", None).await,
                Connected::of(&gateway, &ada, "connections:read", acme).await,
                Connected::of(&gateway, &ada, "connections:read notes:write", acme).await,
            ];
            for (column, agent) in agents.iter().enumerate() {
                let both = Both::of(agent).await;
                let lists = both.ask("tools/list", json!({})).await;
                for (name, _, _, expected) in TABLE {
                    let replies = both.call(name, json!({})).await;
                    for (era, (list, reply)) in lists.iter().zip(&replies).enumerate() {
                        let found = outcome(list.tool_names().contains(&name), reply, name);
                        if found != Some(expected[column]) {
                            wrong.push(format!("{name}, column {column}, era {era}, direct {direct}: {found:?} {reply:?}"));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// What became of a call; `None` when list, status and answer do not go together.
fn outcome(is_listed: bool, reply: &crate::support::Reply, name: &str) -> Option<Outcome> {
    let said = reply.body["error"]["message"].as_str().unwrap_or_default();
    let unknown = format!("Unknown tool: {name}");
    Some(match (is_listed, reply.status) {
        (true, StatusCode::FORBIDDEN) if reply.challenge().contains("notes:write") => Scope,
        (false, StatusCode::SERVICE_UNAVAILABLE) if reply.error_code() == -32603 => Undecided,
        (false, StatusCode::OK) if said == unknown && reply.error_code() == -32602 => Hidden,
        (true, StatusCode::OK) if reply.text() == "ran" => Runs,
        (true, StatusCode::OK) if refusal(reply) == "access.plan_too_small" => Plan,
        _ => return None,
    })
}
