//! Files, links and removals.

use appliance::layout::Judge;
use appliance::path::TargetPath;
use host::validate::{self, Verdict};
use host::write::{self, NewFile};
use host::{Host, HostError, directory, read, remove as host_remove};
use plan::{Change, Metadata, Step};

use crate::StepError;

/// The plan's metadata in the words of the writer: the lists are always whole.
pub(crate) fn host_metadata(metadata: &Metadata) -> directory::Metadata {
    directory::Metadata {
        uid: metadata.uid,
        gid: metadata.gid,
        mode: metadata.mode,
        lists: directory::Lists::Exactly {
            access: metadata.access.clone(),
            default: metadata.default.clone(),
        },
    }
}

/// The plan's file in the words of the writer.
pub(crate) fn new_file<'a>(path: &'a TargetPath, content: &'a [u8], metadata: &'a Metadata) -> NewFile<'a> {
    NewFile {
        path,
        content,
        uid: metadata.uid,
        gid: metadata.gid,
        mode: metadata.mode,
        acl: metadata.access.as_ref(),
    }
}

/// Makes directories, parents first, or brings those that are there to their owner, mode and lists.
pub(crate) fn make_directories(host: &Host, batch: &[Step]) -> Result<(), StepError> {
    for step in batch {
        if let Change::Directory { path, metadata } = &step.change {
            directory::ensure(host, path, &host_metadata(metadata))?;
        }
    }
    Ok(())
}

/// Writes many files with few syncs.
pub(crate) fn write_all(host: &Host, batch: &[Step]) -> Result<(), StepError> {
    let mut staged = Vec::with_capacity(batch.len());
    for step in batch {
        if let Change::WriteFile {
            path,
            content,
            metadata,
            ..
        } = &step.change
        {
            staged.push(write::stage(host, &new_file(path, &content.bytes, metadata))?);
        }
    }
    Ok(write::put_all(staged)?)
}

fn host_judge(judge: Judge) -> validate::Judge {
    match judge {
        Judge::Sudoers => validate::Judge::Sudoers,
        Judge::Sshd => validate::Judge::Sshd,
        Judge::Nginx => validate::Judge::Nginx,
        Judge::Firewall => validate::Judge::Nftables,
    }
}

/// Writes a file that a program reads in whole with others: the file is judged by itself first where that can be
/// done, and with all the others once it is in place. When the whole is refused, what was there comes back.
pub(crate) fn write_judged(
    host: &Host,
    path: &TargetPath,
    content: &[u8],
    metadata: &Metadata,
    judge: Judge,
) -> Result<(), StepError> {
    let refused = |words: String| StepError::Judged {
        path: path.to_string(),
        words,
    };
    // sshd reads the drop-in in the middle of its main file, so it alone says nothing.
    if judge != Judge::Sshd
        && let Verdict::Bad(words) = validate::content(host, host_judge(judge), path.name(), content)?
    {
        return Err(refused(words));
    }
    let before = read::file(host, path)?;
    write::replace(host, &new_file(path, content, metadata))?;
    // The firewall's rules are the whole of its file, and were judged by themselves.
    if !host.is_live() || judge == Judge::Firewall {
        return Ok(());
    }
    if let Verdict::Bad(words) = validate::installed(host, host_judge(judge))? {
        match before {
            Some(bytes) => write::replace(host, &new_file(path, &bytes, metadata))?,
            None => {
                host_remove::file(host, path)?;
            }
        }
        return Err(refused(words));
    }
    Ok(())
}

/// Removes a file or a link; a directory is never removed.
pub(crate) fn remove(host: &Host, path: &TargetPath) -> Result<(), StepError> {
    match host_remove::file(host, path) {
        Err(HostError::WrongKind { .. }) => {
            host_remove::link(host, path)?;
        }
        other => {
            other?;
        }
    }
    Ok(())
}

/// Asks the judge of a unit's whole configuration before the unit is told to read it.
pub(crate) fn judge_installed(host: &Host, judge: Judge) -> Result<(), StepError> {
    match validate::installed(host, host_judge(judge))? {
        Verdict::Good | Verdict::NoJudge(_) => Ok(()),
        Verdict::Bad(words) => Err(StepError::Judged {
            path: "the configuration".to_owned(),
            words,
        }),
    }
}
