//! Names that go into command lines, which hold nothing that a shell could take for something else.

use std::fmt;
use std::io::Read;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A word that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {rule}")]
pub struct NameError {
    pub(crate) what: &'static str,
    pub(crate) text: String,
    pub(crate) rule: &'static str,
}

/// Bytes of a run's number: nobody meets another's by chance.
const RUN_BYTES: usize = 8;

/// The number of a run: sixteen hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// A number that nobody had before.
    pub fn fresh() -> std::io::Result<Self> {
        let mut bytes = [0u8; RUN_BYTES];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(hex(&bytes)))
    }

    /// As it stands in paths and commands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() == RUN_BYTES * 2 && text.bytes().all(is_digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError {
            what: "number of a run",
            text: text.to_owned(),
            rule: "it has sixteen digits from 0 to 9 and a to f",
        })
    }
}

impl TryFrom<String> for RunId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The SHA-256 of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest(String);

impl Digest {
    pub fn of(reader: &mut impl Read) -> std::io::Result<Self> {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        let mut buffer = vec![0u8; 1 << 16];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Self(hex(&hash.finalize()))),
                Ok(length) => hash.update(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name of a directory is one.
    pub fn is_name(name: &str) -> bool {
        name.len() == 64 && name.bytes().all(is_digit)
    }
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_fresh_and_nothing_else_passes_for_one() {
        let (one, other) = (RunId::fresh().unwrap(), RunId::fresh().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse::<RunId>().unwrap(), one);
        for wrong in [
            "",
            "0123",
            "0123456789abcdeF",
            "0123456789abcde;",
            "../../../../etc/x",
        ] {
            assert!(wrong.parse::<RunId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        let digest = Digest::of(&mut &b"abc"[..]).unwrap();
        assert_eq!(
            digest.as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(Digest::is_name(digest.as_str()) && !Digest::is_name(".new.x"));
    }
}
