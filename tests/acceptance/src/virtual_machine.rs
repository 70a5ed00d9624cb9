//! The appliance on a virtual machine with four real disks: what containers cannot show, and the questions for it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use image::{Attached, Base, Exec, Machine, Output, Release, Virtual, VirtualOptions};

use crate::container_fixture::{ADMIN, here, lines_of_json, programs};

/// Emulated, and with two cores for everybody, an apply of everything takes up to a minute.
const PATIENCE: Duration = Duration::from_secs(240);

/// The serial numbers of the three disks, which are their device names.
pub const DATA: &str = "data-disk";
/// See [`DATA`].
pub const HOME: &str = "home-disk";
/// See [`DATA`].
pub const TEMP: &str = "tmp-disk";

/// A virtual machine with the appliance's programs on it.
#[derive(Debug)]
pub struct Appliance {
    /// The machine itself.
    pub machine: Virtual,
    key: PathBuf,
    release: Release,
}

impl Appliance {
    /// Off, with nothing installed yet: disks can be arranged before [`Self::boot`].
    pub fn off() -> Result<Self> {
        let machine = Virtual::off(VirtualOptions::new(Base::stock()?))?;
        let key = machine.directory().join(ADMIN);
        let words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", ADMIN, "-f"];
        let path = key.display().to_string();
        here(&words.into_iter().chain([path.as_str()]).collect::<Vec<_>>())?.checked(&["ssh-keygen"])?;
        let public = std::fs::read_to_string(key.with_extension("pub"))?;
        let release =
            Release::from_directory(&stripped(machine.directory())?, &instance_file(public.trim()))?;
        Ok(Self {
            machine,
            key,
            release,
        })
    }

    /// Boots it for the first time and puts the programs on it.
    pub fn boot(&mut self) -> Result<()> {
        self.start()?;
        Ok(self.release.install(&self.machine)?)
    }

    /// Starts it, and says how long that took.
    pub fn start(&mut self) -> Result<()> {
        timed("boot", || Ok(self.machine.start()?))
    }

    /// An orderly end and a new start with the disks in this order.
    pub fn reboot_with(&mut self, serials: &[&str]) -> Result<()> {
        let disks = serials
            .iter()
            .map(|serial| self.disk(serial))
            .collect::<Result<Vec<_>>>()?;
        self.reboot_with_disks(disks)
    }

    /// The same with disks of one's own.
    pub fn reboot_with_disks(&mut self, disks: Vec<Attached>) -> Result<()> {
        timed("shutdown", || Ok(self.machine.power_off()?))?;
        self.machine.set_disks(disks);
        self.start()
    }

    /// One of the three disks that the machine was made with.
    pub fn disk(&self, serial: &str) -> Result<Attached> {
        let name = serial.strip_suffix("-disk").context("the name of a disk")?;
        let image = self.machine.directory().join(format!("disks/{name}.img"));
        ensure!(image.is_file(), "{} is missing", image.display());
        Ok(Attached {
            serial: serial.to_owned(),
            image,
        })
    }

    /// Runs a shell script as root, whatever comes of it.
    pub fn try_sh(&self, script: &str) -> Result<Output> {
        self.exec(&["sh", "-c", script])
    }

    /// Runs a shell script as root that must succeed, and gives what it printed.
    pub fn sh(&self, script: &str) -> Result<String> {
        Ok(self.try_sh(script)?.checked(&[script])?.stdout)
    }

    fn exec(&self, argv: &[&str]) -> Result<Output> {
        let exec = Exec {
            timeout: PATIENCE,
            ..Exec::new(argv)
        };
        Ok(self.machine.exec(&exec)?)
    }

    /// `appliance` with these arguments.
    pub fn appliance(&self, arguments: &[&str]) -> Result<Output> {
        let mut argv = vec![image::install::OPERATOR_PROGRAM];
        argv.extend(arguments);
        self.exec(&argv)
    }

    /// Applies, which must succeed, and gives the targets that were changed.
    pub fn apply(&self) -> Result<Vec<String>> {
        let done = timed("apply", || self.appliance(&["apply", "--yes", "--json"]))?;
        if !done.success() {
            bail!(
                "apply ended with {}:\n{}\n{}",
                done.status,
                done.stderr,
                done.stdout
            );
        }
        let lines = lines_of_json(&done.stdout);
        let done = lines.iter().filter(|line| line["event"] == "done");
        Ok(done
            .map(|line| line["target"].as_str().unwrap_or_default().to_owned())
            .collect())
    }

    /// Fails unless there is nothing to do.
    pub fn nothing_to_do(&self) -> Result<()> {
        let plan = self.appliance(&["plan"])?;
        ensure!(
            plan.status == 0,
            "the plan is not empty:\n{}{}",
            plan.stdout,
            plan.stderr
        );
        Ok(())
    }

