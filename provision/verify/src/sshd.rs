//! Reading sshd's configuration as far as it takes to compare what we wrote with what is in force.

use std::collections::BTreeMap;

/// Values of each keyword, in lower case and sorted, since sshd prints a list on one line or on several.
pub type Settings = BTreeMap<String, Vec<String>>;

/// Keywords with which a drop-in can let in somebody else, or somebody without a key.
pub const WEAKENING: [&str; 22] = [
    "allowgroups",
    "allowusers",
    "authenticationmethods",
    "authorizedkeyscommand",
    "authorizedkeyscommanduser",
    "authorizedkeysfile",
    "authorizedprincipalscommand",
    "authorizedprincipalsfile",
    "challengeresponseauthentication",
    "forcecommand",
    "gssapiauthentication",
    "hostbasedauthentication",
    "include",
    "kbdinteractiveauthentication",
    "passwordauthentication",
    "permitemptypasswords",
    "permitrootlogin",
    "permituserenvironment",
    "strictmodes",
    "subsystem",
    "trustedusercakeys",
    "usepam",
];

/// A keyword and its value for each line that means something.
pub fn lines(text: &str) -> impl Iterator<Item = (String, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (keyword, value) = line.split_once(|letter: char| letter.is_whitespace() || letter == '=')?;
        Some((
            keyword.to_ascii_lowercase(),
            value.trim_start_matches([' ', '\t', '=']).trim(),
        ))
    })
}

/// What a configuration says before its first `Match`, and in the block whose condition is `wanted`.
pub fn section(text: &str, wanted: Option<&str>) -> Settings {
    let mut settings = Settings::new();
    let mut block: Option<&str> = None;
    for (keyword, value) in lines(text) {
        if keyword == "match" {
            block = Some(value);
        } else if block == wanted {
            add(&mut settings, keyword, value);
        }
    }
    sorted(settings)
}

/// What `sshd -T` printed.
pub fn effective(text: &str) -> Settings {
    let mut settings = Settings::new();
    for (keyword, value) in lines(text) {
        add(&mut settings, keyword, value);
    }
    sorted(settings)
}

fn add(settings: &mut Settings, keyword: String, value: &str) {
    let words = value
        .split_ascii_whitespace()
        .map(|word| word.trim_matches('"').to_owned());
    settings.entry(keyword).or_default().extend(words);
}

fn sorted(mut settings: Settings) -> Settings {
    settings.values_mut().for_each(|words| words.sort());
    settings
}

/// Keywords whose value in force is another than the one that we wrote: keyword, wanted, in force.
pub fn differences(wanted: &Settings, effective: &Settings) -> Vec<(String, String, String)> {
    let alike = |one: &[String], other: &[String]| {
        one.len() == other.len()
            && one
                .iter()
                .zip(other)
                .all(|(one, other)| one.eq_ignore_ascii_case(other))
    };
    wanted
        .iter()
        .filter_map(|(keyword, value)| {
            let nothing = Vec::new();
            let found = effective.get(keyword).unwrap_or(&nothing);
            (!alike(value, found)).then(|| (keyword.clone(), value.join(" "), found.join(" ")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "# header\nPasswordAuthentication no\nAllowGroups dataread data-ops\nHostKey /a\nHostKey /b\n\
                        Match User deploy\n    PermitTTY no\n";

    #[test]
    fn what_sshd_prints_in_its_own_way_is_the_same() {
        let effective = effective(
            "passwordauthentication no\nallowgroups data-ops\nallowgroups dataread\n\
                                   hostkey /b\nhostkey /a\npermittty yes\n",
        );
        assert_eq!(differences(&section(OURS, None), &effective), []);
        let deploy = differences(&section(OURS, Some("User deploy")), &effective);
        assert_eq!(deploy, [("permittty".into(), "no".into(), "yes".into())]);
    }

    #[test]
    fn a_keyword_that_is_not_printed_differs() {
        let all = differences(&section("StrictModes yes\n", None), &Settings::new());
        assert_eq!(all, [("strictmodes".into(), "yes".into(), String::new())]);
    }
}
