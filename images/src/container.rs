//! The machine as a container: Debian's systemd as PID 1 under systemd-nspawn.

use std::io::{PipeWriter, pipe};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::base::Base;
use crate::cache;
use crate::command::{Call, Output, tail};
use crate::disks::{self, Sizes};
use crate::error::{AtPath, Error, Result};
use crate::inside::Inside;
use crate::machine::{Exec, Kind, Machine};
use crate::network::{INTERFACE, Network};
use crate::place::Place;
use crate::process;

const INIT: &str = include_str!("container-init.sh");

/// A boot takes half a second; a machine with four others beside it may take many times that.
const BOOT: Duration = Duration::from_secs(60);

/// systemd gives a unit 90 s to stop, and then kills it.
const SHUTDOWN: Duration = Duration::from_secs(100);

/// What a container is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// The tree under its overlay.
    pub base: Base,
    /// The data disks, made when the machine's directory lacks them.
    pub sizes: Sizes,
    /// A name under which overlay and disks are kept for the next time; without one they go with the value.
    pub keep: Option<String>,
}

impl Options {
    /// A machine for one test: nothing of it stays.
    pub fn new(base: Base) -> Options {
        Options {
            base,
            sizes: Sizes::default(),
            keep: None,
        }
    }
}

/// A booted container. When the value goes, the machine goes: processes, mounts, network, loop devices,
/// and its files unless they are kept. The same happens when this process is killed.
#[derive(Debug)]
pub struct Container {
    options: Options,
    network: Network,
    place: Place,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// unshare(1), which waits for the first process of the machine's namespaces.
    outer: Child,
    /// When this end closes, the namespaces end.
    alive: Option<PipeWriter>,
    inside: Inside,
}

impl Container {
    /// Makes a machine and waits until its systemd has started everything.
    pub fn boot(options: Options) -> Result<Container> {
        let place = match &options.keep {
            Some(name) => Place::kept(name)?,
            None => Place::temporary()?,
        };
        let network = Network::reserve()?;
        let mut container = Container {
            options,
            network,
            place,
            running: None,
        };
        container.start()?;
        Ok(container)
    }

    /// The address by which this host reaches the machine.
    pub fn address(&self) -> String {
        self.network.machine_address()
    }

    /// The way in for another process than the owner.
    pub fn inside(&self) -> Result<Inside> {
        self.running
            .as_ref()
            .map(|running| running.inside)
            .ok_or_else(|| self.off())
    }

    /// Where overlay, disks and console log are.
    pub fn directory(&self) -> &Path {
        self.place.directory()
    }

    /// Units that failed to start.
    pub fn failed_units(&self) -> Result<Vec<String>> {
        let argv = [
            "systemctl",
            "list-units",
            "--failed",
            "--plain",
            "--no-legend",
            "--no-pager",
        ];
        let out = self.enter(&argv)?;
        Ok(out
            .stdout
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect())
    }

    /// An overlay fits the base that it was made on and no other. The root is disposable, the disks are
    /// not: so on a new base the machine starts with a fresh root.
    fn match_base(&self) -> Result<()> {
        let marker = self.place.directory().join("base");
        let base = self.options.base.root();
        let base = cache::text(&base)?;
        if std::fs::read_to_string(&marker).is_ok_and(|known| known != base) {
            for name in ["upper", "work"] {
                cache::remove(&self.place.directory().join(name))?;
            }
        }
        cache::write(&marker, base.as_bytes())
    }

