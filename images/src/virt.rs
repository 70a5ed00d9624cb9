//! The machine as a virtual one under qemu: its own kernel, udev, and real disks with serial numbers.

use std::collections::BTreeMap;
use std::io::{PipeWriter, pipe};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::base::Base;
use crate::cache;
use crate::command::{Output, run, tail};
use crate::disks::{self, Disk, Sizes};
use crate::error::{AtPath, Error, Result};
use crate::machine::{Exec, Kind, Machine};
use crate::place::Place;
use crate::qemu::{FORWARDED, drive, free_ports, kernel, root_image};
use crate::qmp::Qmp;
use crate::serial::Serial;

/// Emulated in software a boot takes about 20 s on an idle machine with two cores.
const BOOT: Duration = Duration::from_secs(180);

/// systemd gives a unit 90 s to stop.
const SHUTDOWN: Duration = Duration::from_secs(150);

/// Larger files come on a disk of their own: the serial port carries about 70 kB/s.
const BY_SERIAL: usize = 128 * 1024;

/// qemu's death is this shell's business: it ends with its input, a pipe from the owner.
const GUARD: &str = "exec 3<&0\n\"$@\" </dev/null & qemu=$!\n(cat <&3 >/dev/null; kill -KILL $qemu 2>/dev/null) &\nwait $qemu";

/// An image file and the serial number under which the machine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The machine finds it at `/dev/disk/by-id/virtio-<serial>`.
    pub serial: String,
    /// A raw image.
    pub image: PathBuf,
}

/// What a virtual machine is made of.
#[derive(Debug, Clone)]
pub struct VirtualOptions {
    /// The tree that its root disk begins with.
    pub base: Base,
    /// Memory in MiB. The real machine has 3.8 GB.
    pub memory_mib: u32,
    /// The blank data disks.
    pub sizes: Sizes,
}

impl VirtualOptions {
    /// A machine for one test.
    pub fn new(base: Base) -> VirtualOptions {
        VirtualOptions {
            base,
            memory_mib: 2048,
            sizes: Sizes::default(),
        }
    }
}

/// A booted virtual machine. It ends with the value, and with this process.
#[derive(Debug)]
pub struct Virtual {
    options: VirtualOptions,
    place: Place,
    disks: Vec<Attached>,
    running: Option<Running>,
    copies: AtomicU32,
}

#[derive(Debug)]
struct Running {
    guard: Child,
    alive: Option<PipeWriter>,
    serial: Serial,
    ports: BTreeMap<u16, u16>,
}

impl Virtual {
    /// Makes a machine with three blank disks and waits until its systemd has started everything.
    pub fn boot(options: VirtualOptions) -> Result<Virtual> {
        let mut machine = Virtual::off(options)?;
        machine.start()?;
        Ok(machine)
    }

    /// The same machine before its first start, so that its disks can be arranged.
    pub fn off(options: VirtualOptions) -> Result<Virtual> {
        let place = Place::temporary()?;
        let root = root_image(&options.base)?;
        let overlay = place.directory().join("root.qcow2");
        run(&[
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            "raw",
            "-b",
            cache::text(&root)?,
            cache::text(&overlay)?,
        ])?;
        let images = place.directory().join("disks");
        disks::make_blank(&images, options.sizes)?;
        let attached = |disk: Disk| Attached {
            serial: disk.serial(),
            image: disk.image(&images),
        };
        let disks = Disk::ALL.into_iter().map(attached).collect();
        Ok(Virtual {
            options,
            place,
            disks,
            running: None,
            copies: AtomicU32::new(0),
        })
    }

    /// The disks beside the root, in the order in which the machine finds them.
    pub fn disks(&self) -> &[Attached] {
        &self.disks
    }

    /// Arranges the disks for the next start: another order gives them other kernel names, one may be
    /// missing, another be there twice.
    pub fn set_disks(&mut self, disks: Vec<Attached>) {
        self.disks = disks;
    }

    /// A new blank image in the machine's directory, not attached yet.
    pub fn blank_image(&self, name: &str, bytes: u64) -> Result<PathBuf> {
        let path = self.place.directory().join("disks").join(format!("{name}.img"));
        disks::sparse(&path, bytes)?;
        Ok(path)
    }

    /// Plugs a disk into the running machine, until it is unplugged or the machine ends.
    pub fn plug(&self, disk: &Attached) -> Result<()> {
        Qmp::connect(&self.socket("qmp"))?.plug(&disk.serial, &disk.image, false)
    }

