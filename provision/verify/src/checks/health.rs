//! The portal says that it is well, asked as nginx asks it.

use std::path::Path;

use host::{Host, HostError};
use serde_json::Value;

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

const SOCKET: &str = "/run/webapp/webapp.sock";

pub(super) fn check(machine: &Machine<'_>, _: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new("200, every item healthy");
    match host::health::ask(Path::new(SOCKET), machine.appliance.instance.domain.as_str()) {
        Ok(answer) => judge(&answer, &mut findings),
        Err(error) => {
            let what = format!("does not answer: {error}");
            findings.error(
                Class::Health,
                SOCKET,
                what,
                "`systemctl status webapp`, `journalctl -u webapp -b`",
            );
        }
    }
    Ok(findings)
}

fn judge(answer: &[u8], findings: &mut Findings) {
    let text = String::from_utf8_lossy(answer);
    let next = "`curl --unix-socket /run/webapp/webapp.sock http://localhost/health` shows all of it";
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split_ascii_whitespace().nth(1).unwrap_or("nothing");
    let items = json_of(head, body)
        .map(|body| unhealthy(&body))
        .unwrap_or_default();
    for (item, what) in &items {
        findings.error(Class::Health, item, what.as_str(), next);
    }
    if status != "200" && items.is_empty() {
        findings.error(Class::Health, "/health", format!("answers {status}"), next);
    }
}

/// The body, which a server may send in chunks: what lies between the first and the last brace, sizes taken out.
fn json_of(head: &str, body: &str) -> Option<Value> {
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    if !chunked {
        return serde_json::from_str(body).ok();
    }
    let mut joined = String::new();
    let mut rest = body;
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            break;
        }
        joined.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
    serde_json::from_str(&joined).ok()
}

/// Every item that says `"healthy": false`, with what it says of itself.
fn unhealthy(body: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (section, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::Array(items) => found.extend(items.iter().filter_map(|item| describe(section, item))),
            item => found.extend(describe(section, item)),
        }
    }
    found
}

fn describe(section: &str, item: &Value) -> Option<(String, String)> {
    if item.get("healthy") != Some(&Value::Bool(false)) {
        return None;
    }
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let name = text("name").or_else(|| text("partition"));
    let target = name.map_or_else(|| section.to_owned(), |name| format!("{section} {name}"));
    let fields = item.as_object().into_iter().flatten();
    let says: Vec<String> = fields
        .filter(|(key, _)| !matches!(key.as_str(), "name" | "partition" | "healthy"))
        .map(|(key, value)| {
            format!(
                "{key} {}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            )
        })
        .collect();
    Some((target, format!("is not well: {}", says.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    const SICK: &str = r#"{"status": "degraded", "services": [{"name": "webapp.service", "status": "active", "healthy": true},
        {"name": "notify-bot.service", "status": "failed", "healthy": false}], "load": {"load_1min": 5.5, "healthy": false}}"#;

    fn brief(answer: &str) -> Vec<String> {
        let mut findings = Findings::new("");
        judge(answer.as_bytes(), &mut findings);
        findings.brief()
    }

    #[test]
    fn a_well_portal_has_no_findings() {
        assert!(brief(&format!("{HEAD}{{\"status\": \"healthy\"}}")).is_empty());
    }

    #[test]
    fn each_sick_item_is_named() {
        let sick = HEAD.replace("200 OK", "503 Service Unavailable");
        let expected = ["error health load", "error health services notify-bot.service"];
        assert_eq!(brief(&format!("{sick}{SICK}")), expected);
        let chunked = sick.replace("content-type", "transfer-encoding: chunked\r\ncontent-type");
        let (first, second) = SICK.split_at(20);
        let body = format!(
            "{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            first.len(),
            second.len()
        );
        assert_eq!(brief(&format!("{chunked}{body}")), expected);
    }

    #[test]
    fn an_answer_that_cannot_be_read_counts() {
        for answer in ["HTTP/1.1 503 x\r\n\r\n{\"status\": \"starting\"}", "", "garbage"] {
            assert_eq!(brief(answer), ["error health /health"], "{answer:?}");
        }
    }
}
