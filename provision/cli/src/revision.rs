//! A revision of a definition: a word, a directory, or a commit of the repository that the current directory is in.

use std::path::Path;

use anyhow::Context;
use appliance::DefinitionFiles;
use host::command::Command;
use host::{Host, HostError};

use crate::applied;
use crate::args::Arguments;
use crate::commands::{BadInput, read_input};
use crate::sources::{self, INSTANCE, Sources};

const GIT: &str = "/usr/bin/git";
/// Where the definition lies in its repository.
const FOLDER: &str = "appliance/definition";
/// What git says of a bad name (128) is told in our words.
const ANY_CODE: &[i32] = &[0, 1, 128];

/// The sources that a word of the command line means.
pub fn sources(arguments: &Arguments, revision: &str) -> anyhow::Result<Sources> {
    if revision == "applied" {
        let host = Host::live().context("cannot look at this machine")?;
        let kept = applied::read(&host)?;
        return Ok(kept.ok_or_else(|| {
            BadInput(
                "no apply has brought this machine to a definition yet\n    next: name a commit or a directory, or run `appliance apply` first"
                    .to_owned(),
            )
        })?);
    }
    let directory = Path::new(revision);
    let beside = directory.join(INSTANCE);
    let (instance_name, instance) = if directory.is_dir() && beside.exists() {
        (beside.display().to_string(), read_input(&beside)?)
    } else {
        sources::instance(arguments)?
    };
    if revision == "shipped" {
        return Ok(Sources::shipped(instance_name, instance));
    }
    if directory.is_dir() {
        return Ok(Sources::in_directory(directory, instance_name, instance)?);
    }
    Ok(Sources {
        directory: revision.to_owned(),
        files: committed(revision)?,
        instance_name,
        instance,
    })
}

/// The files of the definition in a commit.
fn committed(revision: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let bad = |what: &str| {
        BadInput(format!(
            "{revision:?} {what}\n    next: name a commit of a repository that has {FOLDER}, a directory, `shipped` or `applied`"
        ))
    };
    if revision.is_empty() || revision.starts_with('-') || revision.contains([':', '\0', '\n']) {
        return Err(bad("is no revision").into());
    }
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let commit = git(&here)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{revision}^{{commit}}"));
    if !commit.is_installed() {
        return Err(bad("is neither a directory nor a word that is known, and git is not installed").into());
    }
    let answer = commit.accept(ANY_CODE).run()?;
    if answer.code != 0 {
        let why = if answer.stderr.is_empty() {
            format!(
                "is no directory and no commit of the repository in {}",
                here.display()
            )
        } else {
            format!(
                "cannot be looked up in {}: {}",
                here.display(),
                first_line(&answer.stderr)
            )
        };
        return Err(bad(&why).into());
    }
    let commit = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    DefinitionFiles::NAMES
        .iter()
        .map(|name| {
            let text = file(&here, &commit, name)?;
            let text = text.ok_or_else(|| bad(&format!("has no file {FOLDER}/{name}")))?;
            Ok((*name, text))
        })
        .collect()
}

/// The text of one file of a commit; none where the commit does not have it.
fn file(here: &Path, commit: &str, name: &str) -> Result<Option<String>, HostError> {
    let answer = git(here)
        .args(["show", "--no-textconv", "--end-of-options"])
        .arg(format!("{commit}:{FOLDER}/{name}"))
        .accept(ANY_CODE)
        .run()?;
    Ok((answer.code == 0).then(|| String::from_utf8_lossy(&answer.stdout).into_owned()))
}

/// git in a directory, with nothing that a repository's own settings could start.
fn git(here: &Path) -> Command {
    let words = [
        "--no-pager",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "log.showSignature=false",
        "-C",
    ];
    Command::new(GIT).args(words).arg(here.to_string_lossy())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