    /// Pulls out a disk that was plugged in.
    pub fn unplug(&self, serial: &str) -> Result<()> {
        Qmp::connect(&self.socket("qmp"))?.unplug(serial)
    }

    /// Gives a disk that the machine was started with another size, while it runs.
    pub fn resize(&self, serial: &str, bytes: u64) -> Result<()> {
        let place = self.disks.iter().position(|disk| disk.serial == serial);
        let place = place.ok_or_else(|| Error::Host(format!("the machine has no disk {serial}")))?;
        Qmp::connect(&self.socket("qmp"))?.resize(&format!("disk{}", place + 1), bytes)
    }

    /// What the machine wrote to its console so far.
    pub fn console(&self) -> String {
        let bytes = std::fs::read(self.place.directory().join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Where disks, console log and sockets are.
    pub fn directory(&self) -> &Path {
        self.place.directory()
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.place.directory().join(format!("{name}.socket"))
    }

    fn launch(&self, ports: &BTreeMap<u16, u16>) -> Result<(Child, PipeWriter)> {
        let directory = self.place.directory();
        for name in ["serial", "qmp"] {
            cache::remove_file(&self.socket(name))?;
        }
        let (input, alive) = pipe().at("open a pipe in", directory)?;
        let log = directory.join("qemu.log");
        let stderr = std::fs::File::create(&log).at("create", &log)?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", "qemu-system-x86_64"])
            .args(self.arguments(ports)?)
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Start {
                command: "qemu-system-x86_64".to_owned(),
                source,
            })?;
        Ok((guard, alive))
    }

    fn arguments(&self, ports: &BTreeMap<u16, u16>) -> Result<Vec<String>> {
        let directory = self.place.directory().display();
        let (kernel, initrd) = kernel(&self.options.base)?;
        let forwards: String = ports
            .iter()
            .map(|(inner, outer)| format!(",hostfwd=tcp:127.0.0.1:{outer}-:{inner}"))
            .collect();
        let mut words: Vec<String> = [
            // Software emulation: the same everywhere, also where this host is a virtual machine itself. What newer
            // processors add is dearer to emulate than to do without: a boot costs a quarter less than with `max`.
            "-accel tcg,thread=multi -cpu Nehalem -smp 2 -nodefaults -no-user-config -display none -no-reboot",
            &format!("-m {}", self.options.memory_mib),
            &format!("-chardev file,id=console,path={directory}/console.log,append=on -serial chardev:console"),
            &format!("-chardev socket,id=shell,path={directory}/serial.socket,server=on,wait=off -serial chardev:shell"),
            &format!("-qmp unix:{directory}/qmp.socket,server=on,wait=off"),
            &format!("-netdev user,id=net,restrict=on{forwards} -device virtio-net-pci,netdev=net,addr=0x4"),
            "-device virtio-rng-pci",
        ]
        .iter()
        .flat_map(|line| line.split(' '))
        .map(str::to_owned)
        .collect();
        words.extend([
            "-kernel".to_owned(),
            kernel,
            "-initrd".to_owned(),
            initrd,
            "-append".to_owned(),
        ]);
        words.push(
            "root=LABEL=root rw console=ttyS0 systemd.debug_shell=ttyS1 mitigations=off quiet".to_owned(),
        );
        let root = format!("{directory}/root.qcow2");
        words.extend(drive(0, &root, "qcow2", "root-disk"));
        for (number, disk) in self.disks.iter().enumerate() {
            words.extend(drive(number + 1, cache::text(&disk.image)?, "raw", &disk.serial));
        }
        Ok(words)
    }

    fn await_boot(&self, guard: &mut Child) -> Result<Serial> {
        let deadline = Instant::now() + BOOT;
        while !self.socket("serial").exists() || !self.socket("qmp").exists() {
            if let Ok(Some(status)) = guard.try_wait() {
                return Err(self.no_boot(&format!("qemu ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.no_boot("qemu did not start"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let serial = Serial::connect(&self.socket("serial"), deadline)
            .map_err(|why| self.no_boot(&why.to_string()))?;
        let argv = ["systemctl", "is-system-running", "--wait"];
        let left = deadline.saturating_duration_since(Instant::now());
        let state = serial.exec(&Exec {
            timeout: left,
            ..Exec::new(&argv)
        })?;
        if !matches!(state.stdout.trim(), "running" | "degraded") {
            return Err(self.no_boot(&format!(
                "systemd says {}{}",
                state.stdout.trim(),
                state.stderr.trim()
            )));
        }
        // The base has no network settings of its own; the cloud's agent brings them there.
        let script = "ip link set ens4 up && ip address add 10.0.2.15/24 dev ens4 && ip route add default via 10.0.2.2";
        let argv = ["sh", "-c", script];
        serial.exec(&Exec::new(&argv))?.checked(&argv)?;
        Ok(serial)
    }

    fn no_boot(&self, reason: &str) -> Error {
        let log = std::fs::read_to_string(self.place.directory().join("qemu.log")).unwrap_or_default();
        let console = format!("{}{}", tail(&log, 10), tail(&self.console(), 30));
        Error::Boot {
            machine: self.place.name().to_owned(),
            reason: reason.to_owned(),
            console,
        }
    }

    fn running(&self) -> Result<&Running> {
        self.running.as_ref().ok_or_else(|| self.no_boot("it is off"))
    }

    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.alive.take());
            let _status = running.guard.wait();
        }
    }

    /// Asks for an end and waits for it; qemu ends with the machine, also when that wants to restart.
    fn end(&mut self, verb: &str) -> Result<()> {
        let argv = ["systemctl", verb, "--no-wall"];
        // The answer may be lost with the machine.
        let _answer = self.running()?.serial.exec(&Exec::new(&argv));
        let deadline = Instant::now() + SHUTDOWN;
        while let Some(running) = &mut self.running {
            match running.guard.try_wait() {
                Ok(Some(_)) => self.stop(),
                _ if Instant::now() > deadline => {
                    self.stop();
                    return Err(self.no_boot("it did not shut down in time"));
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Ok(())
    }

    /// A file of any size: it comes as a read-only disk, is copied and the disk is pulled out again.
    fn copy_by_disk(&self, bytes: &[u8], to: &str, mode: u32) -> Result<()> {
        let serial = format!("copy-{}", self.copies.fetch_add(1, Ordering::Relaxed));
        let image = self.place.directory().join(&serial);
        cache::write(&image, bytes)?;
        disks::round_up(&image)?;
        let mut qmp = Qmp::connect(&self.socket("qmp"))?;
        qmp.plug(&serial, &image, true)?;
        let script = "d=/dev/disk/by-id/virtio-$0; n=0; until [ -e \"$d\" ]; do n=$((n+1)); [ $n -lt 300 ] || exit 9; sleep 0.1; done\n\
            mkdir -p \"$(dirname \"$1\")\" && head -c \"$2\" \"$d\" > \"$1.new\" && chmod \"$3\" \"$1.new\" && mv -f \"$1.new\" \"$1\"";
        let (length, mode) = (bytes.len().to_string(), format!("{mode:o}"));
        let argv = ["sh", "-c", script, &serial, to, &length, &mode];
        let copied = self
            .exec(&Exec::new(&argv))
            .and_then(|out| out.checked(&["copy", to]));
        qmp.unplug(&serial)?;
        cache::remove_file(&image)?;
        copied.map(drop)
    }
}

impl Machine for Virtual {
    fn kind(&self) -> Kind {
        Kind::Virtual
    }

    fn exec(&self, exec: &Exec<'_>) -> Result<Output> {
        self.running()?.serial.exec(exec)
    }

    fn write_file(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        if bytes.len() > BY_SERIAL {
            return self.copy_by_disk(bytes, path, mode);
        }
        crate::machine::write_by_input(|exec| self.exec(exec), path, bytes, mode)
    }

    fn reboot(&mut self) -> Result<()> {
        self.end("reboot")?;
        self.start()
    }

    fn power_off(&mut self) -> Result<()> {
        self.end("poweroff")
    }

    fn power_cut(&mut self) -> Result<()> {
        self.stop();
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let ports = free_ports()?;
        let (mut guard, alive) = self.launch(&ports)?;
        match self.await_boot(&mut guard) {
            Ok(serial) => {
                self.running = Some(Running {
                    guard,
                    alive: Some(alive),
                    serial,
                    ports,
                });
                Ok(())
            }
            Err(why) => {
                drop(alive);
                let _status = guard.wait();
                Err(why)
            }
        }
    }

    fn endpoint(&self, port: u16) -> Result<SocketAddr> {
        let outer = self.running()?.ports.get(&port);
        let outer =
            outer.ok_or_else(|| Error::Host(format!("port {port} is not forwarded: only {FORWARDED:?}")))?;
        Ok((Ipv4Addr::LOCALHOST, *outer).into())
    }
}

impl Drop for Virtual {
    fn drop(&mut self) {
        self.stop();
    }
}
