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
            target: target.to_string(),
            what: what.into(),
            next: next.into(),
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
