//! Reads TOML so that one run tells every mistake, each with its file and line.
//!
//! A derive would stop at the first unknown key. An operator who fixes a file wants the whole list, so the tables
//! are walked by hand: each key is asked for by name and type, what was never asked for is unknown.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

/// Where something stands in a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as the operator named it.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}

/// One mistake in a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {}\n    next: {}",
            self.place, self.what, self.instead
        )
    }
}

/// Every mistake found, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(formatter, "{problem}")?;
        }
        let count = self.0.len();
        write!(
            formatter,
            "{count} {} in the definition",
            if count == 1 { "mistake" } else { "mistakes" }
        )
    }
}

impl std::error::Error for Problems {}

/// Where the readers of one load put what they find.
#[derive(Debug, Default)]
pub struct Findings(RefCell<Vec<Problem>>);

impl Findings {
    /// Notes one mistake.
    pub fn add(&self, place: &Place, what: impl Into<String>, instead: impl Into<String>) {
        self.0.borrow_mut().push(Problem {
            place: place.clone(),
            what: shown(what.into()),
            instead: shown(instead.into()),
        });
    }

    /// The mistakes, sorted by place; `Ok` when there is none.
    pub fn finish(self) -> Result<(), Problems> {
        let mut problems = self.0.into_inner();
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Problems(problems))
        }
    }

    /// True while nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// A definition file as text, with its lines counted.
#[derive(Debug)]
pub struct Source<'a> {
    name: Arc<str>,
    text: &'a str,
}

impl<'a> Source<'a> {
    /// `name` is what messages call the file.
    pub fn new(name: &str, text: &'a str) -> Self {
        Self {
            name: name.into(),
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
        }
    }

    fn place(&self, offset: usize) -> Place {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        Place {
            file: self.name.clone(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        }
    }

    /// Parses the file and hands its top table to `read`; syntax errors are noted, and what parsed is read all the
    /// same, so that both kinds of mistake are told at once.
    pub fn read<T>(&self, findings: &Findings, read: impl FnOnce(&Table<'_>) -> T) -> T {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let place = self.place(error.span().map_or(0, |span| span.start));
            findings.add(
                &place,
                format!("this is not TOML: {}", error.message()),
                "correct the syntax of this line",
            );
        }
        let table = Table {
            source: self,
            findings,
            table: document.get_ref(),
            place: self.place(0),
            asked: RefCell::default(),
        };
        let value = read(&table);
        table.finish();
        value
    }
}

/// A TOML table that remembers which keys were asked for.
pub struct Table<'a> {
    source: &'a Source<'a>,
    findings: &'a Findings,
    table: &'a DeTable<'a>,
    place: Place,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Table<'a> {
    /// Where the table begins.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where the value of `key` stands, or the table when it has none.
    pub fn place_of(&self, key: &str) -> Place {
        self.table.get(key).map_or_else(
            || self.place.clone(),
            |value| self.source.place(value.span().start),
        )
    }

    /// Notes a mistake in the value of `key`.
    pub fn refuse(&self, key: &str, what: impl Into<String>, instead: impl Into<String>) {
        self.findings.add(&self.place_of(key), what, instead);
    }

    /// Notes a mistake at a place within the table.
    pub fn refuse_at(&self, place: &Place, what: impl Into<String>, instead: impl Into<String>) {
        self.findings.add(place, what, instead);
    }

    /// A value that must be there.
    pub fn required<T: FromToml>(&self, key: &str) -> Option<T> {
        if self.table.get(key).is_none() {
            self.asked.borrow_mut().insert(key.to_owned());
            self.findings.add(
                &self.place,
                format!("the key `{key}` is missing"),
                format!("add `{key} = {}`", T::EXAMPLE),
            );
            return None;
        }
        self.optional(key)
    }

