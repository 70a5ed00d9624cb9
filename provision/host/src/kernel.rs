//! Settings of the running kernel.

use std::io::Write;

use rustix::fs::OFlags;

use crate::facts::sysctl::path_of;
use crate::root::open_here;
use crate::{Host, HostError};

/// Sets one kernel setting until the next boot; the file in sysctl.d sets it from then on.
pub fn set_sysctl(host: &Host, key: &str, value: &str) -> Result<(), HostError> {
    host.require_live("set a kernel setting")?;
    let path = path_of(key)?;
    let fail = |source: std::io::Error| HostError::Kernel {
        path: path.clone(),
        source,
    };
    let file = open_here(&path, OFlags::WRONLY).map_err(|errno| fail(errno.into()))?;
    // In one write, which is how the kernel takes it.
    std::fs::File::from(file)
        .write_all(format!("{value}\n").as_bytes())
        .map_err(fail)
}

/// Sets the host name that the kernel knows; /etc/hostname holds it from the next boot on.
pub fn set_hostname(host: &Host, name: &str) -> Result<(), HostError> {
    host.require_live("set the host name")?;
    rustix::system::sethostname(name.as_bytes()).map_err(|errno| HostError::Kernel {
        path: "the host name".to_owned(),
        source: errno.into(),
    })
}
