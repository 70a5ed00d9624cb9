//! Getting this program onto another machine, after a look at what is there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom};

use crate::errand::Heard;
use crate::link::{Input, Link, Said, here};
use crate::name::Digest;
use crate::signals::Signals;
use crate::{Destination, RemoteError, Way};

/// Below here lies all that this crate keeps on a machine.
pub(crate) const PLACE: &str = "/var/lib/data-analyst/remote";

const LOOK: &str = include_str!("look.sh");
const PRESENT: &str = include_str!("present.sh");
const COPY: &str = include_str!("copy.sh");

/// Debian 12, as `/etc/os-release` has it.
const SYSTEM: (&str, &str) = ("debian", "12");

/// Left free beside the program, for what a run says.
const SPARE_BYTES: u64 = 4 << 20;
const MIB: u64 = 1 << 20;

/// This program as it is there, and how to become root for it.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    sudo: bool,
    path: String,
}

impl Arrived {
    /// A fixed command line: the caller's words are fixed too, or digits.
    pub fn command(&self, words: &str) -> String {
        self.command_by(false, words)
    }

    /// The same for the account that came here, or for another one, which is not root.
    pub fn command_by(&self, another: bool, words: &str) -> String {
        format!("{}{} {words}", prefix(self.sudo || another), self.path)
    }
}

fn prefix(sudo: bool) -> &'static str {
    if sudo { "sudo -n " } else { "" }
}

/// This very program, even when its file has been replaced since it was started.
#[derive(Debug)]
pub(crate) struct Program {
    file: File,
    digest: Digest,
    bytes: u64,
}

impl Program {
    pub fn own() -> Result<Self, RemoteError> {
        let mut file = File::open("/proc/self/exe").map_err(here("read this program"))?;
        let digest = Digest::of(&mut file).map_err(here("read this program"))?;
        let bytes = file.metadata().map_err(here("read this program"))?.len();
        Ok(Self { file, digest, bytes })
    }

    fn again(&self) -> std::io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

/// Looks at the machine, and copies the program when it is not there yet.
pub(crate) fn arrive(
    way: &Way,
    link: &Link,
    program: &Program,
    signals: &Signals,
    tell: &mut dyn FnMut(Heard<'_>),
) -> Result<Arrived, RemoteError> {
    let digest = program.digest.as_str();
    let command = format!("sh -c '{LOOK}' sh '{PRESENT}' {digest}");
    let said = link.call(way, &command, Input::Nothing, Some(signals))?;
    let sudo = judge(&way.there, &said)?;
    let arrived = Arrived {
        sudo,
        path: format!("{PLACE}/bin/{digest}/appliance"),
    };
    let found = answers(&said.stdout);
    match found.get("program").copied() {
        Some("there") => return Ok(arrived),
        Some("absent") => {}
        Some("tampered") => {
            return Err(RemoteError::Tampered {
                there: way.there.clone(),
                path: arrived.path,
            });
        }
        _ => return Err(not_understood(&way.there, &said)),
    }
    let free = found
        .get("free")
        .and_then(|free| free.parse::<u64>().ok())
        .map_or(u64::MAX, |kilobytes| kilobytes.saturating_mul(1024));
    if free < program.bytes + SPARE_BYTES {
        return Err(RemoteError::NoSpace {
            there: way.there.clone(),
            free: free / MIB,
            needed: (program.bytes + SPARE_BYTES).div_ceil(MIB),
        });
    }
    tell(Heard::Progress(&format!(
        "copying this program ({} MiB) to {}",
        program.bytes.div_ceil(MIB),
        way.there
    )));
    copy(way, link, program, sudo, signals)?;
    Ok(arrived)
}

fn copy(way: &Way, link: &Link, program: &Program, sudo: bool, signals: &Signals) -> Result<(), RemoteError> {
    let file = program.again().map_err(here("read this program"))?;
    let command = format!("{}sh -c '{COPY}' sh {}", prefix(sudo), program.digest.as_str());
    let said = link.call(way, &command, Input::File(file), Some(signals))?;
    let there = way.there.clone();
    let why = match said.code {
        0 => return Ok(()),
        74 | 126 => {
            return Err(RemoteError::NotExecutable {
                there,
                said: said.stderr,
            });
        }
        71 => "its directory could not be made",
        72 => "it could not be written",
        73 => "what arrived has another digest",
        _ => "the machine ended it",
    };
    Err(RemoteError::Copy {
        there,
        why,
        said: said.stderr,
    })
}

/// Whether sudo is needed, when the machine is one for us.
fn judge(there: &Destination, said: &Said) -> Result<bool, RemoteError> {
    let found = answers(&said.stdout);
    let answer = |name: &str| found.get(name).copied().unwrap_or("unknown");
    if !found.contains_key("root") {
        return Err(not_understood(there, said));
    }
    let wrong = |found: &str, wanted: &str| RemoteError::WrongMachine {
        there: there.clone(),
        found: found.to_owned(),
        wanted: wanted.to_owned(),
    };
    if answer("machine") != std::env::consts::ARCH {
        return Err(wrong(answer("machine"), std::env::consts::ARCH));
    }
    if (answer("id"), answer("version")) != SYSTEM {
        let found = format!("{} {}", answer("id"), answer("version"));
        return Err(wrong(&found, "debian 12"));
    }
    let why = match answer("root") {
        "yes" => return Ok(false),
        "sudo" => return Ok(true),
        "no-sudo" => "sudo is not installed there",
        _ => "sudo asks it for a password or forbids it",
    };
    Err(RemoteError::NotRoot {
        there: there.clone(),
        why,
    })
}

fn not_understood(there: &Destination, said: &Said) -> RemoteError {
    RemoteError::FarSide {
        there: there.clone(),
        operation: "say what it is".to_owned(),
        said: format!("{}{}", said.stdout, said.stderr),
    }
}

/// `name=value` lines; others are what a login shell may say.
fn answers(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name, value.trim().trim_matches('"')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_go_through_any_shell_as_one_word() {
        for script in [LOOK, PRESENT, COPY] {
            assert!(!script.contains('\''));
        }
    }

    fn look(text: &str) -> Result<bool, String> {
        let said = Said {
            code: 0,
            stdout: text.to_owned(),
            stderr: String::new(),
        };
        judge(&"there".parse().unwrap(), &said).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_debian_12_of_this_kind_with_root_will_do() {
        let arch = std::env::consts::ARCH;
        let machine = |arch: &str, id: &str, version: &str, root: &str| {
            look(&format!(
                "Welcome!\nmachine={arch}\nid={id}\nversion=\"{version}\"\nroot={root}\n"
            ))
        };
        assert_eq!(machine(arch, "debian", "12", "yes"), Ok(false));
        assert_eq!(machine(arch, "debian", "12", "sudo"), Ok(true));
        for (found, expected) in [
            (
                machine("riscv64", "debian", "12", "yes"),
                "there is riscv64, and this program is for",
            ),
            (
                machine(arch, "ubuntu", "24.04", "yes"),
                "there is ubuntu 24.04, and this program is for debian 12",
            ),
            (
                machine(arch, "debian", "12", "denied"),
                "sudo asks it for a password or forbids it",
            ),
            (
                machine(arch, "debian", "12", "no-sudo"),
                "sudo is not installed there",
            ),
            (
                look("This account is not available.\n"),
                "there could not say what it is\n    This account is not",
            ),
        ] {
            let found = found.unwrap_err();
            assert!(found.contains(expected), "{found}");
        }
    }
}
