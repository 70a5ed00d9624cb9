//! Packages, from the database of dpkg.

use std::collections::BTreeMap;

use appliance::name::PackageName;
use appliance::path::TargetPath;
use serde::Serialize;

use crate::facts::file;
use crate::{Host, HostError, read};

/// What dpkg knows of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageState {
    /// How far it is installed.
    pub status: PackageStatus,
    /// Installed version; empty when only known.
    pub version: String,
    /// `amd64`, `all`
    pub architecture: String,
    /// Whether upgrades are held back.
    pub held: bool,
}

/// The third word of dpkg's `Status` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PackageStatus {
    /// Known, nothing on disk.
    NotInstalled,
    /// Removed, settings left behind.
    ConfigFiles,
    /// Interrupted while unpacking.
    HalfInstalled,
    /// Files are there, not configured.
    Unpacked,
    /// Interrupted while configuring.
    HalfConfigured,
    /// Waits for another package's trigger.
    TriggersAwaited,
    /// Has triggers of its own to run.
    TriggersPending,
    /// Complete.
    Installed,
}

const DATABASE: &str = "/var/lib/dpkg/status";
/// Where dpkg keeps what it has not yet merged into the database, in files named by number.
const JOURNAL: &str = "/var/lib/dpkg/updates";

/// Reads the database and, after an interrupted run, its journal. An image without dpkg has no packages.
pub(super) fn read_all(host: &Host) -> Result<BTreeMap<PackageName, PackageState>, HostError> {
    let mut packages = BTreeMap::new();
    let malformed = |problem: String| HostError::Malformed {
        path: DATABASE.to_owned(),
        problem,
    };
    let database = TargetPath::new(DATABASE).map_err(|error| malformed(error.to_string()))?;
    let journal = TargetPath::new(JOURNAL).map_err(|error| malformed(error.to_string()))?;
    for path in std::iter::once(database).chain(numbered(host, &journal)?) {
        if let Some(text) = read::file(host, &path)? {
            parse(&text, &mut packages);
        }
    }
    Ok(packages)
}

fn numbered(host: &Host, directory: &TargetPath) -> Result<Vec<TargetPath>, HostError> {
    let names = match file::names(host, directory)? {
        Some(names) => names,
        None => return Ok(Vec::new()),
    };
    let number = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
    Ok(names
        .iter()
        .filter(number)
        .filter_map(|name| directory.join(name).ok())
        .collect())
}

/// Reads stanzas; later ones replace earlier ones, but another architecture's never an installed one.
pub fn parse(text: &[u8], packages: &mut BTreeMap<PackageName, PackageState>) {
    let mut stanza = Stanza::default();
    // The last line ends the last stanza even where the file does not.
    for line in text.split(|byte| *byte == b'\n').chain([&b""[..]]) {
        if line.is_empty() {
            if let Some((name, state)) = std::mem::take(&mut stanza).finish() {
                let hidden = packages.get(&name).is_some_and(|before| {
                    before.status == PackageStatus::Installed
                        && before.architecture != state.architecture
                        && state.status != PackageStatus::Installed
                });
                if !hidden {
                    packages.insert(name, state);
                }
            }
            continue;
        }
        // Most lines are descriptions; four first bytes say which are not.
        match line[0] {
            b'P' => take(line, b"Package: ", &mut stanza.name),
            b'S' => take(line, b"Status: ", &mut stanza.status),
            b'V' => take(line, b"Version: ", &mut stanza.version),
            b'A' => take(line, b"Architecture: ", &mut stanza.architecture),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Stanza<'a> {
    name: &'a str,
    status: &'a str,
    version: &'a str,
    architecture: &'a str,
}

fn take<'a>(line: &'a [u8], field: &[u8], into: &mut &'a str) {
    if let Some(value) = line.strip_prefix(field) {
        *into = std::str::from_utf8(value).unwrap_or("").trim();
    }
}

impl Stanza<'_> {
    fn finish(self) -> Option<(PackageName, PackageState)> {
        let mut words = self.status.split(' ');
        let (want, _, status) = (words.next()?, words.next()?, words.next()?);
        let state = PackageState {
            status: match status {
                "installed" => PackageStatus::Installed,
                "config-files" => PackageStatus::ConfigFiles,
                "half-installed" => PackageStatus::HalfInstalled,
                "unpacked" => PackageStatus::Unpacked,
                "half-configured" => PackageStatus::HalfConfigured,
                "triggers-awaited" => PackageStatus::TriggersAwaited,
                "triggers-pending" => PackageStatus::TriggersPending,
                _ => PackageStatus::NotInstalled,
            },
            version: self.version.to_owned(),
            architecture: self.architecture.to_owned(),
            held: want == "hold",
        };
        Some((PackageName::new(self.name).ok()?, state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS: &str = "\
Package: acl
Status: install ok installed
Priority: optional
Architecture: amd64
Version: 2.3.1-3
Description: access control list - utilities
 Package: not-a-field
 .
 More text.

Package: nginx
Status: hold ok installed
Architecture: amd64
Version: 1.22.1-9

Package: nginx
Status: deinstall ok config-files
Architecture: i386
Version: 1.22.1-9

Package: sudo
Status: install reinstreq half-installed
Architecture: amd64
Version: 1.9.13p3-1";

    #[test]
    fn stanzas_are_read() {
        let mut packages = BTreeMap::new();
        parse(STATUS.as_bytes(), &mut packages);
        let shown: Vec<_> = packages
            .iter()
            .map(|(name, state)| (name.as_str(), state.status, state.version.as_str(), state.held))
            .collect();
        assert_eq!(
            shown,
            [
                ("acl", PackageStatus::Installed, "2.3.1-3", false),
                ("nginx", PackageStatus::Installed, "1.22.1-9", true),
                ("sudo", PackageStatus::HalfInstalled, "1.9.13p3-1", false),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_database_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes, &mut BTreeMap::new());
        }
    }
}
