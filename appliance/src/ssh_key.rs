//! A public SSH key that is exactly one key: no options before it, no second line behind it, strong enough.

use std::fmt;

/// Kinds of key that sshd of Debian 12 takes and that we accept.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];
/// Bytes; a longer input is no key.
const LONGEST_INPUT: usize = 16 * 1024;
/// Characters of comment that are kept.
const LONGEST_COMMENT: usize = 256;
/// Bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=16384;

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// Nothing there.
    #[error("a public SSH key is required")]
    Empty,
    /// The secret half.
    #[error(
        "this is a private key: send the public one (the .pub file), and make a new pair, for this one is no longer secret"
    )]
    Private,
    /// More than a key can be.
    #[error("the SSH key is too long")]
    TooLong,
    /// Bytes that no key has.
    #[error("the SSH key contains invalid characters")]
    Characters,
    /// Options, or a second key.
    #[error("only one plain key is allowed, without options before it")]
    NotPlain,
    /// A kind that we do not take.
    #[error("this kind of key is not supported: use ssh-ed25519 (ssh-dss and certificates are refused)")]
    Kind,
    /// The blob is not what it says.
    #[error("the SSH key is damaged: copy the whole line of the .pub file again")]
    Damaged,
    /// RSA outside the bounds.
    #[error("the RSA key must have 2048 to 16384 bits and a sound exponent: use ssh-ed25519")]
    Strength,
}

/// One public key, as it stands on a line of `authorized_keys`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(into = "String")]
pub struct SshKey {
    kind: String,
    base64: String,
    comment: String,
}

impl SshKey {
    /// Its kind, such as `ssh-ed25519`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The bytes that a fingerprint is taken of.
    pub fn blob(&self) -> Vec<u8> {
        // It was decoded once, when the key was read.
        decode_base64(&self.base64).unwrap_or_default()
    }
}

impl fmt::Display for SshKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.base64)?;
        if self.comment.is_empty() {
            Ok(())
        } else {
            write!(formatter, " {}", self.comment)
        }
    }
}

impl From<SshKey> for String {
    fn from(key: SshKey) -> String {
        key.to_string()
    }
}

impl std::str::FromStr for SshKey {
    type Err = SshKeyError;

    fn from_str(text: &str) -> Result<Self, SshKeyError> {
        if text.trim().is_empty() {
            return Err(SshKeyError::Empty);
        }
        if text.contains("PRIVATE KEY") {
            return Err(SshKeyError::Private);
        }
        if text.len() > LONGEST_INPUT {
            return Err(SshKeyError::TooLong);
        }
        let words: Vec<&str> = text
            .split([' ', '\t', '\r', '\n'])
            .filter(|word| !word.is_empty())
            .collect();
        if words.iter().any(|word| word.chars().any(char::is_control)) {
            return Err(SshKeyError::Characters);
        }
        let (kind, rest) = words.split_first().ok_or(SshKeyError::Empty)?;
        let is_kind = |word: &&&str| KINDS.contains(*word);
        if !KINDS.contains(kind) {
            return Err(if rest.iter().any(|word| is_kind(&word)) {
                SshKeyError::NotPlain
            } else {
                SshKeyError::Kind
            });
        }
        if rest.iter().any(|word| is_kind(&word)) {
            return Err(SshKeyError::NotPlain);
        }
        let (base64, comment) = rest.split_first().ok_or(SshKeyError::Damaged)?;
        let blob = decode_base64(base64).ok_or(SshKeyError::Damaged)?;
        check_blob(kind, &blob)?;
        let comment: String = comment.join(" ").chars().take(LONGEST_COMMENT).collect();
        Ok(Self {
            kind: (*kind).to_owned(),
            base64: (*base64).to_owned(),
            // Cut between two words it would end in a blank, which nobody reads back.
            comment: comment.trim_end().to_owned(),
        })
    }
}

crate::reader::from_toml_text! { SshKey = "ssh-ed25519 AAAAC3Nz… name@example.com" }