    /// A value that may be absent. A wrong one is noted and counts as absent.
    pub fn optional<T: FromToml>(&self, key: &str) -> Option<T> {
        self.asked.borrow_mut().insert(key.to_owned());
        let value = self.table.get(key)?;
        match T::from_toml(value.get_ref()) {
            Ok(value) => Some(value),
            Err(what) => {
                let place = self.source.place(value.span().start);
                self.findings.add(
                    &place,
                    format!("`{key}`: {what}"),
                    format!("write `{key} = {}`", T::EXAMPLE),
                );
                None
            }
        }
    }

    /// A value with something to fall back on.
    pub fn or<T: FromToml>(&self, key: &str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// A list that may be absent; wrong elements are noted, each at its own line, and left out.
    pub fn list<T: FromToml>(&self, key: &str) -> Vec<T> {
        self.asked.borrow_mut().insert(key.to_owned());
        let Some(value) = self.table.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(elements) = value.get_ref() else {
            self.refuse(
                key,
                format!("`{key}` is not a list"),
                format!("write `{key} = [{}]`", T::EXAMPLE),
            );
            return Vec::new();
        };
        let mut list = Vec::new();
        for element in elements.iter() {
            match T::from_toml(element.get_ref()) {
                Ok(value) => list.push(value),
                Err(what) => self.findings.add(
                    &self.source.place(element.span().start),
                    format!("`{key}`: {what}"),
                    format!("write `{key} = [{}]`", T::EXAMPLE),
                ),
            }
        }
        list
    }

    /// A list that must be there and hold something.
    pub fn filled_list<T: FromToml>(&self, key: &str) -> Vec<T> {
        let list = self.list(key);
        let empty_in_file = match self.table.get(key).map(Spanned::get_ref) {
            None => true,
            Some(DeValue::Array(elements)) => elements.is_empty(),
            Some(_) => false,
        };
        if empty_in_file {
            self.refuse(
                key,
                format!("`{key}` needs at least one entry"),
                format!("write `{key} = [{}]`", T::EXAMPLE),
            );
        }
        list
    }

    /// Each table of `[[key]]`, in order; those for which `read` gives nothing are left out.
    pub fn tables<T>(&self, key: &str, mut read: impl FnMut(&Table<'_>) -> Option<T>) -> Vec<At<T>> {
        self.asked.borrow_mut().insert(key.to_owned());
        let Some(value) = self.table.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(elements) = value.get_ref() else {
            self.refuse(
                key,
                format!("`{key}` is not a list of tables"),
                format!("begin each with `[[{key}]]`"),
            );
            return Vec::new();
        };
        let mut list = Vec::new();
        for element in elements.iter() {
            let place = self.source.place(element.span().start);
            let DeValue::Table(table) = element.get_ref() else {
                self.findings.add(
                    &place,
                    format!("`{key}` holds something else than tables"),
                    format!("begin each with `[[{key}]]`"),
                );
                continue;
            };
            let table = Table {
                table,
                place: place.clone(),
                asked: RefCell::default(),
                ..*self
            };
            if let Some(value) = read(&table) {
                list.push(At { place, value });
            }
            table.finish();
        }
        list
    }

    /// The table `[key]`, if it is there.
    pub fn table<T>(&self, key: &str, read: impl FnOnce(&Table<'_>) -> T) -> Option<T> {
        self.asked.borrow_mut().insert(key.to_owned());
        let value = self.table.get(key)?;
        let place = self.source.place(value.span().start);
        let DeValue::Table(table) = value.get_ref() else {
            self.refuse(
                key,
                format!("`{key}` is not a table"),
                format!("write it as `[{key}]` with its keys below"),
            );
            return None;
        };
        let table = Table {
            table,
            place,
            asked: RefCell::default(),
            ..*self
        };
        let value = read(&table);
        table.finish();
        Some(value)
    }

    /// Every pair of a table whose keys are data, in the order of the keys.
    pub fn pairs<T: FromToml>(&self) -> Vec<(At<String>, T)> {
        let mut pairs = Vec::new();
        for (key, _) in self.table.iter() {
            let place = self.source.place(key.span().start);
            if let Some(value) = self.optional(key.get_ref()) {
                pairs.push((
                    At {
                        place,
                        value: key.get_ref().to_string(),
                    },
                    value,
                ));
            }
        }
        pairs
    }

    fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if !asked.contains(name) {
                let near = asked
                    .iter()
                    .min_by_key(|known| distance(known, name))
                    .filter(|known| is_near(known, name));
                let known: Vec<&str> = asked.iter().map(String::as_str).collect();
                let instead = near.map_or_else(
                    || format!("remove it; the keys here are {}", known.join(", ")),
                    |near| format!("write `{near}`, or remove the line"),
                );
                self.findings.add(
                    &self.source.place(key.span().start),
                    format!("the key `{name}` is unknown"),
                    instead,
                );
            }
        }
    }
}

/// A message as it may go to a terminal: a key that somebody wrote may hold anything.
fn shown(message: String) -> String {
    if !message.contains(char::is_control) {
        return message;
    }
    let mut shown = String::with_capacity(message.len());
    for letter in message.chars() {
        if letter.is_control() {
            shown.extend(letter.escape_debug());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Near enough to be meant: a third of the letters may be wrong.
fn is_near(known: &str, name: &str) -> bool {
    distance(known, name) <= name.chars().count() / 3
}

/// How many letters must change to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// A value with the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// Where.
    pub place: Place,
    /// What.
    pub value: T,
}

/// A value that one TOML value can be read as.
pub trait FromToml: Sized {
    /// What a right one looks like, in TOML.
    const EXAMPLE: &'static str;
    /// Reads it, or says in words what is wrong with it.
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String>;
}

impl FromToml for String {
    const EXAMPLE: &'static str = "\"text\"";
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(text) => Ok(text.to_string()),
            other => Err(format!(
                "{} stands where text in quotes belongs",
                other.type_str()
            )),
        }
    }
}

impl FromToml for bool {
    const EXAMPLE: &'static str = "true";
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            other => Err(format!("{} stands where true or false belongs", other.type_str())),
        }
    }
}