    /// Fails unless an apply is refused for safety with this among its reasons.
    pub fn refused(&self, reason: &str) -> Result<()> {
        let apply = self.appliance(&["apply", "--yes"])?;
        let said = format!("{}{}", apply.stdout, apply.stderr);
        ensure!(
            apply.status == 3,
            "apply ended with {} and not with 3:\n{said}",
            apply.status
        );
        ensure!(said.contains(reason), "{reason:?} is not in:\n{said}");
        Ok(())
    }

    /// Where each mount point's disk is by the word of its marker; empty where nothing is mounted.
    pub fn roles(&self) -> Result<[String; 3]> {
        let role = |point: &str| {
            self.sh(&format!(
                "mountpoint -q {point} || exit 0; sed -n 's/.*\"role\":\"\\([a-z]*\\)\".*/\\1/p' {point}/.appliance-disk"
            ))
            .map(|text| text.trim().to_owned())
        };
        Ok([role("/data")?, role("/home")?, role("/tmp")?])
    }

    /// The status and the body of the portal's `/health`.
    pub fn health(&self) -> Result<(u16, serde_json::Value)> {
        let script = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/webapp/webapp.sock')\n\
            s.sendall(b'GET /health HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n\
            print(b''.join(iter(lambda: s.recv(65536), b'')).decode())";
        let out = self
            .exec(&["python3", "-c", script])?
            .checked(&["ask for /health"])?;
        let (head, body) = out.stdout.split_once("\r\n\r\n").context("an answer of HTTP")?;
        let status = head.split_ascii_whitespace().nth(1).context("a status")?;
        Ok((status.parse()?, serde_json::from_str(body)?))
    }

    /// ssh from this host as the administrator.
    pub fn ssh(&self, command: &str) -> Result<Output> {
        let port = self.machine.endpoint(22)?.port().to_string();
        let (key, target) = (self.key.display().to_string(), format!("{ADMIN}@127.0.0.1"));
        let mut words = vec!["timeout", "120", "ssh", "-F", "none", "-i", &key, "-p", &port];
        for option in [
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "LogLevel=ERROR",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
        ] {
            words.extend(["-o", option]);
        }
        words.extend([target.as_str(), command]);
        here(&words)
    }
}

/// What an operator writes.
fn instance_file(key: &str) -> String {
    format!(
        "instance_name = \"data-broker\"\nproject = \"local\"\nzone = \"europe-north1-a\"\n\
         domain = \"data-broker.localhost\"\nplatform = \"qemu\"\nrelease_keys = [\"{key}\"]\nci_ssh_keys = [\"{key}\"]\n\
         ssh_source_ranges = [\"0.0.0.0/0\"]\n\n[[admins]]\nusername = \"{ADMIN}\"\nssh_keys = [\"{key}\"]\n"
    )
}

/// The programs without what only a debugger reads: a tenth of the bytes goes through the emulated disk.
fn stripped(directory: &Path) -> Result<PathBuf> {
    let (from, to) = (programs()?, directory.join("programs"));
    std::fs::create_dir(&to)?;
    for name in ["appliance", "webapp"] {
        let status = Command::new("strip")
            .arg("-o")
            .args([to.join(name), from.join(name)])
            .status()
            .context("strip; next: run ./dev once, it installs what is missing")?;
        ensure!(status.success(), "strip ended with {status}");
    }
    Ok(to)
}

/// SHA-256 of a disk's bytes, as hexadecimal digits.
pub fn digest(image: &Path) -> Result<String> {
    let out = here(&["sha256sum", &image.display().to_string()])?.checked(&["sha256sum"])?;
    Ok(out.stdout.split(' ').next().unwrap_or_default().to_owned())
}

/// Says how long something took, for whoever wonders where the minutes went.
#[expect(clippy::print_stderr, reason = "the test's own record")]
pub fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let result = work();
    let seconds = begun.elapsed().as_secs_f64();
    match &result {
        Ok(_) => eprintln!("{what}: {seconds:.1} s"),
        Err(why) => eprintln!("{what}: {seconds:.1} s, failed: {why:#}"),
    }
    result
}

/// Many checks on one machine: a boot is too dear for a machine each, and one that fails hides no other.
#[derive(Debug, Default)]
pub struct Checks {
    failed: Vec<String>,
}

impl Checks {
    /// Carries one out, named by its number in the specification.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        if let Err(why) = timed(name, check) {
            self.failed.push(format!("{name}: {why:#}"));
        }
    }

    /// All of them went well.
    pub fn done(self) -> Result<()> {
        ensure!(
            self.failed.is_empty(),
            "{} failed:\n{}",
            self.failed.len(),
            self.failed.join("\n")
        );
        Ok(())
    }
}
