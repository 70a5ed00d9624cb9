//! The four account files, line by line.

use serde::{Serialize, Serializer};

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
pub struct Hidden(pub(crate) String);

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
    /// `x`
    pub fn shadowed() -> Self {
        Self("x".to_owned())
    }
    /// `!*`, which no password opens.
    pub fn locked_forever() -> Self {
        Self("!*".to_owned())
    }
    /// `!`, the word of groups.
    pub fn none() -> Self {
        Self("!".to_owned())
    }
    /// What it means.
    pub fn state(&self) -> PasswordState {
        unimplemented!()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.state())
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.state().serialize(serializer)
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[not shown]")
    }
}
