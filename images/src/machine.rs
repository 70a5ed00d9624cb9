//! What an acceptance test may ask of a machine, whichever kind it is.

use std::path::Path;
use std::time::Duration;

use crate::command::Output;
use crate::error::{AtPath, Result};

/// What stands under the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A container under systemd-nspawn: quick, no udev, the host's kernel.
    Container,
    /// A virtual machine under qemu: its own kernel, real disks.
    Virtual,
}

/// One command to run in a machine.
#[derive(Debug, Clone)]
pub struct Exec<'a> {
    /// The program and its arguments; no shell in between.
    pub argv: &'a [&'a str],
    /// The account that runs it.
    pub user: &'a str,
    /// What it reads on its standard input.
    pub stdin: &'a [u8],
    /// When to end it and call it an error.
    pub timeout: Duration,
}

impl<'a> Exec<'a> {
    /// As root, no input, one minute.
    pub fn new(argv: &'a [&'a str]) -> Exec<'a> {
        Exec {
            argv,
            user: "root",
            stdin: b"",
            timeout: Duration::from_secs(60),
        }
    }
}

/// A booted Debian 12.
pub trait Machine {
    /// What stands under it.
    fn kind(&self) -> Kind;

    /// Runs a command; whatever status it ends with is an answer, not an error.
    fn exec(&self, exec: &Exec<'_>) -> Result<Output>;

    /// Shuts down in order and starts again, with the same root and the same disks.
    fn reboot(&mut self) -> Result<()>;

    /// Shuts down in order. `start` brings it back.
    fn power_off(&mut self) -> Result<()>;

    /// Ends the machine as a power cut would: nothing is flushed, nobody is asked.
    fn power_cut(&mut self) -> Result<()>;

    /// Starts a machine that is off and waits until it is up.
    fn start(&mut self) -> Result<()>;

    /// The machine's address for a port of its own: where this host reaches it.
    fn endpoint(&self, port: u16) -> Result<std::net::SocketAddr>;

    /// Runs a command as root.
    fn run(&self, argv: &[&str]) -> Result<Output> {
        self.exec(&Exec::new(argv))
    }

    /// Runs a command as an account of the machine's, with its groups and a fresh environment, but
    /// without a login: limits of PAM sessions need ssh.
    fn run_as(&self, user: &str, argv: &[&str]) -> Result<Output> {
        self.exec(&Exec {
            user,
            ..Exec::new(argv)
        })
    }

    /// Copies a file of this host's into the machine, owned by root, replaced in one step.
    fn copy_in(&self, from: &Path, to: &str, mode: u32) -> Result<()> {
        let bytes = std::fs::read(from).at("read", from)?;
        self.write_file(to, &bytes, mode)
    }

    /// Writes a file in the machine, owned by root, replaced in one step; its directory is made.
    fn write_file(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        write_by_input(|exec| self.exec(exec), path, bytes, mode)
    }

    /// Reads a file of the machine's.
    fn read_file(&self, path: &str) -> Result<Vec<u8>> {
        let argv = ["cat", "--", path];
        Ok(self.run(&argv)?.checked(&argv)?.raw)
    }
}

/// Writes a file through a command's standard input.
pub(crate) fn write_by_input(
    run: impl Fn(&Exec<'_>) -> Result<Output>,
    path: &str,
    bytes: &[u8],
    mode: u32,
) -> Result<()> {
    // The arguments are $0 and $1: no path is ever read as shell text.
    let script = "mkdir -p \"$(dirname \"$0\")\" && cat > \"$0.new\" && chmod \"$1\" \"$0.new\" && mv -f \"$0.new\" \"$0\"";
    let mode = format!("{mode:o}");
    let argv = ["sh", "-c", script, path, &mode];
    run(&Exec {
        stdin: bytes,
        ..Exec::new(&argv)
    })?
    .checked(&["write", path])
    .map(drop)
}
