//! Invitations straight into a team.

use belgie_organization::{Actor, NewInvitation, read_roles};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    done, enter, invitation, join, known, organizations, owned_by, read, refused, take_out, team_of, teams, who_is_in,
};
use crate::on_both_engines;
use crate::provider::call;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway};

const INVITE: &str = "/auth/organization/acme/invite";

/// Invites an address into a team, and gives what was said.
async fn into(browser: &mut Browser, email: &str, team: impl Into<Value>) -> Value {
    done(browser, INVITE, json!({ "email": email, "role": "member", "team": team.into() })).await
}

fn accept(invited: &Value) -> String {
    invitation(invited["id"].as_str().expect("an id"), "/accept")
}

fn only(email: &str) -> Vec<(String, String)> {
    vec![(email.to_owned(), "member".to_owned())]
}

on_both_engines! {
    async fn an_invitation_leads_straight_into_a_team(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        let red = team_of(&gateway, acme.id, "red").await;
        let foreign = team_of(&gateway, rose.id, "blue").await;
        for wrong in ["nothing", "blue", &foreign.id.to_string(), "tea_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b"] {
            let body = json!({ "email": "eve@example.org", "role": "member", "team": wrong });
            let unknown = refused(&mut of_ada, INVITE, body).await;
            assert_eq!(unknown, (StatusCode::BAD_REQUEST, "organization.unknown_team".to_owned()), "{wrong}");
        }
        let invited = into(&mut of_ada, "eve@example.org", "Red").await;
        assert_eq!(invited["team_id"], json!(red.id));
        let (_, mine) = read(&mut of_eve, "/auth/organization/invitations").await;
        assert_eq!(mine["invitations"][0]["team"], "The red");
        assert!(who_is_in(&gateway, red.id).await.is_empty(), "only acceptance counts");
        done(&mut of_eve, &accept(&invited), json!({})).await;
        assert_eq!(who_is_in(&gateway, red.id).await, only("eve@example.org"));
        assert!(organizations(&gateway).membership(eve.id, acme.id).await.expect("an answer").is_some());
        // By its id as well; and none at all is no team.
        let second = into(&mut of_ada, "fay@example.org", json!(red.id)).await;
        assert_eq!(second["team_id"], json!(red.id));
        for none in [Value::Null, json!("")] {
            let body = json!({ "email": "fay@example.org", "role": "member", "resend": true, "team": none });
            assert_eq!(done(&mut of_ada, INVITE, body).await["team_id"], Value::Null);
        }
    }
}

on_both_engines! {
    async fn a_full_team_refuses_and_the_invitation_stays_open(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.team]\nmaximum_members_per_team = 1")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        enter(&gateway, red, ada.id, "lead").await;
        let invited = into(&mut of_ada, "eve@example.org", "red").await;
        let full = refused(&mut of_eve, &accept(&invited), json!({})).await;
        assert_eq!(full, (StatusCode::FORBIDDEN, "team.full".to_owned()));
        assert!(organizations(&gateway).membership(eve.id, acme.id).await.expect("an answer").is_none(), "all or nothing");
        take_out(&gateway, red, ada.id).await;
        done(&mut of_eve, &accept(&invited), json!({})).await;
        assert_eq!(who_is_in(&gateway, red).await, only("eve@example.org"));
    }
}

on_both_engines! {
    async fn of_two_who_accept_at_once_one_gets_the_last_place_in_the_team(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.team]\nmaximum_members_per_team = 1")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (_, mut of_dan) = known(&gateway, "dan@example.org").await;
        for round in 0..4 {
            let slug = format!("round-{round}");
            let id = owned_by(&gateway, ada.id, &slug).await.id;
            let red = team_of(&gateway, id, "red").await.id;
            let mut paths = Vec::new();
            for email in ["eve@example.org", "dan@example.org"] {
                let body = json!({ "email": email, "role": "member", "team": "red" });
                paths.push(accept(&done(&mut of_ada, &format!("/auth/organization/{slug}/invite"), body).await));
            }
            let (one, two) =
                tokio::join!(call(&mut of_eve, &paths[0], json!({})), call(&mut of_dan, &paths[1], json!({})));
            assert!(one.0.is_success() != two.0.is_success(), "round {round}: {one:?} {two:?}");
            let lost = if one.0.is_success() { two } else { one };
            assert_eq!((lost.0, &lost.1["error"]), (StatusCode::FORBIDDEN, &json!("team.full")));
            assert_eq!(who_is_in(&gateway, red).await.len(), 1);
        }
    }
}

