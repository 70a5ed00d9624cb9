//! Mounting disks at their places.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use appliance::path::TargetPath;
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};

use crate::root::descriptor_path;
use crate::{Host, HostError};

/// A filesystem that is mounted nowhere: it can be looked at, given its marker, and then be put in its place.
/// Dropped before, it is gone without a trace, also when this process is killed.
#[derive(Debug)]
pub struct Detached {
    tree: Host,
    mount: OwnedFd,
    device: String,
}

impl Detached {
    /// Opens the filesystem of a device with mount options as fstab writes them; those of userspace, such as
    /// `nofail` and `x-*`, are left out.
    pub fn open(
        host: &Host,
        device: &TargetPath,
        filesystem: &str,
        options: &str,
    ) -> Result<Self, HostError> {
        host.require_live("mount a disk")?;
        // As mount(8) does: the mount table, and so systemd, should know the device by its kernel name.
        let source =
            std::fs::canonicalize(device.as_str()).unwrap_or_else(|_| PathBuf::from(device.as_str()));
        let source = source.to_string_lossy().into_owned();
        let (mount, tree) = Self::create(&source, filesystem, &Options::parse(options))
            .map_err(|errno| failed("open", device.as_str(), "no place yet", errno))?;
        let directory = PathBuf::from(descriptor_path(std::os::fd::AsFd::as_fd(&tree)));
        Ok(Self {
            tree: Host::of_tree(directory, tree),
            mount,
            device: device.to_string(),
        })
    }

    fn create(source: &str, filesystem: &str, options: &Options) -> Result<(OwnedFd, OwnedFd), Errno> {
        let context = rustix::mount::fsopen(filesystem, FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_set_string(&context, "source", source)?;
        for option in &options.filesystem {
            match option.split_once('=') {
                Some((key, value)) => rustix::mount::fsconfig_set_string(&context, key, value)?,
                None => rustix::mount::fsconfig_set_flag(&context, option.as_str())?,
            }
        }
        rustix::mount::fsconfig_create(&context)?;
        let attributes = options.attributes();
        let mount = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        let tree = rustix::io::dup(&mount)?;
        Ok((mount, tree))
    }

    /// The filesystem as a tree of its own.
    pub fn tree(&self) -> &Host {
        &self.tree
    }

    /// Mounts it. Nothing may be mounted there: a second mount would hide the first and all that uses it.
    pub fn attach(self, host: &Host, point: &TargetPath) -> Result<(), HostError> {
        host.require_live("mount a disk")?;
        if crate::facts::mount::read()?
            .iter()
            .any(|mount| mount.point == point.as_str())
        {
            return Err(failed("mount", &self.device, point.as_str(), Errno::BUSY));
        }
        let place = host
            .directory_at(point)
            .map_err(|blocked| blocked.into_error("mount at", point))?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        rustix::mount::move_mount(&self.mount, "", &place, "", flags)
            .map_err(|errno| failed("mount", &self.device, point.as_str(), errno))
    }
}

/// The root filesystem alone, without what is mounted on it: the directories that mounts cover are seen here.
pub fn root_alone(host: &Host) -> Result<Host, HostError> {
    host.require_live("look under the mounts")?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = rustix::mount::open_tree(CWD, "/", flags)
        .map_err(|errno| failed("look under", "the mounts", "/", errno))?;
    let directory = PathBuf::from(descriptor_path(std::os::fd::AsFd::as_fd(&tree)));
    Ok(Host::of_tree(directory, tree))
}

/// Unmounts what is mounted at `point`, refusing when it is in use.
pub fn unmount(host: &Host, point: &TargetPath) -> Result<(), HostError> {
    host.require_live("unmount a disk")?;
    rustix::mount::unmount(point.as_str(), UnmountFlags::NOFOLLOW)
        .map_err(|errno| failed("unmount", "what is mounted", point.as_str(), errno))
}

/// Gives a mount other options; all that are wanted must be named, since the others are taken away.
pub fn remount(host: &Host, point: &TargetPath, options: &str) -> Result<(), HostError> {
    host.require_live("remount a disk")?;
    let options = Options::parse(options);
    rustix::mount::mount_remount(point.as_str(), options.flags(), options.filesystem.join(","))
        .map_err(|errno| failed("remount", "what is mounted", point.as_str(), errno))
}

fn failed(operation: &'static str, device: &str, place: &str, errno: Errno) -> HostError {
    HostError::Mount {
        operation,
        device: device.to_owned(),
        place: place.to_owned(),
        source: errno.into(),
    }
}

/// Words that only mount(8), systemd and fsck read.
const USERSPACE: [&str; 9] = [
    "defaults", "auto", "noauto", "nofail", "_netdev", "user", "nouser", "users", "rw",
];

/// The word of a mount's own flag, the same flag to the newer and to the older system call.
const FLAGS: [(&str, MountAttrFlags, MountFlags); 7] = [
    ("ro", MountAttrFlags::MOUNT_ATTR_RDONLY, MountFlags::RDONLY),
    ("nosuid", MountAttrFlags::MOUNT_ATTR_NOSUID, MountFlags::NOSUID),
    ("nodev", MountAttrFlags::MOUNT_ATTR_NODEV, MountFlags::NODEV),
    ("noexec", MountAttrFlags::MOUNT_ATTR_NOEXEC, MountFlags::NOEXEC),
    ("noatime", MountAttrFlags::MOUNT_ATTR_NOATIME, MountFlags::NOATIME),
    (
        "nodiratime",
        MountAttrFlags::MOUNT_ATTR_NODIRATIME,
        MountFlags::NODIRATIME,
    ),
    (
        "relatime",
        MountAttrFlags::MOUNT_ATTR_RELATIME,
        MountFlags::RELATIME,
    ),
];

/// Options of fstab, sorted by who reads them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    mount: Vec<usize>,
    filesystem: Vec<String>,
}

impl Options {
    fn parse(text: &str) -> Self {
        let mut options = Self::default();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            match FLAGS.iter().position(|(name, ..)| *name == word) {
                Some(flag) => options.mount.push(flag),
                None if USERSPACE.contains(&word)
                    || word.starts_with("x-")
                    || word.starts_with("comment=") => {}
                None => options.filesystem.push(word.to_owned()),
            }
        }
        options
    }

    fn attributes(&self) -> MountAttrFlags {
        self.mount
            .iter()
            .fold(MountAttrFlags::empty(), |all, flag| all | FLAGS[*flag].1)
    }

    fn flags(&self) -> MountFlags {
        self.mount
            .iter()
            .fold(MountFlags::empty(), |all, flag| all | FLAGS[*flag].2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_to_who_reads_them() {
        let options = Options::parse(
            "defaults,discard,nodev,nosuid,nofail,x-systemd.device-timeout=30s,hidepid=invisible",
        );
        assert_eq!(options.filesystem, ["discard", "hidepid=invisible"]);
        assert_eq!(options.flags(), MountFlags::NODEV | MountFlags::NOSUID);
        assert_eq!(Options::parse("defaults"), Options::default());
    }
}
