//! A report as a file for the exporter to read.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::report::{Class, Report, Severity};

const ITEMS: &str = "appliance_drift_items";
const CHECKED: &str = "appliance_drift_last_check_timestamp_seconds";

impl Report {
    /// The counts in the text format of Prometheus. Kinds that there are none of stand there with a zero, so that
    /// an alert ends when its findings do.
    pub fn prometheus(&self, now: SystemTime) -> String {
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
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let _ = write!(
            text,
            "# HELP {CHECKED} When the machine was last compared with its definition.\n\
             # TYPE {CHECKED} gauge\n{CHECKED} {seconds}\n"
        );
        text
    }
}
