//! qemu's own control socket: one JSON object a line, used to plug disks while the machine runs.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::{AtPath, Error, Result};

/// A guest lets go of a disk within moments, under emulation within seconds.
const UNPLUG: Duration = Duration::from_secs(30);

/// A session with one qemu.
pub(crate) struct Qmp {
    reader: BufReader<UnixStream>,
    stream: UnixStream,
}

impl Qmp {
    pub fn connect(socket: &Path) -> Result<Qmp> {
        let stream = UnixStream::connect(socket).at("connect to", socket)?;
        stream.set_read_timeout(Some(UNPLUG)).at("configure", socket)?;
        let reader = BufReader::new(stream.try_clone().at("share", socket)?);
        let mut qmp = Qmp { reader, stream };
        qmp.line()?;
        qmp.command("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Plugs a raw image in as a disk with this serial number.
    pub fn plug(&mut self, serial: &str, image: &Path, read_only: bool) -> Result<()> {
        let file = json!({ "driver": "file", "filename": crate::cache::text(image)?, "discard": "unmap" });
        let node = json!({ "driver": "raw", "node-name": serial, "read-only": read_only, "discard": "unmap", "file": file });
        self.command("blockdev-add", node)?;
        let device =
            json!({ "driver": "virtio-blk-pci", "id": plug_id(serial), "drive": serial, "serial": serial });
        self.command("device_add", device).map(drop)
    }

    /// Pulls out a disk that `plug` plugged in, and waits until the guest has let go of it.
    pub fn unplug(&mut self, serial: &str) -> Result<()> {
        self.command("device_del", json!({ "id": plug_id(serial) }))?;
        let deadline = Instant::now() + UNPLUG;
        loop {
            match self.command("blockdev-del", json!({ "node-name": serial })) {
                Ok(_) => return Ok(()),
                Err(why) if Instant::now() > deadline => return Err(why),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Gives a drive of the command line another size; the guest sees it at once.
    pub fn resize(&mut self, drive: &str, bytes: u64) -> Result<()> {
        self.command("block_resize", json!({ "device": drive, "size": bytes }))
            .map(drop)
    }

    fn command(&mut self, name: &str, arguments: Value) -> Result<Value> {
        let request = json!({ "execute": name, "arguments": arguments });
        writeln!(self.stream, "{request}").map_err(|why| lost(&why))?;
        loop {
            let mut answer = self.line()?;
            if let Some(error) = answer.get("error") {
                return Err(Error::Host(format!("qemu refused {name}: {error}")));
            }
            // Events come in between; the answer is what has a "return".
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.reader.read_line(&mut line).map_err(|why| lost(&why))?;
        serde_json::from_str(&line).map_err(|why| lost(&why.into()))
    }
}

fn lost(why: &std::io::Error) -> Error {
    Error::Host(format!("lost qemu's control socket: {why}"))
}

fn plug_id(serial: &str) -> String {
    format!("plug-{serial}")
}
