//! A copy of `/etc` that only this program and its children see, in which a change can be tried before it is made.
//!
//! An overlay in a mount namespace of one thread: whatever is written to `/etc` there lands in memory and is gone with
//! the thread, also when the process is killed. Programs that judge a configuration find it where they always do.

use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags};
use rustix::thread::UnshareFlags;

use crate::{Host, HostError};

/// Where the memory is mounted in that namespace; it must be there, and nobody needs it meanwhile.
const SCRATCH: &str = "/run/lock";
const ETC: &str = "/etc";

/// Runs `work` on a machine that differs from this one in that changes to `/etc` stay there.
pub fn of_etc<T: Send>(host: &Host, work: impl FnOnce(&Host) -> T + Send) -> Result<T, HostError> {
    host.require_live("try a configuration")?;
    // A thread of its own, since the namespace is the thread's and ends with it.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter()?;
            Ok(work(&Host::live()?))
        });
        thread.join().unwrap_or_else(|_| {
            Err(failed(std::io::Error::other(
                "the thread that tried it ended early",
            )))
        })
    })
}

fn failed(source: impl Into<std::io::Error>) -> HostError {
    HostError::Kernel {
        path: "a shadow of /etc".to_owned(),
        source: source.into(),
    }
}

fn enter() -> Result<(), HostError> {
    #[expect(
        deprecated,
        reason = "only flags that unshare the table of descriptors are unsafe, and these do not"
    )]
    rustix::thread::unshare(UnshareFlags::NEWNS | UnshareFlags::FS).map_err(failed)?;
    let alone = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", alone).map_err(failed)?;
    mount("tmpfs", SCRATCH, &[("mode", "0700")])?;
    let (upper, work) = (format!("{SCRATCH}/upper"), format!("{SCRATCH}/work"));
    for directory in [&upper, &work] {
        std::fs::create_dir(directory).map_err(failed)?;
    }
    mount(
        "overlay",
        ETC,
        &[("lowerdir", ETC), ("upperdir", &upper), ("workdir", &work)],
    )
}

fn mount(filesystem: &str, place: &str, options: &[(&str, &str)]) -> Result<(), HostError> {
    let make = || {
        let context = rustix::mount::fsopen(filesystem, FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (key, value) in options {
            rustix::mount::fsconfig_set_string(&context, *key, *value)?;
        }
        rustix::mount::fsconfig_create(&context)?;
        let mount = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
        rustix::mount::move_mount(
            &mount,
            "",
            rustix::fs::CWD,
            place,
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        )?;
        Ok::<(), rustix::io::Errno>(())
    };
    make().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use crate::write::{self, NewFile};
    use appliance::path::TargetPath;

    #[test]
    fn what_is_written_in_the_shadow_is_seen_there_alone() {
        let host = Host::live().expect("a host");
        let path = TargetPath::known("/etc/appliance-shadow-test");
        let seen = of_etc(&host, |shadow| {
            write::replace(shadow, &NewFile::of_root(&path, b"tried", 0o600)).expect("written");
            let child = std::process::Command::new("/bin/cat").arg(path.as_str()).output();
            (
                read::file(shadow, &path).expect("readable"),
                child.expect("cat").stdout,
            )
        });
        let (read, child) = seen.expect("run the tests as root");
        assert_eq!((read.as_deref(), &*child), (Some(&b"tried"[..]), &b"tried"[..]));
        assert_eq!(read::file(&host, &path).expect("a look"), None);
    }
}
