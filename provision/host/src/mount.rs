//! Mounting disks at their places.

use appliance::path::TargetPath;

use crate::{Host, HostError};

/// A filesystem that is mounted nowhere: it can be looked at, given its marker, and then be put in its place.
#[derive(Debug)]
pub struct Detached {}

impl Detached {
    /// Opens the filesystem of a device with mount options as fstab writes them; those of userspace, such as
    /// `nofail` and `x-*`, are left out.
    pub fn open(
        host: &Host,
        device: &TargetPath,
        filesystem: &str,
        options: &str,
    ) -> Result<Self, HostError> {
        let _ = (host, device, filesystem, options);
        unimplemented!()
    }
    /// The filesystem as a tree of its own.
    pub fn tree(&self) -> &Host {
        unimplemented!()
    }
    /// Mounts it. Nothing may be mounted there.
    pub fn attach(self, host: &Host, point: &TargetPath) -> Result<(), HostError> {
        let _ = (host, point);
        unimplemented!()
    }
}

/// Unmounts what is mounted at `point`, refusing when it is in use.
pub fn unmount(host: &Host, point: &TargetPath) -> Result<(), HostError> {
    let _ = (host, point);
    unimplemented!()
}

/// Changes the options of a mount, those of userspace left out.
pub fn remount(host: &Host, point: &TargetPath, options: &str) -> Result<(), HostError> {
    let _ = (host, point, options);
    unimplemented!()
}
