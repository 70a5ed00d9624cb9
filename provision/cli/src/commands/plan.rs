//! `appliance plan`

use std::path::Path;

use anyhow::Context;
use appliance::Appliance;
use appliance::path::TargetPath;
use host::Host;
use host::write::{self, NewFile};
use plan::{Foreign, Plan, Record, RefusalKind, SavedPlan};
use render::Area;
use serde_json::json;

use super::{BadInput, CONVERGED, PENDING, target};
use crate::args::{Areas, Arguments, Format, Target};
use crate::output::Output;
use crate::sources::Sources;

pub fn run(
    arguments: &Arguments,
    on: &Target,
    out: Option<&Path>,
    areas: &Areas,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let sources = Sources::named(arguments)?;
    let appliance = sources.parse()?;
    let host = target(on)?;
    let foreign = foreign(&appliance, &host, areas)?;
    if let Some(out) = out {
        let asked = Asked {
            foreign: &foreign,
            areas: &areas.only,
        };
        return keep(&appliance, &sources, &host, out, asked, output);
    }
    let survey = survey::take(&appliance, &host, &foreign, |_, _| {}).map_err(::apply::ApplyError::from)?;
    let plan = survey.plan.only(&areas.only);
    if format.json {
        print_records(&plan, output)?;
    } else {
        output.print(&plan::describe(&plan, output.style()));
    }
    super::diff::since_applied(&host, &appliance, &survey.tree, &survey.inputs, format, output)?;
    Ok(code_of(&plan))
}

/// What is to be moved aside, which is nothing unless somebody asks for it.
pub fn foreign(appliance: &Appliance, host: &Host, areas: &Areas) -> anyhow::Result<Vec<Foreign>> {
    if !areas.quarantine {
        return Ok(Vec::new());
    }
    let report = ::verify::verify(appliance, host)?;
    let foreign = ::verify::foreign(&report).into_iter();
    Ok(foreign.map(|(path, because)| Foreign { path, because }).collect())
}

/// What a plan is to be about.
struct Asked<'a> {
    foreign: &'a [Foreign],
    areas: &'a [Area],
}

/// Larger files are no plan.
const MOST_PLAN_BYTES: u64 = 64 << 20;
/// It tells what the machine is.
const PLAN_MODE: u32 = 0o600;

/// `--out`
fn keep(
    appliance: &Appliance,
    sources: &Sources,
    host: &Host,
    out: &Path,
    asked: Asked<'_>,
    output: Output,
) -> anyhow::Result<u8> {
    let (plan, saved) = ::apply::plan_to_keep(appliance, host, asked.foreign, asked.areas, &sources.text())?;
    let out = std::path::absolute(out)?;
    let path = out.to_str().and_then(|path| TargetPath::new(path).ok());
    let path = path.ok_or_else(|| BadInput(format!("{} is no path that can be written", out.display())))?;
    write::replace(
        &Host::live()?,
        &NewFile::of_root(&path, &saved.print(), PLAN_MODE),
    )
    .context("cannot keep the plan")?;
    output.print(&plan::describe(&plan, output.style()));
    output.say(&format!(
        "Kept in {path}. Carry it out with `appliance apply {path}`.\n"
    ));
    Ok(code_of(&plan))
}

/// A plan that was kept.
pub fn kept(file: &Path) -> anyhow::Result<SavedPlan> {
    let refuse = |reason: String| BadInput(format!("cannot use the plan in {}: {reason}", file.display()));
    let size = std::fs::metadata(file)
        .map_err(|error| refuse(error.to_string()))?
        .len();
    if size > MOST_PLAN_BYTES {
        return Err(refuse(format!("it has {size} bytes, and no plan has so many")).into());
    }
    let bytes = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
    Ok(SavedPlan::parse(&bytes).map_err(|error| refuse(error.to_string()))?)
}

/// One record a line: refusals first, since they come before anything else.
pub fn print_records(plan: &Plan, output: Output) -> anyhow::Result<()> {
    let refusals = plan
        .refusals
        .iter()
        .zip(1..)
        .map(|(refusal, id)| Record::of_refusal(id, refusal));
    let steps = plan
        .steps
        .iter()
        .zip(plan.refusals.len() + 1..)
        .map(|(step, id)| Record::of_step(id, step));
    for record in refusals.chain(steps) {
        output.json(&record)?;
    }
    for notice in &plan.notices {
        output.json(
            &json!({ "action": "none", "area": notice.area, "target": notice.target, "reason": notice.text }),
        )?;
    }
    Ok(())
}

fn code_of(plan: &Plan) -> u8 {
    let refused = |kind| plan.refusals.iter().any(|refusal| refusal.kind == kind);
    if refused(RefusalKind::Safety) {
        3
    } else if refused(RefusalKind::Precondition) {
        4
    } else if plan.steps.is_empty() {
        CONVERGED
    } else {
        PENDING
    }
}
