//! `appliance verify`

use anyhow::Context;
use appliance::mode::Mode;
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
    let file = NewFile {
        path: &path,
        content: text.as_bytes(),
        uid: 0,
        gid: 0,
        mode: Mode::from_bits(0o644),
        acl: None,
    };
    write::replace(host, &file).with_context(|| format!("cannot keep the report in {path}"))
}
