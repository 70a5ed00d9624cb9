//! `appliance can`

use appliance::path::TargetPath;
use render::{Access, Inputs, Principal};
use serde_json::json;

use super::{BadInput, CONVERGED, PENDING, definition};
use crate::args::{Arguments, Format, Right};
use crate::output::Output;

pub fn run(
    arguments: &Arguments,
    who: &str,
    right: Right,
    path: &TargetPath,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let appliance = definition(arguments)?;
    let tree = render::render(&appliance, &Inputs::default())?;
    let principal = Principal::named(&appliance, who).ok_or_else(|| {
        BadInput(format!(
            "the definition knows no {who}\n    next: name an account of it, nobody, or a role: standard, privileged, admin"
        ))
    })?;
    if !render::describes(&tree, path) {
        let next = "ask the machine itself, or name a path below one that `appliance render` lists";
        return Err(BadInput(format!(
            "the definition says nothing about {path}\n    next: {next}"
        ))
        .into());
    }
    let (access, word) = match right {
        Right::Read => (Access::Read, "read"),
        Right::Write => (Access::Write, "write"),
        Right::Execute => (Access::Execute, "execute"),
    };
    let verdict = render::can(&tree, &principal, access, path);
    if format.json {
        output.json(&json!({
            "who": who, "right": word, "path": path.as_str(), "allowed": verdict.allowed,
            "decided_by": verdict.decided_by.as_str(), "because": verdict.because,
        }))?;
    } else {
        let answer = if verdict.allowed { "yes" } else { "no" };
        output.print(&format!(
            "{answer}: {} decides, {}\n",
            verdict.decided_by, verdict.because
        ));
    }
    Ok(if verdict.allowed { CONVERGED } else { PENDING })
}
