//! What an application does with organizations: the typed handle, and hearing of what happens.

use std::sync::{Arc, Mutex};

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::Observer;
use belgie_api::{Event, Failure, OrgId, Result, async_trait};
use belgie_organization::{
    Actor, DomainJoin, Invitation, Lifecycle, Member, NewInvitation, NewOrganization, OrganizationChanges,
    OrganizationRecord, Role, Roles, has_any_role, read_roles,
};

use super::{done, known, organizations, owned_by};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway, eventually};

/// Writes down what it hears, keeps one organization from being deleted, and knows whose `example.org` is.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<String>>,
    kept: Mutex<Option<OrgId>>,
    domain: Mutex<Option<OrgId>>,
}

impl Ear {
    fn hear(&self, what: String) {
        self.heard.lock().expect("an ear").push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().expect("an ear"))
    }
}

fn words(roles: &Roles) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join("+")
}

#[async_trait]
impl Lifecycle for Ear {
    async fn after_create(&self, _: &mut Tx, organization: &OrganizationRecord, owner: &Member) -> Result<()> {
        self.hear(format!("created {} {}", organization.slug, words(&owner.roles)));
        Ok(())
    }

    async fn after_update(&self, _: &mut Tx, organization: &OrganizationRecord) -> Result<()> {
        self.hear(format!("updated {}", organization.slug));
        Ok(())
    }

    async fn before_delete(&self, _: &mut Tx, organization: &OrganizationRecord) -> Result<()> {
        if *self.kept.lock().expect("an ear") == Some(organization.id) {
            return Err(Failure::conflict("billing.active", "This organization has an active subscription."));
        }
        self.hear(format!("deleting {}", organization.slug));
        Ok(())
    }

    async fn after_member_add(&self, _: &mut Tx, organization: &OrganizationRecord, member: &Member) -> Result<()> {
        self.hear(format!("added {} {}", organization.slug, words(&member.roles)));
        Ok(())
    }

    async fn after_member_remove(&self, _: &mut Tx, organization: &OrganizationRecord, member: &Member) -> Result<()> {
        self.hear(format!("removed {} {}", organization.slug, words(&member.roles)));
        Ok(())
    }

    async fn after_role_change(
        &self,
        _: &mut Tx,
        organization: &OrganizationRecord,
        member: &Member,
        before: &Roles,
    ) -> Result<()> {
        self.hear(format!("changed {} {} to {}", organization.slug, words(before), words(&member.roles)));
        Ok(())
    }

    async fn after_invitation_accept(
        &self,
        _: &mut Tx,
        organization: &OrganizationRecord,
        invitation: &Invitation,
        member: &Member,
    ) -> Result<()> {
        self.hear(format!("accepted {} {} {}", organization.slug, invitation.email, words(&member.roles)));
        Ok(())
    }

    async fn joins_by_domain(&self, _: &mut Tx, _: &UserContext, domain: &str) -> Result<Vec<DomainJoin>> {
        let organization = self.domain.lock().expect("an ear").filter(|_| domain == "example.org");
        Ok(organization
            .map(|organization| DomainJoin { organization, roles: read_roles(["member"]).expect("roles") })
            .into_iter()
            .collect())
    }
}

