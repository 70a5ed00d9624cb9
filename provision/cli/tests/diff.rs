//! `appliance diff` between commits, directories and words, as an operator types it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and what it prepared is told beside"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use appliance::DefinitionFiles;
use tempfile::TempDir;

const INSTANCE: &str = include_str!("../../../images/dev-instance.toml");
const OPEN: &str = "[[directory]]\npaths = [\"/data/open\"]\nmode = \"0755\"\nbecause = \"a test\"\n";

/// A repository with the shipped definition in its first commit and a directory more in its second.
struct Repository {
    directory: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self {
            directory: TempDir::new().unwrap(),
        };
        fs::write(repository.path("instance.toml"), INSTANCE).unwrap();
        repository.git(&["init", "--quiet"]);
        write_definition(&repository.path("appliance/definition"), "");
        repository.commit("one");
        write_definition(&repository.path("appliance/definition"), OPEN);
        repository.commit("two");
        repository
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn git(&self, words: &[&str]) {
        let who = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "commit.gpgsign=false",
        ];
        let done = Command::new("git")
            .current_dir(self.directory.path())
            .args(who)
            .args(words)
            .output();
        let done = done.unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    fn diff(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_appliance"))
            .current_dir(self.directory.path())
            .args(["--instance", "instance.toml", "diff"])
            .args(words)
            .output()
            .unwrap()
    }
}

fn write_definition(directory: &Path, more: &str) {
    fs::create_dir_all(directory).unwrap();
    for (name, text) in DefinitionFiles::shipped().texts() {
        let more = if name == "layout.toml" { more } else { "" };
        fs::write(directory.join(name), format!("{text}\n{more}")).unwrap();
    }
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const GAINS: &str = "access\n  + everybody  gains read, execute  /data/open\n      because it is new\n";
const LOSES: &str =
    "access\n  - everybody  loses read, execute  /data/open\n      because it leaves the definition\n";
const NOTHING: &str = "Nobody may more or less than before.\n";

#[test]
fn commits_directories_and_the_shipped_definition_are_compared() {
    let repository = Repository::new();
    write_definition(&repository.path("mine"), OPEN);
    repository.git(&["branch", "feature/x", "HEAD~1"]);
    for (revisions, code, text) in [
        (["HEAD~1", "HEAD"], 10, GAINS),
        (["HEAD", "feature/x"], 10, LOSES),
        (["shipped", "mine"], 10, GAINS),
        (["mine", "HEAD"], 0, ""),
        (["shipped", "HEAD~1"], 0, ""),
    ] {
        let (found, out, error) = said(&repository.diff(&revisions));
        assert_eq!(
            (found, out.as_str()),
            (Some(code), text),
            "{revisions:?}: {error}"
        );
        assert_eq!(error, if code == 0 { NOTHING } else { "" }, "{revisions:?}");
    }
}

#[test]
fn a_directory_may_have_an_instance_of_its_own() {
    let repository = Repository::new();
    write_definition(&repository.path("mine"), "");
    fs::write(
        repository.path("mine/appliance.toml"),
        INSTANCE.replace("\"alice\"", "\"bob\""),
    )
    .unwrap();
    let (code, out, error) = said(&repository.diff(&["--json", "shipped", "mine"]));
    assert_eq!((code, error.as_str()), (Some(10), ""));
    let logins = |who: &str| -> Vec<&str> {
        out.lines()
            .filter(|line| {
                line.contains("\"kind\":\"login\"") && line.contains(&format!("\"who\":\"{who}\""))
            })
            .map(|line| {
                if line.contains("\"change\":\"gained\"") {
                    "gained"
                } else {
                    "lost"
                }
            })
            .collect()
    };
    assert_eq!(
        (logins("bob"), logins("alice")),
        (vec!["gained"], vec!["lost"]),
        "{out}"
    );
}

#[test]
fn a_bad_revision_is_bad_input_and_no_option() {
    let repository = Repository::new();
    write_definition(&repository.path("mine"), "[[directory]]\n");
    fs::create_dir(repository.path("empty")).unwrap();
    repository.git(&["rm", "-r", "--quiet", "appliance/definition/disks.toml"]);
    repository.git(&["commit", "--quiet", "--message", "three"]);
    for (revision, problem) in [
        (
            "no-such",
            "\"no-such\" is no directory and no commit of the repository in ",
        ),
        ("HEAD:appliance", "is no revision"),
        ("", "is no revision"),
        ("--output=planted", "is no revision"),
        ("HEAD", "has no file appliance/definition/disks.toml"),
        ("empty", "cannot read empty/operating_system.toml"),
        ("mine", "mine/layout.toml:"),
    ] {
        let (code, out, error) = said(&repository.diff(&["--", "HEAD~1", revision]));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{revision}: {error}");
        assert!(
            error.contains(problem) && error.contains("next: "),
            "{revision}: {error}"
        );
    }
    assert!(!repository.path("planted").exists());
}

#[test]
fn a_directory_without_a_repository_is_told() {
    let repository = Repository::new();
    fs::remove_dir_all(repository.path(".git")).unwrap();
    let (code, _, error) = said(&repository.diff(&["HEAD", "shipped"]));
    assert_eq!(code, Some(2));
    assert!(error.contains("\"HEAD\" "), "{error}");
    assert!(error.contains("next: name a commit"), "{error}");
}
