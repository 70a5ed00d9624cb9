//! What bounds the logs on the disks.

use appliance::layout::{Directory, FileRule};
use appliance::path::TargetPath;
use templates::context::{Journald, Logrotate, LogrotateEntry, LogrotateSchedule, OwnedBy};

use crate::RenderError;
use crate::draft::Draft;

/// Logs of ours that are files: path, size, how many old ones, mode. The writers of a service's log share a group, whose
/// write permission 0640 would mask. nginx's are in Debian's own rule (14, daily), and a
/// second rule for the same file would make logrotate skip it.
const ROTATED: [(&str, &str, u32, &str); 3] = [
    ("/data/corporate-memory/collection.log", "5M", 4, "0660"),
    ("/data/notifications/bot.log", "10M", 8, "0660"),
    ("/var/lib/data-analyst/apply.journal", "4M", 4, "0600"),
];

/// 500 MiB and 30 days of the system disk.
pub(super) fn journald() -> Journald {
    Journald {
        max_use: "500M".to_owned(),
        keep_free: "1G".to_owned(),
        retention: "30day".to_owned(),
        rate_interval: "30s".to_owned(),
        rate_burst: 10_000,
    }
}

pub(super) fn logrotate(draft: &Draft<'_>, rule: &FileRule) -> Result<Logrotate, RenderError> {
    let entries = ROTATED.iter().map(|(path, size, keep, mode)| {
        let directory = directory_of(draft, rule, path)?;
        Ok(LogrotateEntry {
            paths: vec![(*path).to_owned()],
            schedule: LogrotateSchedule::Size((*size).to_owned()),
            keep: *keep,
            rotate_as: Some(OwnedBy {
                user: directory.owner.to_string(),
                group: directory.group.to_string(),
            }),
            create_as: None,
            create_mode: (*mode).to_owned(),
            afterwards: Vec::new(),
        })
    });
    Ok(Logrotate {
        entries: entries.collect::<Result<_, RenderError>>()?,
    })
}

/// The directory of the layout that holds the log: its owner rotates.
fn directory_of<'a>(draft: &Draft<'a>, rule: &FileRule, log: &str) -> Result<&'a Directory, RenderError> {
    let parent = TargetPath::new(log)?.parent();
    let mut directories = draft.appliance.directories.iter();
    directories
        .find(|directory| Some(&directory.path) == parent.as_ref())
        .ok_or_else(|| RenderError::Missing {
            path: rule.path.clone(),
            what: format!("directory for {log}"),
            file: "layout.toml",
        })
}
