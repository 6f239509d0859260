//! The pages on which a person lets a device in.

use belgie_api::plugin::Template;
use serde_json::{Value, json};

/// The page that asks for the code.
pub const DEVICE: &str = "oauth-server/device.html";

/// The page that says what became of the device.
pub const DEVICE_DONE: &str = "oauth-server/device_done.html";

/// The longest code that is shown again.
const MAX_SHOWN: usize = 32;

pub(super) fn template() -> Template {
    Template {
        name: DEVICE,
        source: include_str!("../../templates/device.html"),
        samples: include_str!("../../templates/samples/device.json"),
    }
}

pub(super) fn template_done() -> Template {
    Template {
        name: DEVICE_DONE,
        source: include_str!("../../templates/device_done.html"),
        samples: include_str!("../../templates/samples/device_done.json"),
    }
}

/// What the page shows: the code as it was typed, and what is wrong with it.
pub fn device(typed: &str, error: Option<&str>) -> Value {
    json!({ "user_code": typed.chars().take(MAX_SHOWN).collect::<String>(), "error": error })
}
