//! A Debian 12 made of files in a directory, our definition, and what is planned for it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use appliance::path::TargetPath;
use appliance::{Appliance, DefinitionFiles};
use host::{Facts, Host};
use plan::{Foreign, LEDGER, Ledger, Plan};
use render::{Inputs, Tree, render};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";

/// Our definition with these administrators.
pub fn appliance(admins: &[&str]) -> Appliance {
    let mut instance = format!(
        "project = \"x\"\ndomain = \"broker.example.com\"\nplatform = \"container\"\nrelease_keys = [\"{KEY}\"]\n\
         ci_ssh_keys = [\"{KEY}\"]\n"
    );
    for admin in admins {
        instance.push_str(&format!(
            "[[admins]]\nusername = \"{admin}\"\nssh_keys = [\"{KEY}\"]\n"
        ));
    }
    Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", &instance).unwrap()
}

pub fn tree(appliance: &Appliance) -> Tree {
    render(appliance, &Inputs::default()).unwrap()
}

pub fn path(text: &str) -> TargetPath {
    TargetPath::new(text).unwrap()
}

/// The tree of a machine that is not running.
pub struct Machine {
    directory: tempfile::TempDir,
    /// What is to be moved away.
    pub foreign: Vec<Foreign>,
}

impl Machine {
    pub fn new() -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
            foreign: Vec::new(),
        };
        machine.write("/etc/os-release", "ID=debian\nVERSION_ID=12\n");
        machine
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    pub fn write(&self, path: &str, text: &str) {
        self.directory(self.at(path).parent().unwrap().to_str().unwrap());
        std::fs::write(self.at(path), text).unwrap();
        std::fs::set_permissions(self.at(path), PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub fn link(&self, path: &str, target: &str) {
        self.directory(self.at(path).parent().unwrap().to_str().unwrap());
        std::os::unix::fs::symlink(target, self.at(path)).unwrap();
    }

    pub fn directory(&self, path: &str) {
        let path = path
            .strip_prefix(self.directory.path().to_str().unwrap())
            .unwrap_or(path);
        std::fs::create_dir_all(self.at(path)).unwrap();
    }

    pub fn keep(&self, ledger: &Ledger) {
        self.write(LEDGER, std::str::from_utf8(&ledger.print()).unwrap());
    }

    /// The second look, as a survey takes it.
    pub fn facts(&self, appliance: &Appliance, tree: &Tree) -> Facts {
        let host = Host::offline(self.directory.path()).unwrap();
        let first = host::gather(&host, &plan::inputs_question(appliance)).unwrap();
        let question = plan::question(appliance, tree, &Ledger::of(&first), &self.foreign);
        host::gather(&host, &question).unwrap()
    }

    pub fn planned(&self, appliance: &Appliance) -> Plan {
        let tree = tree(appliance);
        plan::plan(appliance, &tree, &self.facts(appliance, &tree), &self.foreign)
    }
}
