//! What one check collects while it looks.

use std::collections::BTreeMap;

use crate::report::{Class, Finding, Outcome, Severity};

/// Beyond so many of one kind nobody reads on; the rest is counted.
const MOST_OF_A_KIND: usize = 20;

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

    /// The answer of the check: the worst first, and of each kind no more than can be read.
    pub fn outcome(mut self) -> Outcome {
        self.found.sort();
        self.found.dedup();
        let mut kinds: BTreeMap<(Severity, Class), usize> = BTreeMap::new();
        self.found.retain(|finding| {
            let count = kinds.entry((finding.severity, finding.class)).or_default();
            *count += 1;
            *count <= MOST_OF_A_KIND
        });
        for ((severity, class), count) in kinds {
            if let Some(more @ 1..) = count.checked_sub(MOST_OF_A_KIND) {
                let next = "settle the ones above, then run `appliance verify` again";
                self.add(severity, class, format!("{more} more"), "of the same kind", next);
            }
        }
        self.found.sort_by_key(|finding| finding.severity);
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
