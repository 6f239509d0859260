//! Why somebody may or may not call a tool, get a prompt or read a resource.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use belgie_api::{Failure, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use crate::access::{Question, Step, Thing};
use crate::web::Web;
use crate::web::explain::{Explanation, explain};

const TEMPLATE: &str = "admin_explain.html";
const TITLE: &str = "Why?";

/// The form, as it was filled in.
#[derive(Default, Deserialize)]
pub struct ExplainForm {
    #[serde(default)]
    user: String,
    #[serde(default)]
    organization: String,
    #[serde(default)]
    teams: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    scopes: String,
    #[serde(default)]
    thing: String,
    #[serde(default)]
    named: String,
    #[serde(default)]
    arguments: String,
}

/// `GET /admin/explain`
pub async fn page(State(web): State<Arc<Web>>, operator: Operator) -> Result<Response> {
    show(&web, &operator, &ExplainForm::default(), None, None)
}

/// `POST /admin/explain`: answers a question, and puts on record that it was asked.
pub async fn answer(
    State(web): State<Arc<Web>>,
    operator: Operator,
    Form(asked): Form<ExplainForm>,
) -> Result<Response> {
    let explained = match asked.question() {
        Ok(question) => explain(&web, &question).await,
        Err(failure) => Err(failure),
    };
    match explained {
        Ok(explanation) => {
            let details =
                json!({ explanation.thing.word(): explanation.name, "organization": asked.organization.trim() });
            web.identity.note("access.explained", explanation.user, details, operator.by()).await?;
            show(&web, &operator, &asked, Some(&explanation), None)
        }
        Err(failure) if failure.status() < StatusCode::INTERNAL_SERVER_ERROR => {
            let mut page = show(&web, &operator, &asked, None, Some(&failure))?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
        Err(failure) => Err(failure),
    }
}

fn show(
    web: &Web,
    operator: &Operator,
    asked: &ExplainForm,
    explanation: Option<&Explanation>,
    failure: Option<&Failure>,
) -> Result<Response> {
    let context = json!({
        "asked": {
            "user": asked.user, "organization": asked.organization, "teams": asked.teams, "client": asked.client,
            "scopes": asked.scopes, "thing": asked.thing, "named": asked.named, "arguments": asked.arguments,
        },
        "error": failure.map(Failure::message),
        "hint": failure.and_then(Failure::remedy),
        "answer": explanation.map(describe),
    });
    web.pages.page(&operator.visitor, TEMPLATE, TITLE, context)
}

fn describe(explanation: &Explanation) -> Value {
    let trace = &explanation.trace;
    let column = |name: &str, column: &crate::access::Column| json!({ "name": name, "outcome": column.outcome, "says": column.says });
    json!({
        "verb": explanation.thing.verb(),
        "name": explanation.name,
        "subject": explanation.subject(),
        "is_banned": explanation.is_banned,
        "rules": trace.rules,
        "steps": trace.steps.iter().map(describe_step).collect::<Vec<_>>(),
        "columns": [
            column("Before the call", &trace.preflight),
            column("In lists", &trace.list),
            column("In the call", &trace.call),
        ],
    })
}

fn describe_step(step: &Step) -> Value {
    json!({
        "rule": step.rule, "needed": step.needed, "has": step.has, "outcome": step.outcome, "because": step.because,
    })
}

impl ExplainForm {
    fn question(&self) -> Result<Question> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Question {
            user: self.user.clone(),
            organization: given(&self.organization),
            teams: self.teams.split(',').map(str::to_owned).collect(),
            client: given(&self.client),
            scopes: given(&self.scopes).map(|text| Question::read_scopes(&text)).transpose()?,
            thing: Thing::read(&self.thing)?,
            name: self.named.clone(),
            arguments: given(&self.arguments).map(|text| Question::read_arguments(&text)).transpose()?,
        })
    }
}
