//! What an application does with people in the name of a request, and in its own.

use std::time::Duration;

use belgie_api::ports::{NewUser, UserChanges};
use reqwest::StatusCode;

use super::Application;
use crate::on_both_engines;
use crate::support::Browser;
use crate::support::gateway::PASSWORD;

on_both_engines! {
    async fn people_are_signed_up_in_and_out(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let mut guest = Browser::new(&application.url);
        let entered = guest.post("/guest", &[]).await;
        assert_eq!((entered.status, entered.location().as_str()), (StatusCode::SEE_OTHER, "/profile"));
        assert!(guest.get("/profile").await.body.contains("guest@example.org"));
        let first = guest.cookie("belgie_session").expect("a session").to_owned();
        let request = guest.raw().post(format!("{}/guest", application.url)).header("origin", &application.url);
        guest.send(request).await;
        let second = guest.cookie("belgie_session").expect("a session").to_owned();
        assert_ne!(first, second, "each sign-in is a session of its own");
        let mut old = Browser::new(&application.url);
        old.plant("belgie_session", &first);
        assert_eq!(old.get("/profile").await.status, StatusCode::SEE_OTHER, "the one the browser came with has ended");
        assert_eq!(application.gateway.identity().list().await.expect("a list").len(), 1, "got, not made twice");

        let request = guest.raw().post(format!("{}/leave", application.url)).header("origin", &application.url);
        guest.send(request).await;
        assert_eq!(guest.get("/profile").await.status, StatusCode::SEE_OTHER);
        guest.plant("belgie_session", &second);
        assert_eq!(guest.get("/profile").await.status, StatusCode::SEE_OTHER, "the session is over, not only the cookie");
    }
}

on_both_engines! {
    async fn accounts_are_found_changed_and_tidied(engine: Engine) {
        let application = Application::guest_book(engine).await;
        let identity = application.gateway.identity();
        let ada = NewUser { email: "Ada@Example.org ".to_owned(), name: "Ada".to_owned(), ..NewUser::default() };
        let (made, is_new) = identity.get_or_create(&ada, "import").await.expect("an account");
        assert!(is_new && made.email == "ada@example.org");
        let (same, is_new) = identity.get_or_create(&ada, "import").await.expect("an account");
        assert!(!is_new && same.id == made.id);
        let spam = NewUser { email: "x@spam.example".to_owned(), ..NewUser::default() };
        assert_eq!(identity.get_or_create(&spam, "import").await.expect_err("a refusal").code(), "book.no_spam");

        identity
            .get_or_create(&NewUser { email: "bob@example.org".to_owned(), ..NewUser::default() }, "import")
            .await
            .expect("bob");
        let taken = UserChanges { email: Some("BOB@example.org".to_owned()), ..UserChanges::default() };
        assert_eq!(identity.change(made.id, &taken).await.expect_err("a refusal").status(), StatusCode::CONFLICT);
        let changes = UserChanges { image: Some(Some("https://example.org/ada.png".to_owned())), ..UserChanges::default() };
        identity.change(made.id, &changes).await.expect("a change");

        identity.ban(made.id, &belgie::identity::Ban::default(), belgie::identity::By::Host).await.expect("a ban");
        let refused = identity.get_or_create(&ada, "import").await.expect_err("a refusal");
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "who is banned is not made anew");

        let mut carol = application.signed_in("carol@example.org").await;
        assert_eq!(identity.cleanup().await.expect("a count"), 0);
        application.clock.advance(Duration::from_hours(8 * 24));
        assert_eq!(carol.get("/profile").await.status, StatusCode::SEE_OTHER);
        assert_eq!(identity.cleanup().await.expect("a count"), 1, "the row of the session that is over");
        carol.sign_in("carol@example.org", PASSWORD).await;
        assert_eq!(carol.get("/profile").await.status, StatusCode::OK);
    }
}
