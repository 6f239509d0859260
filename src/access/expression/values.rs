//! Callers and arguments as expressions see them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use belgie_api::context::{ClientContext, TeamContext};
use belgie_api::{Caller, Scope};
use cel::Value;
use cel::objects::{Key, Map};
use serde::Serialize;
use serde_json::Value as Json;

use super::review::Looked;
use super::{Arguments, Fault, MAX_TEXT, MAX_TEXT_IN_LOOPS, MAX_VALUES, MAX_VALUES_IN_LOOPS};

#[derive(Serialize)]
struct Seen<'a> {
    user: User<'a>,
    service: Service<'a>,
    client: &'a ClientContext,
    scopes: Vec<&'a str>,
    organization: Organization<'a>,
    teams: &'a [TeamContext],
    subscription: Subscription<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    id: String,
    email: &'a str,
    email_verified: bool,
    name: &'a str,
    scopes: Vec<&'a str>,
}

/// Empty texts where a person is behind the call.
#[derive(Default, Serialize)]
struct Service<'a> {
    id: String,
    name: &'a str,
}

/// Empty texts and lists where there is no organization, so that an expression need not ask first.
#[derive(Default, Serialize)]
struct Organization<'a> {
    id: String,
    slug: &'a str,
    roles: Vec<&'a str>,
    permissions: Vec<&'a str>,
}

/// Likewise where there is no plan.
#[derive(Default, Serialize)]
struct Subscription<'a> {
    plan: &'a str,
    entitlements: Vec<&'a str>,
}

/// The caller, all of it.
pub fn of_caller(caller: &Caller) -> Result<Value, Fault> {
    let user = caller.user();
    let seen = Seen {
        user: User {
            id: user.id.to_string(),
            email: &user.email,
            email_verified: user.email_verified,
            name: &user.name,
            scopes: user.scopes.iter().map(Scope::as_str).collect(),
        },
        service: caller
            .service()
            .map_or_else(Service::default, |service| Service { id: service.id.to_string(), name: &service.name }),
        client: caller.client(),
        scopes: caller.scopes().iter().map(Scope::as_str).collect(),
        organization: caller.organization().map_or_else(Organization::default, |organization| Organization {
            id: organization.id.to_string(),
            slug: &organization.slug,
            roles: texts(&organization.roles),
            permissions: texts(&organization.permissions),
        }),
        teams: caller.teams(),
        subscription: caller.subscription().map_or_else(Subscription::default, |subscription| Subscription {
            plan: &subscription.plan,
            entitlements: texts(&subscription.entitlements),
        }),
    };
    cel::to_value(&seen).map_err(|error| Fault::Failed(error.to_string()))
}

fn texts(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

/// How much of the arguments may still be looked at.
struct Budget {
    values: usize,
    text: usize,
}

impl Budget {
    fn take(&mut self, text: &str) -> Result<(), Fault> {
        let left = self.values.checked_sub(1).zip(self.text.checked_sub(text.len()));
        (self.values, self.text) = left.ok_or(Fault::TooMuch)?;
        Ok(())
    }
}

/// The arguments, as far as the expression looks at them.
pub fn of_arguments(arguments: Option<&Arguments>, looked: &Looked) -> Result<Value, Fault> {
    let fields = arguments.into_iter().flatten().filter(|(name, _)| looked.includes(name));
    let (values, text) =
        if looked.in_loops { (MAX_VALUES_IN_LOOPS, MAX_TEXT_IN_LOOPS) } else { (MAX_VALUES, MAX_TEXT) };
    of_fields(fields, &mut Budget { values, text })
}

fn of_fields<'a>(fields: impl Iterator<Item = (&'a String, &'a Json)>, budget: &mut Budget) -> Result<Value, Fault> {
    let mut map = HashMap::new();
    for (name, value) in fields {
        budget.take(name)?;
        map.insert(Key::from(name.clone()), of_json(value, budget)?);
    }
    Ok(Value::Map(Map { map: Arc::new(map) }))
}

/// JSON knows one kind of number. Whole ones are whole here, so that `arguments.count + 1` means what it says.
fn of_json(json: &Json, budget: &mut Budget) -> Result<Value, Fault> {
    budget.take(json.as_str().unwrap_or_default())?;
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(large)) => Value::UInt(large),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.clone()),
        Json::Array(items) => {
            let items: Result<Vec<Value>, Fault> = items.iter().map(|item| of_json(item, budget)).collect();
            Value::List(Arc::new(items?))
        }
        Json::Object(fields) => of_fields(fields.iter(), budget)?,
    })
}
