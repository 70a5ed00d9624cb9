//! How a report reads on a terminal.

use std::fmt::Write;

use crate::report::{Check, Finding, Outcome, Report, Severity};

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
        let findings = self.outcome.findings();
        for (index, finding) in findings.iter().enumerate() {
            finding.write(text, paint);
            // One line for a row of findings that are settled by the same step.
            let same_next = |other: &Finding| other.next == finding.next;
            if !finding.next.is_empty() && !findings.get(index + 1).is_some_and(same_next) {
                let _ = writeln!(text, "      next: {}", indent(&finding.next));
            }
        }
    }
}

impl Finding {
    fn write(&self, text: &mut String, paint: Paint) {
        let word = paint.with(self.severity.colour(), self.severity.as_str());
        let class = paint.with(DIM, &format!("[{}]", self.class.as_str()));
        let _ = writeln!(text, "    {word} {}: {} {class}", self.target, indent(&self.what));
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
