//! One file per command.

mod adopt;
mod apply;
mod can;
mod check;
mod diff;
mod manual;
mod plan;
mod remote;
mod render;
mod revert;
mod unit_failed;
mod verify;
mod words;

use std::path::Path;

use anyhow::Context;
use appliance::{Appliance, Problems};
use host::Host;

use crate::args::{Arguments, Command, Target};
use crate::output::Output;
use crate::sources::Sources;

/// The machine is as defined.
pub const CONVERGED: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The input has mistakes.
const BAD_INPUT: u8 = 2;
/// A safety rule forbids it.
const REFUSED: u8 = 3;
/// Changes are pending, or there is drift.
pub const PENDING: u8 = 10;

/// Runs the command and gives its exit code.
pub fn run(arguments: &Arguments, output: Output) -> anyhow::Result<u8> {
    if let Some(code) = remote::elsewhere(arguments, output)? {
        return Ok(code);
    }
    match &arguments.command {
        Command::Check(format) => check::run(arguments, format, output),
        Command::Render { out } => render::run(arguments, out, output),
        Command::Plan {
            target,
            out,
            areas,
            format,
        } => plan::run(arguments, target, out.as_deref(), areas, format, output),
        Command::Apply {
            plan,
            target,
            areas,
            yes,
            care,
            stats,
            format,
        } => {
            let how = apply::How {
                yes: *yes,
                care: *care,
                stats: *stats,
                json: format.json,
            };
            apply::run(arguments, target, plan.as_deref(), areas, how, output)
        }
        Command::Adopt { root, yes, format } => adopt::run(arguments, root.as_deref(), *yes, format, output),
        Command::Verify {
            target,
            scheduled,
            format,
        } => verify::run(arguments, target, *scheduled, format, output),
        Command::Can {
            who,
            right,
            path,
            format,
        } => can::run(arguments, who, *right, path, format, output),
        Command::Diff {
            before,
            after,
            format,
        } => diff::run(arguments, before, after, format, output),
        Command::Confirm => revert::confirm(output),
        Command::Revert {
            run,
            unconfirmed,
            format,
        } => revert::run(run.as_ref(), *unconfirmed, format, output),
        Command::Schema => manual::schema(output),
        Command::Completions { shell } => manual::completions(*shell, output),
        Command::Manual => manual::page(output),
        Command::Attach { on, way, id, format } => remote::attach(on, way, id.as_ref(), format, output),
        Command::RemoteSide(part) => remote::side(part, output),
        Command::UnitFailed { unit } => unit_failed::run(unit, output),
    }
}

/// The exit code of a failure (spec 10, section 22.1).
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Problems>() || error.is::<BadInput>() {
        return BAD_INPUT;
    }
    if let Some(error) = error.downcast_ref::<::remote::RemoteError>() {
        return error.exit_code();
    }
    if matches!(
        error.downcast_ref::<::verify::VerifyError>(),
        Some(::verify::VerifyError::Survey(survey::SurveyError::Secrets(_)))
    ) {
        return REFUSED;
    }
    if let Some(error) = error.downcast_ref::<::adopt::AdoptError>() {
        return error.exit_code();
    }
    error
        .downcast_ref::<::apply::ApplyError>()
        .map_or(FAILED, ::apply::ApplyError::exit_code)
}

/// Something that the operator named is not there or cannot be read.
#[derive(Debug)]
pub struct BadInput(pub String);

impl std::fmt::Display for BadInput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// Larger files are no definition.
const LARGEST_INPUT_BYTES: u64 = 1024 * 1024;

/// The text of a file that the operator named.
pub fn read_input(path: &Path) -> Result<String, BadInput> {
    let describe = |reason: String| BadInput(format!("cannot read {}: {reason}", path.display()));
    let size = std::fs::metadata(path)
        .map_err(|error| describe(error.to_string()))?
        .len();
    if size > LARGEST_INPUT_BYTES {
        return Err(describe(format!(
            "it has {size} bytes, and no definition has more than {LARGEST_INPUT_BYTES}"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| describe(error.to_string()))
}

/// The checked definition that the arguments name.
fn definition(arguments: &Arguments) -> anyhow::Result<Appliance> {
    Ok(Sources::named(arguments)?.parse()?)
}

/// The machine that the arguments name.
fn target(target: &Target) -> anyhow::Result<Host> {
    machine(target.root.as_deref())
}

/// A tree of files, or this machine.
fn machine(root: Option<&Path>) -> anyhow::Result<Host> {
    match root {
        Some(directory) => Ok(Host::offline(directory)?),
        None => Host::live().context("cannot work on this machine"),
    }
}
