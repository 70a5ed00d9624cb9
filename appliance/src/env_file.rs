//! The grammar of `/opt/data-analyst/.env`, in which an operator hands over secrets.
//!
//! The reference wrote values unquoted, so a line break in one defined another variable. Here each line is one
//! variable or an error that names the line; a value never appears in a message.

use std::collections::BTreeMap;

/// What is wrong, and on which line; never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct EnvFileError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads the whole file, or tells every line that is wrong.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, String>, Vec<EnvFileError>> {
    let whole = |problem: &str| {
        vec![EnvFileError {
            line: 1,
            problem: problem.to_owned(),
        }]
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(whole("the file is UTF-16; save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(whole("the file is not UTF-8; save it as UTF-8"));
    };
    let (mut values, mut errors) = (BTreeMap::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let mut refuse = |problem: String| {
            errors.push(EnvFileError {
                line: index + 1,
                problem,
            })
        };
        match parse_line(line.trim()) {
            Ok(None) => {}
            Ok(Some((name, value))) => {
                if values.insert(name.to_owned(), value).is_some() {
                    refuse(format!("{name} stands there twice"));
                }
            }
            Err(problem) => refuse(problem),
        }
    }
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(errors)
    }
}

fn parse_line(line: &str) -> Result<Option<(&str, String)>, String> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let Some((name, value)) = line.split_once('=') else {
        return Err("there is no '='; write NAME=value".to_owned());
    };
    let well_formed = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !well_formed {
        return Err("the name before '=' is not letters, digits and '_'".to_owned());
    }
    let value = match value.as_bytes().first() {
        Some(b'\'') => single_quoted(&value[1..])?,
        Some(b'"') => double_quoted(&value[1..])?,
        _ => unquoted(value)?,
    };
    if value.contains('\0') {
        return Err(format!("the value of {name} contains a NUL byte"));
    }
    Ok(Some((name, value)))
}

fn only_a_comment(rest: &str) -> Result<(), String> {
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(())
    } else {
        Err("something stands behind the closing quote".to_owned())
    }
}

fn single_quoted(text: &str) -> Result<String, String> {
    let (value, rest) = text.split_once('\'').ok_or("the single quote is not closed")?;
    only_a_comment(rest)?;
    Ok(value.to_owned())
}

fn double_quoted(text: &str) -> Result<String, String> {
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                only_a_comment(letters.as_str())?;
                return Ok(value);
            }
            '\\' => match letters.next() {
                Some('n') => value.push('\n'),
                Some(escaped @ ('"' | '\\')) => value.push(escaped),
                _ => return Err("only \\n, \\\" and \\\\ may follow a backslash in double quotes".to_owned()),
            },
            letter => value.push(letter),
        }
    }
    Err("the double quote is not closed".to_owned())
}

fn unquoted(text: &str) -> Result<String, String> {
    let value = text.split_once(" #").map_or(text, |(value, _)| value).trim_end();
    if value.starts_with('#') {
        Ok(String::new())
    } else {
        Ok(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        parse(text.as_bytes())
            .expect("a good file")
            .remove("A")
            .expect("A is set")
    }

    #[test]
    fn each_form_of_value_is_read() {
        assert_eq!(one("A=b c # d"), "b c");
        assert_eq!(one("export A='x \" # $y' # comment"), "x \" # $y");
        assert_eq!(one("A=\"x\\ny\\\"\\\\\""), "x\ny\"\\");
        assert_eq!(one("\u{feff}A=first\r\n# c\r\n\r\nB=2\r\n"), "first");
        assert_eq!(one("A="), "");
    }

    #[test]
    fn every_wrong_line_is_told_by_number_and_without_its_value() {
        let errors = parse(b"A=1\nA=hidden\n1X=2\nnothing\nB='open\nC=\"\\q\"\n").expect_err("a bad file");
        let lines: Vec<usize> = errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
        assert!(!format!("{errors:?}").contains("hidden"));
    }

    #[test]
    fn utf16_is_named() {
        let errors = parse(&[0xff, 0xfe, b'A', 0]).expect_err("UTF-16");
        assert!(errors[0].problem.contains("UTF-16"));
    }
}
