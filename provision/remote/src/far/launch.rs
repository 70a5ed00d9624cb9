//! A process that outlives the connection that asked for it.

use std::path::Path;
use std::process::Stdio;

use host::HostError;
use host::command::Command;

use crate::RunId;
use crate::far::store::{FarError, at};

const SYSTEMD: &str = "/run/systemd/system";

/// Starts `remote-side run` of this very program, as a unit of its own where systemd runs.
pub(crate) fn launch(id: &RunId) -> Result<(), FarError> {
    let program = std::env::current_exe().map_err(at("find", Path::new("/proc/self/exe")))?;
    if Path::new(SYSTEMD).is_dir() {
        as_unit(id, &program)
    } else {
        as_session(id, &program)
    }
}

fn as_unit(id: &RunId, program: &Path) -> Result<(), FarError> {
    let started = Command::new("/usr/bin/systemd-run")
        .args(["--quiet", "--collect", "--no-ask-password"])
        .arg(format!("--unit=appliance-remote-{id}"))
        .arg("--description=Run of the appliance that an operator asked for from elsewhere")
        // At a shutdown it is told first, and may finish the step at hand.
        .args(["--property=KillMode=mixed", "--property=TimeoutStopSec=60s"])
        .arg("--")
        .arg(program.display().to_string())
        .args(["remote-side", "run", id.as_str()])
        .run();
    match started {
        Ok(_) => Ok(()),
        // The answer to an earlier start was lost.
        Err(HostError::Failed { stderr, .. }) if stderr.contains("already") => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The runner of `host` waits for what it starts, and listens to it. This must do neither.
fn as_session(id: &RunId, program: &Path) -> Result<(), FarError> {
    let setsid = Path::new("/usr/bin/setsid");
    let mut child = std::process::Command::new(setsid)
        .arg("--fork")
        .arg(program)
        .args(["remote-side", "run", id.as_str()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(at("start", setsid))?;
    child.wait().map(drop).map_err(at("start", setsid))
}
