//! Asking the program that will read a file whether it understands it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use appliance::path::TargetPath;

use crate::command::{Command, Output};
use crate::{Host, HostError, temporary};

/// Who judges a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Judge {
    /// `visudo -cf`
    Sudoers,
    /// `sshd -t -f`, for a whole configuration.
    Sshd,
    /// `nft -c -f`
    Nftables,
    /// `nginx -t -c`, for a whole configuration.
    Nginx,
    /// `systemd-analyze verify`
    Unit,
}

/// What a judge said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub enum Verdict {
    /// Good.
    Good,
    /// Wrong, in the judge's words.
    Bad(String),
    /// The program is not installed.
    NoJudge(&'static str),
}

/// Above what any judge ever exits with of its own will.
const ANY_CODE: &[i32] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 255];

impl Judge {
    fn program(self) -> &'static str {
        match self {
            Self::Sudoers => "/usr/sbin/visudo",
            Self::Sshd => "/usr/sbin/sshd",
            Self::Nftables => "/usr/sbin/nft",
            Self::Nginx => "/usr/sbin/nginx",
            Self::Unit => "/usr/bin/systemd-analyze",
        }
    }

    /// Words before the name of a file.
    fn words(self) -> &'static [&'static str] {
        match self {
            // Not --quiet, which also hides what is wrong.
            Self::Sudoers => &["-c", "-f"],
            Self::Sshd => &["-t", "-f"],
            Self::Nftables => &["--check", "--file"],
            Self::Nginx => &["-t", "-q", "-c"],
            // Errors of other units are not this file's.
            Self::Unit => &["verify", "--man=no", "--recursive-errors=no"],
        }
    }

    fn words_for_installed(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Sudoers => Some(&["-c"]),
            Self::Sshd => Some(&["-t"]),
            Self::Nftables => Some(&["--check", "--file", "/etc/nftables.conf"]),
            Self::Nginx => Some(&["-t", "-q"]),
            Self::Unit => None,
        }
    }
}

/// Asks about bytes that are not on the machine yet, under the file name that they will have.
pub fn content(host: &Host, judge: Judge, name: &str, content: &[u8]) -> Result<Verdict, HostError> {
    contents(host, judge, &[(name, content)])
}

/// Asks about several files that belong together, such as a timer and its service, in one go.
pub fn contents(_host: &Host, judge: Judge, files: &[(&str, &[u8])]) -> Result<Verdict, HostError> {
    let command = Command::new(judge.program()).args(judge.words().iter().copied());
    if !command.is_installed() {
        return Ok(Verdict::NoJudge(judge.program()));
    }
    let candidates = Candidates::new(files)?;
    let paths = files
        .iter()
        .map(|(name, _)| candidates.0.join(name).to_string_lossy().into_owned());
    let output = command.args(paths).accept(ANY_CODE).run()?;
    // The operator knows the file by its own name, not by where it lay while it was judged.
    let said = verdict(output);
    let place = format!("{}/", candidates.0.display());
    Ok(match said {
        Verdict::Bad(text) => Verdict::Bad(text.replace(&place, "")),
        other => other,
    })
}

/// Asks about unit files where they lie, together with all that they name. A program that is not installed yet is no
/// mistake of the unit's.
pub fn units(paths: &[&TargetPath]) -> Result<Verdict, HostError> {
    let command = Command::new(Judge::Unit.program()).args(Judge::Unit.words().iter().copied());
    if !command.is_installed() {
        return Ok(Verdict::NoJudge(Judge::Unit.program()));
    }
    let output = command
        .args(paths.iter().map(|path| path.as_str()))
        .accept(ANY_CODE)
        .run()?;
    let missing_program = |line: &&str| line.contains("is not executable: No such file or directory");
    let said: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| !missing_program(line))
        .collect();
    Ok(match output.code {
        0 => Verdict::Good,
        _ if said.is_empty() => Verdict::Good,
        _ => Verdict::Bad(said.join("\n")),
    })
}

/// Asks about what is on the machine now, the judge's own default files.
pub fn installed(host: &Host, judge: Judge) -> Result<Verdict, HostError> {
    host.require_live("judge what is installed")?;
    let Some(words) = judge.words_for_installed() else {
        return Ok(Verdict::Good);
    };
    let command = Command::new(judge.program()).args(words.iter().copied());
    if !command.is_installed() {
        return Ok(Verdict::NoJudge(judge.program()));
    }
    Ok(verdict(command.accept(ANY_CODE).run()?))
}

fn verdict(output: Output) -> Verdict {
    match output.code {
        0 => Verdict::Good,
        _ => {
            let said = format!(
                "{}\n{}",
                String::from_utf8_lossy(&output.stdout).trim(),
                output.stderr
            );
            Verdict::Bad(said.trim().to_owned())
        }
    }
}

/// A directory that nobody else may enter, with the files to be judged. Gone when dropped.
struct Candidates(PathBuf);

impl Candidates {
    fn new(files: &[(&str, &[u8])]) -> Result<Self, HostError> {
        let make = |name: &str| {
            let path = std::env::temp_dir().join(name);
            let made = fs::DirBuilder::new().mode(0o700).create(&path);
            made.map(|()| path)
                .map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
        };
        let fail = |path: &Path, source| HostError::Kernel {
            path: path.display().to_string(),
            source,
        };
        let (_, path) =
            temporary::make("judge", make).map_err(|errno| fail(&std::env::temp_dir(), errno.into()))?;
        let candidates = Self(path);
        for (name, content) in files {
            if name.contains('/') || name.starts_with('.') {
                return Err(fail(Path::new(name), std::io::ErrorKind::InvalidFilename.into()));
            }
            let path = candidates.0.join(name);
            let file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            let write = |mut file: fs::File| std::io::Write::write_all(&mut file, content);
            file.and_then(write).map_err(|source| fail(&path, source))?;
        }
        Ok(candidates)
    }
}

impl Drop for Candidates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visudo_tells_good_from_bad_by_the_name_of_the_file() {
        let host = Host::offline(Path::new("/")).expect("a host");
        let judge =
            |text: &str| content(&host, Judge::Sudoers, "deploy", text.as_bytes()).expect("an answer");
        assert_eq!(judge("Defaults:deploy env_reset\n"), Verdict::Good);
        match judge("deploy ALL=(root NOPASSWD: /bin/true\n") {
            Verdict::Bad(said) => assert!(said.contains("deploy:1") && !said.contains("/tmp"), "{said}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let host = Host::offline(Path::new("/")).expect("a host");
        assert!(content(&host, Judge::Sudoers, "../x", b"").is_err());
    }
}
