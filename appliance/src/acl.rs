//! A POSIX access control list as one value: what `getfacl` shows is set, compared and written whole.
//!
//! The reference changed lists entry by entry and so never noticed an entry too many. Here a list is a value;
//! an entry that the definition does not name does not exist. On disk it is one extended attribute, so it is
//! also set by one write.

use std::collections::BTreeMap;
use std::fmt;

/// Read, write and execute for one entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// Nothing is allowed.
    pub const NONE: Self = Self(0);
    /// Everything is allowed.
    pub const ALL: Self = Self(7);
    /// `r--`
    pub const READ: Self = Self(4);
    /// `-w-`
    pub const WRITE: Self = Self(2);
    /// `--x`
    pub const EXECUTE: Self = Self(1);

    /// The low three bits, in the order of `chmod`.
    pub const fn from_bits(bits: u32) -> Self {
        Self((bits & 7) as u8)
    }

    /// In the order of `chmod`.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// True when everything in `wanted` is allowed.
    pub const fn allows(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// What both allow.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either allows.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            fmt::Write::write_char(formatter, if self.0 & bit == 0 { '-' } else { letter })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// Why an entry or an attribute was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AclError {
    /// Text that is not an entry.
    #[error("ACL entry {0:?} is not \"u::rwx\", \"g:group:r-x\", \"m::rwx\" or \"o::---\"")]
    Entry(String),
    /// The same entry twice.
    #[error("ACL entry {0:?} stands there twice")]
    Twice(String),
    /// An entry that must be there is not.
    #[error("ACL has no {0} entry")]
    Missing(&'static str),
    /// An extended attribute that no kernel wrote.
    #[error("ACL attribute is malformed: {0}")]
    Attribute(&'static str),
}

/// A whole list. `User` and `Group` are names in the definition and numbers on the machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl<User = u32, Group = u32>
where
    User: Ord,
    Group: Ord,
{
    /// `u::`
    pub owner: Permissions,
    /// `u:name:`
    pub users: BTreeMap<User, Permissions>,
    /// `g::`
    pub group: Permissions,
    /// `g:name:`
    pub groups: BTreeMap<Group, Permissions>,
    /// `m::`, which bounds every entry but owner and other; there if and only if a named entry is.
    pub mask: Option<Permissions>,
    /// `o::`
    pub other: Permissions,
}

impl<User: Ord + Clone, Group: Ord + Clone> Acl<User, Group> {
    /// The list that a plain mode stands for.
    pub fn from_mode(mode: u32) -> Self {
        Self {
            owner: Permissions::from_bits(mode >> 6),
            users: BTreeMap::new(),
            group: Permissions::from_bits(mode >> 3),
            groups: BTreeMap::new(),
            mask: None,
            other: Permissions::from_bits(mode),
        }
    }

    /// The nine mode bits that `stat` shows for a file with this list: the mask stands in the group's place.
    pub fn mode_bits(&self) -> u32 {
        self.owner.bits() << 6 | self.mask.unwrap_or(self.group).bits() << 3 | self.other.bits()
    }

    /// True when the mode says it all and no extended attribute is needed.
    pub fn is_minimal(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.mask.is_none()
    }

    /// The same list with other identities, names for numbers or the reverse.
    pub fn translate<OtherUser: Ord, OtherGroup: Ord, Error>(
        &self,
        mut user: impl FnMut(&User) -> Result<OtherUser, Error>,
        mut group: impl FnMut(&Group) -> Result<OtherGroup, Error>,
    ) -> Result<Acl<OtherUser, OtherGroup>, Error> {
        let users = self
            .users
            .iter()
            .map(|(name, bits)| Ok((user(name)?, *bits)))
            .collect::<Result<_, Error>>()?;
        let groups = self
            .groups
            .iter()
            .map(|(name, bits)| Ok((group(name)?, *bits)))
            .collect::<Result<_, Error>>()?;
        Ok(Acl {
            owner: self.owner,
            users,
            group: self.group,
            groups,
            mask: self.mask,
            other: self.other,
        })
    }
}

impl<User: Ord + Clone + fmt::Display, Group: Ord + Clone + fmt::Display> fmt::Display for Acl<User, Group> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "u::{}", self.owner)?;
        for (user, bits) in &self.users {
            write!(formatter, " u:{user}:{bits}")?;
        }
        write!(formatter, " g::{}", self.group)?;
        for (group, bits) in &self.groups {
            write!(formatter, " g:{group}:{bits}")?;
        }
        if let Some(mask) = self.mask {
            write!(formatter, " m::{mask}")?;
        }
        write!(formatter, " o::{}", self.other)
    }
}