    fn launch(&self) -> Result<(Child, PipeWriter)> {
        let directory = self.place.directory();
        for name in ["upper", "work", "root"] {
            cache::make(&directory.join(name))?;
        }
        let (input, alive) = pipe().at("open a pipe in", directory)?;
        let log = directory.join("init.log");
        let open = |path: &PathBuf| std::fs::File::create(path).at("create", path);
        let outer = Command::new("unshare")
            .args([
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .args(["--propagation", "private", "sh", "-c", INIT])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("NAME", self.place.name())
            .env("LOWER", self.options.base.root())
            .env("DIR", directory)
            .env("NETWORK", self.network.name())
            .env("ADDRESS", self.network.machine_address())
            .env("GATEWAY", self.network.host_address())
            .env("INTERFACE", INTERFACE)
            .stdin(input)
            .stdout(open(&log)?)
            .stderr(open(&log)?)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Start {
                command: "unshare".to_owned(),
                source,
            })?;
        Ok((outer, alive))
    }

    /// Connects the network and waits for systemd; whatever goes wrong, the namespaces end.
    fn await_boot(&self, outer: &mut Child) -> Result<Inside> {
        let deadline = Instant::now() + BOOT;
        let init = self.await_some(outer, deadline, "its first process", process::only_child)?;
        self.network.connect(init)?;
        let leader = self.await_some(outer, deadline, "its systemd", |_| process::systemd_below(init))?;
        let left = deadline.saturating_duration_since(Instant::now());
        let inside = Inside { leader };
        let argv = inside.entered(&["systemctl", "is-system-running", "--wait"]);
        let state = Call::new(&argv).timeout(left).output();
        match state {
            Ok(out) if matches!(out.stdout.trim(), "running" | "degraded") => Ok(inside),
            Ok(out) => Err(self.no_boot(&format!(
                "systemd says {}{}",
                out.stdout.trim(),
                out.stderr.trim()
            ))),
            Err(_) => Err(self.no_boot("its units did not all start in time")),
        }
    }

    fn await_some(
        &self,
        outer: &mut Child,
        deadline: Instant,
        what: &str,
        look: impl Fn(u32) -> Option<u32>,
    ) -> Result<u32> {
        loop {
            if let Some(found) = look(outer.id()) {
                return Ok(found);
            }
            if let Ok(Some(status)) = outer.try_wait() {
                return Err(self.no_boot(&format!("ended with {status} before {what} was there")));
            }
            if Instant::now() > deadline {
                return Err(self.no_boot(&format!("{what} did not come up in {BOOT:?}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn no_boot(&self, reason: &str) -> Error {
        let read =
            |name: &str| std::fs::read_to_string(self.place.directory().join(name)).unwrap_or_default();
        let console = format!(
            "{}{}",
            tail(&read("init.log"), 10),
            tail(&read("console.log"), 20)
        );
        Error::Boot {
            machine: self.place.name().to_owned(),
            reason: reason.to_owned(),
            console,
        }
    }

    fn off(&self) -> Error {
        let reason = "it is off".to_owned();
        Error::Boot {
            machine: self.place.name().to_owned(),
            reason,
            console: String::new(),
        }
    }

    /// Runs a command in the machine's namespaces as the host's root: for what must work before D-Bus
    /// does. It escapes the machine's limits on capabilities and system calls, hence it is private.
    fn enter(&self, argv: &[&str]) -> Result<Output> {
        Call::new(&self.inside()?.entered(argv)).output()
    }

    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.alive.take());
            // unshare ends when the first process of the namespaces has ended.
            let _status = running.outer.wait();
        }
        // The kernel removes the cable with the namespace, a moment later; the next start needs the name.
        let _gone = self.network.disconnect();
    }
}

impl Machine for Container {
    fn kind(&self) -> Kind {
        Kind::Container
    }

    fn exec(&self, exec: &Exec<'_>) -> Result<Output> {
        self.inside()?.exec(exec)
    }

    fn reboot(&mut self) -> Result<()> {
        self.power_off()?;
        self.start()
    }

    fn power_off(&mut self) -> Result<()> {
        self.enter(&["systemctl", "poweroff", "--no-wall"])?;
        let deadline = Instant::now() + SHUTDOWN;
        while let Some(running) = &mut self.running {
            match running.outer.try_wait() {
                Ok(Some(_)) => self.stop(),
                _ if Instant::now() > deadline => {
                    self.stop();
                    return Err(self.no_boot("it did not shut down in time"));
                }
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        Ok(())
    }

    fn power_cut(&mut self) -> Result<()> {
        self.stop();
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        self.match_base()?;
        disks::make_formatted(&self.place.directory().join("disks"), self.options.sizes)?;
        let (mut outer, alive) = self.launch()?;
        match self.await_boot(&mut outer) {
            Ok(inside) => {
                self.running = Some(Running {
                    outer,
                    alive: Some(alive),
                    inside,
                });
                Ok(())
            }
            Err(why) => {
                drop(alive);
                let _status = outer.wait();
                let _gone = self.network.disconnect();
                Err(why)
            }
        }
    }

    fn endpoint(&self, port: u16) -> Result<std::net::SocketAddr> {
        let address = self.network.machine_address();
        format!("{address}:{port}")
            .parse()
            .map_err(|_| Error::Host(format!("{address} is no address")))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.stop();
    }
}
