//! Which operating system, kernel and how much memory.

use appliance::path::TargetPath;
use serde::Serialize;

use crate::facts::proc;
use crate::{Host, HostError, read};

/// From `os-release` and the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Os {
    /// `debian`
    pub id: String,
    /// `12`; empty on rolling systems.
    pub version_id: String,
    /// Release of the running kernel; `None` offline.
    pub kernel: Option<String>,
    /// Whether the machine shares its kernel with another, so that devices and kernel settings are not its own.
    pub container: bool,
}

/// Bytes of memory and swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Memory {
    /// `MemTotal`
    pub total: u64,
    /// `MemAvailable`
    pub available: u64,
    /// `SwapTotal`
    pub swap_total: u64,
    /// `SwapFree`
    pub swap_free: u64,
}

/// Left by whoever made the machine a container.
const CONTAINER_MARKS: [&str; 3] = ["/run/systemd/container", "/run/.containerenv", "/.dockerenv"];

/// Reads who the machine is.
pub(super) fn read_os(host: &Host) -> Result<Os, HostError> {
    // In /etc it is a link to the one in /usr, unless somebody made it a file of its own.
    let text = match text_of(host, "/etc/os-release")? {
        Some(text) => text,
        None => text_of(host, "/usr/lib/os-release")?.unwrap_or_default(),
    };
    let marked = |path: &str| std::fs::exists(path).unwrap_or(false);
    Ok(Os {
        id: value(&text, "ID").unwrap_or_else(|| "linux".to_owned()),
        version_id: value(&text, "VERSION_ID").unwrap_or_default(),
        kernel: host
            .is_live()
            .then(|| rustix::system::uname().release().to_string_lossy().into_owned()),
        container: host.is_live() && CONTAINER_MARKS.iter().any(|path| marked(path)),
    })
}

/// What the machine is called.
pub(super) fn hostname(host: &Host) -> Result<String, HostError> {
    if host.is_live() {
        return Ok(rustix::system::uname().nodename().to_string_lossy().into_owned());
    }
    Ok(text_of(host, "/etc/hostname")?
        .unwrap_or_default()
        .trim()
        .to_owned())
}

/// Memory of the running machine.
pub(crate) fn memory() -> Result<Memory, HostError> {
    const TABLE: &str = "/proc/meminfo";
    let text = proc::read(TABLE)?.ok_or_else(|| proc::missing(TABLE))?;
    Ok(parse_memory(&String::from_utf8_lossy(&text)))
}

fn text_of(host: &Host, path: &str) -> Result<Option<String>, HostError> {
    let path = TargetPath::new(path).map_err(|error| HostError::Malformed {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    match read::file(host, &path) {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(HostError::WrongKind { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A value of `os-release`, which is shell syntax of the simplest kind.
pub fn value(text: &str, key: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    Some(line.trim_matches(['"', '\'']).to_owned())
}

/// Reads the text of `/proc/meminfo`; what is not there is 0.
pub fn parse_memory(text: &str) -> Memory {
    let bytes = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()?
            .checked_mul(1024)
    };
    Memory {
        total: bytes("MemTotal").unwrap_or(0),
        available: bytes("MemAvailable").unwrap_or(0),
        swap_total: bytes("SwapTotal").unwrap_or(0),
        swap_free: bytes("SwapFree").unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_with_and_without_quotes() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(value(text, "ID").as_deref(), Some("debian"));
        assert_eq!(value(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(value(text, "VARIANT"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let memory = parse_memory(
            "MemTotal:        3988356 kB\nMemAvailable:    2000000 kB\nHugePages_Total:       0\n",
        );
        assert_eq!(
            (memory.total, memory.available, memory.swap_total),
            (4_084_076_544, 2_048_000_000, 0)
        );
    }
}
