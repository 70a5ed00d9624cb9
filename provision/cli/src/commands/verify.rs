//! `appliance verify`

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use appliance::path::TargetPath;
use host::Host;
use host::read;
use host::write::{self, NewFile};
use serde::{Deserialize, Serialize};
use verify::Depth;

use super::{CONVERGED, PENDING, definition, target};
use crate::args::{Arguments, Format, Target};
use crate::output::Output;

/// The last report, for people and for `/health`.
const REPORT_FILE: &str = "/var/lib/data-analyst/verify.json";
/// The same as metrics.
const METRICS_FILE: &str = "/var/lib/data-analyst/verify.prom";
/// When every file was last looked at, and what stood out.
const DEEP_LOOK_FILE: &str = "/var/lib/data-analyst/deep-look.json";
/// Seconds. A walk over 200,000 files of people takes most of a second.
const DEEP_LOOK_EVERY: u64 = 3600;

pub fn run(
    arguments: &Arguments,
    on: &Target,
    scheduled: bool,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let appliance = definition(arguments)?;
    let host = target(on)?;
    let report = if scheduled {
        on_schedule(&appliance, &host)?
    } else {
        verify::verify(&appliance, &host)?
    };
    if format.json {
        output.json(&report)?;
    } else {
        output.print(&report.text(output.style() == plan::Style::Colour));
    }
    Ok(if report.drift() { PENDING } else { CONVERGED })
}

/// A run of the timer, every minute: homes and data, where a million files may lie, are walked once an hour.
fn on_schedule(appliance: &appliance::Appliance, host: &Host) -> anyhow::Result<verify::Report> {
    let begun = Instant::now();
    let now = SystemTime::now();
    let depth = depth_at(&remembered(host), now);
    let (report, stood_out) = verify::verify_to(appliance, host, &depth)?;
    if depth == Depth::Whole {
        let memory = Memory {
            deep_look: report.deep_look,
            stood_out,
        };
        keep(host, DEEP_LOOK_FILE, &serde_json::to_string(&memory)?, 0o600)?;
    }
    keep(
        host,
        REPORT_FILE,
        &format!("{}\n", serde_json::to_string(&report)?),
        0o644,
    )?;
    let run = verify::Run {
        at: SystemTime::now(),
        took: begun.elapsed(),
    };
    // Written by every run, changed or not: an alert watches the time in it.
    keep(host, METRICS_FILE, &report.prometheus(run), 0o644)?;
    Ok(report)
}

/// What the last deep look leaves for the runs that go less far.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// Seconds since 1970.
    deep_look: u64,
    /// Paths to look at again.
    stood_out: Vec<String>,
}

/// What cannot be read is forgotten: the next look is a deep one.
fn remembered(host: &Host) -> Memory {
    TargetPath::new(DEEP_LOOK_FILE)
        .ok()
        .and_then(|path| read::file(host, &path).ok().flatten())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

fn depth_at(memory: &Memory, now: SystemTime) -> Depth {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // A clock that went back must not put the next one off.
    let is_fresh = memory.deep_look <= now && now - memory.deep_look < DEEP_LOOK_EVERY;
    if is_fresh {
        Depth::Again {
            deep_look: memory.deep_look,
            stood_out: memory.stood_out.clone(),
        }
    } else {
        Depth::Whole
    }
}

/// Writes a file of ours, unless it says the same already.
fn keep(host: &Host, path: &str, text: &str, mode: u32) -> anyhow::Result<()> {
    let path = TargetPath::new(path)?;
    if read::file(host, &path).is_ok_and(|bytes| bytes.as_deref() == Some(text.as_bytes())) {
        return Ok(());
    }
    write::replace(host, &NewFile::of_root(&path, text.as_bytes(), mode))
        .with_context(|| format!("cannot keep the report in {path}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_deep_look_comes_every_hour_and_when_the_clock_went_back() {
        let memory = Memory {
            deep_look: 10_000,
            stood_out: vec!["/home/x".to_owned()],
        };
        for (now, deep) in [(10_000, false), (13_599, false), (13_600, true), (9_999, true)] {
            let depth = depth_at(&memory, UNIX_EPOCH + Duration::from_secs(now));
            assert_eq!(depth == Depth::Whole, deep, "{now}");
        }
    }
}