macro_rules! whole_number {
    ($($type:ty),*) => {$(
        impl FromToml for $type {
            const EXAMPLE: &'static str = "1";
            fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
                match value {
                    DeValue::Integer(number) => <$type>::from_str_radix(number.as_str(), number.radix())
                        .map_err(|_| format!("{} is not a whole number from {} to {}", number.as_str(), <$type>::MIN, <$type>::MAX)),
                    other => Err(format!("{} stands where a whole number belongs", other.type_str())),
                }
            }
        }
    )*};
}
whole_number!(u16, u32, u64);

/// Makes a word with a `FromStr` readable from TOML.
macro_rules! from_toml_text {
    ($($type:ty = $example:literal),* $(,)?) => {$(
        impl $crate::reader::FromToml for $type {
            const EXAMPLE: &'static str = concat!("\"", $example, "\"");
            fn from_toml(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
                let text = <String as $crate::reader::FromToml>::from_toml(value)?;
                text.parse::<$type>().map_err(|error| error.to_string())
            }
        }
    )*};
}
pub(crate) use from_toml_text;

from_toml_text! {
    crate::name::UserName = "alice",
    crate::name::GroupName = "dataread",
    crate::name::UnitName = "webapp.service",
    crate::name::PackageName = "nginx-light",
    crate::name::DiskName = "data-disk",
    crate::name::InstanceName = "data-broker",
    crate::name::CredentialName = "WEBAPP_SECRET_KEY",
    crate::name::SettingName = "SERVER_HOSTNAME",
    crate::name::DomainName = "broker.example.com",
    crate::path::TargetPath = "/data/docs",
    crate::mode::Mode = "0755",
}
