//! What `OnFailure=` starts: a record of the failure that says enough to begin with.

use anyhow::Context;
use appliance::name::UnitName;
use host::command::Command;

use super::CONVERGED;
use crate::output::Output;

/// Lines of the journal that go with the record.
const LINES: &str = "20";

pub fn run(unit: &UnitName, output: Output) -> anyhow::Result<u8> {
    let show = Command::new("/usr/bin/systemctl")
        .args(["show", "--property=Result,ExecMainStatus", "--", unit.as_str()])
        .run()
        .context("cannot ask systemd about the unit")?;
    let properties = String::from_utf8_lossy(&show.stdout).trim().replace('\n', " ");
    // <3> is the priority "error" for the journal: somebody must look.
    output.say(&format!("<3>unit.failed UNIT={unit} {properties}\n"));
    let journal = Command::new("/usr/bin/journalctl")
        .args([
            "--no-pager",
            "--output=cat",
            "--lines",
            LINES,
            "--unit",
            unit.as_str(),
        ])
        .run()
        .context("cannot read the unit's journal")?;
    for line in String::from_utf8_lossy(&journal.stdout).lines() {
        output.say(&format!("<3>unit.failed {unit}: {line}\n"));
    }
    Ok(CONVERGED)
}
