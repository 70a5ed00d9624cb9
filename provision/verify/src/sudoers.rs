//! Reading sudoers files as far as it takes to see who may run what without a password.

/// Whom a rule without a password may name: they are administrators anyway.
const MAY_SKIP_PASSWORD: [&str; 4] = ["root", "%sudo", "%google-sudoers", "%admin"];

/// Lines that mean something, with continuations joined and comments gone.
pub fn lines(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    joined
        .lines()
        .map(without_comment)
        .filter(|line| !line.is_empty())
        .collect()
}

/// `#` begins a comment but for `#include`, `#includedir` and `#1000`, a user by number.
fn without_comment(line: &str) -> String {
    let line = line.trim();
    if line.starts_with("#include") {
        return line.to_owned();
    }
    let begins_comment = |at: &usize| {
        let after = line.as_bytes().get(at + 1);
        let before = at.checked_sub(1).and_then(|before| line.as_bytes().get(before));
        !after.is_some_and(u8::is_ascii_digit) && before != Some(&b'\\')
    };
    let end = line.match_indices('#').map(|(at, _)| at).find(begins_comment);
    line[..end.unwrap_or(line.len())].trim().to_owned()
}

/// Who is granted something without a password and is no administrator; `None` when nobody is.
pub fn skips_password(line: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix("Defaults") {
        let whom = match rest.split_ascii_whitespace().next() {
            Some(whom) if !rest.starts_with(char::is_whitespace) => whom.trim_start_matches(':'),
            _ => "everybody",
        };
        return line.contains("!authenticate").then(|| whom.to_owned());
    }
    if !line.contains("NOPASSWD") {
        return None;
    }
    let strangers: Vec<&str> = subjects(line)
        .into_iter()
        .filter(|subject| !MAY_SKIP_PASSWORD.contains(subject))
        .collect();
    (!strangers.is_empty()).then(|| strangers.join(", "))
}

/// The users before the hosts: `alice, %ops ALL = ...`. Commas bind closer than blanks.
fn subjects(line: &str) -> Vec<&str> {
    let mut end = line.len();
    let mut after_comma = true;
    for (at, letter) in line.char_indices() {
        match letter {
            ',' => after_comma = true,
            blank if blank.is_whitespace() => {
                let rest = line[at..].trim_start();
                if !after_comma && !rest.starts_with(',') {
                    end = at;
                    break;
                }
            }
            _ => after_comma = false,
        }
    }
    line[..end].split(',').map(str::trim).collect()
}

/// The command of a rule that holds a wildcard; an anchored expression is none.
pub fn wildcard(line: &str) -> Option<String> {
    if line.starts_with("Defaults") || line.contains("_Alias") {
        return None;
    }
    let (_, commands) = line.split_once('=')?;
    // Behind `(runas)` and tags such as `NOPASSWD:`.
    let commands = commands
        .rsplit_once(": ")
        .map_or(commands, |(_, commands)| commands);
    unescaped_commas(commands)
        .into_iter()
        .find(|command| is_wild(command))
        .map(str::to_owned)
}

fn is_wild(command: &str) -> bool {
    const GLOB: [char; 3] = ['*', '?', '['];
    let (program, arguments) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let arguments = arguments.trim();
    let anchored = arguments.starts_with('^') && arguments.ends_with('$');
    program.contains(GLOB) || (!anchored && arguments.contains(GLOB))
}

fn unescaped_commas(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(',') {
        if !text[..at].ends_with('\\') {
            parts.push(text[start..at].trim());
            start = at + 1;
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_continuations_are_read_as_sudo_reads_them() {
        let text = "# a comment\nalice ALL = \\\n  NOPASSWD: ALL # why\n\n#include /etc/x\n#1000 ALL=ALL\n";
        assert_eq!(
            lines(text),
            ["alice ALL =    NOPASSWD: ALL", "#include /etc/x", "#1000 ALL=ALL"]
        );
    }

    #[test]
    fn who_needs_no_password() {
        for (line, whom) in [
            ("alice ALL=(ALL) NOPASSWD: ALL", Some("alice")),
            ("alice , %ops ALL=(ALL) NOPASSWD:ALL", Some("alice, %ops")),
            ("%sudo, bob ALL=NOPASSWD: /bin/ls", Some("bob")),
            ("%google-sudoers ALL=(ALL:ALL) NOPASSWD:ALL", None),
            ("%admin\tALL=(ALL) NOPASSWD: ALL", None),
            ("#1000 ALL=(ALL) NOPASSWD: ALL", Some("#1000")),
            ("alice ALL=(ALL) ALL", None),
            ("Defaults:alice !authenticate", Some("alice")),
            ("Defaults\tuse_pty, !authenticate", Some("everybody")),
            ("Defaults env_reset", None),
        ] {
            assert_eq!(skips_password(line).as_deref(), whom, "{line}");
        }
    }

    #[test]
    fn wildcards_are_seen_and_anchored_expressions_are_not() {
        for (line, wild) in [
            ("deploy ALL=(root) NOPASSWD: /bin/cp * /etc", true),
            ("deploy ALL=(root) NOPASSWD: /bin/true, /usr/bin/?at x", true),
            ("deploy ALL=(root) NOPASSWD: /bin/x [!a]", true),
            (
                "deploy ALL=(root) NOPASSWD: /bin/x ^run [a-z]{0\\,63}[.]py$",
                false,
            ),
            ("deploy ALL=(root) NOPASSWD: /bin/x ^run .*", true),
            ("%sudo ALL=(ALL:ALL) NOPASSWD: ALL", false),
            (
                "deploy ALL=(root) NOPASSWD: /usr/local/sbin/appliance-deploy \"\"",
                false,
            ),
        ] {
            assert_eq!(wildcard(line).is_some(), wild, "{line}");
        }
    }
}
