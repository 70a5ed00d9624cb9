//! Puts the appliance on a machine the way an operator unpacks a release, and nothing more: what else
//! the machine needs, the first apply has to bring.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::command::Output;
use crate::error::{AtPath, Error, Result};
use crate::inside::Inside;
use crate::machine::{Exec, Machine, write_by_input};

/// Where the operator's program stands.
pub const OPERATOR_PROGRAM: &str = "/usr/local/sbin/appliance";

/// Where the instance file stands.
pub const INSTANCE_FILE: &str = "/etc/data-analyst/appliance.toml";

/// The directory of releases, and beside it the link to the live one.
pub const RELEASES: &str = "/opt/data-analyst/releases";

/// The operator's program, and those that a release carries.
const OPERATOR: &str = "appliance";
const CARRIED: [&str; 1] = ["webapp"];

/// The instance file of a development machine.
pub const DEVELOPMENT_INSTANCE: &str = include_str!("../dev-instance.toml");

/// Where a release can be put: a machine that we own, or a container that another process owns.
pub trait Target {
    /// Writes a file owned by root, replaced in one step.
    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()>;

    /// Runs a command as root.
    fn call(&self, argv: &[&str]) -> Result<Output>;
}

impl<M: Machine + ?Sized> Target for M {
    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        self.write_file(path, bytes, mode)
    }

    fn call(&self, argv: &[&str]) -> Result<Output> {
        self.run(argv)
    }
}

impl Target for Inside {
    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        write_by_input(|exec| self.exec(exec), path, bytes, mode)
    }

    fn call(&self, argv: &[&str]) -> Result<Output> {
        self.exec(&Exec::new(argv))
    }
}

/// What goes onto a machine.
#[derive(Debug, Clone)]
pub struct Release {
    /// Names the directory of the release.
    pub version: String,
    programs: Vec<(&'static str, PathBuf)>,
    /// The instance file, whole.
    pub instance: String,
}

impl Release {
    /// The programs of a target directory such as `target/debug`, versioned by what is in them.
    pub fn from_directory(programs: &Path, instance: &str) -> Result<Release> {
        let mut hash = Sha256::new();
        let mut found = Vec::new();
        for name in [OPERATOR].into_iter().chain(CARRIED) {
            let path = programs.join(name);
            hash.update(std::fs::read(&path).at("read the program", &path)?);
            found.push((name, path));
        }
        let digest: String = hash
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Release {
            version: format!("0.0.0-dev.{digest}"),
            programs: found,
            instance: instance.to_owned(),
        })
    }

    /// The programs that were built together with the running one, be it a program or a test.
    pub fn of_this_build(instance: &str) -> Result<Release> {
        let here = std::env::current_exe().at("find", Path::new("/proc/self/exe"))?;
        // Tests are a directory further down.
        let beside = here
            .ancestors()
            .skip(1)
            .find(|directory| directory.join(OPERATOR).is_file());
        let nowhere = || {
            Error::Host(
                "there is no program `appliance` beside this one\nnext: cargo build --workspace --bins"
                    .to_owned(),
            )
        };
        Release::from_directory(beside.ok_or_else(nowhere)?, instance)
    }

    /// Names this release together with its instance file: the same words, the same outcome.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.instance.as_bytes());
        let instance: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("{} {instance}", self.version)
    }

    /// Copies everything onto the machine and makes the release the live one.
    pub fn install(&self, machine: &(impl Target + ?Sized)) -> Result<()> {
        let release = format!("{RELEASES}/{}", self.version);
        for (name, path) in &self.programs {
            let to = if *name == OPERATOR {
                OPERATOR_PROGRAM.to_owned()
            } else {
                format!("{release}/bin/{name}")
            };
            let bytes = std::fs::read(path).at("read the program", path)?;
            machine.put(&to, &bytes, 0o755)?;
        }
        machine.put(INSTANCE_FILE, self.instance.as_bytes(), 0o644)?;
        // One rename makes it live, so `current` always leads to a whole release.
        let script = "cd \"$0/..\" && ln -sfn \"releases/$1\" .current.new && mv -T .current.new current";
        let argv = ["sh", "-c", script, RELEASES, &self.version];
        machine
            .call(&argv)?
            .checked(&["switch", "to", &self.version])
            .map(drop)
    }
}
