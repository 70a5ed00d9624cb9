//! `appliance verify`

use anyhow::Context;
use appliance::path::TargetPath;
use host::Host;
use host::write::{self, NewFile};

use super::{CONVERGED, PENDING, definition, target};
use crate::args::{Arguments, Format, Target};
use crate::output::Output;

/// The last report, for people and for `/health`.
const REPORT_FILE: &str = "/var/lib/data-analyst/verify.json";
/// The same as metrics.
const METRICS_FILE: &str = "/var/lib/data-analyst/verify.prom";

pub fn run(
    arguments: &Arguments,
    on: &Target,
    scheduled: bool,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let appliance = definition(arguments)?;
    let host = target(on)?;
    let report = verify::verify(&appliance, &host)?;
    if scheduled {
        keep(
            &host,
            REPORT_FILE,
            &format!("{}\n", serde_json::to_string(&report)?),
        )?;
        keep(
            &host,
            METRICS_FILE,
            &report.prometheus(std::time::SystemTime::now()),
        )?;
    }
    if format.json {
        output.json(&report)?;
    } else {
        output.print(&report.text(output.style() == plan::Style::Colour));
    }
    Ok(if report.drift() { PENDING } else { CONVERGED })
}

fn keep(host: &Host, path: &str, text: &str) -> anyhow::Result<()> {
    let path = TargetPath::new(path)?;
    write::replace(host, &NewFile::of_root(&path, text.as_bytes(), 0o644))
        .with_context(|| format!("cannot keep the report in {path}"))
}
