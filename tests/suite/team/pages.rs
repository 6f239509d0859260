//! The same on pages, as people meet them.

use reqwest::StatusCode;

use super::{enter, join, known, owned_by, team_of, who_is_in};
use crate::on_both_engines;
use crate::support::{TestGateway, unescape};

const HOME: &str = "/organizations/acme/teams";

on_both_engines! {
    async fn a_person_makes_a_team_fills_renames_and_deletes_it_on_pages(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, eve.id, "member").await;
        let linked = unescape(&of_ada.get("/organizations/acme").await.body).contains(&format!("href=\"{HOME}\""));
        assert!(linked);
        assert!(of_ada.get(HOME).await.body.contains("There is no team yet"));
        let new = "/organizations/acme/teams/new";
        let wrong = of_ada.fill(new, new, &[("name", "Red <b>"), ("slug", "a_b")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains("2 to 48") && wrong.body.contains("value=\"a_b\""), "{}", wrong.body);
        let made = of_ada.fill(new, new, &[("name", "Red <b>"), ("slug", "red")]).await;
        assert_eq!(made.location(), "/organizations/acme/teams/red?done=created");
        let page = of_ada.get(&made.location()).await.body;
        assert!(page.contains("Red &lt;b&gt;") && page.contains("and you lead it") && page.contains("you are lead"), "{page}");

        let (team, add) = ("/organizations/acme/teams/red", "/organizations/acme/teams/red/add");
        let nobody = of_ada.fill(team, add, &[("email", "nobody@example.org")]).await;
        assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(nobody.body.contains("Only members of the organization") && nobody.body.contains("value=\"nobody@example.org\""));
        assert_eq!(of_ada.fill(team, add, &[("email", "eve@example.org")]).await.location(), format!("{team}?done=added"));
        let id = super::teams(&gateway).resolve(acme.id, "red").await.expect("a team");
        let member = format!("{team}/members/{}", eve.id);
        let wrong = of_ada.fill(&member, &member, &[("role", "two words")]).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.body.contains("value=\"two words\""), "{}", wrong.body);
        let set = of_ada.fill(&member, &member, &[("role", "lead, Reviewer")]).await;
        assert_eq!(set.location(), format!("{team}?done=roles"));
        assert_eq!(who_is_in(&gateway, id).await[1].1, "lead+reviewer");
        // Now she leads it, too, and takes her out who made it.
        let of_the_maker = format!("{team}/members/{}", ada.id);
        let gone = of_eve.fill(&of_the_maker, &format!("{of_the_maker}/remove"), &[]).await;
        assert_eq!(gone.location(), format!("{team}?done=removed"));
        assert_eq!(who_is_in(&gateway, id).await.len(), 1);

        let settings = "/organizations/acme/teams/red/settings";
        assert_eq!(of_eve.get(settings).await.status, StatusCode::FORBIDDEN);
        let empty = of_ada.fill(settings, settings, &[("name", " ")]).await;
        assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(of_ada.fill(settings, settings, &[("name", "Crimson")]).await.location(), format!("{team}?done=saved"));
        let list = of_eve.get(HOME).await.body;
        assert!(list.contains("Crimson") && list.contains("Yours") && !list.contains("New team"), "{list}");
        let leave = "/organizations/acme/teams/red/leave";
        assert_eq!(of_ada.get(leave).await.status, StatusCode::NOT_FOUND, "she is not in it");
        assert_eq!(of_eve.fill(leave, leave, &[]).await.location(), format!("{HOME}?done=left"));
        let delete = "/organizations/acme/teams/red/delete";
        assert_eq!(of_eve.get(delete).await.status, StatusCode::FORBIDDEN);
        assert_eq!(of_ada.fill(delete, delete, &[]).await.location(), format!("{HOME}?done=deleted"));
        assert!(of_ada.get(&format!("{HOME}?done=deleted")).await.body.contains("The team is deleted"));
        assert_eq!(of_ada.get(team).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn a_page_shows_and_offers_what_one_may(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        enter(&gateway, red, ada.id, "approver").await;
        let team = "/organizations/acme/teams/red";
        let page = of_bob.get(team).await.body;
        assert!(page.contains("you are not in it") && page.contains("1 member") && !page.contains("ada@example.org"), "{page}");
        let member = format!("{team}/members/{}", ada.id);
        assert_eq!(of_bob.get(&member).await.status, StatusCode::FORBIDDEN);
        enter(&gateway, red, bob.id, "member").await;
        let page = of_bob.get(team).await.body;
        assert!(page.contains("ada@example.org") && page.contains("leave\">Leave") && !page.contains("Add somebody"), "{page}");
        let shown = of_bob.get(&member).await;
        assert!(shown.body.contains("approver") && !shown.body.contains("Set the roles"), "{}", shown.body);
        let lead = belgie_organization::read_roles(["lead"]).expect("roles");
        let host = belgie_organization::Actor::host();
        super::teams(&gateway).set_roles(&host, red, bob.id, &lead).await.expect("a lead");
        let no = of_bob.fill(&member, &format!("{member}/remove"), &[]).await;
        assert!(no.status == StatusCode::UNPROCESSABLE_ENTITY && no.body.contains("only roles they have themselves"), "{}", no.body);
        assert_eq!(who_is_in(&gateway, red).await.len(), 2);
    }
}

on_both_engines! {
    async fn outsiders_and_strangers_find_no_page_of_teams(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        team_of(&gateway, acme.id, "red").await;
        for page in ["", "/new", "/red", "/red/settings", "/red/leave", "/red/delete", "/nothing"] {
            let of_another = of_eve.get(&format!("{HOME}{page}")).await;
            let of_nobody = of_eve.get(&format!("/organizations/nowhere/teams{page}")).await;
            assert_eq!(of_another.status, StatusCode::NOT_FOUND, "{page}");
            assert_eq!(of_another.without("acme"), of_nobody.without("nowhere"), "{page}");
        }
        let mut nobody = gateway.browser();
        assert_eq!(nobody.get(HOME).await.location(), "/auth/signin?return_to=%2Forganizations%2Facme%2Fteams");
        // Without the token of our own forms nothing is done.
        for (path, fields) in [
            ("/organizations/acme/teams/new", vec![("name", "Forged")]),
            ("/organizations/acme/teams/red/add", vec![("email", "ada@example.org")]),
            ("/organizations/acme/teams/red/delete", vec![]),
        ] {
            assert_eq!(of_ada.post(path, &fields).await.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
}
