//! The escape functions as filters of the templates.

use minijinja::{Environment, Error, ErrorKind, Value};
use serde::de::DeserializeOwned;

use super::{Escaped, refuse, sudoers as sudo, systemd, text};
use crate::context::{Principal, Runas, RunasMember, SudoCommand, UnitValue};

/// A filter over one text.
type Single = (&'static str, fn(&str) -> Escaped);

/// Adds every filter.
pub fn register(environment: &mut Environment<'static>) {
    let singles: [Single; 22] = [
        ("unit_name", systemd::unit_name),
        ("env_name", systemd::env_name),
        ("env_value", systemd::env_value),
        ("tmpfiles_path", systemd::tmpfiles_path),
        ("tmpfiles_argument", systemd::tmpfiles_argument),
        ("sudo_name", sudo::sudo_name),
        ("sudo_alias", sudo::sudo_alias),
        ("sudo_option", sudo::sudo_option),
        ("unit_text", systemd::unit_text),
        ("comment", text::comment),
        ("field", text::field),
        ("identifier", text::identifier),
        ("shell", text::shell),
        ("yaml", text::yaml),
        ("nginx", text::nginx),
        ("nft_string", text::nft_string),
        ("ini", text::ini),
        ("regex", text::regex),
        ("ssh_word", text::ssh_word),
        ("apt_string", text::apt_string),
        ("audit_path", text::audit_path),
        ("log_path", text::log_path),
    ];
    for (name, escape) in singles {
        add(environment, name, move |value: String| escape(&value));
    }
    // The same for lists: `names | all("field", " ")`.
    environment.add_filter("all", move |values: Value, filter: &str, separator: &str| {
        let Some((_, escape)) = singles.iter().find(|(name, _)| *name == filter) else {
            return Err(Error::new(
                ErrorKind::UnknownFilter,
                format!("`{filter}` is no escape filter"),
            ));
        };
        let values: Vec<String> = typed(values)?;
        safe(joined(&values, separator, |value| escape(value)))
    });
    environment.add_filter("deeper", deeper);
    add(environment, "nft_set", nft_set);
    add(environment, "unit_value", |value: UnitValue| unit_value(&value));
    add(environment, "sudo_principal", |value: Principal| {
        principal(&value)
    });
    add(environment, "sudo_runas", |value: Runas| runas(&value));
    add(environment, "sudo_members", |values: Vec<RunasMember>| {
        joined(&values, ", ", member)
    });
    add(environment, "sudo_commands", |values: Vec<SudoCommand>| {
        joined(&values, ", ", command)
    });
}

/// Adds a filter over a typed value.
fn add<T: DeserializeOwned + 'static>(
    environment: &mut Environment<'static>,
    name: &'static str,
    escape: impl Fn(T) -> Escaped + Send + Sync + 'static,
) {
    environment.add_filter(name, move |value: Value| safe(escape(typed(value)?)));
}

/// What the context put in. The engine leaves the check for a missing variable to filters that take any value.
fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    T::deserialize(value)
}

fn joined<T>(values: &[T], separator: &str, escape: impl Fn(&T) -> Escaped) -> Escaped {
    Ok(values
        .iter()
        .map(escape)
        .collect::<Result<Vec<_>, _>>()?
        .join(separator))
}

/// Marks escaped text as such; a refusal becomes the cause of the engine's error.
fn safe(escaped: Escaped) -> Result<Value, Error> {
    escaped
        .map(Value::from_safe_string)
        .map_err(|refused| Error::new(ErrorKind::BadEscape, "refused").with_source(refused))
}

/// Escaped lines, indented by one more step.
fn deeper(block: Value) -> Result<Value, Error> {
    let Some(lines) = block.as_str().filter(|_| block.is_safe()) else {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "only a rendered block can be indented",
        ));
    };
    Ok(Value::from_safe_string(
        lines.lines().map(|line| format!("    {line}\n")).collect(),
    ))
}

/// As nftables prints a set: ascending, each once, and a single element without braces.
fn nft_set(mut values: Vec<u64>) -> Escaped {
    values.sort_unstable();
    values.dedup();
    match values.as_slice() {
        [] => Err(refuse(
            "",
            "a set in nftables",
            "a set in a rule needs an element",
        )),
        [only] => Ok(only.to_string()),
        many => {
            let many: Vec<_> = many.iter().map(u64::to_string).collect();
            Ok(format!("{{ {} }}", many.join(", ")))
        }
    }
}

fn unit_value(value: &UnitValue) -> Escaped {
    match value {
        UnitValue::Reset => Ok(String::new()),
        UnitValue::Flag(yes) => Ok(if *yes { "yes" } else { "no" }.to_owned()),
        UnitValue::Number(number) => Ok(number.to_string()),
        UnitValue::Text(text) => systemd::unit_text(text),
        UnitValue::Specifiers(text) => systemd::unit_specifiers(text),
        UnitValue::Words(words) => systemd::unit_words(words),
        UnitValue::Command(words) => systemd::unit_command(words),
    }
}

fn principal(value: &Principal) -> Escaped {
    match value {
        Principal::User(name) => sudo::sudo_name(name),
        Principal::Group(name) => Ok(format!("%{}", sudo::sudo_name(name)?)),
    }
}

fn member(value: &RunasMember) -> Escaped {
    match value {
        RunasMember::Allow(who) => principal(who),
        RunasMember::Deny(who) => Ok(format!("!{}", principal(who)?)),
    }
}

fn runas(value: &Runas) -> Escaped {
    match value {
        Runas::Everyone => Ok("ALL:ALL".to_owned()),
        Runas::User(name) => sudo::sudo_name(name),
        Runas::Alias(name) => sudo::sudo_alias(name),
    }
}

fn command(value: &SudoCommand) -> Escaped {
    match value {
        SudoCommand::Everything => Ok("ALL".to_owned()),
        // The empty string is sudo's way to say that no argument is allowed.
        SudoCommand::Bare(path) => Ok(format!("{} \"\"", sudo::sudo_path(path)?)),
        SudoCommand::Exact(path, arguments) => Ok(format!(
            "{} {}",
            sudo::sudo_path(path)?,
            sudo::sudo_arguments(arguments)?
        )),
        SudoCommand::Matching(path, regex) => {
            Ok(format!("{} {}", sudo::sudo_path(path)?, sudo::sudo_regex(regex)?))
        }
    }
}
