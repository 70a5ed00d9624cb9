//! The gate at the end of a run: what was well before must be well after.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use appliance::Appliance;
use host::Host;
use serde_json::Value;

const SOCKET: &str = "/run/webapp/webapp.sock";
/// As long as the portal's probes need to see a unit that was just restarted, twice over.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(250);

/// What the portal said: the items that are not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    sick: BTreeSet<String>,
}

/// Asks once; none when the portal does not answer.
pub(crate) fn ask(appliance: &Appliance, host: &Host) -> Option<Health> {
    if !host.is_live() {
        return None;
    }
    let answer = host::health::ask(Path::new(SOCKET), appliance.instance.domain.as_str()).ok()?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let body = &text[text.find('{')?..=text.rfind('}')?];
    let body: Value = serde_json::from_str(body).ok()?;
    Some(Health {
        sick: body.as_object()?.iter().flat_map(sick_in).collect(),
    })
}

fn sick_in((section, value): (&String, &Value)) -> Vec<String> {
    let is_sick = |item: &Value| item.get("healthy") == Some(&Value::Bool(false));
    let name = |item: &Value| {
        let of = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        of("name").or_else(|| of("partition")).unwrap_or_default()
    };
    match value {
        Value::Array(items) => items
            .iter()
            .filter(|item| is_sick(item))
            .map(|item| format!("{section} {}", name(item)))
            .collect(),
        item if is_sick(item) => vec![section.clone()],
        _ => Vec::new(),
    }
}

/// Waits until nothing is sick that was well before; gives what still is when patience ends. A machine whose portal
/// did not answer before is not judged by it.
pub(crate) fn sicker(appliance: &Appliance, host: &Host, before: Option<&Health>) -> Option<String> {
    let before = before?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = ask(appliance, host);
        let worse = match &now {
            None => vec!["the portal does not answer".to_owned()],
            Some(now) => now.sick.difference(&before.sick).cloned().collect(),
        };
        if worse.is_empty() {
            return None;
        }
        if Instant::now() >= deadline {
            return Some(worse.join(", "));
        }
        std::thread::sleep(PAUSE);
    }
}
