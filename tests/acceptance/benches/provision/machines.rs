//! Who takes part, how each is put on a fresh machine, and what a turn is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use acceptance::container_fixture::{DOMAIN, programs, quoted};
use anyhow::{Context, Result, bail, ensure};
use image::{Base, Container, Exec, Machine, Options, Output, Release};

use crate::measure::{Cost, LOG, PLACE, WORD};

/// The name of our own column.
pub const OURS: &str = "ours";

/// Longer than a first apply of Ansible on a slow host.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// People in the instance file.
const PEOPLE: usize = 12;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHKv4639smMkirRzxZ7z4DA5EwK9d1c40b44QIxZpGJA";

/// Somebody who brings a machine to its layout.
#[derive(Debug)]
pub struct Contestant {
    name: &'static str,
    command: Vec<String>,
    /// Programs that a machine of theirs needs, as a tar archive to be unpacked at [`PLACE`].
    tools: Option<PathBuf>,
    slow: bool,
}

impl Contestant {
    /// Ours first.
    pub fn all() -> Result<Vec<Self>> {
        let tools = std::env::var_os("BENCH_PEERS").map(PathBuf::from).context(
            "BENCH_PEERS is not set\nnext: run `./dev bench provision`, which installs the peers and says where",
        )?;
        let python = |module: &str, arguments: &[&str]| {
            let path = format!("PYTHONPATH={PLACE}/{module}");
            let mut words = vec![
                "env",
                "ANSIBLE_PIPELINING=True",
                "LC_ALL=C.UTF-8",
                "HOME=/root",
                "PYTHONDONTWRITEBYTECODE=1",
                &path,
            ];
            words.extend(["/usr/bin/python3"]);
            words.extend(arguments);
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let mut all = vec![
            Self {
                name: OURS,
                command: vec![
                    image::install::OPERATOR_PROGRAM.to_owned(),
                    "apply".to_owned(),
                    "--yes".to_owned(),
                ],
                tools: None,
                slow: false,
            },
            Self {
                name: "bash",
                command: vec!["/bin/bash".to_owned(), format!("{PLACE}/apply.sh")],
                tools: None,
                slow: false,
            },
            Self {
                name: "pyinfra",
                command: python("pyinfra", &["-m", "pyinfra", "-y", "@local", "deploy.py"]),
                tools: Some(tools.join("pyinfra")),
                slow: false,
            },
            Self {
                name: "ansible",
                command: python(
                    "ansible",
                    &["-m", "ansible", "playbook", "-i", "localhost,", "playbook.yml"],
                ),
                tools: Some(tools.join("ansible")),
                slow: true,
            },
        ];
        if let Ok(only) = std::env::var("BENCH_ONLY") {
            all.retain(|one| one.name == OURS || only.split(',').any(|name| name == one.name));
        }
        Ok(all)
    }

    /// Their column.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// True when a turn takes minutes.
    pub fn is_slow(&self) -> bool {
        self.slow
    }
}

/// What one contestant did to one machine.
#[derive(Debug)]
pub struct Turn {
    /// On the bare machine.
    pub first: Cost,
    /// With nothing left to do.
    pub again: Vec<Cost>,
}

/// The layout in everybody's words, made from a machine that ours was applied to.
#[derive(Debug)]
pub struct Layout {
    instance: String,
    programs: PathBuf,
    /// Scripts of the peers, their files, and the facts to compare with, as a tar archive.
    payload: Vec<u8>,
}

impl Layout {
    /// Applies ours to a reference machine and writes the peers' layouts from what came of it.
    pub fn make() -> Result<Self> {
        let mut layout = Self {
            instance: instance_file(),
            programs: programs()?,
            payload: Vec::new(),
        };
        let machine = layout.boot()?;
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        let peers = sources.join("../bench/peers");
        unpack(&machine, &archive(&peers, &["."])?)?;
        let definition = sources.join("../../appliance/definition");
        unpack(
            &machine,
            &archive(&definition, &["packages.toml", "services.toml"])?,
        )?;
        let appliance = image::install::OPERATOR_PROGRAM;
        sh(
            &machine,
            &format!(
                "cd {PLACE} && python3 facts.py > bare.json && {{ {appliance} plan --json > plan.json; [ $? = 10 ]; }} \
                 && {appliance} apply --yes > /dev/null && python3 facts.py > ours.json \
                 && {appliance} render --out {PLACE}/tree && mv tree/MANIFEST . && python3 layout.py . {DOMAIN} \
                 && for peer in bash:apply.sh pyinfra:deploy.py ansible:playbook.yml; do \
                        python3 generate_${{peer%:*}}.py . > ${{peer#*:}} || exit 1; done"
            ),
        )?;
        let kept = "apply.sh deploy.py playbook.yml files layout.json ours.json facts.py equality.py";
        layout.payload = run(
            &machine,
            &[
                "tar",
                "--create",
                "--directory",
                PLACE,
                "--files-from",
                "/dev/stdin",
            ],
            &kept.replace(' ', "\n").into_bytes(),
        )?
        .raw;
        Ok(layout)
    }

    /// One contestant on a fresh machine: first apply, comparison, and `repeats` times again.
    pub fn turn(&self, contestant: &Contestant, repeats: usize) -> Result<Turn> {
        let machine = self.prepared(contestant)?;
        let first = measured(&machine, contestant)?;
        if contestant.name != OURS {
            let looked = format!(
                "cd {PLACE} && python3 facts.py > theirs.json && python3 equality.py ours.json theirs.json layout.json"
            );
            sh(&machine, &looked)
                .with_context(|| format!("the machine of {} differs from ours", contestant.name))?;
        }
        let repeats = if contestant.slow || contestant.tools.is_some() {
            1
        } else {
            repeats
        };
        let again = (0..repeats)
            .map(|_| measured(&machine, contestant))
            .collect::<Result<_>>()?;
        Ok(Turn { first, again })
    }

