//! A machine made of words, for tests: our definition, and facts that hold nothing but what a test puts there.

use appliance::mode::Mode;
use appliance::path::TargetPath;
use appliance::{Appliance, DefinitionFiles};
use host::facts::{Inode, Kind, Timestamp};
use host::{Facts, Host, Question};
use plan::{Ledger, Plan};
use render::Inputs;

use crate::debian::Debian;
use crate::machine::Machine;
use crate::walk::Walk;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";

/// Our definition, with one administrator.
pub(crate) fn appliance() -> Appliance {
    let instance = format!(
        "project = \"example\"\ndomain = \"broker.example.com\"\nrelease_keys = [\"{KEY}\"]\nci_ssh_keys = [\"{KEY}\"]\n\
         [[admins]]\nusername = \"alice\"\nssh_keys = [\"{KEY}\"]\n"
    );
    Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", &instance).expect("our definition")
}

/// A machine on which nothing is, not even accounts.
pub(crate) fn machine(appliance: &Appliance) -> Machine<'_> {
    let empty = tempfile::tempdir().expect("a directory");
    let host = Host::offline(empty.path()).expect("a tree");
    let nothing = || -> Facts { host::gather(&host, &Question::default()).expect("facts") };
    Machine {
        appliance,
        tree: render::render(appliance, &Inputs::default()).expect("a tree"),
        facts: nothing(),
        plan: Plan::default(),
        closer: nothing(),
        ledger: Ledger::default(),
        debian: Debian::default(),
        walk: Walk::default(),
    }
}

/// A file of root's.
pub(crate) fn inode(kind: Kind, mode: u32) -> Inode {
    Inode {
        kind,
        uid: 0,
        gid: 0,
        mode: Mode::from_bits(mode),
        size: 0,
        device: 1,
        number: 1,
        links: 1,
        changed: Timestamp::default(),
        modified: Timestamp::default(),
        acl: None,
        default_acl: None,
        immutable: false,
        append_only: false,
        capabilities: false,
    }
}

impl Machine<'_> {
    /// Puts a file into a listed directory.
    pub fn put(&mut self, path: &str, text: &str) {
        self.put_inode(path, inode(Kind::File, 0o644));
        let path = TargetPath::known(path);
        self.closer.contents.insert(path, text.as_bytes().to_vec());
    }

    /// Puts anything into a listed directory.
    pub fn put_inode(&mut self, path: &str, inode: Inode) {
        let path = TargetPath::known(path);
        let parent = path.parent().expect("a parent");
        let listing = self.facts.listings.entry(parent).or_default();
        listing.insert(path.name().to_owned(), inode.clone());
        self.facts.inodes.insert(path, inode);
    }
}
