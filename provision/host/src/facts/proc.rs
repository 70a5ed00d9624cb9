//! Files that the kernel writes as they are read.

use std::io::Read;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::HostError;
use crate::root::open_here;

/// Reads one whole; `None` when this kernel does not have it. Their size is not known before.
pub(crate) fn read(path: &str) -> Result<Option<Vec<u8>>, HostError> {
    let fail = |source: std::io::Error| HostError::Kernel {
        path: path.to_owned(),
        source,
    };
    let file = match open_here(path, OFlags::RDONLY) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(fail(errno.into())),
    };
    let mut bytes = Vec::with_capacity(4096);
    std::fs::File::from(file).read_to_end(&mut bytes).map_err(fail)?;
    Ok(Some(bytes))
}

/// The error where the file must be there.
pub(crate) fn missing(path: &str) -> HostError {
    HostError::Kernel {
        path: path.to_owned(),
        source: Errno::NOENT.into(),
    }
}
