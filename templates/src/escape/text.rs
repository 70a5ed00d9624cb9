//! The smaller syntaxes, one function each.

use super::{Escaped, backslashed, one_word, printable, refuse, untrimmed, without};

/// Text of a comment line.
pub fn comment(value: &str) -> Escaped {
    let place = "a comment";
    printable(value, place)?;
    if value.ends_with('\\') {
        return Err(refuse(
            value,
            place,
            "a backslash at the end may join the next line",
        ));
    }
    Ok(value.to_owned())
}

/// A field of a file whose fields are separated by spaces and in which `#` begins a comment.
pub fn field(value: &str) -> Escaped {
    let place = "a field between spaces";
    one_word(value, place)?;
    without(
        value,
        place,
        &['#', '"', '\'', '\\', '%'],
        "it would begin a comment, a quote or an escape",
    )?;
    Ok(value.to_owned())
}

/// A bare identifier: `[A-Za-z0-9_-]+`.
pub fn identifier(value: &str) -> Escaped {
    if value.is_empty()
        || !value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    {
        return Err(refuse(
            value,
            "an identifier",
            "only letters, digits, `_` and `-` are allowed",
        ));
    }
    Ok(value.to_owned())
}

/// One word of a POSIX shell.
pub fn shell(value: &str) -> Escaped {
    printable(value, "a word of a shell command")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return Ok(value.to_owned());
    }
    Ok(format!("'{}'", value.replace('\'', r"'\''")))
}

/// A YAML scalar that is text whatever it looks like (`no`, `1e3`, `null`).
pub fn yaml(value: &str) -> Escaped {
    printable(value, "a YAML scalar")?;
    Ok(format!("\"{}\"", backslashed(value, &['\\', '"'])))
}

/// A parameter of an nginx directive.
pub fn nginx(value: &str) -> Escaped {
    let place = "a value in nginx";
    printable(value, place)?;
    without(
        value,
        place,
        &['$'],
        "nginx expands variables and has no way to quote `$`",
    )?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@-".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return Ok(value.to_owned());
    }
    Ok(format!("\"{}\"", backslashed(value, &['\\', '"'])))
}

/// A string of nftables, quotes included.
pub fn nft_string(value: &str) -> Escaped {
    let place = "a string in nftables";
    printable(value, place)?;
    without(
        value,
        place,
        &['"', '\\', '$', '*'],
        "nftables has no escapes inside quotes",
    )?;
    if value.is_empty() || value.len() > 127 {
        return Err(refuse(value, place, "between 1 and 127 bytes are needed"));
    }
    Ok(format!("\"{value}\""))
}

/// The value of an INI file that expands `%(name)s` (fail2ban).
pub fn ini(value: &str) -> Escaped {
    let place = "an INI value";
    printable(value, place)?;
    untrimmed(value, place)?;
    without(
        value,
        place,
        &[';', '#', '<', '>'],
        "it would begin a comment or a tag",
    )?;
    Ok(value.replace('%', "%%"))
}

/// Literal text inside a regular expression of Python, in an INI file that expands `%(name)s`.
pub fn regex(value: &str) -> Escaped {
    let place = "literal text in a regular expression";
    one_word(value, place)?;
    without(
        value,
        place,
        &[';', '#', '<', '>', '%'],
        "it would begin a comment or a tag",
    )?;
    Ok(backslashed(
        value,
        &[
            '\\', '.', '^', '$', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|',
        ],
    ))
}

/// A word of sshd's configuration that is neither a pattern nor a token.
pub fn ssh_word(value: &str) -> Escaped {
    let place = "a word in sshd_config";
    one_word(value, place)?;
    without(
        value,
        place,
        &['"', '\'', '\\', '#', '%', '*', '?', '!', ','],
        "quotes, patterns and tokens are not used there",
    )?;
    Ok(value.to_owned())
}

/// A string of apt.conf, quotes included.
pub fn apt_string(value: &str) -> Escaped {
    let place = "a string in apt.conf";
    printable(value, place)?;
    without(value, place, &['"', '\\'], "apt has no escapes inside quotes")?;
    Ok(format!("\"{value}\""))
}

/// A path in an audit rule.
pub fn audit_path(value: &str) -> Escaped {
    let path = field(value)?;
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(refuse(
            value,
            "a path in an audit rule",
            "an absolute path without a slash at the end is needed",
        ));
    }
    Ok(path)
}

/// A path in logrotate's configuration, quotes included; `*` matches.
pub fn log_path(value: &str) -> Escaped {
    let place = "a log path";
    printable(value, place)?;
    without(
        value,
        place,
        &['"', '\'', '\\', '{', '}'],
        "quotes and braces are not used there",
    )?;
    if !value.starts_with('/') {
        return Err(refuse(value, place, "an absolute path is needed"));
    }
    Ok(format!("\"{value}\""))
}
