//! Inodes, as `statx` and the extended attributes tell them.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::root::{Blocked, Place, descriptor_path};
use crate::{Facts, Host, HostError, Look};

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

impl std::str::FromStr for Digest {
    type Err = &'static str;

    /// From what it prints: 64 hexadecimal digits in lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a SHA-256 has 64 hexadecimal digits in lower case";
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(FORM),
        };
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return Err(FORM);
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(digest))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
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

/// The largest file that is read whole: nothing that the appliance writes comes near.
const LARGEST: u64 = 16 << 20;

/// Looks at a name in an open directory without following it; `None` when nothing is there.
pub(crate) fn inode_at(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Inode>, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let found = match rustix::fs::statx(directory, name, flags, StatxFlags::BASIC_STATS) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let kind = match FileType::from_raw_mode(u32::from(found.stx_mode)) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => match rustix::fs::readlinkat(directory, name, Vec::new()) {
            Ok(target) => Kind::Link(escape(target.as_bytes())),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        },
        FileType::Socket => Kind::Other("socket"),
        FileType::Fifo => Kind::Other("fifo"),
        FileType::BlockDevice => Kind::Other("block device"),
        FileType::CharacterDevice => Kind::Other("character device"),
        FileType::Unknown => Kind::Other("thing of unknown kind"),
    };
    let attributes = match kind {
        Kind::Link(_) => Attributes::default(),
        _ => match Attributes::read(&path_below(directory, name)) {
            Ok(attributes) => attributes,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        },
    };
    Ok(Some(Inode {
        kind,
        uid: found.stx_uid,
        gid: found.stx_gid,
        mode: Mode::from_bits(u32::from(found.stx_mode)),
        size: found.stx_size,
        device: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
        number: found.stx_ino,
        links: u64::from(found.stx_nlink),
        changed: Timestamp {
            seconds: found.stx_ctime.tv_sec,
            nanoseconds: found.stx_ctime.tv_nsec,
        },
        modified: Timestamp {
            seconds: found.stx_mtime.tv_sec,
            nanoseconds: found.stx_mtime.tv_nsec,
        },
        acl: attributes.acl,
        default_acl: attributes.default_acl,
        immutable: found.stx_attributes.contains(StatxAttributes::IMMUTABLE),
        append_only: found.stx_attributes.contains(StatxAttributes::APPEND),
        capabilities: attributes.capabilities,
    }))
}

/// What the extended attributes hold that decides about access.
#[derive(Default)]
struct Attributes {
    acl: Option<Acl>,
    default_acl: Option<Acl>,
    capabilities: bool,
}

impl Attributes {
    /// One call when there are none, which is the rule outside /data.
    fn read(path: &[u8]) -> Result<Self, Errno> {
        let mut names = [0u8; 1024];
        let length = match rustix::fs::llistxattr(path, &mut names) {
            Ok(length) => length,
            // Such as /proc, which keeps none.
            Err(Errno::NOTSUP) => 0,
            Err(errno) => return Err(errno),
        };
        let mut attributes = Self::default();
        for name in names[..length].split(|byte| *byte == 0) {
            match name {
                b"system.posix_acl_access" => attributes.acl = read_acl_of_name(path, ACCESS)?,
                b"system.posix_acl_default" => attributes.default_acl = read_acl_of_name(path, DEFAULT)?,
                b"security.capability" => attributes.capabilities = true,
                _ => {}
            }
        }
        Ok(attributes)
    }
}

/// Name of the attribute that holds the access list.
pub(crate) const ACCESS: &str = "system.posix_acl_access";
/// Name of the attribute that holds the default list.
pub(crate) const DEFAULT: &str = "system.posix_acl_default";

