//! Unit files, environment files, tmpfiles.

use super::{Escaped, Refused, backslashed, one_word, printable, refuse, untrimmed, without};

/// Letters that systemd 252 expands after a `%` in unit files.
const SPECIFIERS: &str = "%aAbBCdEfgGhHiIjJlLmMnNopPqsStTuUvVwW";

/// Name of a section or a directive.
pub fn unit_name(value: &str) -> Escaped {
    let place = "a name in a unit file";
    if value.is_empty() || !value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(refuse(value, place, "only letters, digits and `-` are allowed"));
    }
    Ok(value.to_owned())
}

/// A whole right-hand side, taken literally.
pub fn unit_text(value: &str) -> Escaped {
    line(value)?;
    Ok(value.replace('%', "%%"))
}

/// A whole right-hand side in which specifiers stay what they are.
pub fn unit_specifiers(value: &str) -> Escaped {
    line(value)?;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == '%' && !chars.next().is_some_and(|letter| SPECIFIERS.contains(letter)) {
            return Err(refuse(value, "a unit value", "systemd has no such specifier"));
        }
    }
    Ok(value.to_owned())
}

/// A list of literal words.
pub fn unit_words(words: &[String]) -> Escaped {
    let words = words
        .iter()
        .map(|word| unit_word(word, ""))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(words.join(" "))
}

/// A command line of literal words; `$` stays `$`.
pub fn unit_command(words: &[String]) -> Escaped {
    let program = words.first().map_or("", String::as_str);
    if !program.starts_with('/') {
        return Err(refuse(
            program,
            "a program of a unit",
            "an absolute path is needed",
        ));
    }
    let words = words
        .iter()
        .map(|word| unit_word(word, "$"))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(words.join(" "))
}

fn unit_word(word: &str, doubled: &str) -> Escaped {
    printable(word, "a word in a unit file")?;
    let mut out = String::new();
    for c in word.chars() {
        if c == '%' || doubled.contains(c) {
            out.push(c);
        }
        out.push(c);
    }
    // Anything but the plainest word is quoted: `;` alone would end a command, `'` would open a quote.
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,=~$-".contains(c);
    if !out.is_empty() && out.chars().all(plain) {
        return Ok(out);
    }
    Ok(format!("\"{}\"", backslashed(&out, &['\\', '"'])))
}

fn line(value: &str) -> Result<(), Refused> {
    let place = "a unit value";
    printable(value, place)?;
    untrimmed(value, place)?;
    if value.ends_with('\\') {
        return Err(refuse(
            value,
            place,
            "a backslash at the end would join the next line",
        ));
    }
    Ok(())
}

/// Name of an environment variable.
pub fn env_name(value: &str) -> Escaped {
    let first = value
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first || !value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(refuse(
            value,
            "the name of a variable",
            "letters, digits and `_` are allowed, no digit first",
        ));
    }
    Ok(value.to_owned())
}

/// Value in an environment file, quotes included: systemd and a shell read back the same text.
pub fn env_value(value: &str) -> Escaped {
    printable(value, "a value in an environment file")?;
    Ok(format!("\"{}\"", backslashed(value, &['\\', '"', '$', '`'])))
}

/// The rest of a tmpfiles line, taken literally.
pub fn tmpfiles_argument(value: &str) -> Escaped {
    let place = "the argument of a tmpfiles line";
    printable(value, place)?;
    untrimmed(value, place)?;
    Ok(backslashed(value, &['\\']).replace('%', "%%"))
}

/// Path in a tmpfiles line, taken literally.
pub fn tmpfiles_path(value: &str) -> Escaped {
    let place = "a path in a tmpfiles line";
    one_word(value, place)?;
    without(
        value,
        place,
        &['"', '\'', '\\', '#'],
        "quotes, backslashes and '#' are not used there",
    )?;
    if !value.starts_with('/') {
        return Err(refuse(value, place, "an absolute path is needed"));
    }
    Ok(value.replace('%', "%%"))
}