    /// How often a first and a second apply wait for a disk; none where this host has no strace, and for
    /// Python programs, whose accounts come from the same useradd as those of bash.
    pub fn fsyncs(&self, contestant: &Contestant) -> Result<Option<(f64, f64)>> {
        if contestant.tools.is_some() || Command::new("strace").arg("-V").output().is_err() {
            return Ok(None);
        }
        let machine = self.prepared(contestant)?;
        Ok(Some((
            traced(&machine, contestant)?,
            traced(&machine, contestant)?,
        )))
    }

    /// A fresh machine with the programs, and with what this contestant needs.
    fn prepared(&self, contestant: &Contestant) -> Result<Container> {
        let machine = self.boot()?;
        unpack(&machine, &self.payload)?;
        let own = std::env::current_exe()?;
        machine.copy_in(&own, &format!("{PLACE}/measure"), 0o755)?;
        if let Some(tools) = &contestant.tools {
            let (parent, name) = (tools.parent().context("a parent")?, contestant.name);
            ensure!(
                tools.is_dir(),
                "{} is not there\nnext: run `./dev bench provision`",
                tools.display()
            );
            unpack(&machine, &archive(parent, &[name])?)?;
            // As an installed package is: compiled once, before anybody waits for it.
            sh(
                &machine,
                &format!("python3 -m compileall -q -j 2 {PLACE}/{name} > /dev/null || true"),
            )?;
        }
        // What was copied above is not the contestant's to write out.
        sh(&machine, "sync")?;
        Ok(machine)
    }

    fn boot(&self) -> Result<Container> {
        let machine = Container::boot(Options::new(Base::stock()?))?;
        Release::from_directory(&self.programs, &self.instance)?.install(&machine)?;
        sh(&machine, &format!("mkdir -p {PLACE}"))?;
        Ok(machine)
    }
}

/// What the operator of the benchmark's machines writes.
fn instance_file() -> String {
    let mut text = format!(
        "instance_name = \"data-broker\"\nproject = \"local\"\nzone = \"europe-north1-a\"\ndomain = \"{DOMAIN}\"\n\
         platform = \"container\"\nrelease_keys = [\"{KEY} release\"]\nci_ssh_keys = [\"{KEY} ci\"]\n\
         ssh_source_ranges = [\"0.0.0.0/0\"]\n"
    );
    for number in 1..=PEOPLE {
        text.push_str(&format!(
            "\n[[admins]]\nusername = \"user{number:02}\"\nssh_keys = [\"{KEY} user{number:02}\"]\n"
        ));
    }
    text
}

fn measured(machine: &Container, contestant: &Contestant) -> Result<Cost> {
    let program = format!("{PLACE}/measure");
    let mut words = vec![program.as_str(), WORD];
    words.extend(contestant.command.iter().map(String::as_str));
    let said = run(machine, &words, b"")?;
    match Cost::read(&said.stdout) {
        Ok(cost) => Ok(cost),
        Err(why) => bail!("{why}\n{}", run(machine, &["tail", "-n", "40", LOG], b"")?.stdout),
    }
}

/// Counts by strace from this host, in the machine's namespaces.
fn traced(machine: &Container, contestant: &Contestant) -> Result<f64> {
    let leader = machine.inside()?.leader.to_string();
    let out = machine.directory().join("fsyncs");
    let mut call = Command::new("strace");
    call.args([
        "-f",
        "-qq",
        "-e",
        "trace=fsync,fdatasync,syncfs,sync",
        "-e",
        "signal=none",
        "-o",
    ]);
    call.arg(&out).args(["nsenter", "--target", &leader]);
    call.args([
        "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--",
    ]);
    call.args(["sh", "-c", "cd \"$0\" && exec \"$@\"", PLACE]);
    let done = call.args(&contestant.command).output().context("strace")?;
    ensure!(
        done.status.success(),
        "{} under strace: {}",
        contestant.name,
        String::from_utf8_lossy(&done.stderr)
    );
    let text = std::fs::read_to_string(&out)?;
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let count = text
        .lines()
        .filter(|line| line.contains("sync") && line.contains('('))
        .count() as f64;
    Ok(count)
}

fn archive(directory: &Path, names: &[&str]) -> Result<Vec<u8>> {
    let mut call = Command::new("tar");
    call.args(["--create", "--exclude=__pycache__", "--directory"])
        .arg(directory)
        .args(names);
    let out = call.output().context("tar")?;
    ensure!(
        out.status.success(),
        "tar: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(out.stdout)
}

fn unpack(machine: &Container, archive: &[u8]) -> Result<()> {
    run(
        machine,
        &["tar", "--extract", "--no-same-owner", "--directory", PLACE],
        archive,
    )?;
    Ok(())
}

fn sh(machine: &Container, script: &str) -> Result<Output> {
    run(machine, &["sh", "-c", script], b"")
}

fn run(machine: &Container, argv: &[&str], stdin: &[u8]) -> Result<Output> {
    let exec = Exec {
        stdin,
        timeout: PATIENCE,
        ..Exec::new(argv)
    };
    let out = machine.exec(&exec)?;
    if !out.success() {
        bail!(
            "{} ended with {}:\n{}{}",
            quoted(&argv.join(" ")),
            out.status,
            out.stdout,
            out.stderr
        );
    }
    Ok(out)
}
