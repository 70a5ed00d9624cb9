//! The words of the domain: each reads back as it was printed, and none holds what would end a line or a field.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use appliance::acl::Acl;
use appliance::env_file;
use appliance::layout::{Judge, NamedAcl};
use appliance::mode::Mode;
use appliance::name::{
    CredentialName, DiskName, DomainName, GroupName, InstanceName, PackageName, SettingName, UnitName,
    UserName,
};
use appliance::path::TargetPath;
use appliance::platform::Platform;
use appliance::ssh_key::SshKey;
use templates::escape;

use crate::text;

/// Reads a word, and again what was printed of it. Gives the printed text.
fn reads_back<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<String> {
    match text.parse::<T>() {
        Ok(value) => {
            let printed = value.to_string();
            let again = printed.parse::<T>();
            assert!(
                again.as_ref().is_ok_and(|again| *again == value),
                "{value:?} reads back otherwise from {printed:?}"
            );
            assert!(!printed.chars().any(char::is_control), "{printed:?}");
            Some(printed)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Names of every kind.
pub(crate) fn names(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let read = [
        reads_back::<UserName>(text),
        reads_back::<GroupName>(text),
        reads_back::<UnitName>(text),
        reads_back::<PackageName>(text),
        reads_back::<DiskName>(text),
        reads_back::<InstanceName>(text),
        reads_back::<CredentialName>(text),
        reads_back::<SettingName>(text),
        reads_back::<DomainName>(text),
    ];
    for printed in read.into_iter().flatten() {
        assert_eq!(printed, text, "a name is what was typed");
        assert!(!printed.is_empty() && printed.is_ascii());
        assert!(!printed.contains(['/', ' ', ',', '%', '=', '"', '\'', '#', '!']));
    }
    let _ = (text.parse::<Judge>(), text.parse::<Platform>());
}

/// Paths, and what is derived from them.
pub(crate) fn paths(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Some(printed) = reads_back::<TargetPath>(text) else {
        return;
    };
    assert_eq!(printed, text);
    let path: TargetPath = TargetPath::known(text);
    for above in path.ancestors() {
        assert!(path.is_within(&above) && !above.is_within(&path));
    }
    if let Some(parent) = path.parent() {
        assert_eq!(parent.join(path.name()).as_ref(), Ok(&path));
    }
    assert!(!path.relative().starts_with('/') && !path.relative().is_empty());
}

/// Modes.
pub(crate) fn modes(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        let printed = reads_back::<Mode>(text);
        assert!(printed.is_none_or(|printed| printed == text));
    }
}

/// Access lists as text, by number and by name.
pub(crate) fn lists(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    reads_back::<NamedAcl>(text);
    if reads_back::<Acl>(text).is_some() {
        let list: Acl = text.parse().unwrap();
        assert_eq!(Acl::from_attribute(&list.to_attribute()).as_ref(), Ok(&list));
        assert!(list.mode_bits() <= 0o777);
    }
}

/// Access lists as the kernel gives them.
pub(crate) fn list_attribute(bytes: &[u8]) {
    let Ok(list) = Acl::from_attribute(bytes) else {
        return;
    };
    assert_eq!(Acl::from_attribute(&list.to_attribute()).as_ref(), Ok(&list));
    assert!(list.mode_bits() <= 0o777);
    let printed = list.to_string();
    assert!(!printed.chars().any(char::is_control), "{printed:?}");
}

/// Public keys: one line each, which is the whole reason for reading them.
pub(crate) fn ssh_keys(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some(printed) = reads_back::<SshKey>(text) {
        assert!(!printed.contains(['\n', '\r', '\0']));
        assert!(printed.split(' ').count() >= 2);
        assert!(!printed.contains("PRIVATE KEY"));
    }
}

/// The operator's file of secrets: what was read, written in double quotes, is read again; no message has a value.
pub(crate) fn env_file(bytes: &[u8]) {
    match env_file::parse(bytes) {
        Ok(values) => {
            let mut written = String::new();
            for (name, value) in &values {
                assert!(!value.contains('\0') && !name.contains(char::is_whitespace));
                let value = value
                    .replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('\n', "\\n");
                written.push_str(&format!("{name}=\"{value}\"\n"));
            }
            assert_eq!(env_file::parse(written.as_bytes()), Ok(values));
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
            for error in errors {
                assert!((1..=lines).contains(&error.line), "{error}");
                assert!(!error.problem.contains('\n'), "{error}");
            }
        }
    }
}

/// What is put into a rendered file for a value: never a second line, never a control character.
pub(crate) fn escapes(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let words: Vec<String> = text.split('|').map(str::to_owned).collect();
    let one = [
        escape::unit_name,
        escape::unit_text,
        escape::unit_specifiers,
        escape::env_name,
        escape::env_value,
        escape::tmpfiles_argument,
        escape::tmpfiles_path,
        escape::sudo_name,
        escape::sudo_alias,
        escape::sudo_option,
        escape::sudo_path,
        escape::sudo_regex,
        escape::field,
        escape::identifier,
        escape::shell,
        escape::yaml,
        escape::nginx,
        escape::nft_string,
        escape::ini,
        escape::regex,
        escape::ssh_word,
        escape::apt_string,
        escape::audit_path,
        escape::log_path,
    ];
    let many = [escape::unit_words, escape::unit_command, escape::sudo_arguments];
    let escaped = one.iter().map(|escape| escape(text));
    for (index, result) in escaped
        .chain(many.iter().map(|escape| escape(&words)))
        .enumerate()
    {
        match result {
            Ok(written) => assert!(
                !written.chars().any(char::is_control),
                "escape {index} lets through {written:?}"
            ),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if let Ok(comment) = escape::comment(text) {
        assert!(!comment.contains('\r'), "{comment:?}");
    }
}
