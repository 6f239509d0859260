//! The same on pages, as people meet them.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{at, invitation, invite, join, known, organizations, owned_by, roles_of};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway, unescape};

const NEW: &str = "/organizations/new";

on_both_engines! {
    async fn a_person_makes_an_organization_invites_and_sets_roles_on_pages(gateway: TestGateway) {
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        assert!(of_ada.get("/account").await.body.contains("href=\"/organizations\""));
        assert!(of_ada.get("/organizations").await.body.contains("in no organization yet"));
        let wrong = of_ada.fill(NEW, NEW, &[("name", "Acme <b>"), ("slug", "a_b")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains("2 to 48") && wrong.body.contains("value=\"a_b\""), "{}", wrong.body);
        let made = of_ada.fill(NEW, NEW, &[("name", "Acme <b>"), ("slug", "acme")]).await;
        assert_eq!(made.location(), "/organizations/acme?done=created");
        let page = of_ada.get(&made.location()).await;
        assert!(page.body.contains("Acme &lt;b&gt;") && page.body.contains("The organization is there"), "{}", page.body);

        let home = "/organizations/acme";
        let to = "/organizations/acme/invite";
        let none = of_ada.fill(home, to, &[("email", "eve@example.org"), ("role", "")]).await;
        assert!(none.body.contains("at least one role") && none.body.contains("value=\"eve@example.org\""), "{}", none.body);
        let sent = of_ada.fill(home, to, &[("email", "eve@example.org"), ("role", "member")]).await;
        assert_eq!(sent.location(), "/organizations/acme?done=invited");
        assert!(of_ada.get(home).await.body.contains("eve@example.org"));
        let answer = "/organizations/invitations";
        let mine = of_eve.get("/organizations").await;
        assert!(mine.body.contains("You are invited") && mine.body.contains("By <bdi>ada@example.org</bdi>"), "{}", mine.body);
        let joined = of_eve.submit(&mine.form(answer), &[("decision", "accept")]).await;
        let page = of_eve.get(&joined.location()).await;
        assert_eq!(page.location(), "/organizations/acme?done=joined");
        assert!(of_eve.get(&page.location()).await.body.contains("Welcome"));

        let member = format!("/organizations/acme/members/{}", eve.id);
        let set = of_ada.fill(&member, &member, &[("role", "admin")]).await;
        assert_eq!(set.location(), "/organizations/acme?done=roles");
        assert_eq!(roles_of(&mut of_ada, "acme", eve.id).await, Some(json!(["admin"])));
        let gone = of_ada.fill(&format!("{member}/remove"), &format!("{member}/remove"), &[]).await;
        assert_eq!(gone.location(), "/organizations/acme?done=removed");
        assert_eq!(of_eve.get(home).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn roles_are_made_changed_and_deleted_on_pages(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let new = "/organizations/acme/new-role";
        let made = of_ada.fill(new, new, &[("name", "Editor"), ("permission", "team:create")]).await;
        assert_eq!(made.location(), "/organizations/acme?done=role-created");
        let role = "/organizations/acme/roles/editor";
        let twice = of_ada.fill(new, new, &[("name", "Editor"), ("permission", "team:create")]).await;
        assert!(twice.status == StatusCode::UNPROCESSABLE_ENTITY && twice.body.contains("a role of this name already"));
        let page = of_ada.get(role).await;
        assert!(page.body.contains("value=\"team:create\" checked"), "{}", page.body);
        assert!(!page.body.contains("organization:delete"), "no role can be given it");
        let saved = of_ada.submit(&page.form(role), &[("permission", "team:update")]).await;
        assert_eq!(saved.location(), "/organizations/acme?done=role-saved");
        let page = of_ada.get(role).await;
        assert!(page.body.contains("value=\"team:update\" checked") && !page.body.contains("value=\"team:create\" checked"));
        let deleted = of_ada.submit(&page.form(&format!("{role}/delete")), &[]).await;
        assert_eq!(deleted.location(), "/organizations/acme?done=role-deleted");
        assert_eq!(of_ada.get(role).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn settings_leave_transfer_and_delete_have_pages(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let settings = "/organizations/acme/settings";
        let logo = "data:image/png;base64,iVBORw0KGgo=";
        let saved = of_ada.fill(settings, settings, &[("name", "Acme Two"), ("slug", "acme-two"), ("logo", logo)]).await;
        assert_eq!(saved.location(), "/organizations/acme-two?done=saved");
        let page = of_ada.get(&saved.location()).await;
        assert!(unescape(&page.body).contains(&format!("src=\"{logo}\"")), "{}", page.body);
        assert_eq!(of_ada.get("/organizations/acme").await.location(), "/organizations/acme-two");
        assert_eq!(of_ada.get(&format!("/organizations/{}", acme.id)).await.location(), "/organizations/acme-two");
        assert_eq!(of_bob.get("/organizations/acme-two/settings").await.status, StatusCode::FORBIDDEN);

        let leave = "/organizations/acme-two/leave";
        let last = of_ada.fill(leave, leave, &[]).await;
        assert!(last.status == StatusCode::UNPROCESSABLE_ENTITY && last.body.contains("needs an owner"), "{}", last.body);
        let transfer = format!("/organizations/acme-two/members/{}/transfer", bob.id);
        let on = of_ada.fill(&transfer, &transfer, &[]).await;
        assert_eq!(on.location(), "/organizations/acme-two?done=transferred");
        assert_eq!(of_ada.fill(leave, leave, &[]).await.location(), "/organizations?done=left");
        let delete = "/organizations/acme-two/delete";
        let typo = of_bob.fill(delete, delete, &[("slug", "acme")]).await;
        assert!(typo.status == StatusCode::UNPROCESSABLE_ENTITY && typo.body.contains("not the address"), "{}", typo.body);
        assert_eq!(of_bob.fill(delete, delete, &[("slug", "acme-two")]).await.location(), "/organizations?done=deleted");
        assert!(of_bob.get("/organizations?done=deleted").await.body.contains("in no organization yet"));
    }
}

on_both_engines! {
    async fn deleting_and_handing_on_ask_whether_one_is_there(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        gateway.clock.advance(Duration::from_secs(3 * 3600));
        for path in ["/organizations/acme/delete".to_owned(), format!("/organizations/acme/members/{}/transfer", bob.id)] {
            assert!(of_ada.get(&path).await.location().starts_with("/auth/confirm?"), "{path}");
        }
        assert_eq!(of_ada.get("/organizations/acme/leave").await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn outsiders_and_strangers_find_no_page(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let pages = ["", "/settings", "/leave", "/new-role", "/roles/owner", "/delete"];
        for page in pages {
            let of_another = of_eve.get(&format!("/organizations/acme{page}")).await;
            let of_nobody = of_eve.get(&format!("/organizations/nowhere{page}")).await;
            assert_eq!(of_another.status, StatusCode::NOT_FOUND, "{page}");
            assert_eq!(of_another.without("acme"), of_nobody.without("nowhere"), "{page}");
        }
        let member = format!("/organizations/acme/members/{}", ada.id);
        assert_eq!(of_eve.get(&member).await.status, StatusCode::NOT_FOUND);
        let mut nobody = gateway.browser();
        assert_eq!(nobody.get("/organizations/acme").await.location(), "/auth/signin?return_to=%2Forganizations%2Facme");

        // Without the token of our own forms nothing is done.
        let forged = of_ada.post("/organizations/acme/invite", &[("email", "eve@example.org"), ("role", "owner")]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let token = of_eve.get("/organizations/new").await.form(NEW).value("csrf_token");
        let fields = [("csrf_token", token.as_str()), ("email", "eve@example.org"), ("role", "member")];
        assert_eq!(of_eve.post("/organizations/acme/invite", &fields).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn somebody_elses_invitation_cannot_be_taken_on_the_page(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_bob) = known(&gateway, "bob@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let id = invite(&mut of_ada, "acme", "eve@example.org").await;
        let token = of_bob.get(NEW).await.form(NEW).value("csrf_token");
        let fields = [("csrf_token", token.as_str()), ("invitation", id.as_str()), ("decision", "accept")];
        assert_eq!(of_bob.post("/organizations/invitations", &fields).await.status, StatusCode::NOT_FOUND);
        assert!(organizations(&gateway).list_for(ada.id).await.expect("a list").len() == 1);
    }
}

on_both_engines! {
    async fn the_page_is_closed_where_the_operator_makes_organizations(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nallow_user_to_create_organization = false")
    ) {
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        assert_eq!(of_ada.get(NEW).await.status, StatusCode::FORBIDDEN);
        assert!(!of_ada.get("/organizations").await.body.contains(NEW));
    }
}

on_both_engines! {
    async fn an_invitation_is_sent_again_and_taken_back_on_the_page(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let mut of_eve = gateway.browser();
        let eve = gateway.person("eve@example.org").await;
        super::prove(&gateway, &eve).await;
        of_eve.sign_in("eve@example.org", PASSWORD).await;
        owned_by(&gateway, ada.id, "acme").await;
        let first = invite(&mut of_ada, "acme", "eve@example.org").await;
        let (home, act) = ("/organizations/acme", "/organizations/acme/invitations");
        let again = of_ada.fill(home, act, &[("act", "resend")]).await;
        assert_eq!(again.location(), "/organizations/acme?done=resent");
        assert_eq!(super::refused(&mut of_eve, &invitation(&first, "/accept"), json!({})).await.1, "organization.invitation_over");
        let back = of_ada.fill(home, act, &[("act", "cancel")]).await;
        assert_eq!(back.location(), "/organizations/acme?done=canceled");
        assert!(of_ada.get(home).await.body.contains("Nobody is invited"));
        let declined = invite(&mut of_ada, "acme", "eve@example.org").await;
        let page = "/organizations/invitations";
        let no = of_eve.fill("/organizations", page, &[("decision", "decline")]).await;
        assert_eq!(no.location(), "/organizations?done=declined");
        let (_, all) = super::read(&mut of_ada, &at("acme", "/invitations?all=true")).await;
        assert_eq!(all["invitations"][0]["id"], declined);
        assert_eq!(all["invitations"][0]["status"], "rejected");
    }
}
