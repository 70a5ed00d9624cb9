//! Inodes, as `statx` and the extended attributes tell them.

use std::collections::BTreeMap;
use std::fmt;

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;
use serde::{Serialize, Serializer};

/// One file, directory, link or other thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inode {
    /// What it is.
    pub kind: Kind,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The twelve bits; with an access list the group's three are its mask.
    pub mode: Mode,
    /// Bytes.
    pub size: u64,
    /// Filesystem, as the kernel's device number.
    pub device: u64,
    /// Inode number within the filesystem.
    pub number: u64,
    /// Hard links.
    pub links: u64,
    /// When the inode last changed.
    pub changed: Timestamp,
    /// When the content last changed.
    pub modified: Timestamp,
    /// Access list, only when there is more to it than the mode.
    #[serde(serialize_with = "serialize_acl")]
    pub acl: Option<Acl>,
    /// Default list of a directory.
    #[serde(serialize_with = "serialize_acl")]
    pub default_acl: Option<Acl>,
    /// `chattr +i`
    pub immutable: bool,
    /// `chattr +a`
    pub append_only: bool,
    /// Whether it carries file capabilities.
    pub capabilities: bool,
}

/// What kind of thing an inode is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and where it points; bytes that are not UTF-8 are written `\xNN`.
    Link(String),
    /// `socket`, `fifo`, `block device`, `character device`.
    Other(&'static str),
}

/// A point in time as the filesystem keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Timestamp {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanoseconds: u32,
}

/// A SHA-256, printed in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// All that lies below a directory, on its own filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Tree {
    /// Everything below the top, and the top itself.
    pub inodes: BTreeMap<TargetPath, Inode>,
    /// Directories that are another filesystem's; not entered.
    pub other_filesystems: Vec<TargetPath>,
    /// Things whose name no [`TargetPath`] can hold, by their directory and escaped name; not entered.
    pub unnameable: Vec<(TargetPath, String, Inode)>,
}

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn serialize_acl<S: Serializer>(acl: &Option<Acl>, serializer: S) -> Result<S::Ok, S::Error> {
    match acl {
        Some(acl) => serializer.collect_str(acl),
        None => serializer.serialize_none(),
    }
}

/// Text where it is text, hexadecimal where it is not: a list of numbers is read by nobody.
pub(super) fn serialize_contents<S: Serializer>(
    contents: &BTreeMap<TargetPath, Vec<u8>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(contents.iter().map(|(path, bytes)| {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("sha256:{}", Digest::of(bytes)),
        };
        (path, text)
    }))
}
