//! The mails that tell an owner of new and removed ways in.

use super::{arrived, call, link, open, people, with_idp};
use crate::support::{Idp, Setup, TestGateway};

const ADA: &str = "ada@example.org";
const LINKED: &str = "A new way to sign in";
const UNLINKED: &str = "A way to sign in";

fn with_mail(idp: &Idp) -> Setup {
    open(&idp.table("")).with_mail()
}

/// The mails to Ada whose subject begins so.
async fn told(gateway: &TestGateway, subject: &str) -> Vec<String> {
    let letters = gateway.letters_to(ADA).await;
    letters.into_iter().filter(|letter| letter.subject.starts_with(subject)).map(|letter| letter.text).collect()
}

with_idp! {
    async fn the_owner_is_told_of_a_linked_account_and_of_its_end(gateway, idp, setup = with_mail) {
        let mut ada = gateway.at_home(ADA).await;
        link(&mut ada, &idp).await;
        let letters = told(&gateway, LINKED).await;
        assert_eq!(letters.len(), 1);
        for words in ["An account at Acme was linked", "127.0.0.1", "If it was not, remove it on your account page", "/account"] {
            assert!(letters[0].contains(words), "{words} is not in {}", letters[0]);
        }
        link(&mut ada, &idp).await;
        assert_eq!(told(&gateway, LINKED).await.len(), 1, "what was linked before is nothing new");
        assert!(told(&gateway, UNLINKED).await.is_empty());
        let (status, answer) = call(&mut ada, "/auth/provider/acme/unlink", serde_json::json!({})).await;
        assert_eq!(status, 200, "{answer}");
        let letters = told(&gateway, UNLINKED).await;
        assert!(letters.len() == 1 && letters[0].contains("The account at Acme that was linked"), "{letters:?}");
    }
}

with_idp! {
    async fn the_owner_is_told_of_an_account_that_joins_by_its_address(gateway, idp, setup = with_mail) {
        gateway.at_home(ADA).await;
        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await.len(), 1);
        assert_eq!(told(&gateway, LINKED).await.len(), 1);
        arrived(&gateway, &idp).await;
        assert_eq!(told(&gateway, LINKED).await.len(), 1, "a sign-in adds no way in");
    }
}

with_idp! {
    async fn whoever_comes_with_a_new_account_is_not_told_how(gateway, idp, setup = with_mail) {
        arrived(&gateway, &idp).await;
        idp.ways().person = serde_json::json!({ "sub": "bob-1", "email": "bob@example.org", "name": "Bob" });
        let mut bob = gateway.browser();
        super::sign_in(&mut bob, &idp).await;
        bob.fill(&gateway.letter_to("bob@example.org").await.link(), "/auth/signup/finish", &[]).await;
        assert!(bob.is_signed_in().await);
        let letters = gateway.letters().await;
        assert!(letters.iter().all(|letter| !letter.subject.starts_with(LINKED)), "their own first provider");
    }
}
