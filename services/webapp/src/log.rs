//! One line per event on stderr, which journald collects; nothing else.
//!
//! The `<N>` prefix is how journald learns the priority of a line from a plain stream.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

/// How much a line matters, and its syslog number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Somebody must act.
    Error = 3,
    /// Somebody may have to act soon.
    Warning = 4,
    /// What an operator wants to read afterwards.
    Info = 6,
    /// For the person who looks for a fault.
    Debug = 7,
}

impl FromStr for Level {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word.to_ascii_lowercase().as_str() {
            "error" => Ok(Self::Error),
            "warn" | "warning" => Ok(Self::Warning),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err(()),
        }
    }
}

// Process-wide, as stderr is: a level handed through every call would say no more.
static MOST: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// Drops every line less important than `level` from now on.
pub fn set_level(level: Level) {
    MOST.store(level as u8, Ordering::Relaxed);
}

/// Writes one event with its fields.
pub fn event(level: Level, name: &str, fields: &[(&str, &dyn fmt::Display)]) {
    if level as u8 > MOST.load(Ordering::Relaxed) {
        return;
    }
    // A log that cannot be written has nobody to tell about it.
    let _ = std::io::stderr()
        .lock()
        .write_all(line(level, name, fields).as_bytes());
}

fn line(level: Level, name: &str, fields: &[(&str, &dyn fmt::Display)]) -> String {
    let mut line = format!("<{}>event={name}", level as u8);
    for (key, value) in fields {
        // Debug of a string quotes it and escapes line ends, so a value cannot forge a second line.
        let _ = write!(line, " {key}={:?}", value.to_string());
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_on_its_line_and_in_its_field() {
        let text = line(
            Level::Warning,
            "health.degraded",
            &[("items", &"a\n<0>event=\"x\"")],
        );
        assert_eq!(
            text,
            "<4>event=health.degraded items=\"a\\n<0>event=\\\"x\\\"\"\n"
        );
    }

    #[test]
    fn levels_read_as_people_write_them() {
        assert_eq!("WARN".parse(), Ok(Level::Warning));
        assert_eq!("verbose".parse::<Level>(), Err(()));
    }
}
