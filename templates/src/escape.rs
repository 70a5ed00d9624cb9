//! Quoting, per syntax of the target file.
//!
//! Every function turns one value into text that the reader of that file takes for exactly this value, in
//! this place, and refuses what the syntax cannot hold. Templates call them as filters of the same name; a
//! value that passed no filter is not printed at all.

mod filters;
mod sudoers;
mod systemd;
mod text;

pub(crate) use filters::register;
pub use sudoers::{sudo_alias, sudo_arguments, sudo_name, sudo_option, sudo_path, sudo_regex};
pub use systemd::{
    env_name, env_value, tmpfiles_argument, tmpfiles_path, unit_command, unit_name, unit_specifiers,
    unit_text, unit_words,
};
pub use text::{
    apt_string, audit_path, comment, field, identifier, ini, log_path, nft_string, nginx, regex, shell,
    ssh_word, yaml,
};

/// A value that the syntax of its target cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} cannot be {place}: {reason}")]
pub struct Refused {
    /// The value as it came.
    pub value: String,
    /// What it was meant to be.
    pub place: &'static str,
    /// Which rule it breaks.
    pub reason: &'static str,
}

/// What every escape function gives.
pub type Escaped = Result<String, Refused>;

/// Refuses for one reason; the usual last line of a guard.
fn refuse(value: &str, place: &'static str, reason: &'static str) -> Refused {
    Refused {
        value: value.to_owned(),
        place,
        reason,
    }
}

/// No line break, no NUL, nothing else that a terminal or a parser acts on.
fn printable(value: &str, place: &'static str) -> Result<(), Refused> {
    // U+2028 and its kin end a line for YAML and for some editors.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    if value.contains(breaks) {
        return Err(refuse(value, place, "control characters have no place there"));
    }
    Ok(())
}

/// As [`printable`], and neither empty nor with a space anywhere.
fn one_word(value: &str, place: &'static str) -> Result<(), Refused> {
    printable(value, place)?;
    if value.is_empty() || value.contains(char::is_whitespace) {
        return Err(refuse(value, place, "one word without spaces is needed"));
    }
    Ok(())
}

/// None of these characters.
fn without(
    value: &str,
    place: &'static str,
    forbidden: &[char],
    reason: &'static str,
) -> Result<(), Refused> {
    if value.contains(forbidden) {
        Err(refuse(value, place, reason))
    } else {
        Ok(())
    }
}

/// Nothing that a reader would trim.
fn untrimmed(value: &str, place: &'static str) -> Result<(), Refused> {
    if value.trim() != value {
        return Err(refuse(value, place, "space at either end would be dropped"));
    }
    Ok(())
}

/// A backslash before each of these characters.
fn backslashed(value: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