impl<User, Group> std::str::FromStr for Acl<User, Group>
where
    User: Ord + Clone + std::str::FromStr,
    Group: Ord + Clone + std::str::FromStr,
{
    type Err = AclError;

    /// Reads what `Display` writes: entries with spaces between them.
    fn from_str(text: &str) -> Result<Self, AclError> {
        let (mut owner, mut group, mut mask, mut other) = (None, None, None, None);
        let (mut users, mut groups) = (BTreeMap::new(), BTreeMap::new());
        for entry in text.split_ascii_whitespace() {
            let refuse = || AclError::Entry(entry.to_owned());
            let mut parts = entry.split(':');
            let (Some(kind), Some(name), Some(bits), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(refuse());
            };
            let bits = parse_permissions(bits).ok_or_else(refuse)?;
            let before = match (kind, name) {
                ("u", "") => owner.replace(bits),
                ("g", "") => group.replace(bits),
                ("m", "") => mask.replace(bits),
                ("o", "") => other.replace(bits),
                ("u", name) => users.insert(name.parse::<User>().map_err(|_| refuse())?, bits),
                ("g", name) => groups.insert(name.parse::<Group>().map_err(|_| refuse())?, bits),
                _ => return Err(refuse()),
            };
            if before.is_some() {
                return Err(AclError::Twice(entry.to_owned()));
            }
        }
        if mask.is_none() && !(users.is_empty() && groups.is_empty()) {
            return Err(AclError::Missing("m::"));
        }
        Ok(Self {
            owner: owner.ok_or(AclError::Missing("u::"))?,
            users,
            group: group.ok_or(AclError::Missing("g::"))?,
            groups,
            mask,
            other: other.ok_or(AclError::Missing("o::"))?,
        })
    }
}

fn parse_permissions(text: &str) -> Option<Permissions> {
    let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
    let mut bits = 0;
    for (byte, (letter, bit)) in bytes.into_iter().zip([(b'r', 4), (b'w', 2), (b'x', 1)]) {
        match byte {
            b'-' => {}
            _ if byte == letter => bits |= bit,
            _ => return None,
        }
    }
    Some(Permissions(bits))
}

/// The layout of `system.posix_acl_access` and `system.posix_acl_default` (linux/posix_acl_xattr.h).
mod attribute {
    pub const VERSION: u32 = 2;
    pub const ENTRY_SIZE: usize = 8;
    pub const OWNER: u16 = 0x01;
    pub const USER: u16 = 0x02;
    pub const GROUP_OWNER: u16 = 0x04;
    pub const GROUP: u16 = 0x08;
    pub const MASK: u16 = 0x10;
    pub const OTHER: u16 = 0x20;
    pub const NO_ID: u32 = u32::MAX;
}

