//! sudoers: what a wrong character may grant makes this the strictest of all.

use super::{Escaped, Refused, backslashed, one_word, printable, refuse, without};

/// What a command of sudoers must not contain unquoted, and is quoted with a backslash.
const SPECIAL: &[char] = &['\\', ',', ':', '=', '#'];
/// A wildcard of sudo matches spaces and slashes; we use none, not even a quoted one.
const GLOB: &[char] = &['*', '?', '[', ']', '!'];

/// User or group name, without the `%`.
pub fn sudo_name(value: &str) -> Escaped {
    let place = "a user or group in sudoers";
    let first = value
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first
        || !value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    {
        return Err(refuse(
            value,
            place,
            "letters, digits, `_`, `.` and `-` are allowed, a letter or `_` first",
        ));
    }
    // sudo reads an upper-case word as an alias, and ALL as everybody.
    if is_alias(value) {
        return Err(refuse(value, place, "an upper-case word is an alias"));
    }
    Ok(value.to_owned())
}

/// Name of an alias.
pub fn sudo_alias(value: &str) -> Escaped {
    if !is_alias(value) || value == "ALL" {
        return Err(refuse(
            value,
            "an alias in sudoers",
            "upper-case letters, digits and `_` are needed, and not ALL",
        ));
    }
    Ok(value.to_owned())
}

fn is_alias(value: &str) -> bool {
    value.chars().next().is_some_and(|c| c.is_ascii_uppercase())
        && value
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Flag of a `Defaults` line, with or without `!`.
pub fn sudo_option(value: &str) -> Escaped {
    let name = value.strip_prefix('!').unwrap_or(value);
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    {
        return Err(refuse(
            value,
            "an option in sudoers",
            "lower-case letters, digits and `_` are allowed",
        ));
    }
    Ok(value.to_owned())
}

/// Program of a rule: absolute, no directory, no wildcard.
pub fn sudo_path(value: &str) -> Escaped {
    let place = "a program in sudoers";
    one_word(value, place)?;
    without(value, place, GLOB, "wildcards are not allowed")?;
    without(
        value,
        place,
        &['"', '^', '$'],
        "quotes and regular expressions are not allowed",
    )?;
    if !value.starts_with('/') || value.ends_with('/') || value.split('/').any(|part| part == "..") {
        return Err(refuse(value, place, "an absolute path of a file is needed"));
    }
    Ok(backslashed(value, SPECIAL))
}

/// The exact arguments of a rule.
pub fn sudo_arguments(arguments: &[String]) -> Escaped {
    if arguments.is_empty() {
        return Err(refuse(
            "",
            "arguments in sudoers",
            "without arguments every argument would be allowed",
        ));
    }
    let words = arguments
        .iter()
        .map(|argument| sudo_argument(argument))
        .collect::<Result<Vec<_>, Refused>>()?;
    Ok(words.join(" "))
}

fn sudo_argument(value: &str) -> Escaped {
    let place = "an argument in sudoers";
    // sudo compares the arguments joined by spaces, so a space inside one could be two arguments.
    one_word(value, place)?;
    without(value, place, GLOB, "wildcards are not allowed")?;
    without(
        value,
        place,
        &['"', '^', '$'],
        "quotes and regular expressions are not allowed",
    )?;
    Ok(backslashed(value, SPECIAL))
}

/// An anchored regular expression over the arguments, joined by spaces.
pub fn sudo_regex(value: &str) -> Escaped {
    let place = "a regular expression in sudoers";
    printable(value, place)?;
    if !value.starts_with('^') || !value.ends_with('$') || value.len() < 3 {
        return Err(refuse(value, place, "it must be anchored at both ends"));
    }
    // Alternatives may escape the anchors (`^a|b$`); a backslash means one thing to sudo, one to the expression.
    without(
        value,
        place,
        &['|', '\\', '"'],
        "alternatives, backslashes and quotes are not allowed",
    )?;
    without(value, place, &['*'], "repetition needs an upper bound")?;
    let inner = &value[1..value.len() - 1];
    without(inner, place, &['$'], "an anchor inside")?;
    Ok(backslashed(value, SPECIAL))
}