/// Reads one list of what `path` names, with the given system call.
pub(crate) fn read_acl(
    path: &[u8],
    name: &str,
    call: impl FnOnce(&[u8], &str, &mut [u8]) -> Result<usize, Errno>,
) -> Result<Option<Acl>, Errno> {
    // Room for some 250 entries; the kernel refuses with ERANGE beyond, which is an error and not a gap.
    let mut bytes = [0u8; 2048];
    match call(path, name, &mut bytes) {
        Ok(length) => Acl::from_attribute(&bytes[..length])
            .map(Some)
            .map_err(|_| Errno::INVAL),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn read_acl_of_name(path: &[u8], name: &str) -> Result<Option<Acl>, Errno> {
    read_acl(path, name, |path, name, into| {
        rustix::fs::lgetxattr(path, name, into)
    })
}

/// `/proc/self/fd/N/name`: reaches attributes without opening the thing, which for a device or a pipe would do
/// more than look.
fn path_below(directory: BorrowedFd<'_>, name: &[u8]) -> Vec<u8> {
    let mut path = descriptor_path(directory).into_bytes();
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

/// The names in a directory, sorted.
pub(crate) fn names_in(directory: BorrowedFd<'_>, name: &str) -> Result<(OwnedFd, Vec<CString>), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(directory, name, flags, rustix::fs::Mode::empty())?;
    let names = sorted_names(&directory)?;
    Ok((directory, names))
}

fn sorted_names(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Looks at paths in order and keeps the last directory open.
pub(super) struct Directories<'a> {
    host: &'a Host,
    last: Option<(TargetPath, Result<OwnedFd, Blocked>)>,
}

impl<'a> Directories<'a> {
    pub fn new(host: &'a Host) -> Self {
        Self { host, last: None }
    }

    pub fn look(&mut self, path: &TargetPath, look: Look, facts: &mut Facts) -> Result<(), HostError> {
        let parent = path.parent().unwrap_or_else(TargetPath::root);
        let name = if path.name().is_empty() { "." } else { path.name() };
        let directory = match &self.last {
            Some((last, directory)) if *last == parent => directory,
            _ => {
                &self
                    .last
                    .insert((parent.clone(), self.host.directory_at(&parent)))
                    .1
            }
        };
        let directory = match directory {
            Ok(directory) => directory.as_fd(),
            Err(Blocked::Missing) => return Ok(()),
            Err(Blocked::Failed(errno)) => return Err(HostError::file("look at", path, *errno)),
            Err(Blocked::Obstructed(obstacle)) => {
                facts.obstructed.insert(path.clone(), obstacle.clone());
                return Ok(());
            }
        };
        let fail = |operation| move |errno: Errno| HostError::file(operation, path, errno);
        let Some(inode) = inode_at(directory, name.as_bytes()).map_err(fail("look at"))? else {
            return Ok(());
        };
        match (look, &inode.kind) {
            // A digest is asked of what others may have put there: nothing that we write is as large.
            (Look::Digest, Kind::File) if inode.size > LARGEST => {}
            (Look::Content | Look::Digest, Kind::File) => {
                let directory = directory
                    .try_clone_to_owned()
                    .map_err(|source| HostError::file("read", path, source))?;
                let bytes = read_at(&Place {
                    directory,
                    name,
                    path,
                })?;
                if look == Look::Digest {
                    facts.digests.insert(path.clone(), Digest::of(&bytes));
                } else {
                    facts.contents.insert(path.clone(), bytes);
                }
            }
            (Look::Listing, Kind::Directory) => {
                let (directory, names) = names_in(directory, name).map_err(fail("list"))?;
                let mut listing = BTreeMap::new();
                for name in names {
                    if let Some(inode) = inode_at(directory.as_fd(), name.as_bytes()).map_err(fail("list"))? {
                        listing.insert(escape(name.as_bytes()), inode);
                    }
                }
                facts.listings.insert(path.clone(), listing);
            }
            _ => {}
        }
        facts.inodes.insert(path.clone(), inode);
        Ok(())
    }
}

/// Bytes that may still be written below `path`; `None` when it is not there.
pub(super) fn free_bytes(host: &Host, path: &TargetPath) -> Result<Option<u64>, HostError> {
    match host.directory_at(path) {
        Ok(directory) => {
            let answer = rustix::fs::fstatvfs(directory)
                .map_err(|errno| HostError::file("ask for free space of", path, errno))?;
            Ok(Some(answer.f_bavail.saturating_mul(answer.f_frsize)))
        }
        Err(Blocked::Missing) => Ok(None),
        Err(blocked) => Err(blocked.into_error("ask for free space of", path)),
    }
}

/// The names in a directory that is on the target, those that are not UTF-8 left out; `None` when it is not there.
pub(super) fn names(host: &Host, path: &TargetPath) -> Result<Option<Vec<String>>, HostError> {
    let place = match host.place(path) {
        Ok(place) => place,
        Err(Blocked::Missing) => return Ok(None),
        Err(blocked) => return Err(blocked.into_error("list", path)),
    };
    match names_in(place.directory.as_fd(), place.name) {
        Ok((_, names)) => Ok(Some(
            names
                .into_iter()
                .filter_map(|name| name.into_string().ok())
                .collect(),
        )),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(place.error("list", errno)),
    }
}

/// Reads a regular file whole; the caller has seen that it is one.
pub(crate) fn read_at(place: &Place<'_>) -> Result<Vec<u8>, HostError> {
    let fail = |errno| place.error("read", errno);
    // Not blocking, in case a pipe was put there meanwhile.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file =
        rustix::fs::openat(&place.directory, place.name, flags, rustix::fs::Mode::empty()).map_err(fail)?;
    let mut bytes = Vec::new();
    std::fs::File::from(file)
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| HostError::file("read", place.path, source))?;
    match bytes.len() as u64 {
        length if length > LARGEST => Err(HostError::TooLarge {
            path: place.path.clone(),
            limit: LARGEST,
        }),
        _ => Ok(bytes),
    }
}

/// Text with every byte that is not UTF-8, and every control character, written `\xNN`.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() {
                letter
                    .to_string()
                    .bytes()
                    .for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
            } else {
                text.push(letter);
            }
        }
        chunk
            .invalid()
            .iter()
            .for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}