impl Acl<u32, u32> {
    /// The bytes of the extended attribute. The kernel wants the entries in exactly this order.
    pub fn to_attribute(&self) -> Vec<u8> {
        let mut bytes = attribute::VERSION.to_le_bytes().to_vec();
        let mut push = |tag: u16, permissions: Permissions, id: u32| {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(u16::from(permissions.0).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        };
        push(attribute::OWNER, self.owner, attribute::NO_ID);
        for (user, permissions) in &self.users {
            push(attribute::USER, *permissions, *user);
        }
        push(attribute::GROUP_OWNER, self.group, attribute::NO_ID);
        for (group, permissions) in &self.groups {
            push(attribute::GROUP, *permissions, *group);
        }
        if let Some(mask) = self.mask {
            push(attribute::MASK, mask, attribute::NO_ID);
        }
        push(attribute::OTHER, self.other, attribute::NO_ID);
        bytes
    }

    /// Reads what the kernel returns.
    pub fn from_attribute(bytes: &[u8]) -> Result<Self, AclError> {
        let (version, entries) = bytes
            .split_first_chunk::<4>()
            .ok_or(AclError::Attribute("shorter than its header"))?;
        if u32::from_le_bytes(*version) != attribute::VERSION {
            return Err(AclError::Attribute("unknown version"));
        }
        let (entries, rest) = entries.as_chunks::<{ attribute::ENTRY_SIZE }>();
        if !rest.is_empty() {
            return Err(AclError::Attribute("ends inside an entry"));
        }
        let (mut owner, mut group, mut mask, mut other) = (None, None, None, None);
        let (mut users, mut groups) = (BTreeMap::new(), BTreeMap::new());
        for [tag0, tag1, bits, _, id @ ..] in entries {
            let permissions = Permissions::from_bits(u32::from(*bits));
            let id = u32::from_le_bytes(*id);
            let before = match u16::from_le_bytes([*tag0, *tag1]) {
                attribute::OWNER => owner.replace(permissions),
                attribute::USER => users.insert(id, permissions),
                attribute::GROUP_OWNER => group.replace(permissions),
                attribute::GROUP => groups.insert(id, permissions),
                attribute::MASK => mask.replace(permissions),
                attribute::OTHER => other.replace(permissions),
                _ => return Err(AclError::Attribute("unknown kind of entry")),
            };
            if before.is_some() {
                return Err(AclError::Attribute("an entry stands there twice"));
            }
        }
        Ok(Self {
            owner: owner.ok_or(AclError::Missing("u::"))?,
            users,
            group: group.ok_or(AclError::Missing("g::"))?,
            groups,
            mask,
            other: other.ok_or(AclError::Missing("o::"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PUBLIC: &str = "u::rwx g::rwx g:880:rwx g:881:r-x m::rwx o::---";

    #[test]
    fn text_reads_back() {
        let acl: Acl = PUBLIC.parse().expect("a good list");
        assert_eq!(acl.to_string(), PUBLIC);
        assert_eq!(acl.mode_bits(), 0o770);
        assert!(!acl.is_minimal());
    }

    #[test]
    fn a_list_that_the_kernel_would_refuse_is_refused_here() {
        for bad in [
            "",
            "u::rwx g::r-x",
            "u::rwx g::r-x o::--- o::---",
            "u::rwx g::r-x g:5:r-x o::---",
            "u::rwx g::rx o::---",
            "x::rwx g::r-x o::---",
        ] {
            assert!(bad.parse::<Acl>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_mask_shows_in_the_mode() {
        let acl: Acl = "u::rw- g::rw- g:880:rw- m::--- o::r--"
            .parse()
            .expect("a good list");
        assert_eq!(acl.mode_bits(), 0o604);
    }

    fn permissions() -> impl Strategy<Value = Permissions> {
        (0u32..8).prop_map(Permissions::from_bits)
    }

    fn acl() -> impl Strategy<Value = Acl> {
        let named = || prop::collection::btree_map(0u32..70_000, permissions(), 0..6);
        (
            permissions(),
            named(),
            permissions(),
            named(),
            permissions(),
            permissions(),
        )
            .prop_map(|(owner, users, group, groups, mask, other)| {
                let mask = (!users.is_empty() || !groups.is_empty()).then_some(mask);
                Acl {
                    owner,
                    users,
                    group,
                    groups,
                    mask,
                    other,
                }
            })
    }

    proptest! {
        #[test]
        fn every_list_survives_the_attribute(acl in acl()) {
            prop_assert_eq!(Acl::from_attribute(&acl.to_attribute()), Ok(acl));
        }

        #[test]
        fn every_list_survives_its_text(acl in acl()) {
            prop_assert_eq!(acl.to_string().parse(), Ok(acl));
        }

        #[test]
        fn no_attribute_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Acl::from_attribute(&bytes);
        }
    }
}
