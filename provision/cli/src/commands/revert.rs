//! `appliance revert` and `appliance confirm`

use ::apply::{Reverted, RunName};
use anyhow::Context;
use host::Host;
use serde_json::json;

use super::{BadInput, CONVERGED, FAILED};
use crate::args::Format;
use crate::output::Output;

pub fn run(run: Option<&RunName>, unconfirmed: bool, format: &Format, output: Output) -> anyhow::Result<u8> {
    let host = Host::live().context("cannot work on this machine")?;
    let reverted = match run.filter(|_| unconfirmed) {
        Some(run) => ::apply::revert_unconfirmed(&host, run)?,
        None => ::apply::revert(&host, run)?,
    };
    let (run, count, failed) = match reverted {
        Reverted::PutBack { run, count, failed } => (run, count, failed),
        Reverted::Nothing => {
            if format.json {
                output.json(&json!({ "event": "nothing" }))?;
            } else {
                output.print("There is nothing to put back.\n");
            }
            return Ok(CONVERGED);
        }
    };
    if format.json {
        output.json(
            &json!({ "event": "put-back", "run": run.to_string(), "count": count, "failed": failed }),
        )?;
    } else {
        let things = if count == 1 { "thing" } else { "things" };
        output.print(&format!("{count} {things} put back as before the run {run}.\n"));
        for reason in &failed {
            output.say(&format!("could not put back {reason}\n"));
        }
        output.print("`appliance plan` shows how the machine differs from its definition now.\n");
    }
    Ok(if failed.is_empty() { CONVERGED } else { FAILED })
}

pub fn confirm(output: Output) -> anyhow::Result<u8> {
    let host = Host::live().context("cannot work on this machine")?;
    match ::apply::give_word(&host).context("cannot leave the word")? {
        Some(run) => {
            output.print(&format!("The changes of the run {run} stay.\n"));
            Ok(CONVERGED)
        }
        None => Err(BadInput(
            "no apply waits for a confirmation\n    next: nothing needs to be done; `appliance verify` shows how the machine is"
                .to_owned(),
        )
        .into()),
    }
}
