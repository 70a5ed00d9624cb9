//! systemd units and drop-ins: one template for both.

use serde::{Deserialize, Serialize};

/// A whole unit file, or a drop-in.
#[derive(Debug, Clone, Serialize)]
pub struct Unit {
    /// In file order.
    pub sections: Vec<Section>,
}
template!(Unit, "systemd/unit.j2");

/// `[Name]` and what follows it.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// `Unit`, `Service`, `Timer`, …
    pub name: String,
    /// In file order; a key may come more than once.
    pub directives: Vec<Directive>,
}

/// `Key=value`, with the reason above it.
#[derive(Debug, Clone, Serialize)]
pub struct Directive {
    /// Becomes a comment line.
    pub reason: Option<String>,
    /// `ExecStart`, `User`, …
    pub key: String,
    /// The right-hand side.
    pub value: UnitValue,
}

impl Directive {
    /// A directive that needs no explanation.
    pub fn new(key: impl Into<String>, value: UnitValue) -> Self {
        Self {
            reason: None,
            key: key.into(),
            value,
        }
    }

    /// Adds the reason that is printed above the directive.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// How the text of a value is meant, which decides how it is escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum UnitValue {
    /// Nothing: resets a list that the original unit or a lower drop-in filled.
    Reset,
    /// `yes` or `no`.
    Flag(bool),
    /// A number without a unit.
    Number(i64),
    /// Taken literally; a `%` is no specifier.
    Text(String),
    /// Contains specifiers such as `%n`; each must be one that systemd knows.
    Specifiers(String),
    /// A list of literal words, each quoted where it must be.
    Words(Vec<String>),
    /// A command line: an absolute program and literal arguments, without variables or specifiers.
    Command(Vec<String>),
}

impl UnitValue {
    /// Literal text.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// Text with specifiers.
    pub fn specifiers(value: impl Into<String>) -> Self {
        Self::Specifiers(value.into())
    }

    /// A list of literal words.
    pub fn words<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self::Words(words.into_iter().map(Into::into).collect())
    }

    /// A command line of literal words.
    pub fn command<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self::Command(words.into_iter().map(Into::into).collect())
    }
}
