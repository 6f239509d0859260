//! Which plugin is mounted after which.

use std::collections::BTreeMap;

use belgie_api::Plugin;

/// Puts every plugin behind the ones it needs; among equals the order they were added in stays.
///
/// # Errors
/// One line for every id used twice, every missing need, and one for a circle.
pub fn order(plugins: Vec<Box<dyn Plugin>>) -> Result<Vec<Box<dyn Plugin>>, Vec<String>> {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for plugin in &plugins {
        *seen.entry(plugin.manifest().id).or_default() += 1;
    }
    problems.extend(seen.iter().filter(|(_, n)| **n > 1).map(|(id, _)| format!("the plugin `{id}` was added twice")));
    for plugin in &plugins {
        let manifest = plugin.manifest();
        let missing = manifest.needs.iter().filter(|need| !seen.contains_key(**need));
        problems.extend(missing.map(|need| format!("the plugin `{}` needs `{need}`, which is not there", manifest.id)));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut waiting = plugins;
    let mut ordered: Vec<Box<dyn Plugin>> = Vec::new();
    while !waiting.is_empty() {
        let done: Vec<&str> = ordered.iter().map(|plugin| plugin.manifest().id).collect();
        let next = waiting.iter().position(|plugin| plugin.manifest().needs.iter().all(|need| done.contains(need)));
        let Some(next) = next else {
            let circle: Vec<&str> = waiting.iter().map(|plugin| plugin.manifest().id).collect();
            return Err(vec![format!("these plugins need each other in a circle: {}", circle.join(", "))]);
        };
        ordered.push(waiting.remove(next));
    }
    Ok(ordered)
}
