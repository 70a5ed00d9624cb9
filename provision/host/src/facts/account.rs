//! The four account files, line by line.

use std::fmt;

use appliance::path::TargetPath;
use serde::{Serialize, Serializer};

use crate::facts::record::Record;
use crate::{Host, HostError, read};

/// `/etc/passwd`, `/etc/group`, `/etc/shadow` and `/etc/gshadow`. A file that is not there is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AccountFiles {
    /// `/etc/passwd`
    pub passwd: Lines<PasswdLine>,
    /// `/etc/group`
    pub group: Lines<GroupLine>,
    /// `/etc/shadow`
    pub shadow: Lines<ShadowLine>,
    /// `/etc/gshadow`
    pub gshadow: Lines<GshadowLine>,
}

/// A file of lines, in which those that nobody understands keep their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lines<T>(pub Vec<Line<T>>);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Line<T> {
    /// Understood.
    Entry(T),
    /// A comment, an NIS line, a mistake: kept as it is. Never shown, since it may hold a hash.
    #[serde(serialize_with = "hide")]
    Other(Hidden),
}

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub(crate) Vec<u8>);

/// `name:password:uid:gid:comment:home:shell`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PasswdLine {
    /// Name, unchecked: what stands there.
    pub name: String,
    /// `x` where shadow passwords are used.
    pub password: Password,
    /// Number.
    pub uid: u32,
    /// Number of the first group.
    pub gid: u32,
    /// Comment, also called GECOS.
    pub comment: String,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// `name:password:gid:members`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupLine {
    /// Name.
    pub name: String,
    /// `x` where shadow groups are used.
    pub password: Password,
    /// Number.
    pub gid: u32,
    /// Members, in the order of the file.
    pub members: Vec<String>,
}

/// `name:password:changed:min:max:warn:inactive:expire:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShadowLine {
    /// Name.
    pub name: String,
    /// The hash, of which only the state can be seen.
    pub password: Password,
    /// The seven remaining fields as they stand there.
    pub rest: String,
}

/// `name:password:administrators:members`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GshadowLine {
    /// Name.
    pub name: String,
    /// The hash, of which only the state can be seen.
    pub password: Password,
    /// Administrators.
    pub administrators: Vec<String>,
    /// Members.
    pub members: Vec<String>,
}

/// A password field that shows its state and never its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub(crate) String);

/// What a password field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PasswordState {
    /// `x`: the word stands in the shadow file.
    Shadowed,
    /// `!*`: locked and never had one, what our accounts have.
    LockedForever,
    /// `*` or another text that no password hashes to.
    Unusable,
    /// `!` before something: locked, may be unlocked.
    Locked,
    /// Empty: anybody may enter.
    Empty,
    /// A hash.
    Set,
}

fn hide<S: Serializer>(_: &Hidden, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("[not shown]")
}

impl<T: Record> Lines<T> {
    /// Reads the bytes of a whole file.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if text.is_empty() {
            return Self::default();
        }
        Self(text.split(|byte| *byte == b'\n').map(Self::parse_line).collect())
    }

    fn parse_line(line: &[u8]) -> Line<T> {
        std::str::from_utf8(line)
            .ok()
            .filter(|text| !text.contains('\0'))
            .and_then(|text| T::parse(text).filter(|entry| entry.print() == text))
            .map_or_else(|| Line::Other(Hidden(line.to_vec())), Line::Entry)
    }

    /// The bytes of the whole file; `None` when a field holds what would end it, which is how an account
    /// named `x\nroot::0:0:` would get in.
    pub fn print(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for line in &self.0 {
            match line {
                Line::Entry(entry) => {
                    let text = entry.print();
                    if text.contains(['\n', '\0']) || T::parse(&text).as_ref() != Some(entry) {
                        return None;
                    }
                    bytes.extend(text.as_bytes());
                }
                Line::Other(Hidden(text)) => bytes.extend(text),
            }
            bytes.push(b'\n');
        }
        Some(bytes)
    }

    fn read(host: &Host) -> Result<Self, HostError> {
        let bytes = read::file(host, &path_of::<T>()?)?;
        Ok(bytes.map(|bytes| Self::parse(&bytes)).unwrap_or_default())
    }
}

pub(crate) fn path_of<T: Record>() -> Result<TargetPath, HostError> {
    TargetPath::new(T::FILE).map_err(|error| HostError::Malformed {
        path: T::FILE.to_owned(),
        problem: error.to_string(),
    })
}