on_both_engines! {
    async fn an_application_hears_of_everything_that_happens(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let lent = organizations(&gateway);
        let ear = Arc::new(Ear::default());
        lent.listen(Arc::clone(&ear) as _);
        let (as_ada, as_eve) = (Actor::user(ada.id), Actor::user(eve.id));
        let new = NewOrganization { name: "Acme".to_owned(), ..NewOrganization::default() };
        let id = lent.create(&as_ada, new).await.expect("made").id;
        let changes = OrganizationChanges { slug: Some("acme-two".to_owned()), ..OrganizationChanges::default() };
        lent.update(&as_ada, id, changes).await.expect("changed");
        let member = read_roles(["member"]).expect("roles");
        lent.add_member(&as_ada, id, bob.id, &member).await.expect("added");
        lent.set_roles(&as_ada, id, bob.id, &read_roles(["admin"]).expect("roles")).await.expect("changed");
        let new = NewInvitation { email: eve.email.clone(), roles: member, resend: false, team: None };
        let invitation = lent.invite(&as_ada, id, new).await.expect("invited");
        lent.accept_invitation(&as_eve, invitation.id).await.expect("accepted");
        lent.leave(&as_eve, id).await.expect("left");
        lent.remove_member(&as_ada, id, bob.id).await.expect("removed");
        *ear.kept.lock().expect("an ear") = Some(id);
        let kept = done_or_code(&mut of_ada, "/auth/organization/acme-two/delete").await;
        assert_eq!(kept, "billing.active");
        *ear.kept.lock().expect("an ear") = None;
        lent.delete(&as_ada, id).await.expect("deleted");
        assert_eq!(ear.take(), [
            "created acme owner", "updated acme-two", "added acme-two member", "changed acme-two member to admin",
            "added acme-two member", "accepted acme-two eve@example.org member", "removed acme-two member",
            "removed acme-two admin", "deleting acme-two",
        ]);
    }
}

async fn done_or_code(browser: &mut crate::support::Browser, path: &str) -> String {
    super::refused(browser, path, serde_json::json!({})).await.1
}

on_both_engines! {
    async fn a_person_comes_in_by_the_domain_of_a_proven_address_and_not_back_once_removed(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.com").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let lent = organizations(&gateway);
        let ear = Arc::new(Ear::default());
        *ear.domain.lock().expect("an ear") = Some(acme.id);
        lent.listen(ear);
        let is_in = async |user| lent.membership(user, acme.id).await.expect("an answer").is_some();

        let unproven = gateway.person("first@example.org").await;
        gateway.browser().sign_in("first@example.org", PASSWORD).await;
        assert!(!is_in(unproven.id).await, "the address is not proven");
        let (elsewhere, _) = known(&gateway, "bob@example.net").await;
        assert!(!is_in(elsewhere.id).await, "another domain");
        let (eve, _) = known(&gateway, "eve@example.org").await;
        assert!(is_in(eve.id).await);
        done(&mut of_ada, "/auth/organization/acme/members/remove", serde_json::json!({ "member": eve.id })).await;
        gateway.browser().sign_in("eve@example.org", PASSWORD).await;
        assert!(!is_in(eve.id).await, "whoever was removed stays out");
        super::join(&gateway, acme.id, eve.id, "member").await;
        lent.leave(&Actor::user(eve.id), acme.id).await.expect("left");
        gateway.browser().sign_in("eve@example.org", PASSWORD).await;
        assert!(!is_in(eve.id).await, "whoever left stays out");
    }
}

on_both_engines! {
    async fn an_operator_who_wears_a_session_brings_its_person_into_nothing(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.com").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let lent = organizations(&gateway);
        let ear = Arc::new(Ear::default());
        *ear.domain.lock().expect("an ear") = Some(acme.id);
        lent.listen(ear);
        let eve = gateway.person("eve@example.org").await;
        super::prove(&gateway, &eve).await;
        gateway.person_with("operator@example.net", "admin").await;
        let mut operator = gateway.browser();
        operator.sign_in("operator@example.net", PASSWORD).await;
        let wear = format!("/admin/users/{}/impersonate", eve.id);
        assert_eq!(operator.fill(&wear, &wear, &[]).await.location(), "/account");
        assert!(lent.membership(eve.id, acme.id).await.expect("an answer").is_none(), "it was not eve who signed in");
        gateway.browser().sign_in("eve@example.org", PASSWORD).await;
        assert!(lent.membership(eve.id, acme.id).await.expect("an answer").is_some());
    }
}

