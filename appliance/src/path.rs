//! A path on the machine that is described: absolute, in its shortest form, never climbing.

use std::fmt;

/// Why a path was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {value:?} {problem}; write an absolute path without '.', '..', '//' or a final '/'")]
pub struct PathError {
    value: String,
    problem: &'static str,
}

/// An absolute path on the target, such as `/data/src_data`. Not a path on the machine that this program runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetPath(String);

impl TargetPath {
    /// The only way to make one from text.
    pub fn new(value: &str) -> Result<Self, PathError> {
        let refuse = |problem| {
            Err(PathError {
                value: value.to_owned(),
                problem,
            })
        };
        let Some(rest) = value.strip_prefix('/') else {
            return refuse("is not absolute");
        };
        if rest.is_empty() {
            return Ok(Self(value.to_owned()));
        }
        if value.len() > 1024 {
            return refuse("is longer than 1024 bytes");
        }
        if value.chars().any(char::is_control) {
            return refuse("contains a control character");
        }
        if rest
            .split('/')
            .any(|part| part.is_empty() || part == "." || part == "..")
        {
            return refuse("is not in its shortest form");
        }
        if rest.split('/').any(|part| part.len() > 255) {
            return refuse("has a part longer than 255 bytes");
        }
        Ok(Self(value.to_owned()))
    }

    /// A path that stands in the source, or is made of checked names.
    ///
    /// # Panics
    ///
    /// When it is malformed, which is a mistake of the program and no input's. Anything milder, such as another
    /// path in its place, could touch what nobody named.
    pub fn known(value: &str) -> Self {
        Self::new(value).unwrap_or_else(|error| panic!("{error}"))
    }

    /// `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path as text, always with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without its leading slash, as it is opened below a root directory; `.` for `/`.
    pub fn relative(&self) -> &str {
        match &self.0[1..] {
            "" => ".",
            relative => relative,
        }
    }

    /// The last part; empty for `/`.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// The directory that holds it; none for `/`.
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/')? {
            ("", "") => None,
            ("", _) => Some(Self::root()),
            (parent, _) => Some(Self(parent.to_owned())),
        }
    }

    /// This path with `name` below it.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        if self.0 == "/" {
            Self::new(&format!("/{name}"))
        } else {
            Self::new(&format!("{}/{name}", self.0))
        }
    }

    /// True for the directory itself and for all that lies below it.
    pub fn is_within(&self, directory: &Self) -> bool {
        directory.0 == "/"
            || self.0 == directory.0
            || self
                .0
                .strip_prefix(directory.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Every directory above it, from `/` down; the path itself is not among them.
    pub fn ancestors(&self) -> Vec<Self> {
        let mut above: Vec<Self> = std::iter::successors(self.parent(), Self::parent).collect();
        above.reverse();
        above
    }
}

impl fmt::Display for TargetPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for TargetPath {
    type Err = PathError;
    fn from_str(value: &str) -> Result<Self, PathError> {
        Self::new(value)
    }
}

impl TryFrom<String> for TargetPath {
    type Error = PathError;
    fn try_from(value: String) -> Result<Self, PathError> {
        Self::new(&value)
    }
}

impl From<TargetPath> for String {
    fn from(path: TargetPath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(value: &str) -> TargetPath {
        TargetPath::new(value).expect("a good path")
    }

    #[test]
    fn only_absolute_paths_in_shortest_form_are_taken() {
        for bad in [
            "",
            "data",
            "/data/",
            "/data//x",
            "/data/../etc",
            "/data/.",
            "/a\nb",
        ] {
            assert!(TargetPath::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn within_compares_whole_parts() {
        assert!(path("/data/x").is_within(&path("/data")));
        assert!(path("/data").is_within(&path("/data")));
        assert!(!path("/database").is_within(&path("/data")));
        assert!(path("/x").is_within(&TargetPath::root()));
    }

    #[test]
    fn parents_end_at_the_root() {
        assert_eq!(path("/a/b").ancestors(), [TargetPath::root(), path("/a")]);
        assert_eq!(TargetPath::root().parent(), None);
        assert_eq!(path("/a/b").name(), "b");
        assert_eq!(TargetPath::root().relative(), ".");
    }
}
