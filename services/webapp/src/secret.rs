//! Secrets that cannot be printed by accident. Where they come from is `config`'s business.

use std::fmt;

/// Shorter keys can be guessed; provisioning makes 64 hex digits.
const SHORTEST_BYTES: usize = 32;

/// Values that templates and tutorials carry; a key that somebody else also has is no key.
const PLACEHOLDERS: [&str; 2] = ["dev-secret-key-change-me", "CHANGE_ME"];

/// A value that shows as `[redacted]` wherever it is formatted.
#[derive(Clone)]
pub struct Secret(String);

/// Why a value is not taken as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Too short to be a key.
    #[error("is shorter than 32 bytes")]
    Short,
    /// A published example value.
    #[error("is a placeholder that everybody knows")]
    Placeholder,
}

impl Secret {
    /// Takes a signing key, unless anybody could guess it.
    pub fn key(value: String) -> Result<Self, WeakSecret> {
        if PLACEHOLDERS.iter().any(|known| value.starts_with(known)) {
            return Err(WeakSecret::Placeholder);
        }
        if value.len() < SHORTEST_BYTES {
            return Err(WeakSecret::Short);
        }
        Ok(Self(value))
    }

    /// The value itself, for the one place that signs with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let key = Secret::key("0123456789abcdef0123456789abcdef".into()).unwrap();
        assert_eq!(format!("{key} {key:?}"), "[redacted] [redacted]");
        assert_eq!(key.expose().len(), 32);
    }

    #[test]
    fn a_guessable_key_is_refused() {
        assert_eq!(Secret::key("short".into()).unwrap_err(), WeakSecret::Short);
        let placeholder = format!("CHANGE_ME{}", "x".repeat(40));
        assert_eq!(Secret::key(placeholder).unwrap_err(), WeakSecret::Placeholder);
    }
}
