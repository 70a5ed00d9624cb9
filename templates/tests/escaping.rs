//! Escaping never lets a value leave its field: what the target's reader takes is the value itself.
//!
//! The readers are small models of the programs' own parsers, and the programs themselves where they start fast.

mod judge;
mod readers;

use proptest::prelude::*;
use templates::escape::{self, Escaped};

/// Text that tries hard: quotes, escapes, separators, specifiers, line ends.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z0-9_./:@-]{1,6}".prop_map(String::from),
        6 => prop::sample::select(vec![
            "\"", "'", "\\", "\\\\", "$", "${x}", "%", "%%", "%n", ";", ",", "=", "#", "!", "*", "?", "[a]", "^", "|",
            " ", "  ", "{", "}", "`", "(", ")", "<", ">", "&", "~", "- ", ": ", "ż", "漢",
        ]).prop_map(String::from),
        1 => prop::sample::select(vec!["\n", "\r", "\0", "\t", "\u{85}", "\u{2028}", "\u{7f}"]).prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// An escape function, with its name for a failing case.
type Named = (&'static str, fn(&str) -> Escaped);

const ALL: [Named; 25] = [
    ("unit_name", escape::unit_name),
    ("unit_text", escape::unit_text),
    ("unit_specifiers", escape::unit_specifiers),
    ("env_name", escape::env_name),
    ("env_value", escape::env_value),
    ("tmpfiles_path", escape::tmpfiles_path),
    ("tmpfiles_argument", escape::tmpfiles_argument),
    ("sudo_name", escape::sudo_name),
    ("sudo_alias", escape::sudo_alias),
    ("sudo_option", escape::sudo_option),
    ("sudo_path", escape::sudo_path),
    ("sudo_regex", escape::sudo_regex),
    ("comment", escape::comment),
    ("field", escape::field),
    ("identifier", escape::identifier),
    ("shell", escape::shell),
    ("yaml", escape::yaml),
    ("nginx", escape::nginx),
    ("nft_string", escape::nft_string),
    ("ini", escape::ini),
    ("regex", escape::regex),
    ("ssh_word", escape::ssh_word),
    ("apt_string", escape::apt_string),
    ("audit_path", escape::audit_path),
    ("log_path", escape::log_path),
];

proptest! {
    #[test]
    fn nothing_escaped_spans_lines(value in nasty()) {
        for (name, escape) in ALL {
            match escape(&value) {
                Ok(text) => prop_assert!(!text.contains(char::is_control), "{name}: {text:?}"),
                Err(refused) => prop_assert_eq!(&refused.value, &value),
            }
            if value.contains(char::is_control) {
                prop_assert!(escape(&value).is_err(), "{name}: {value:?}");
            }
        }
    }

    #[test]
    fn a_unit_value_reads_back(value in nasty()) {
        if let Ok(text) = escape::unit_text(&value) {
            prop_assert_eq!(readers::unit_line(&format!("Key={text}\n")), vec![value]);
        }
    }

    #[test]
    fn unit_words_read_back(words in prop::collection::vec(nasty(), 0..4)) {
        if let Ok(text) = escape::unit_words(&words) {
            let line = readers::unit_line(&format!("Key={text}\n"));
            prop_assert_eq!(readers::unit_words(&line[0]), words);
        }
    }

    #[test]
    fn unit_commands_read_back(words in prop::collection::vec(nasty(), 0..4)) {
        let words: Vec<String> = std::iter::once("/bin/x".to_owned()).chain(words).collect();
        if let Ok(text) = escape::unit_command(&words) {
            let line = readers::unit_line(&format!("ExecStart={text}\n"));
            let read: Vec<_> = readers::unit_words(&line[0]).iter().map(|word| word.replace("$$", "$")).collect();
            prop_assert_eq!(read, words);
            prop_assert!(!text.split(' ').any(|word| word == ";"), "{text}");
        }
    }

    #[test]
    fn environment_values_read_back(first in nasty(), second in nasty()) {
        if let (Ok(a), Ok(b)) = (escape::env_value(&first), escape::env_value(&second)) {
            let read = readers::environment_file(&format!("# c\nA={a}\nB={b}\n"));
            prop_assert_eq!(read, vec![("A".to_owned(), first), ("B".to_owned(), second)]);
        }
    }

    #[test]
    fn a_yaml_scalar_reads_back(value in nasty()) {
        if let Ok(text) = escape::yaml(&value) {
            // A double-quoted YAML scalar with these escapes only is a JSON string.
            prop_assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
        }
    }

    #[test]
    fn an_nginx_parameter_reads_back(value in nasty()) {
        if let Ok(text) = escape::nginx(&value) {
            prop_assert_eq!(readers::nginx(&format!("key {text};")), vec!["key".to_owned(), value]);
        }
    }

    #[test]
    fn sudoers_arguments_read_back(words in prop::collection::vec(nasty(), 1..4)) {
        if let Ok(text) = escape::sudo_arguments(&words) {
            prop_assert_eq!(readers::sudo_command(&format!("{text}, /bin/next")), (words.join(" "), true));
            prop_assert!(!words.iter().any(|word| word.contains(['*', '?', '['])));
        }
    }

    #[test]
    fn a_quoted_string_has_no_quote_inside(value in nasty()) {
        for escape in [escape::nft_string, escape::apt_string, escape::log_path] {
            if let Ok(text) = escape(&value) {
                prop_assert_eq!(text, format!("\"{value}\""));
                prop_assert!(!value.contains('"'));
            }
        }
    }

    #[test]
    fn a_field_is_one_field(value in nasty()) {
        for escape in [escape::field, escape::ssh_word, escape::tmpfiles_path, escape::audit_path, escape::identifier] {
            if let Ok(text) = escape(&value) {
                prop_assert_eq!(text.split_whitespace().count(), 1);
                prop_assert!(!text.contains(['#', '"', '\'', '\\']), "{text}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_shell_reads_back_every_word(words in prop::collection::vec(nasty(), 1..4)) {
        let escaped: Result<Vec<_>, _> = words.iter().map(|word| escape::shell(word)).collect();
        if let (Ok(escaped), Some(shell)) = (escaped, judge::judge("/bin/sh")) {
            let said = shell.run(["-c", &format!("printf '<%s>' {}", escaped.join(" "))]);
            let meant: String = words.iter().map(|word| format!("<{word}>")).collect();
            prop_assert_eq!(said, meant);
        }
    }

    #[test]
    fn sudo_reads_one_command_for_each_rule(word in nasty()) {
        let Ok(argument) = escape::sudo_arguments(std::slice::from_ref(&word)) else { return Ok(()) };
        let Some(cvtsudoers) = judge::judge("/usr/bin/cvtsudoers") else { return Ok(()) };
        let dir = tempfile::tempdir().unwrap();
        let file = judge::file(&dir, "rule", &format!("a ALL=(root) NOPASSWD: /bin/x {argument}\n"));
        let said = cvtsudoers.run(["-c", "/dev/null", "-f", "json", &file]);
        let read: serde_json::Value = serde_json::from_str(&said).unwrap();
        let commands = &read["User_Specs"][0]["Cmnd_Specs"][0]["Commands"];
        prop_assert_eq!(commands.as_array().unwrap().len(), 1, "{}", said);
        prop_assert_eq!(read["User_Specs"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn what_could_grant_more_is_refused() {
    for name in [
        "ALL", "ADMINS", "%sudo", "#0", "a,b", "a b", "!root", "", "-x", "a=b",
    ] {
        assert!(escape::sudo_name(name).is_err(), "{name}");
    }
    for path in [
        "bin/x",
        "/bin/",
        "/bin/*",
        "/bin/[ab]",
        "/bin/../x",
        "/bin/x y",
        "",
        "/bin/x\"",
        "ALL",
    ] {
        assert!(escape::sudo_path(path).is_err(), "{path}");
    }
    for regex in ["run .*", "^run", "^a|b$", "^a*$", "^a\\$", "^a$b$", "^$", "^a\n$"] {
        assert!(escape::sudo_regex(regex).is_err(), "{regex}");
    }
    assert!(escape::sudo_arguments(&[]).is_err());
    assert_eq!(
        escape::sudo_regex("^run [a-z]{0,63}[.]py$").unwrap(),
        r"^run [a-z]{0\,63}[.]py$"
    );
    for value in ["%Z", "100%", "%"] {
        assert!(escape::unit_specifiers(value).is_err(), "{value}");
    }
    assert!(escape::unit_command(&["sh".to_owned()]).is_err());
    assert!(escape::unit_text("ends with \\").is_err());
    assert!(escape::nginx("$host").is_err());
}
