//! What qemu is started with: a root disk made from the base, the base's kernel, drives, free ports.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::Base;
use crate::cache::{self, Lock};
use crate::command::Call;
use crate::disks::{self, GIB};
use crate::error::{AtPath, Error, Result};

const ROOT_SIZE: u64 = 10 * GIB;

/// The ports of the machine's that this host can reach.
pub(crate) const FORWARDED: [u16; 3] = [22, 80, 443];

/// A disk's PCI slot follows its place in the list, and its kernel name follows the slot.
pub(crate) fn drive(number: usize, file: &str, format: &str, serial: &str) -> [String; 4] {
    [
        "-drive".to_owned(),
        format!("if=none,id=disk{number},file={file},format={format},discard=unmap,cache=writeback"),
        "-device".to_owned(),
        format!(
            "virtio-blk-pci,drive=disk{number},serial={serial},addr={:#x}",
            8 + number
        ),
    ]
}

/// The root disk of this base, made once.
pub(crate) fn root_image(base: &Base) -> Result<PathBuf> {
    let image = base.directory().join("root.img");
    let _making = Lock::wait(&base.directory().join(".root-lock"))?;
    if !image.exists() {
        let partial = image.with_extension("partial");
        disks::sparse(&partial, ROOT_SIZE)?;
        let (tree, file) = (base.root(), cache::text(&partial)?);
        Call::new(&[
            "mkfs.ext4",
            "-q",
            "-F",
            "-L",
            "root",
            "-d",
            cache::text(&tree)?,
            file,
        ])
        .timeout(Duration::from_secs(300))
        .checked()?;
        std::fs::rename(&partial, &image).at("rename", &partial)?;
    }
    Ok(image)
}

pub(crate) fn kernel(base: &Base) -> Result<(String, String)> {
    let boot = base.root().join("boot");
    let names: Vec<String> = std::fs::read_dir(&boot)
        .at("list", &boot)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let find = |prefix: &str| {
        let name = names.iter().filter(|name| name.starts_with(prefix)).max();
        let name = name.ok_or_else(|| Error::Host(format!("the base has no {prefix}* in /boot")))?;
        Ok(format!("{}/{name}", boot.display()))
    };
    Ok((find("vmlinuz-")?, find("initrd.img-")?))
}

/// Free ports of this host's. Somebody may take one before qemu does, and then qemu says so and ends.
pub(crate) fn free_ports() -> Result<BTreeMap<u16, u16>> {
    let loopback = Path::new("127.0.0.1");
    let held: Vec<(u16, TcpListener)> = FORWARDED
        .into_iter()
        .map(|port| {
            Ok((
                port,
                TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).at("listen on", loopback)?,
            ))
        })
        .collect::<Result<_>>()?;
    held.iter()
        .map(|(port, listener)| Ok((*port, listener.local_addr().at("ask", loopback)?.port())))
        .collect()
}
