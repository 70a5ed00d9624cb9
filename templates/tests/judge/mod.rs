//! Running a judge, and saying so when it is not there.
#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "this is test code, and a skipped test says so"
)]

use std::path::Path;
use std::process::Command;

/// A program that reads one of our files, or what it said.
pub struct Judge {
    program: &'static str,
    /// Standard output and standard error of the last run.
    pub output: String,
    /// Whether it exited with 0.
    pub accepted: bool,
}

/// The judge at `program`, unless it is missing: then the test is skipped by name.
pub fn judge(program: &'static str) -> Option<Judge> {
    if Path::new(program).exists() {
        return Some(Judge {
            program,
            output: String::new(),
            accepted: true,
        });
    }
    skip(&format!("{program} is not installed"));
    None
}

/// Says which test is skipped, and why.
pub fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    eprintln!("skipped: {test}: {why}");
}

/// Whether the test runs as root; says so when it does not.
pub fn is_root() -> bool {
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if !root {
        skip("it needs root");
    }
    root
}

/// Writes `text` into `dir` and gives the path.
pub fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    #[expect(clippy::disallowed_methods, reason = "nobody else reads the file of a test")]
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

impl Judge {
    /// Runs it, and gives what it says whatever it decides.
    pub fn try_run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Judge {
        let output = Command::new(self.program).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Judge {
            program: self.program,
            output: String::from_utf8_lossy(&text).into_owned(),
            accepted: output.status.success(),
        }
    }

    /// Runs it, and fails the test when it refuses.
    pub fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let verdict = self.try_run(arguments);
        assert!(verdict.accepted, "{} refuses:\n{}", self.program, verdict.output);
        verdict.output
    }
}
