//! What one check collects while it looks.

use crate::report::{Class, Finding, Outcome, Severity};

/// The findings of one check, and what it looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Findings {
    detail: String,
    found: Vec<Finding>,
}

impl Findings {
    /// `detail` says what was looked at, for the case that nothing is wrong with it.
    pub fn new(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            found: Vec::new(),
        }
    }

    pub fn error(
        &mut self,
        class: Class,
        target: impl ToString,
        what: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.add(Severity::Error, class, target, what, next);
    }

    pub fn warning(
        &mut self,
        class: Class,
        target: impl ToString,
        what: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.add(Severity::Warning, class, target, what, next);
    }

    pub fn info(
        &mut self,
        class: Class,
        target: impl ToString,
        what: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.add(Severity::Info, class, target, what, next);
    }

    pub fn add(
        &mut self,
        severity: Severity,
        class: Class,
        target: impl ToString,
        what: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.found.push(Finding {
            severity,
            class,
            target: printable(&target.to_string()),
            what: what.into(),
            next: next.into(),
            quarantine: false,
        });
    }

    /// A file or link that nobody declared and that weakens the machine where it lies. `after` is what makes its
    /// removal felt, such as a reload; empty when it is felt at once.
    pub fn stray(
        &mut self,
        severity: Severity,
        class: Class,
        path: &str,
        what: impl Into<String>,
        after: &str,
    ) {
        let path = printable(path);
        let mut next = format!(
            "read it; `appliance apply --quarantine` moves it aside, `rm -- {}` removes it",
            quoted(&path)
        );
        if !after.is_empty() {
            next.push_str(&format!("; then `{after}`"));
        }
        self.found.push(Finding {
            severity,
            class,
            // An escaped name is not the name: nobody may move what may be another file.
            quarantine: !path.contains("\\x"),
            target: path,
            what: what.into(),
            next,
        });
    }

    /// The answer of the check, the worst first.
    pub fn outcome(mut self) -> Outcome {
        self.found.sort();
        self.found.dedup();
        if self.found.iter().any(|finding| finding.severity.is_drift()) {
            Outcome::Failed { findings: self.found }
        } else {
            Outcome::Passed {
                detail: self.detail,
                notes: self.found,
            }
        }
    }
}

/// Text in which nothing moves a cursor, ends a line or turns the direction of writing.
fn printable(text: &str) -> String {
    let harmless = |letter: char| {
        !letter.is_control()
            && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        if harmless(letter) {
            printable.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                printable.push_str(&format!("\\x{byte:02x}"));
            }
        }
    }
    printable
}

/// A word that a shell takes as it is.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@:=,".contains(&byte);
    if text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
impl Findings {
    /// What was found, in short: severity, class and target.
    pub fn brief(&self) -> Vec<String> {
        let mut brief: Vec<String> = self
            .found
            .iter()
            .map(|finding| {
                let (severity, class) = (finding.severity.as_str(), finding.class.as_str());
                format!("{severity} {class} {}", finding.target)
            })
            .collect();
        brief.sort();
        brief
    }
}