/// Hears of organizations after the fact.
#[derive(Clone, Default)]
struct News(Arc<Mutex<Vec<&'static str>>>);

#[async_trait]
impl Observer for News {
    fn name(&self) -> &'static str {
        "test.news"
    }

    async fn observe(&self, event: &Event) -> Result<()> {
        let word = match event {
            Event::OrganizationChanged { .. } => "organization",
            Event::MembershipChanged { .. } => "membership",
            _ => return Ok(()),
        };
        self.0.lock().expect("news").push(word);
        Ok(())
    }
}

on_both_engines! {
    async fn only_what_matters_to_everybody_in_it_is_news_of_an_organization(engine: Engine) {
        let news = News::default();
        let observer = news.clone();
        let gateway = Setup::default().build(|builder| builder.observer(observer)).start(engine).await;
        let ada = gateway.person("ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let (lent, host) = (organizations(&gateway), Actor::host());
        let id = owned_by(&gateway, ada.id, "acme").await.id;
        let clerk = "clerk".parse().expect("a role");
        lent.create_role(&host, id, &clerk, Vec::new()).await.expect("a role");
        let usual = OrganizationChanges::default;
        for changes in [
            OrganizationChanges { name: Some("Another".to_owned()), ..usual() },
            OrganizationChanges { logo_url: Some(Some("https://acme.example/logo.png".to_owned())), ..usual() },
            OrganizationChanges { slug: Some("acme".to_owned()), ..usual() },
        ] {
            lent.update(&host, id, changes).await.expect("changed");
        }
        lent.update_role(&host, id, &clerk, Vec::new()).await.expect("as it was");
        super::join(&gateway, id, bob.id, "clerk").await;
        lent.update_role(&host, id, &clerk, vec!["member:read".to_owned()]).await.expect("changed");
        lent.update(&host, id, OrganizationChanges { slug: Some("apex".to_owned()), ..usual() }).await.expect("changed");
        lent.remove_member(&host, id, bob.id).await.expect("removed");
        lent.delete(&host, id).await.expect("deleted");
        let all = || news.0.lock().expect("news").clone();
        eventually("everything is heard", || all().len() >= 7).await;
        // Its owner, its name (on which bills are made out), Bob, what his role may, its address, Bob gone, itself gone.
        let expected =
            ["membership", "organization", "membership", "organization", "organization", "membership", "organization"];
        assert_eq!(all(), expected);
    }
}

on_both_engines! {
    async fn the_handle_answers_for_a_person_and_lists_their_organizations(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let lent = organizations(&gateway);
        for slug in ["zebra", "acme"] {
            let id = owned_by(&gateway, ada.id, slug).await.id;
            super::join(&gateway, id, bob.id, "admin,member").await;
        }
        let mine = lent.list_for(bob.id).await.expect("a list");
        assert_eq!(mine.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(), ["acme", "zebra"]);
        assert!(has_any_role(&mine[0].roles, &["ADMIN"]) && mine[0].roles.len() == 2);
        let id = lent.resolve("Acme").await.expect("an id");
        let details = lent.details(&Actor::user(bob.id), id).await.expect("details");
        assert!(details.members == 2 && details.powers.may("member:add") && !details.powers.may("organization:delete"));
        assert_eq!(lent.find_by_slug("ACME").await.expect("an answer").map(|found| found.id), Some(id));
        let changes = OrganizationChanges { slug: Some("acme-two".to_owned()), ..OrganizationChanges::default() };
        lent.update(&Actor::user(ada.id), id, changes).await.expect("changed");
        assert!(lent.find_by_slug("acme").await.expect("an answer").is_none(), "it only leads on");
        assert_eq!(lent.follow("acme").await.expect("an id"), id);
        assert_eq!(lent.resolve("acme").await.expect_err("a refusal").code(), "organization.unknown");
        let outside = gateway.person("out@example.org").await;
        let unknown = lent.details(&Actor::user(outside.id), id).await.expect_err("a refusal");
        assert_eq!(unknown.code(), "organization.unknown");
    }
}
