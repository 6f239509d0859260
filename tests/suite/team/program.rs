//! What an application does with teams: the typed handle, and hearing of what happens.

use std::sync::{Arc, Mutex};

use belgie_api::db::Tx;
use belgie_api::{Failure, Result, TeamId, async_trait};
use belgie_organization::{Actor, Role, Roles, read_roles};
use belgie_team::{InTeam, Need, NewTeam, TeamLifecycle, TeamMember};
use serde_json::json;

use super::{at, done, join, known, organizations, owned_by, refused, teams, who_is_in};
use crate::on_both_engines;
use crate::support::TestGateway;

/// Writes down what it hears, and keeps one team from being deleted.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<String>>,
    kept: Mutex<Option<TeamId>>,
}

impl Ear {
    fn hear(&self, what: &str, place: InTeam<'_>, roles: &Roles) {
        let words: Vec<&str> = roles.iter().map(Role::as_str).collect();
        let line = format!("{what} {}/{} {}", place.organization.slug, place.team.name, words.join("+"));
        self.heard.lock().expect("an ear").push(line.trim_end().to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().expect("an ear"))
    }
}

#[async_trait]
impl TeamLifecycle for Ear {
    async fn after_create(&self, _: &mut Tx, place: InTeam<'_>) -> Result<()> {
        self.hear("created", place, &Roles::new());
        Ok(())
    }

    async fn after_update(&self, _: &mut Tx, place: InTeam<'_>) -> Result<()> {
        self.hear("renamed", place, &Roles::new());
        Ok(())
    }

    async fn before_delete(&self, _: &mut Tx, place: InTeam<'_>) -> Result<()> {
        if *self.kept.lock().expect("an ear") == Some(place.team.id) {
            return Err(Failure::conflict("board.open", "This team has an open board."));
        }
        self.hear("deleting", place, &Roles::new());
        Ok(())
    }

    async fn after_member_add(&self, _: &mut Tx, place: InTeam<'_>, member: &TeamMember) -> Result<()> {
        self.hear("added", place, &member.roles);
        Ok(())
    }

    async fn after_member_remove(&self, _: &mut Tx, place: InTeam<'_>, member: &TeamMember) -> Result<()> {
        self.hear("removed", place, &member.roles);
        Ok(())
    }

    async fn after_role_change(&self, _: &mut Tx, place: InTeam<'_>, member: &TeamMember, _: &Roles) -> Result<()> {
        self.hear("changed", place, &member.roles);
        Ok(())
    }
}

on_both_engines! {
    async fn an_application_hears_of_everything_that_happens_to_teams(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let lent = teams(&gateway);
        let ear = Arc::new(Ear::default());
        lent.listen(Arc::clone(&ear) as _);
        let as_ada = Actor::user(ada.id);
        for slug in ["red", "blue"] {
            let new = NewTeam { name: slug.to_owned(), ..NewTeam::default() };
            lent.create(&as_ada, acme.id, new).await.expect("a team");
        }
        let red = lent.resolve(acme.id, "red").await.expect("a team");
        join(&gateway, acme.id, bob.id, "member").await;
        lent.add_member(&as_ada, red, bob.id, &read_roles(["member"]).expect("roles")).await.expect("added");
        lent.set_roles(&as_ada, red, bob.id, &read_roles(["lead,chair"]).expect("roles")).await.expect("changed");
        lent.rename(&as_ada, red, "crimson").await.expect("renamed");
        let body = json!({ "email": "eve@example.org", "role": "member", "team": "red" });
        let invited = done(&mut of_ada, "/auth/organization/acme/invite", body).await;
        let accept = super::invitation(invited["id"].as_str().expect("an id"), "/accept");
        done(&mut of_eve, &accept, json!({})).await;
        lent.leave(&Actor::user(eve.id), red).await.expect("left");
        organizations(&gateway).remove_member(&as_ada, acme.id, bob.id).await.expect("removed");
        *ear.kept.lock().expect("an ear") = Some(red);
        for path in [at("acme", "red", "/delete"), "/auth/organization/acme/delete".to_owned()] {
            assert_eq!(refused(&mut of_ada, &path, json!({})).await.1, "board.open", "{path}");
        }
        assert!(lent.find(red).await.expect("an answer").is_some(), "it is kept, and so is its organization");
        *ear.kept.lock().expect("an ear") = None;
        ear.heard.lock().expect("an ear").retain(|line| !line.starts_with("deleting"));
        lent.delete(&as_ada, red).await.expect("deleted");
        organizations(&gateway).delete(&as_ada, acme.id).await.expect("deleted");
        assert_eq!(ear.take(), [
            "created acme/red", "added acme/red lead", "created acme/blue", "added acme/blue lead", "added acme/red member",
            "changed acme/red chair+lead", "renamed acme/crimson", "added acme/crimson member", "removed acme/crimson member",
            "removed acme/crimson chair+lead", "deleting acme/crimson", "deleting acme/blue",
        ]);
    }
}

on_both_engines! {
    async fn the_handle_answers_for_teams(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let lent = teams(&gateway);
        let as_ada = Actor::user(ada.id);
        let outside = NewTeam { name: "Red".to_owned(), slug: None, lead: Some(bob.id) };
        let refused = lent.create(&as_ada, acme.id, outside.clone()).await.expect_err("a refusal");
        assert_eq!(refused.code(), "team.not_in_organization");
        join(&gateway, acme.id, bob.id, "member").await;
        let red = lent.create(&as_ada, acme.id, outside).await.expect("a team").id;
        assert_eq!(who_is_in(&gateway, red).await, [("bob@example.org".to_owned(), "lead".to_owned())]);
        let details = lent.details(&Actor::user(bob.id), red).await.expect("details");
        assert!(details.powers.may(Need::Members) && !details.powers.may(Need::Update) && details.member_count == 1);
        assert_eq!(lent.list_of_user_in(bob.id, acme.id).await.expect("contexts")[0].slug, "red");
        assert!(lent.list_of_user_in(ada.id, acme.id).await.expect("contexts").is_empty());
        assert_eq!(lent.find_member(red, bob.id).await.expect("an answer").map(|member| member.team_id), Some(red));
        for act in [lent.leave(&Actor::host(), red).await, lent.leave(&as_ada, red).await] {
            assert!(act.is_err_and(|failure| ["organization.person_needed", "team.unknown_member"].contains(&failure.code())));
        }
        // The host may everything, and what it does is nobody's act.
        lent.remove_member(&Actor::host(), red, bob.id).await.expect("removed");
        let acts = gateway.gateway.identity().acts(None, 1).await.expect("the record");
        assert_eq!((acts[0].action.as_str(), acts[0].actor_id), ("team.member_removed", None));
    }
}
