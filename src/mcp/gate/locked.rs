//! Tools that the caller's plan does not open, in lists: shown with a mark, or left out, as the operator wishes. Lists ask the
//! decision that calls ask, so a plan that changes changes both.

use std::borrow::Cow;
use std::sync::Arc;

use belgie_api::Caller;
use belgie_api::ports::Lacking;
use rmcp::model::{MetaObject, Tool};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::{Gate, upgrade};
use crate::access::{Denial, Guard, foresee, would_do};
use crate::config::LockedTools;
use crate::mcp::catalog::{NativeTool, for_older_clients};
use crate::mcp::counts;

/// What the mark is called in `_meta` of a tool.
const MARK: &str = "belgie/locked";

/// How a tool appears in a list.
pub(crate) enum Appearance {
    /// Not at all.
    Absent,
    /// As it is.
    Open,
    /// With a mark: the caller's plan does not open it.
    Locked(MetaObject),
}

impl Gate {
    /// How the tool behind this guard appears to a caller.
    pub(crate) fn appearance(&self, caller: &Caller, name: &str, guard: &Arc<Guard>) -> Appearance {
        match foresee(caller, guard) {
            Ok(()) => Appearance::Open,
            Err(Denial::Plan { plans, entitlements, meters }) => match self.parts.locked_tools {
                LockedTools::Hidden => Appearance::Absent,
                LockedTools::Shown => {
                    let suits = |plan: &belgie_api::Plan| would_do(caller, guard, plan);
                    let lacking = Lacking {
                        tool: name,
                        plans: &plans,
                        entitlements: &entitlements,
                        meters: &meters,
                        would_do: &suits,
                    };
                    Appearance::Locked(self.mark(caller, lacking))
                }
            },
            Err(denial) if denial.is_listed() => Appearance::Open,
            Err(_) => Appearance::Absent,
        }
    }

    /// Code, reason and link, for programs; the words stand in title and description.
    fn mark(&self, caller: &Caller, lacking: Lacking<'_>) -> MetaObject {
        let way_out = self.plans().and_then(|plans| plans.0.way_out(caller, lacking));
        let mark = json!({
            "code": upgrade::code(caller),
            "reason": upgrade::reason(caller, lacking, way_out.as_ref()),
            "upgrade_url": way_out.as_ref().map(|way_out| &way_out.url),
            "plans": way_out.as_ref().map(|way_out| &way_out.titles),
        });
        let mut meta = MetaObject::new();
        meta.insert(MARK.to_owned(), mark);
        meta
    }

    /// Our tools as this caller may know of them, written. `is_older`: for the versions before 2026-07-28.
    pub(crate) fn written_tools(&self, caller: &Caller, is_older: bool) -> Vec<Cow<'_, RawValue>> {
        fn write<'a>(gate: &Gate, caller: &Caller, entry: &'a NativeTool, is_older: bool) -> Option<Cow<'a, RawValue>> {
            let mut tool = match gate.appearance(caller, &entry.tool.name, &entry.guard) {
                Appearance::Absent => return None,
                Appearance::Open if counts::is_priced(caller, &entry.tool.name, &entry.guard) => entry.tool.clone(),
                Appearance::Open if is_older => return Some(Cow::Borrowed(entry.legacy_json.as_ref())),
                Appearance::Open => return Some(Cow::Borrowed(entry.json.as_ref())),
                Appearance::Locked(meta) => marked(entry.tool.clone(), meta),
            };
            counts::mark_for(&mut tool, caller, &entry.guard);
            let tool = if is_older { for_older_clients(&tool) } else { tool };
            to_raw_value(&tool).ok().map(Cow::Owned)
        }
        self.catalog().native().iter().filter_map(|entry| write(self, caller, entry, is_older)).collect()
    }
}

/// The tool with the mark, which people see in its title and models in its description.
pub(super) fn marked(mut tool: Tool, mark: MetaObject) -> Tool {
    let reason = mark
        .get(MARK)
        .and_then(|mark| mark.get("reason"))
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let title = tool.title.clone().unwrap_or_else(|| tool.name.clone().into_owned());
    tool.title = Some(format!("{title} (locked)"));
    let description = tool.description.as_deref().unwrap_or_default();
    tool.description = Some(Cow::Owned(format!("Locked. {reason} {description}").trim_end().to_owned()));
    tool.meta.get_or_insert_default().extend(mark);
    tool
}
