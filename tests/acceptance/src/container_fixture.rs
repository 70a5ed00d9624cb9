//! A fresh Debian 12 in a container with the appliance's programs on it, and the questions that tests ask it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use image::{Base, Container, Exec, Machine, Options, Output, Release};

/// The administrator of the instance file.
pub const ADMIN: &str = "alice";
/// The name under which the portal answers.
pub const DOMAIN: &str = "data-broker.localhost";

/// Analysts that [`Appliance::add_people`] brings, beside the administrator.
pub const STANDARD: &str = "stan";
/// Another standard one.
pub const COLLEAGUE: &str = "cora";
/// A privileged one.
pub const PRIVILEGED: &str = "petra";

/// Longer than any command of a test takes, with another machine at work beside it.
const PATIENCE: Duration = Duration::from_secs(180);

/// A machine with the appliance's programs on it, applied or not.
#[derive(Debug)]
pub struct Appliance {
    machine: Container,
    keys: Keys,
}

/// Key pairs that live as long as their test.
#[derive(Debug)]
struct Keys {
    directory: PathBuf,
}

impl Keys {
    fn make(directory: PathBuf) -> Result<Self> {
        for name in [ADMIN, "ci"] {
            let file = directory.join(name);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(&file)
                .status()
                .context("ssh-keygen; next: run ./dev once, it installs what is missing")?;
            ensure!(made.success(), "ssh-keygen ended with {made}");
        }
        Ok(Self { directory })
    }

    fn public(&self, name: &str) -> Result<String> {
        let text = std::fs::read_to_string(self.directory.join(format!("{name}.pub")))?;
        Ok(text.trim().to_owned())
    }
}

/// The directory that cargo puts programs into, told from where this test lies.
pub fn programs() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let directory = test
        .parent()
        .and_then(|deps| deps.parent())
        .context("a test lies two directories below the target directory")?;
    for name in ["appliance", "webapp"] {
        ensure!(
            directory.join(name).is_file(),
            "{} is missing\nnext: build it with `cargo build --workspace --bins`, or run `./dev test machine`",
            directory.join(name).display()
        );
    }
    Ok(directory.to_owned())
}

/// What an operator writes, with the given keys.
fn instance_file(admin_key: &str, ci_key: &str) -> String {
    format!(
        "instance_name = \"data-broker\"\nproject = \"local\"\nzone = \"europe-north1-a\"\ndomain = \"{DOMAIN}\"\n\
         platform = \"container\"\nrelease_keys = [\"{ci_key}\"]\nci_ssh_keys = [\"{ci_key}\"]\n\
         ssh_source_ranges = [\"0.0.0.0/0\"]\n\n\
         [[admins]]\nusername = \"{ADMIN}\"\nssh_keys = [\"{admin_key}\"]\n"
    )
}

impl Appliance {
    /// Booted, the programs and the instance file in place, nothing applied.
    pub fn unapplied() -> Result<Self> {
        let machine = Container::boot(Options::new(Base::stock()?))?;
        let keys = Keys::make(machine.directory().to_owned())?;
        let instance = instance_file(&keys.public(ADMIN)?, &keys.public("ci")?);
        Release::from_directory(&programs()?, &instance)?.install(&machine)?;
        Ok(Self { machine, keys })
    }

    /// Applied once.
    pub fn applied() -> Result<Self> {
        let appliance = Self::unapplied()?;
        appliance.apply()?;
        Ok(appliance)
    }

    /// The machine itself, for what this fixture has no word for.
    pub fn machine(&mut self) -> &mut Container {
        &mut self.machine
    }

    /// The address by which this host reaches the machine.
    pub fn address(&self) -> String {
        self.machine.address()
    }

    /// Writes a file of the machine's, owned by root.
    pub fn write(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        Ok(self.machine.write_file(path, bytes, mode)?)
    }

