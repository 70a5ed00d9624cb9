//! Mounts, from `/proc/self/mountinfo`.

use serde::Serialize;

use crate::HostError;
use crate::facts::file::escape;
use crate::facts::proc;

/// One line of `mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Number of the mount, and that of the one it lies in.
    pub id: u32,
    /// Number of the mount in which it lies.
    pub parent: u32,
    /// Device as major and minor number.
    pub device: (u32, u32),
    /// The directory of the filesystem that is shown here; `/` but for bind mounts.
    pub root: String,
    /// Where it is mounted.
    pub point: String,
    /// Options of the mount, such as `rw`, `nodev`.
    pub options: Vec<String>,
    /// `ext4`, `tmpfs`
    pub filesystem: String,
    /// `/dev/sdb`, `tmpfs`
    pub source: String,
    /// Options of the filesystem.
    pub super_options: Vec<String>,
}

const TABLE: &str = "/proc/self/mountinfo";

/// The mounts of the service manager: those of the machine, also for a process that a sandbox shows others.
const MACHINE_TABLE: &str = "/proc/1/mountinfo";

/// The mounts of the machine, in the order of the kernel: of two at one place the later one is seen. Where the
/// first process may not be looked at, those of this one.
pub fn read_machine() -> Result<Vec<Mount>, HostError> {
    match proc::read(MACHINE_TABLE) {
        Ok(Some(text)) if !text.is_empty() => parsed(&text, MACHINE_TABLE),
        Ok(_) | Err(_) => read(),
    }
}

/// The mounts that this process sees.
pub fn read() -> Result<Vec<Mount>, HostError> {
    let text = proc::read(TABLE)?.ok_or_else(|| proc::missing(TABLE))?;
    parsed(&text, TABLE)
}

fn parsed(text: &[u8], table: &str) -> Result<Vec<Mount>, HostError> {
    parse(text).ok_or_else(|| HostError::Malformed {
        path: table.to_owned(),
        problem: "a line is not as the kernel writes it".to_owned(),
    })
}

/// Reads the text of a `mountinfo`; `None` when a line is not as the kernel writes it.
pub fn parse(text: &[u8]) -> Option<Vec<Mount>> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(parse_line)
        .collect()
}

/// `36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sdb rw`, with any number of fields before the dash.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let mut word = || words.next().map(unescape);
    let (id, parent, device) = (word()?, word()?, word()?);
    let (root, point, options) = (word()?, word()?, word()?);
    while word()? != "-" {}
    let (filesystem, source, super_options) = (word()?, word()?, word()?);
    let (major, minor) = device.split_once(':')?;
    Some(Mount {
        id: id.parse().ok()?,
        parent: parent.parse().ok()?,
        device: (major.parse().ok()?, minor.parse().ok()?),
        root,
        point,
        options: comma_list(&options),
        filesystem,
        source,
        super_options: comma_list(&super_options),
    })
}

fn comma_list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

/// The kernel writes blanks, backslashes and `#` as three octal digits.
pub(super) fn unescape(word: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    escape(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_with_and_without_optional_fields_are_read() {
        let text = b"22 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda1 rw,errors=remount-ro\n\
                     40 22 7:1 /sub /mnt/with\\040blank rw - ext4 /dev/loop1 rw\n";
        let mounts = parse(text).expect("both lines");
        assert_eq!(mounts[0].options, ["rw", "relatime"]);
        assert_eq!(mounts[0].super_options, ["rw", "errors=remount-ro"]);
        assert_eq!(
            (mounts[1].point.as_str(), mounts[1].root.as_str()),
            ("/mnt/with blank", "/sub")
        );
        assert_eq!(mounts[1].device, (7, 1));
    }

    #[test]
    fn a_cut_line_is_not_passed_over() {
        assert_eq!(parse(b"22 1 254:0 / / rw\n"), None);
    }

    #[test]
    fn this_machine_has_a_root() {
        assert!(read().expect("mounts").iter().any(|mount| mount.point == "/"));
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b' '), Just(b'\\'), Just(b'-'), any::<u8>()], 0..200)) {
            let _ = parse(&bytes);
            let _ = unescape(&bytes);
        }
    }
}
