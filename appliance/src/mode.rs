//! The twelve permission bits of a file.

use std::fmt;

/// Why a mode was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mode {0:?} is not four octal digits, such as \"0755\" or \"2770\"")]
pub struct ModeError(String);

/// Permission bits with set-user-id, set-group-id and sticky; never the file type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mode(u16);

impl Mode {
    /// From the low twelve bits of a `stat` mode; the file type is dropped.
    pub const fn from_bits(bits: u32) -> Self {
        Self((bits & 0o7777) as u16)
    }

    /// The bits as `chmod` takes them.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// The mode whose lower nine bits are replaced, as an access ACL does.
    pub const fn with_permissions(self, permissions: u32) -> Self {
        Self((self.0 & 0o7000) | (permissions & 0o777) as u16)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl std::str::FromStr for Mode {
    type Err = ModeError;
    fn from_str(value: &str) -> Result<Self, ModeError> {
        let refuse = || ModeError(value.to_owned());
        if value.len() != 4 || !value.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) {
            return Err(refuse());
        }
        u16::from_str_radix(value, 8).map(Self).map_err(|_| refuse())
    }
}

impl TryFrom<String> for Mode {
    type Error = ModeError;
    fn try_from(value: String) -> Result<Self, ModeError> {
        value.parse()
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> String {
        mode.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back() {
        for bits in 0..=0o7777 {
            let mode = Mode::from_bits(bits);
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
    }

    #[test]
    fn anything_but_four_octal_digits_is_refused() {
        for bad in ["", "755", "0888", "+755", "00755", "rwxr"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad:?}");
        }
    }
}