    /// What the portal answers on its own socket, without nginx in between; of several answers the last.
    pub fn portal(&self, paths: &[&str]) -> Result<String> {
        let script = "import http.client, socket, sys\n\
                      class Unix(http.client.HTTPConnection):\n    def connect(self):\n        self.sock = socket.socket(socket.AF_UNIX); self.sock.connect('/run/webapp/webapp.sock')\n\
                      c = Unix(sys.argv[1])\n\
                      for path in sys.argv[2:]:\n    c.request('GET', path); body = c.getresponse().read()\n\
                      sys.stdout.buffer.write(body)\n";
        let mut argv = vec!["python3", "-c", script, DOMAIN];
        argv.extend(paths);
        Ok(self.exec(&argv)?.checked(&["GET", paths[0]])?.stdout)
    }

    /// Runs a shell script as root, whatever comes of it.
    pub fn try_sh(&self, script: &str) -> Result<Output> {
        self.exec(&["sh", "-c", script])
    }

    /// Runs a shell script as root that must succeed, and gives what it printed.
    pub fn sh(&self, script: &str) -> Result<String> {
        Ok(self.try_sh(script)?.checked(&[script])?.stdout)
    }

    /// Runs a command as root, whatever comes of it.
    pub fn exec(&self, argv: &[&str]) -> Result<Output> {
        let exec = Exec {
            timeout: PATIENCE,
            ..Exec::new(argv)
        };
        Ok(self.machine.exec(&exec)?)
    }

    /// Runs a shell script with an account's numbers and groups, as the role matrix of the specification is defined.
    pub fn try_as(&self, who: &str, script: &str) -> Result<Output> {
        self.try_sh(&format!("{} sh -c {}", become_user(who), quoted(script)))
    }

    /// The same, which must succeed.
    pub fn sh_as(&self, who: &str, script: &str) -> Result<String> {
        Ok(self.try_as(who, script)?.checked(&[who, script])?.stdout)
    }

    /// `appliance` with these arguments.
    pub fn appliance(&self, arguments: &[&str]) -> Result<Output> {
        let mut argv = vec![image::install::OPERATOR_PROGRAM];
        argv.extend(arguments);
        self.exec(&argv)
    }

    /// Applies, which must succeed, and gives the number of changes.
    pub fn apply(&self) -> Result<usize> {
        let done = self.appliance(&["apply", "--yes", "--json"])?;
        let steps = lines_of_json(&done.stdout)
            .iter()
            .filter(|line| line["event"] == "done")
            .count();
        if !done.success() {
            bail!(
                "apply ended with {}:\n{}\n{}",
                done.status,
                done.stderr,
                done.stdout
            );
        }
        Ok(steps)
    }

    /// The steps of a plan: what would be done to what.
    pub fn planned(&self) -> Result<Vec<Step>> {
        let plan = self.appliance(&["plan", "--json"])?;
        ensure!(
            [0, 3, 4, 10].contains(&plan.status),
            "plan ended with {}: {}",
            plan.status,
            plan.stderr
        );
        Ok(lines_of_json(&plan.stdout)
            .iter()
            .filter(|record| record["action"] != "none")
            .map(|record| Step {
                verb: word(&record["verb"]),
                target: word(&record["target"]),
                reason: word(&record["reason"]),
                next: word(&record["next"]),
            })
            .collect())
    }

    /// The findings of `verify`, informational ones left out.
    pub fn drift(&self) -> Result<Vec<Finding>> {
        let report = self.appliance(&["verify", "--json"])?;
        ensure!(
            [0, 10].contains(&report.status),
            "verify ended with {}: {}",
            report.status,
            report.stderr
        );
        let report: serde_json::Value =
            serde_json::from_str(&report.stdout).context("the report of verify")?;
        let checks = report["checks"].as_array().context("checks")?;
        Ok(checks
            .iter()
            .flat_map(|check| check["findings"].as_array().into_iter().flatten())
            .filter(|finding| finding["severity"] != "info")
            .map(|finding| Finding {
                severity: word(&finding["severity"]),
                class: word(&finding["class"]),
                target: word(&finding["target"]),
                what: word(&finding["what"]),
            })
            .collect())
    }

