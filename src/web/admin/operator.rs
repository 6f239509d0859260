//! Who gets here.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use belgie_api::Caller;
use belgie_api::web::{Present, SignedIn, Visitor};

use crate::identity::By;
use crate::web::visit::operators_only;

/// An operator. Everybody else gets the answer of an address nobody takes.
pub struct Operator {
    caller: Caller,
    pub visitor: Visitor,
}

/// An operator who proved a moment ago to be there; others are asked to prove it first.
pub struct PresentOperator(pub Operator);

impl Operator {
    /// The operator as the one who acts.
    pub fn by(&self) -> By<'_> {
        By::Operator(&self.caller, &self.visitor.info)
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        operators_only(&visitor).map_err(IntoResponse::into_response)?;
        let SignedIn { caller, visitor } = <SignedIn as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self { caller, visitor })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PresentOperator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Operator { .. } = Operator::from_request_parts(parts, state).await?;
        let Present { caller, visitor } = Present::from_request_parts(parts, state).await?;
        Ok(Self(Operator { caller, visitor }))
    }
}
