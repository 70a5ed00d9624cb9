//! The words of the domain: each has one constructor that states its rule, so that past the parser nobody
//! asks again whether a user name is one.

use std::fmt;

/// Why a word was refused: what it should look like, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} {problem}; {rule}")]
pub struct NameError {
    what: &'static str,
    value: String,
    problem: &'static str,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:ident, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The only way to make one.
            pub fn new(value: &str) -> Result<Self, NameError> {
                match $check(value) {
                    Ok(()) => Ok(Self(value.to_owned())),
                    Err(problem) => Err(NameError { what: $what, value: value.to_owned(), problem, rule: $rule }),
                }
            }

            /// The word itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(value: &str) -> Result<Self, NameError> {
                Self::new(value)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(value: String) -> Result<Self, NameError> {
                Self::new(&value)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name!(
    /// A local account, as it stands in `/etc/passwd`.
    UserName,
    "user name",
    check_account,
    "use 1 to 32 characters: a lower-case letter, then letters, digits, '.', '_' or '-', not ending in one of the three"
);
name!(
    /// A local group, as it stands in `/etc/group`.
    GroupName,
    "group name",
    check_account,
    "use 1 to 32 characters: a lower-case letter, then letters, digits, '.', '_' or '-', not ending in one of the three"
);
name!(
    /// A systemd unit with its suffix, such as `webapp.service`.
    UnitName,
    "unit name",
    check_unit,
    "write a systemd unit with its suffix, such as webapp.service, data-sync.timer or unit-failed@.service"
);
name!(
    /// A Debian package.
    PackageName,
    "package name",
    check_package,
    "use lower-case letters, digits, '+', '-' and '.', at least two, the first a letter or digit"
);
name!(
    /// A cloud disk, which is also its device name.
    DiskName,
    "disk name",
    check_cloud_name,
    "use lower-case letters, digits and '-', first a letter, last not '-', at most 63"
);
name!(
    /// The name of a machine in the cloud, which is also its host name.
    InstanceName,
    "instance name",
    check_cloud_name,
    "use lower-case letters, digits and '-', first a letter, last not '-', at most 63"
);
name!(
    /// A secret that reaches a unit as a systemd credential.
    CredentialName,
    "credential name",
    check_variable,
    "use upper-case letters, digits and '_', first a letter"
);
name!(
    /// A setting that reaches a unit in its environment file.
    SettingName,
    "setting name",
    check_variable,
    "use upper-case letters, digits and '_', first a letter"
);
name!(
    /// A DNS name under which the portal answers.
    DomainName,
    "domain name",
    check_domain,
    "write a DNS name in lower case, such as broker.example.com"
);

type Check = Result<(), &'static str>;

fn check_account(value: &str) -> Check {
    let mut bytes = value.bytes();
    match bytes.next() {
        None => return Err("is empty"),
        Some(b'a'..=b'z') => {}
        Some(_) => return Err("does not begin with a lower-case letter"),
    }
    if value.len() > 32 {
        return Err("is longer than 32 characters");
    }
    if !bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)) {
        return Err("contains another character");
    }
    if value.contains("..") {
        return Err("contains '..'");
    }
    if value.ends_with(['.', '_', '-']) {
        return Err("ends in '.', '_' or '-'");
    }
    Ok(())
}

fn check_unit(value: &str) -> Check {
    const SUFFIXES: [&str; 7] = [
        ".service", ".socket", ".timer", ".target", ".slice", ".mount", ".path",
    ];
    if value.len() > 255 {
        return Err("is longer than 255 characters");
    }
    let Some(stem) = SUFFIXES.iter().find_map(|suffix| value.strip_suffix(suffix)) else {
        return Err("has no unit suffix");
    };
    if stem.is_empty() {
        return Err("has nothing before its suffix");
    }
    if !stem
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:@\\".contains(&byte))
    {
        return Err("contains a character that systemd does not allow");
    }
    Ok(())
}

fn check_package(value: &str) -> Check {
    if value.len() < 2 {
        return Err("is too short");
    }
    if !value
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
    {
        return Err("contains another character");
    }
    if !value.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err("does not begin with a letter or digit");
    }
    Ok(())
}

fn check_cloud_name(value: &str) -> Check {
    if value.is_empty() {
        return Err("is empty");
    }
    if value.len() > 63 {
        return Err("is longer than 63 characters");
    }
    if !value.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err("does not begin with a lower-case letter");
    }
    if !value
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return Err("contains another character");
    }
    if value.ends_with('-') {
        return Err("ends in '-'");
    }
    Ok(())
}

fn check_variable(value: &str) -> Check {
    if !value.starts_with(|first: char| first.is_ascii_uppercase()) {
        return Err("does not begin with an upper-case letter");
    }
    if !value
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    {
        return Err("contains another character");
    }
    Ok(())
}

fn check_domain(value: &str) -> Check {
    if value.is_empty() || value.len() > 253 {
        return Err("is empty or longer than 253 characters");
    }
    let label_is_good = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !value.contains('.') {
        return Err("has no dot");
    }
    if !value.split('.').all(label_is_good) {
        return Err("has an empty or malformed part");
    }
    Ok(())
}

impl UnitName {
    /// What stands before the suffix: `webapp` of `webapp.service`.
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(self.as_str(), |(stem, _)| stem)
    }

    /// The suffix without its dot: `service` of `webapp.service`.
    pub fn kind(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, kind)| kind)
    }

    /// A template such as `unit-failed@.service`, which cannot run by itself.
    pub fn is_template(&self) -> bool {
        self.stem().ends_with('@')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_follow_the_rule() {
        for good in ["a", "www-data", "first.last", "x_1", &"a".repeat(32)] {
            assert!(UserName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "..",
            "lost+found",
            "a@b",
            "A.B",
            &"a".repeat(33),
            "-x",
            "1a",
            "a..b",
            "a-",
            "a\n",
        ] {
            assert!(UserName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refusal_names_value_and_rule() {
        let error = UserName::new("Bob")
            .expect_err("upper case is refused")
            .to_string();
        assert!(
            error.contains("\"Bob\"") && error.contains("use 1 to 32 characters"),
            "{error}"
        );
    }

    #[test]
    fn units_have_a_stem_and_a_kind() {
        let unit = UnitName::new("unit-failed@.service").expect("a good name");
        assert_eq!(
            (unit.stem(), unit.kind(), unit.is_template()),
            ("unit-failed@", "service", true)
        );
        for bad in ["webapp", ".service", "a b.service", "x/../y.service"] {
            assert!(UnitName::new(bad).is_err(), "{bad}");
        }
    }
}