impl AccountFiles {
    /// Reads the four files. Takes no lock: each is replaced by a rename, so none is seen half-written.
    pub(crate) fn read(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            passwd: Lines::read(host)?,
            group: Lines::read(host)?,
            shadow: Lines::read(host)?,
            gshadow: Lines::read(host)?,
        })
    }
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Lines<T> {
    /// The lines that are understood, in order.
    pub fn entries(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|line| match line {
            Line::Entry(entry) => Some(entry),
            Line::Other(_) => None,
        })
    }

    /// The same, to be changed.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().filter_map(|line| match line {
            Line::Entry(entry) => Some(entry),
            Line::Other(_) => None,
        })
    }

    /// Numbers, from 1, of the lines that are neither understood nor empty nor comments. The C library may
    /// still read an account in them, so whoever decides about security must not pass over them.
    pub fn strange(&self) -> Vec<usize> {
        let strange = |line: &Line<T>| match line {
            Line::Entry(_) => false,
            Line::Other(Hidden(text)) => {
                !text.trim_ascii().is_empty() && !text.trim_ascii().starts_with(b"#")
            }
        };
        self.0
            .iter()
            .zip(1..)
            .filter(|(line, _)| strange(line))
            .map(|(_, number)| number)
            .collect()
    }

    /// Adds a line at the end.
    pub fn push(&mut self, entry: T) {
        self.0.push(Line::Entry(entry));
    }

    /// Drops the lines for which `keep` is false; lines that nobody understands stay.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.0.retain(|line| match line {
            Line::Entry(entry) => keep(entry),
            Line::Other(_) => true,
        });
    }
}

impl Password {
    /// `x`: see the shadow file.
    pub fn shadowed() -> Self {
        Self("x".to_owned())
    }

    /// `!*`, which no password opens.
    pub fn locked_forever() -> Self {
        Self("!*".to_owned())
    }

    /// `!`, the word of a group that nobody joins by password.
    pub fn none() -> Self {
        Self("!".to_owned())
    }

    /// What it means.
    pub fn state(&self) -> PasswordState {
        match self.0.as_str() {
            "" => PasswordState::Empty,
            "x" => PasswordState::Shadowed,
            "!*" => PasswordState::LockedForever,
            word if word.starts_with('!') => PasswordState::Locked,
            word if word.starts_with('*') || word.len() < 13 => PasswordState::Unusable,
            _ => PasswordState::Set,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.state())
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.state().serialize(serializer)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[not shown]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n# a comment\n+@nis\ndeploy:x:884:884::/home/deploy:/bin/sh\ntoor:x:00:0::/:/bin/sh\n";
    const SHADOW: &str =
        "root:*:20000:0:99999:7:::\ndeploy:!*:20000::::::\nann:$y$j9T$abcdefghijkl$xyz:20000:0:99999:7:::\n";

    #[test]
    fn a_file_comes_back_byte_for_byte() {
        assert_eq!(
            Lines::<PasswdLine>::parse(PASSWD.as_bytes()).print().as_deref(),
            Some(PASSWD.as_bytes())
        );
        assert_eq!(
            Lines::<ShadowLine>::parse(SHADOW.as_bytes()).print().as_deref(),
            Some(SHADOW.as_bytes())
        );
        let group = "data-ops:x:880:deploy,ann\nempty:x:881:\n";
        let lines = Lines::<GroupLine>::parse(group.as_bytes());
        assert_eq!(lines.entries().next().map(|line| line.members.len()), Some(2));
        assert_eq!(lines.print().as_deref(), Some(group.as_bytes()));
    }

    #[test]
    fn what_the_c_library_may_read_otherwise_is_strange() {
        let lines = Lines::<PasswdLine>::parse(PASSWD.as_bytes());
        assert_eq!(
            lines.entries().map(|line| line.name.as_str()).collect::<Vec<_>>(),
            ["root", "deploy"]
        );
        assert_eq!(lines.strange(), [3, 5]);
    }

    #[test]
    fn no_hash_is_ever_shown() {
        let shadow = Lines::<ShadowLine>::parse(SHADOW.as_bytes());
        let shown = format!("{shadow:?} {}", serde_json::to_string(&shadow).expect("json"));
        assert!(!shown.contains("j9T"), "{shown}");
        let states: Vec<_> = shadow.entries().map(|line| line.password.state()).collect();
        assert_eq!(
            states,
            [
                PasswordState::Unusable,
                PasswordState::LockedForever,
                PasswordState::Set
            ]
        );
    }

    #[test]
    fn a_field_cannot_become_a_line() {
        let mut lines = Lines::<PasswdLine>::parse(PASSWD.as_bytes());
        for entry in lines.entries_mut() {
            entry.comment = "x:/:/bin/sh\nevil::0:0:".to_owned();
        }
        assert_eq!(lines.print(), None);
    }

    proptest! {
        #[test]
        fn any_file_comes_back(bytes in prop::collection::vec(prop_oneof![Just(b':'), Just(b'\n'), Just(b','), any::<u8>()], 0..200)) {
            let lines = Lines::<GroupLine>::parse(&bytes);
            let mut expected = bytes.clone();
            if !expected.is_empty() && !expected.ends_with(b"\n") {
                expected.push(b'\n');
            }
            if bytes == b"\n" {
                expected.clear();
            }
            prop_assert_eq!(lines.print(), Some(expected));
        }
    }
}
