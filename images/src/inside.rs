//! Commands inside a container that runs, whoever started it.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::command::{Call, Output};
use crate::error::{Error, Result};
use crate::machine::Exec;

/// The way into a container: its systemd, as this host numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Inside {
    /// Process id of the container's systemd on this host.
    pub leader: u32,
}

impl Inside {
    /// True while that process is there.
    pub fn is_there(self) -> bool {
        Path::new("/proc")
            .join(self.leader.to_string())
            .join("root")
            .exists()
    }

    /// Runs a command as a transient unit: with exactly the capabilities, system calls, cgroup and
    /// environment that a service of the machine has. Costs about 20 ms.
    pub fn exec(self, exec: &Exec<'_>) -> Result<Output> {
        let limit = format!("--property=RuntimeMaxSec={}ms", exec.timeout.as_millis().max(1));
        let began = Instant::now();
        // systemd ends the unit at its limit; ours is for the case that systemd itself hangs.
        let out = Call::new(&self.unit(&["--pipe", &limit], exec.user, exec.argv))
            .stdin(exec.stdin)
            .timeout(exec.timeout + Duration::from_secs(10))
            .output()?;
        if !out.success() && began.elapsed() >= exec.timeout {
            return Err(Error::Timeout {
                command: exec.argv.join(" "),
                after: exec.timeout,
            });
        }
        Ok(out)
    }

    /// The command line on this host for a command at the caller's own terminal or pipe.
    pub fn attached(self, terminal: bool, argv: &[&str]) -> Vec<OsString> {
        let input = if terminal { "--pty" } else { "--pipe" };
        self.unit(&[input], "root", argv)
            .into_iter()
            .map(OsString::from)
            .collect()
    }

    /// The command line that enters the machine's namespaces as the host's root: for what must work
    /// before D-Bus does. It escapes the machine's limits on capabilities and system calls.
    pub(crate) fn entered(self, argv: &[&str]) -> Vec<String> {
        let flags = [
            "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd",
        ];
        let mut whole = vec![
            "nsenter".to_owned(),
            "--target".to_owned(),
            self.leader.to_string(),
        ];
        whole.extend(
            flags
                .iter()
                .chain(&["--"])
                .chain(argv)
                .map(|word| (*word).to_owned()),
        );
        whole
    }

    fn unit(self, how: &[&str], user: &str, argv: &[&str]) -> Vec<String> {
        let user = format!("--uid={user}");
        let mut words = vec![
            "systemd-run",
            "--quiet",
            "--collect",
            "--wait",
            "--service-type=exec",
        ];
        words.extend(["--property=IgnoreSIGPIPE=no", &user]);
        words.extend(how);
        words.push("--");
        words.extend(argv);
        self.entered(&words)
    }
}
