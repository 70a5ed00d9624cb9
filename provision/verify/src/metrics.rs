//! A report as a file for the exporter to read.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::report::{Class, Report, Severity};

const ITEMS: &str = "appliance_drift_items";
const CHECKED: &str = "appliance_drift_last_check_timestamp_seconds";

const DURATION: &str = "appliance_drift_check_duration_seconds";
const DEEP: &str = "appliance_drift_last_deep_look_timestamp_seconds";

/// When a run ended, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// When it ended.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// The counts in the text format of Prometheus. Kinds that there are none of stand there with a zero, so that
    /// an alert ends when its findings do.
    pub fn prometheus(&self, run: Run) -> String {
        let counts = self.counts();
        let mut text = format!(
            "# HELP {ITEMS} Differences between the machine and its definition.\n# TYPE {ITEMS} gauge\n"
        );
        for class in Class::ALL {
            for severity in Severity::ALL {
                let count = counts.get(&(*class, severity)).copied().unwrap_or(0);
                let (class, severity) = (class.as_str(), severity.as_str());
                let _ = writeln!(
                    text,
                    "{ITEMS}{{class=\"{class}\",severity=\"{severity}\"}} {count}"
                );
            }
        }
        let seconds = run
            .at
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        for (name, help, value) in [
            (
                CHECKED,
                "When the machine was last compared with its definition.",
                seconds.to_string(),
            ),
            (
                DEEP,
                "When every file of /home and /data was last looked at.",
                self.deep_look.to_string(),
            ),
            (
                DURATION,
                "How long the comparison took.",
                format!("{:.3}", run.took.as_secs_f64()),
            ),
        ] {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        text
    }
}
