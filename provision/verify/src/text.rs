//! How a report reads on a terminal.

use std::fmt::Write;

use crate::report::{Check, Class, Finding, Outcome, Report, Severity};

/// Beyond so many of one kind nobody reads on.
const MOST_OF_A_KIND: usize = 20;

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const DIM: &str = "2";

impl Report {
    /// One line for each check, its findings below it, and a line of counts at the end.
    pub fn text(&self, colour: bool) -> String {
        let paint = Paint { colour };
        let width = self
            .checks
            .iter()
            .map(|check| check.name.len())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for check in &self.checks {
            check.write(&mut text, paint, width);
        }
        self.write_counts(&mut text, paint);
        text
    }

    fn write_counts(&self, text: &mut String, paint: Paint) {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for check in &self.checks {
            match check.outcome {
                Outcome::Passed { .. } => passed += 1,
                Outcome::Failed { .. } => failed += 1,
                Outcome::Skipped { .. } => skipped += 1,
            }
        }
        let _ = write!(text, "{passed} passed, {failed} failed, {skipped} skipped");
        let count = |severity| {
            self.findings()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        for (severity, one, many) in [
            (Severity::Error, "error", "errors"),
            (Severity::Warning, "warning", "warnings"),
            (Severity::Info, "note", "notes"),
        ] {
            let word = |number| if number == 1 { one } else { many };
            match count(severity) {
                0 => {}
                number => {
                    let words = format!("{number} {}", word(number));
                    let _ = write!(text, "; {}", paint.with(severity.colour(), &words));
                }
            }
        }
        text.push('\n');
    }
}

impl Check {
    fn write(&self, text: &mut String, paint: Paint, width: usize) {
        let (code, mark, says) = match &self.outcome {
            Outcome::Passed { detail, .. } => (GREEN, "✓", detail.as_str()),
            Outcome::Failed { .. } => (RED, "✗", self.question),
            Outcome::Skipped { because } => (DIM, "–", because.as_str()),
        };
        let name = format!("{:width$}", self.name);
        let _ = writeln!(
            text,
            "{} {name}  {}",
            paint.with(code, mark),
            paint.with(DIM, says)
        );
        for kind in self
            .outcome
            .findings()
            .chunk_by(|one, next| one.kind() == next.kind())
        {
            write_kind(kind, text, paint);
        }
    }
}

/// Findings of one severity and class, the first of them whole.
fn write_kind(findings: &[Finding], text: &mut String, paint: Paint) {
    let shown = &findings[..findings.len().min(MOST_OF_A_KIND)];
    for (index, finding) in shown.iter().enumerate() {
        finding.write(text, paint);
        // One line for a row of findings that are settled by the same step.
        let same_next = |other: &Finding| other.next == finding.next;
        if !finding.next.is_empty() && !shown.get(index + 1).is_some_and(same_next) {
            let _ = writeln!(text, "      next: {}", indent(&finding.next));
        }
    }
    match findings.len() - shown.len() {
        0 => {}
        more => {
            let _ = writeln!(text, "    and {more} more of this kind; `--json` lists them all");
        }
    }
}

impl Finding {
    fn kind(&self) -> (Severity, Class) {
        (self.severity, self.class)
    }

    fn write(&self, text: &mut String, paint: Paint) {
        let word = paint.with(self.severity.colour(), self.severity.as_str());
        let class = paint.with(DIM, &format!("[{}]", self.class.as_str()));
        let _ = writeln!(text, "    {word} {class} {}: {}", self.target, indent(&self.what));
    }
}

impl Severity {
    const fn colour(self) -> &'static str {
        match self {
            Self::Error => RED,
            Self::Warning => YELLOW,
            Self::Info => DIM,
        }
    }
}

/// What a program said in several lines stays below its finding.
fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n        ")
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Findings;

    fn report() -> Report {
        let check = |name, question, outcome| Check {
            name,
            question,
            outcome,
        };
        let mut sudo = Findings::new("");
        let next = "read it, then remove it";
        sudo.warning(
            Class::UnmanagedSudoers,
            "/etc/sudoers.d/x",
            "grants what nobody declared",
            next,
        );
        sudo.warning(
            Class::UnmanagedSudoers,
            "/etc/sudoers.d/y",
            "grants what nobody declared",
            next,
        );
        sudo.error(
            Class::Content,
            "/etc/sudoers",
            "line 3: syntax error\n  ALL=(\n",
            "repair it",
        );
        let mut firewall = Findings::new("table inet appliance");
        firewall.info(Class::Firewall, "table ip nat", "is not ours", "");
        Report {
            deep_look: 1_700_000_000,
            checks: vec![
                check(
                    "limits",
                    "are the limits ours?",
                    Findings::new("14 rules of ours").outcome(),
                ),
                check("sudo", "does sudo grant what is defined?", sudo.outcome()),
                check("firewall", "is our firewall loaded?", firewall.outcome()),
                check(
                    "health",
                    "is it well?",
                    Outcome::Skipped {
                        because: "this is a tree of files".to_owned(),
                    },
                ),
            ],
        }
    }

    #[test]
    fn a_report_reads_like_this() {
        insta::assert_snapshot!(report().text(false));
    }

    #[test]
    fn a_report_is_this_json() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&report()).expect("json"));
    }

    #[test]
    fn notes_alone_are_no_drift() {
        let mut report = report();
        assert!(report.drift());
        report.checks.remove(1);
        assert!(!report.drift());
        assert_eq!(report.counts().into_values().sum::<usize>(), 1);
    }

    #[test]
    fn every_kind_has_a_line_in_the_metrics() {
        let text = report().prometheus(crate::Run {
            at: std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000),
            took: std::time::Duration::from_millis(250),
        });
        for line in [
            "appliance_drift_items{class=\"unmanaged-sudoers\",severity=\"warning\"} 2",
            "appliance_drift_items{class=\"content\",severity=\"error\"} 1",
            "appliance_drift_items{class=\"suid\",severity=\"error\"} 0",
            "appliance_drift_last_check_timestamp_seconds 1700000000",
            "appliance_drift_check_duration_seconds 0.250",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn more_of_a_kind_than_anybody_reads_are_counted() {
        let mut many = Findings::new("");
        for number in 0..50 {
            many.error(
                Class::Mode,
                format!("/data/{number:02}"),
                "may be read",
                "`chmod` it",
            );
        }
        let report = Report {
            deep_look: 0,
            checks: vec![Check {
                name: "private-data",
                question: "is it private?",
                outcome: many.outcome(),
            }],
        };
        assert_eq!(report.counts()[&(Class::Mode, Severity::Error)], 50);
        let text = report.text(false);
        assert_eq!(text.matches("/data/").count(), 20, "{text}");
        assert!(text.contains("and 30 more of this kind"), "{text}");
    }
}
