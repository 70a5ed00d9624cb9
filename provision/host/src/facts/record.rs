//! One line of an account file: its text read into fields, and written back.

use crate::facts::account::{GroupLine, GshadowLine, PasswdLine, Password, ShadowLine};

/// One line's text and back. Only a line that comes back unchanged counts as understood, so that a rewritten
/// file differs from the old one in nothing but what was meant.
pub trait Record: Sized + PartialEq {
    /// Where its file is.
    const FILE: &'static str;
    /// Reads a line without its end.
    fn parse(line: &str) -> Option<Self>;
    /// Writes it.
    fn print(&self) -> String;
}

impl Record for PasswdLine {
    const FILE: &'static str = "/etc/passwd";

    fn parse(line: &str) -> Option<Self> {
        let [name, password, uid, gid, comment, home, shell] = fields(line)?;
        named(name)?;
        Some(Self {
            name: name.to_owned(),
            password: Password(password.to_owned()),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            comment: comment.to_owned(),
            home: home.to_owned(),
            shell: shell.to_owned(),
        })
    }

    fn print(&self) -> String {
        let Self {
            name,
            password,
            uid,
            gid,
            comment,
            home,
            shell,
        } = self;
        format!("{name}:{}:{uid}:{gid}:{comment}:{home}:{shell}", password.0)
    }
}

impl Record for GroupLine {
    const FILE: &'static str = "/etc/group";

    fn parse(line: &str) -> Option<Self> {
        let [name, password, gid, members] = fields(line)?;
        named(name)?;
        Some(Self {
            name: name.to_owned(),
            password: Password(password.to_owned()),
            gid: gid.parse().ok()?,
            members: list(members),
        })
    }

    fn print(&self) -> String {
        format!(
            "{}:{}:{}:{}",
            self.name,
            self.password.0,
            self.gid,
            self.members.join(",")
        )
    }
}

impl Record for ShadowLine {
    const FILE: &'static str = "/etc/shadow";

    fn parse(line: &str) -> Option<Self> {
        let [name, password, rest @ ..] = fields::<9>(line)?;
        named(name)?;
        // Days and nothing else: these fields are shown, and a hash that somebody put here must not be.
        let days = |field: &&str| field.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if !rest.iter().all(days) {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            password: Password(password.to_owned()),
            rest: rest.join(":"),
        })
    }

    fn print(&self) -> String {
        format!("{}:{}:{}", self.name, self.password.0, self.rest)
    }
}

impl Record for GshadowLine {
    const FILE: &'static str = "/etc/gshadow";

    fn parse(line: &str) -> Option<Self> {
        let [name, password, administrators, members] = fields(line)?;
        named(name)?;
        Some(Self {
            name: name.to_owned(),
            password: Password(password.to_owned()),
            administrators: list(administrators),
            members: list(members),
        })
    }

    fn print(&self) -> String {
        let Self {
            name,
            password,
            administrators,
            members,
        } = self;
        format!(
            "{name}:{}:{}:{}",
            password.0,
            administrators.join(","),
            members.join(",")
        )
    }
}

fn fields<const COUNT: usize>(line: &str) -> Option<[&str; COUNT]> {
    line.split(':').collect::<Vec<_>>().try_into().ok()
}

/// `#` begins a comment and `+` and `-` an NIS line, which look like entries.
fn named(name: &str) -> Option<()> {
    (!name.is_empty() && !name.starts_with(['#', '+', '-'])).then_some(())
}

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
