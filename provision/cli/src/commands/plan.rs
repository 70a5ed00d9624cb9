//! `appliance plan`

use plan::{Plan, Record, RefusalKind};
use serde_json::json;

use super::{CONVERGED, PENDING, definition, target};
use crate::args::{Areas, Arguments, Format, Target};
use crate::output::Output;

pub fn run(
    arguments: &Arguments,
    on: &Target,
    areas: &Areas,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let appliance = definition(arguments)?;
    let host = target(on)?;
    let survey = survey::take(&appliance, &host, &[], |_, _| {}).map_err(::apply::ApplyError::from)?;
    let plan = survey.plan.only(&areas.only);
    if format.json {
        print_records(&plan, output)?;
    } else {
        output.print(&plan::describe(&plan, output.style()));
    }
    super::diff::since_applied(&host, &appliance, &survey.tree, &survey.inputs, format, output)?;
    Ok(code_of(&plan))
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
