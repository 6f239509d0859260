//! `x-mcp-header`: arguments that clients repeat as HTTP headers (MCP 2026-07-28, transports, custom request headers).
//! A client drops a tool that breaks the rules, so we do not list one.

use std::collections::HashSet;

use rmcp::model::JsonObject;
use serde_json::Value;

const KEY: &str = "x-mcp-header";

/// Whether any argument is repeated as a header.
pub(crate) fn has_any(schema: &JsonObject) -> bool {
    mentions(schema.values())
}

/// Checks the annotations of a tool's input schema.
///
/// # Errors
/// The first rule that is broken: on a property reached through `properties` alone, a token (RFC 9110 section 5.6.2),
/// unique without regard to case, on a string, an integer or a boolean.
pub(crate) fn check(schema: &JsonObject) -> Result<(), String> {
    if !has_any(schema) && !schema.contains_key(KEY) {
        return Ok(());
    }
    check_object(schema, true, true, &mut HashSet::new())
}

fn mentions<'a>(mut values: impl Iterator<Item = &'a Value>) -> bool {
    values.any(|value| match value {
        Value::Object(map) => map.contains_key(KEY) || mentions(map.values()),
        Value::Array(items) => mentions(items.iter()),
        _ => false,
    })
}

fn check_object(
    schema: &JsonObject,
    is_root: bool,
    is_on_chain: bool,
    seen: &mut HashSet<String>,
) -> Result<(), String> {
    for (key, value) in schema {
        match (key.as_str(), value) {
            (KEY, _) if is_root || !is_on_chain => {
                return Err(format!("`{KEY}` stands where no client can follow it"));
            }
            (KEY, name) => check_annotation(schema, name, seen)?,
            ("properties", Value::Object(properties)) => {
                for property in properties.values().filter_map(Value::as_object) {
                    check_object(property, false, is_on_chain, seen)?;
                }
            }
            // Data, not schemas: the word may stand in there.
            ("default" | "const" | "enum" | "examples", _) => {}
            (_, Value::Object(_) | Value::Array(_)) if mentions(std::iter::once(value)) => {
                return Err(format!("`{KEY}` stands in `{key}`, where no client can follow it"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_annotation(property: &JsonObject, name: &Value, seen: &mut HashSet<String>) -> Result<(), String> {
    let Some(name) = name.as_str().filter(|name| !name.is_empty() && name.bytes().all(is_token_byte)) else {
        return Err(format!("`{KEY}`: {name} is not a header name"));
    };
    if !seen.insert(name.to_ascii_lowercase()) {
        return Err(format!("`{KEY}`: `{name}` is used twice"));
    }
    match property.get("type").and_then(Value::as_str) {
        Some("string" | "integer" | "boolean") => Ok(()),
        _ => Err(format!("`{KEY}`: `{name}` must be a string, an integer or a boolean")),
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