    /// What `verify` finds of one class, as targets.
    pub fn drift_of(&self, class: &str) -> Result<Vec<String>> {
        let drift = self.drift()?;
        let of_class = drift.into_iter().filter(|finding| finding.class == class);
        Ok(of_class.map(|finding| finding.target).collect())
    }

    /// Accounts of analysts, as the account commands make them: three with a home each.
    pub fn add_people(&self) -> Result<()> {
        for (name, uid, groups) in [
            (STANDARD, 3101, "dataread"),
            (COLLEAGUE, 3102, "dataread"),
            (PRIVILEGED, 3103, "dataread,data-private"),
        ] {
            self.sh(&format!(
                "groupadd -g {uid} {name} && useradd -m -K HOME_MODE=0750 -u {uid} -g {uid} -G {groups} -s /bin/bash {name} \
                 && install -d -o {name} -g {name} -m 0700 ~{name}/.ssh && install -o {name} -g {name} -m 0600 /dev/null ~{name}/.ssh/authorized_keys \
                 && cp /etc/ssh/authorized_keys.d/{ADMIN} ~{name}/.ssh/authorized_keys"
            ))?;
        }
        Ok(())
    }

    /// The file of a private key: of the administrator, which the analysts of [`Self::add_people`] share, or of `ci`.
    pub fn private_key(&self, name: &str) -> PathBuf {
        self.keys.directory.join(name)
    }

    /// ssh from this host to an account of the machine's over its network, with a key and more options.
    pub fn ssh(&self, user: &str, key: &str, arguments: &[&str]) -> Result<Output> {
        let key = self.private_key(key);
        let (key, target) = (key.display().to_string(), format!("{user}@{}", self.address()));
        let mut words = vec!["timeout", "30", "ssh", "-F", "none", "-i", &key];
        words.extend([
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            "LogLevel=ERROR",
        ]);
        words.extend([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]);
        words.push(&target);
        words.extend(arguments);
        here(&words)
    }

    /// curl on this host against the machine's nginx, which takes the connection for one to this name.
    pub fn curl(&self, host: &str, arguments: &[&str]) -> Result<Output> {
        let address = self.address();
        let secure = format!("{host}:443:{address}");
        let plain = format!("{host}:80:{address}");
        let mut words = vec!["curl", "-sk", "--max-time", "20", "--noproxy", "*"];
        words.extend(["--resolve", &secure, "--resolve", &plain]);
        words.extend(arguments);
        here(&words)
    }
}

/// One step of a plan, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub verb: String,
    /// To what.
    pub target: String,
    /// Why.
    pub reason: String,
    /// What to do about a refusal.
    pub next: String,
}

/// One finding of `verify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: String,
    /// What kind of difference it is.
    pub class: String,
    /// What differs.
    pub target: String,
    /// How.
    pub what: String,
}

fn word(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// One JSON document a line; other lines are left out.
pub fn lines_of_json(text: &str) -> Vec<serde_json::Value> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Runs a program on this host.
pub fn here(words: &[&str]) -> Result<Output> {
    let (program, arguments) = words.split_first().context("a program")?;
    let out = Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .with_context(|| {
            format!("cannot start {program}; next: run ./dev once, it installs what is missing")
        })?;
    Ok(Output {
        status: out.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        raw: out.stdout,
    })
}

/// The words before a command that give it an account's numbers. `portal` has the groups of its unit.
pub fn become_user(who: &str) -> String {
    match who {
        "portal" => "setpriv --reuid www-data --regid www-data --groups data-ops,obs".to_owned(),
        "root" => String::new(),
        _ => format!("setpriv --reuid {who} --regid $(id -g {who}) --init-groups"),
    }
}

/// A word that a shell takes as it is.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The rows of a table in a test: one a line, tabs or spaces between the columns, `#` before a remark.
pub fn rows(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// What is wrong, all of it at once.
pub fn nothing_wrong(wrong: &[String]) -> Result<()> {
    ensure!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