on_both_engines! {
    async fn an_invitation_into_a_team_that_is_gone_leads_into_the_organization_alone(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        let invited = into(&mut of_ada, "eve@example.org", "red").await;
        let again = into(&mut of_ada, "fay@example.org", "red").await;
        teams(&gateway).delete(&Actor::host(), red).await.expect("deleted");
        let (_, mine) = read(&mut of_eve, "/auth/organization/invitations").await;
        assert_eq!(mine["invitations"][0]["team"], Value::Null);
        done(&mut of_eve, &accept(&invited), json!({})).await;
        assert_eq!(read(&mut of_eve, "/auth/organization/acme").await.0, StatusCode::OK);
        assert_eq!(read(&mut of_eve, "/auth/organization/teams").await.1, json!({ "teams": [] }));
        let resent = invitation(again["id"].as_str().expect("an id"), "/resend");
        assert_eq!(done(&mut of_ada, &resent, json!({})).await["team_id"], Value::Null);
        // A new team of the same address is another one.
        let other = team_of(&gateway, acme.id, "red").await.id;
        assert!(who_is_in(&gateway, other).await.is_empty());
    }
}

on_both_engines! {
    async fn nobody_invites_into_a_team_they_could_not_bring_others_into(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await.id, team_of(&gateway, acme.id, "blue").await.id);
        let recruiter = "recruiter".parse().expect("a role");
        let allowed = ["invitation:create", "invitation:read", "member:read", "role:read"].map(str::to_owned).to_vec();
        organizations(&gateway).create_role(&Actor::host(), acme.id, &recruiter, allowed).await.expect("a role");
        join(&gateway, acme.id, bob.id, "recruiter").await;
        enter(&gateway, blue, bob.id, "member").await;
        for team in ["red", "blue"] {
            let body = json!({ "email": "eve@example.org", "role": "member", "team": team });
            let no = refused(&mut of_bob, INVITE, body).await;
            assert_eq!(no, (StatusCode::FORBIDDEN, "team.forbidden".to_owned()), "{team}");
        }
        let lead = read_roles(["lead"]).expect("roles");
        teams(&gateway).set_roles(&Actor::host(), blue, bob.id, &lead).await.expect("a lead");
        let invited = into(&mut of_bob, "eve@example.org", "blue").await;
        // Nor does he send again what somebody else offered.
        let of_red = into(&mut of_ada, "fay@example.org", "red").await;
        let resend = invitation(of_red["id"].as_str().expect("an id"), "/resend");
        assert_eq!(refused(&mut of_bob, &resend, json!({})).await.1, "team.forbidden");
        // What he offered ends with the power to offer it; the organization stays open to her.
        take_out(&gateway, blue, bob.id).await;
        done(&mut of_eve, &accept(&invited), json!({})).await;
        assert!(who_is_in(&gateway, blue).await.is_empty() && who_is_in(&gateway, red).await.is_empty());
        assert_eq!(read(&mut of_eve, "/auth/organization/acme").await.0, StatusCode::OK);
        // The host's own offers hold.
        let new = NewInvitation { email: "gil@example.org".to_owned(), roles: read_roles(["member"]).expect("roles"), resend: false, team: Some(red) };
        let by_host = organizations(&gateway).invite(&Actor::host(), acme.id, new).await.expect("invited");
        let (_, mut of_gil) = known(&gateway, "gil@example.org").await;
        done(&mut of_gil, &invitation(&by_host.id.to_string(), "/accept"), json!({})).await;
        assert_eq!(who_is_in(&gateway, red).await, only("gil@example.org"));
    }
}

on_both_engines! {
    async fn the_team_is_chosen_on_the_page_and_named_in_the_letter(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        let (home, to) = ("/organizations/acme", "/organizations/acme/invite");
        let page = of_ada.get(home).await;
        assert!(page.body.contains("<select id=\"team\" name=\"team\">") && page.body.contains("<option value=\"red\">The red</option>"), "{}", page.body);
        let wrong = of_ada.submit(&page.form(to), &[("email", "no address"), ("role", "member"), ("team", "red")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains("<option value=\"red\" selected>"), "{}", wrong.body);
        let sent = of_ada.submit(&page.form(to), &[("email", "eve@example.org"), ("role", "member"), ("team", "red")]).await;
        assert_eq!(sent.location(), "/organizations/acme?done=invited");
        assert!(of_ada.get(home).await.body.contains("Into <bdi>The red</bdi>"));
        let letter = gateway.letter_to("eve@example.org").await;
        assert!(letter.text.contains("as member, and into the team “The red”."), "{}", letter.text);

        let eve = gateway.person("eve@example.org").await;
        crate::organization::prove(&gateway, &eve).await;
        let mut of_eve = gateway.browser();
        of_eve.sign_in("eve@example.org", PASSWORD).await;
        let shown = of_eve.get(&letter.link()).await;
        assert!(shown.body.contains("into the team <strong><bdi>The red</bdi></strong>"), "{}", shown.body);
        let joined = of_eve.submit(&shown.form("/organizations/invitation"), &[("decision", "accept")]).await;
        assert!(joined.location().ends_with("?done=joined"), "{}", joined.location());
        assert_eq!(who_is_in(&gateway, red).await, only("eve@example.org"));
    }
}
