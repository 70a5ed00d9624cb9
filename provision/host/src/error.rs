//! What can go wrong on a machine, one variant per operation, each with what to do next.

use std::io;
use std::time::Duration;

use appliance::path::TargetPath;

/// Why an operation on the machine failed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The root directory itself could not be opened.
    #[error("cannot open {} as the root of a machine", directory.display())]
    Root {
        /// Which directory.
        directory: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file, directory or link could not be worked on.
    #[error("cannot {operation} {path}")]
    File {
        /// A verb, such as `open`.
        operation: &'static str,
        /// On what.
        path: TargetPath,
        /// Why.
        source: io::Error,
    },
    /// A file of the kernel or a device could not be worked on.
    #[error("cannot read or write {path}")]
    Kernel {
        /// Its path on the running machine.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Something else stands where a file, directory or link is wanted.
    #[error("{path} is a {found}, not a {wanted}; left as it is")]
    WrongKind {
        /// Where.
        path: TargetPath,
        /// What stands there.
        found: &'static str,
        /// What would be replaced.
        wanted: &'static str,
    },
    /// A link that a user may have planted stands in the way.
    #[error("{path} lies behind {obstacle}, a link or file that is not trusted; not followed")]
    Obstructed {
        /// What was wanted.
        path: TargetPath,
        /// What stands in its way.
        obstacle: TargetPath,
    },
    /// A file is larger than anything that is read whole.
    #[error("{path} is larger than the {limit} bytes that are read")]
    TooLarge {
        /// Which file.
        path: TargetPath,
        /// The bound.
        limit: u64,
    },
    /// A file of the system does not say what it should.
    #[error("{path} cannot be understood: {problem}")]
    Malformed {
        /// Which file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something that needs a running machine was asked of an offline tree.
    #[error("cannot {operation} in an offline tree")]
    Offline {
        /// What was asked.
        operation: &'static str,
    },
    /// A program could not be started.
    #[error("cannot start {command}")]
    Start {
        /// The command as an operator would type it.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("{command} {status}{}{stderr}", if stderr.is_empty() { "" } else { ":\n" })]
    Failed {
        /// The command as an operator would type it.
        command: String,
        /// How it ended, such as `exited with 1`.
        status: String,
        /// The end of what it said.
        stderr: String,
    },
    /// A program did not end in time and was killed.
    #[error("{command} did not end within {} s and was killed{}{stderr}", after.as_secs_f32(), if stderr.is_empty() { "" } else { ":\n" })]
    TimedOut {
        /// The command as an operator would type it.
        command: String,
        /// How long it was waited for.
        after: Duration,
        /// The end of what it said.
        stderr: String,
    },
    /// Somebody else holds a lock.
    #[error("{path} has been held{} for the whole {} s that were waited", match holder { Some(pid) => format!(" by process {pid}"), None => String::new() }, waited.as_secs())]
    LockHeld {
        /// The lock.
        path: TargetPath,
        /// Who holds it, when it says so.
        holder: Option<u32>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A mount, unmount or swap call failed.
    #[error("cannot {operation} {device} at {place}")]
    Mount {
        /// A verb.
        operation: &'static str,
        /// What.
        device: String,
        /// Where.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// A disk or swap file is not what it must be before it may be changed.
    #[error("refused to {operation} {thing}: {reason}")]
    Refused {
        /// A verb.
        operation: &'static str,
        /// On what.
        thing: String,
        /// Why not.
        reason: String,
    },
    /// The service manager could not be asked.
    #[error("cannot ask the service manager: {problem}")]
    Bus {
        /// What went wrong.
        problem: String,
    },
    /// A change to the account files was refused by the caller's own rule.
    #[error("account files left as they are: {reason}")]
    AccountEdit {
        /// The rule.
        reason: String,
    },
}

impl HostError {
    pub(crate) fn file(operation: &'static str, path: &TargetPath, source: impl Into<io::Error>) -> Self {
        Self::File {
            operation,
            path: path.clone(),
            source: source.into(),
        }
    }

    /// What the operator can do next, when there is something that is always right.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Root { source, .. }
            | Self::Kernel { source, .. }
            | Self::File { source, .. }
            | Self::Mount { source, .. }
            | Self::Start { source, .. } => hint_of(source.raw_os_error()?),
            Self::WrongKind { .. } | Self::Obstructed { .. } => {
                Some("look who put it there (ls -ld), move it away, then run the command again")
            }
            Self::TooLarge { .. } => Some("this is not a file that the appliance wrote; move it away"),
            Self::Malformed { .. } => Some("repair the file by hand, or restore it from a backup"),
            Self::Offline { .. } => Some("run this on the machine itself"),
            Self::Failed { .. } => Some("run the command above by hand to see all that it says"),
            Self::TimedOut { .. } => {
                Some("look at the load and at the disks (uptime, dmesg), then run again")
            }
            Self::LockHeld { .. } => Some("wait until the other run has ended, then run again"),
            Self::Refused { .. } => Some("nothing was changed; check the disk by hand (lsblk -f, blkid -p)"),
            Self::Bus { .. } => Some("look at the service manager: systemctl status, journalctl -b _PID=1"),
            Self::AccountEdit { .. } => None,
        }
    }

    /// The number of the system call's error, when one is behind it.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Root { source, .. }
            | Self::Kernel { source, .. }
            | Self::File { source, .. }
            | Self::Mount { source, .. }
            | Self::Start { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

fn hint_of(errno: i32) -> Option<&'static str> {
    use rustix::io::Errno;
    Some(match Errno::from_raw_os_error(errno) {
        Errno::NOSPC => "free space on that filesystem (df -h, df -i), then run again",
        Errno::DQUOT => "the quota of the owner is used up",
        Errno::ROFS => "the filesystem is read-only: look for disk errors in dmesg before anything else",
        Errno::PERM => "it may be immutable or append-only: lsattr -d shows it",
        Errno::ACCESS => "run as root",
        Errno::NOENT => "what is named there, or a directory above it, is missing",
        Errno::BUSY => "something still uses it: fuser -vm shows who",
        Errno::IO => "the disk does not answer properly: look at dmesg",
        Errno::NOTSUP => "this filesystem does not keep access lists or attributes",
        Errno::STALE | Errno::NODEV | Errno::NXIO => "the device has gone: check that the disk is attached",
        _ => return None,
    })
}