/// Strict base64 with padding, as ssh-keygen writes it.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() || groups.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(groups.len() * 3);
    for (index, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 != groups.len()) {
            return None;
        }
        let mut bits = 0u32;
        for byte in &group[..4 - padding] {
            bits = bits << 6 | u32::try_from(ALPHABET.iter().position(|letter| letter == byte)?).ok()?;
        }
        bits <<= 6 * padding;
        let [_, decoded @ ..] = bits.to_be_bytes();
        if decoded[3 - padding..].iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(&decoded[..3 - padding]);
    }
    Some(bytes)
}

/// Takes one length-prefixed field off the front.
fn field<'a>(blob: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let (field, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *blob = rest;
    Some(field)
}

fn check_blob(kind: &str, mut blob: &[u8]) -> Result<(), SshKeyError> {
    let damaged = SshKeyError::Damaged;
    if field(&mut blob) != Some(kind.as_bytes()) {
        return Err(damaged);
    }
    if kind == "ssh-rsa" {
        let exponent = field(&mut blob).ok_or(damaged)?;
        let modulus = field(&mut blob).ok_or(damaged)?;
        check_rsa(exponent, modulus)?;
    } else if let Some(curve) = curve_of(kind) {
        let point_length = match curve {
            "nistp256" => 65,
            "nistp384" => 97,
            _ => 133,
        };
        if field(&mut blob) != Some(curve.as_bytes()) {
            return Err(damaged);
        }
        // 4 marks an uncompressed point, the only form that ssh-keygen writes.
        if field(&mut blob).is_none_or(|point| point.len() != point_length || point[0] != 4) {
            return Err(damaged);
        }
    } else if field(&mut blob).is_none_or(|key| key.len() != 32) {
        return Err(damaged);
    }
    if kind.starts_with("sk-") && field(&mut blob).is_none_or(<[u8]>::is_empty) {
        return Err(damaged);
    }
    if blob.is_empty() { Ok(()) } else { Err(damaged) }
}

fn curve_of(kind: &str) -> Option<&str> {
    kind.split_once("ecdsa-sha2-")
        .map(|(_, curve)| curve.trim_end_matches("@openssh.com"))
}

fn check_rsa(exponent: &[u8], modulus: &[u8]) -> Result<(), SshKeyError> {
    let unsigned =
        |number: &[u8]| -> Vec<u8> { number.iter().copied().skip_while(|byte| *byte == 0).collect() };
    let (exponent, modulus) = (unsigned(exponent), unsigned(modulus));
    let bits = modulus
        .first()
        .map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    let odd = modulus.last().is_some_and(|last| last % 2 == 1);
    let exponent_is_sound = exponent.len() > 1 || exponent.first().is_some_and(|value| *value >= 3);
    if RSA_BITS.contains(&bits) && odd && exponent_is_sound {
        Ok(())
    } else {
        Err(SshKeyError::Strength)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";

    #[test]
    fn one_plain_key_is_taken_and_printed_on_one_line() {
        let spaced = GOOD.replace(' ', "  \t") + "\r\n";
        assert_eq!(
            spaced.parse::<SshKey>().map(|key| key.to_string()),
            Ok(GOOD.to_owned())
        );
    }

    #[test]
    fn each_bad_key_has_its_own_refusal() {
        let second = format!("{GOOD}\n{GOOD}");
        let options = format!("command=\"sh\" {GOOD}");
        let short = GOOD.replace("HB0eHw", "").replace("GhscHR4f", "GhscHR4");
        let mislabelled = GOOD.replacen("ssh-ed25519", "ssh-rsa", 1);
        let long = "x".repeat(17 * 1024);
        for (text, expected) in [
            (" \n", SshKeyError::Empty),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", SshKeyError::Private),
            (long.as_str(), SshKeyError::TooLong),
            (second.as_str(), SshKeyError::NotPlain),
            (options.as_str(), SshKeyError::NotPlain),
            ("ssh-dss AAAA", SshKeyError::Kind),
            (short.as_str(), SshKeyError::Damaged),
            (mislabelled.as_str(), SshKeyError::Damaged),
            ("ssh-ed25519 AA\u{1}AA", SshKeyError::Characters),
        ] {
            assert_eq!(text.parse::<SshKey>(), Err(expected), "{text:.40}");
        }
    }
}
