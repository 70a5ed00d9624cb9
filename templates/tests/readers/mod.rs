//! Models of the readers: how each program takes its text apart, no more than the tests need.

/// Values of a unit file's lines: continuation, trimming, `%%`. An unknown specifier becomes `<specifier>`.
pub fn unit_line(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let values = joined.lines().filter_map(|line| line.split_once('='));
    values.map(|(_, value)| specifiers(value.trim())).collect()
}

fn specifiers(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '%') {
            (_, true) if chars.next() == Some('%') => out.push('%'),
            (_, true) => out.push_str("<specifier>"),
            (c, false) => out.push(c),
        }
    }
    out
}

/// systemd's `extract_first_word` with quotes, until the end.
pub fn unit_words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (_, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    assert_eq!(quote, None, "unbalanced: {value}");
    words.extend(word);
    words
}

/// systemd's `parse_env_file`: the states that a value can be in.
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    #[derive(PartialEq)]
    enum State {
        Key,
        Comment,
        BeforeValue,
        Plain,
        PlainEscape,
        Single,
        Double,
        DoubleEscape,
    }
    let (mut read, mut state) = (Vec::new(), State::Key);
    let (mut key, mut value) = (String::new(), String::new());
    for c in text.chars() {
        state = match (state, c) {
            (State::Key, '#' | ';') if key.is_empty() => State::Comment,
            (State::Key, '\n') => {
                key.clear();
                State::Key
            }
            (State::Key, '=') => State::BeforeValue,
            (State::Key, c) => {
                key.push(c);
                State::Key
            }
            (State::Comment, '\n') => State::Key,
            (State::Comment, _) => State::Comment,
            (State::BeforeValue | State::Plain, '\n') => {
                read.push((std::mem::take(&mut key), std::mem::take(&mut value)));
                State::Key
            }
            (State::BeforeValue | State::Plain, '\'') => State::Single,
            (State::BeforeValue | State::Plain, '"') => State::Double,
            (State::BeforeValue | State::Plain, '\\') => State::PlainEscape,
            (State::BeforeValue, ' ' | '\t') => State::BeforeValue,
            (State::BeforeValue | State::Plain | State::PlainEscape, c) => {
                value.push(c);
                State::Plain
            }
            (State::Single, '\'') | (State::Double, '"') => State::Plain,
            (State::Double, '\\') => State::DoubleEscape,
            (State::DoubleEscape, c) => {
                // Before anything but these four (and a line end) the backslash stays.
                if !"\"\\`$\n".contains(c) {
                    value.push('\\');
                }
                value.extend(Some(c).filter(|c| *c != '\n'));
                State::Double
            }
            (quoted, c) => {
                value.push(c);
                quoted
            }
        };
    }
    assert!(
        state == State::Key && key.is_empty(),
        "ends inside a value: {text}"
    );
    read
}

/// nginx's token reader, for one simple directive.
pub fn nginx(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (_, '\\') => match chars.next() {
                Some(c @ ('"' | '\'' | '\\')) => word.get_or_insert_default().push(c),
                other => {
                    word.get_or_insert_default().push('\\');
                    word.get_or_insert_default().extend(other);
                }
            },
            (true, '"') => {
                quoted = false;
                words.extend(word.take());
            }
            (true, c) => word.get_or_insert_default().push(c),
            (false, '"') if word.is_none() => {
                quoted = true;
                word = Some(String::new());
            }
            (false, '#') if word.is_none() => panic!("comment: {text}"),
            (false, ' ') => words.extend(word.take()),
            (false, ';' | '{') => {
                words.extend(word.take());
                assert_eq!(chars.next(), None, "more than one directive: {text}");
                assert_eq!(c, ';', "a block: {text}");
                return words;
            }
            (false, c) => word.get_or_insert_default().push(c),
        }
    }
    panic!("no end: {text}");
}

/// Arguments of the first command of a sudoers list, and whether the list goes on with a comma.
pub fn sudo_command(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            ',' => return (out, true),
            '#' | ':' | '=' => return (out, false),
            c => out.push(c),
        }
    }
    (out, false)
}
