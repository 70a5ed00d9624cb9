//! Who runs: every process with its user, its program and its unit.

use serde::Serialize;

use crate::HostError;
use crate::facts::file::escape;
use crate::facts::listener::unit_of;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its short name.
    pub name: String,
    /// The user as whom it acts.
    pub uid: u32,
    /// The file that it runs, with ` (deleted)` behind it when that has no name any more; `None` for a thread of the
    /// kernel, and for what this process may not look at.
    pub program: Option<String>,
    /// Its systemd unit, from its control group.
    pub unit: Option<String>,
    /// Whether that unit is the system's, not one in a person's session.
    pub in_system: bool,
    /// Whether its parent is the service manager, so that it is what the unit started.
    pub is_main: bool,
}

/// Every process that this one may see. One that ends meanwhile is passed over.
///
/// # Errors
///
/// When there is no `/proc`.
pub fn read() -> Result<Vec<Process>, HostError> {
    let fail = |source| HostError::Kernel {
        path: "/proc".to_owned(),
        source,
    };
    let entries = std::fs::read_dir("/proc").map_err(fail)?;
    let mut pids: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    Ok(pids.into_iter().filter_map(one).collect())
}

fn one(pid: u32) -> Option<Process> {
    let text = |file: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let status = text("status")?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let cgroup = text("cgroup").unwrap_or_default();
    let program = std::fs::read_link(format!("/proc/{pid}/exe"))
        .ok()
        .map(|path| escape(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())));
    let path = cgroup
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap_or("");
    Some(Process {
        pid,
        name: escape(field("Name")?.trim().as_bytes()),
        // Real, effective, saved, of the filesystem.
        uid: field("Uid")?.split_ascii_whitespace().nth(1)?.parse().ok()?,
        program,
        unit: unit_of(&cgroup),
        in_system: path.contains("/system.slice/") || path.starts_with("/system.slice/"),
        is_main: field("PPid")?.trim() == "1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_among_them() {
        let processes = read().expect("processes");
        let ours = processes
            .iter()
            .find(|process| process.pid == std::process::id())
            .expect("this one");
        assert_eq!(ours.uid, rustix::process::geteuid().as_raw());
        let program = std::env::current_exe().expect("a program");
        assert_eq!(ours.program.as_deref(), program.to_str());
    }
}
