//! What the far side is asked to run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::NameError;

/// Larger requests are no definition and no plan.
pub(crate) const MOST_BYTES: u64 = 64 << 20;

/// A command of our program with the files that it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Which streams are coloured, in the words of `--framed`.
    pub coloured: String,
    /// The words behind `appliance`, in order.
    pub words: Vec<Word>,
    /// Files that go with it, by a relative name.
    pub files: BTreeMap<FileName, String>,
}

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Word {
    /// As it is.
    Plain(String),
    /// The path that a file or a directory of files has there.
    File(FileName),
}

/// A relative name that stays below its directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// `name` has parts of letters, digits, dots, dashes and underscores; none begins with a dot or a dash.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let plain = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if name.split('/').all(plain) && name.len() < 200 {
            return Ok(Self(name.to_owned()));
        }
        Err(NameError {
            what: "name of a file that is sent",
            text: name.to_owned(),
            rule: "its parts have letters, digits, dots, dashes and underscores, and begin with a letter or digit",
        })
    }

    /// As it stands in a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FileName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(&name)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl Request {
    /// The command for people: files by their names.
    pub fn shown(&self) -> String {
        let words = self.words.iter().map(|word| match word {
            Word::Plain(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => {
                text.clone()
            }
            Word::Plain(text) => format!("{text:?}"),
            Word::File(name) => name.as_str().to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_words_go_through_unchanged_and_odd_names_do_not() {
        let words: Vec<Word> = [
            "a b",
            "'\"",
            "$(id)",
            "`id`",
            "line\nbreak",
            "",
            "ü",
            "\\",
            "*",
            "-x",
        ]
        .into_iter()
        .map(|word| Word::Plain(word.to_owned()))
        .collect();
        let request = Request {
            coloured: "neither".to_owned(),
            words,
            files: BTreeMap::from([(
                FileName::new("definition/disks.toml").unwrap(),
                "x = 1\n".to_owned(),
            )]),
        };
        let wire = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&wire).unwrap(), request);
        for wrong in ["", "/etc/x", "../x", "a/../b", "a//b", ".x", "-x", "a b", "a\nb"] {
            assert!(FileName::new(wrong).is_err(), "{wrong}");
            let wire =
                serde_json::json!({ "coloured": "both", "words": [], "files": { wrong: "" } }).to_string();
            assert!(serde_json::from_str::<Request>(&wire).is_err(), "{wrong}");
        }
    }
}
