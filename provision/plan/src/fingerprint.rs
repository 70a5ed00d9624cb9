//! Whether a machine is still the one that a plan was made for: a digest of every fact that planning looked at, by
//! name, so that a refusal can say what moved. What moves by itself (times, numbers of inodes and processes, free
//! memory) is left out.

use std::collections::BTreeMap;
use std::fmt;

use appliance::path::TargetPath;
use host::facts::record::Record as Line;
use host::facts::unit::Active;
use host::facts::{Digest, Inode, Kind, UnitFact};
use host::{Facts, LiveFacts};
use render::{Node, Tree};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Plan;
use crate::step::{Change, Step};

/// Hexadecimal digits of a digest that are kept: 128 bits.
const SHOWN: usize = 32;
/// How the steps are named among what moved.
const STEPS: &str = "what is to be done";
/// How the tree is named among what moved.
const TREE: &str = "the definition, the instance or a secret";

/// Random bytes that go into every digest, so that nobody can try out what a short secret may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// From random bytes. A salt that others know protects nothing, so whoever keeps it keeps it root's alone.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Serialize for Salt {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A digest prints as the hexadecimal that its reader takes.
        Digest(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Digest::deserialize(deserializer).map(|digest| Self(digest.0))
    }
}

/// What a plan relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// What went into every digest.
    pub salt: Salt,
    facts: BTreeMap<String, String>,
    steps: String,
    tree: String,
}

impl Fingerprint {
    /// Of one look: its facts, its plan (or the areas of it that are to be carried out) and its tree.
    pub fn of(facts: &Facts, plan: &Plan, tree: &Tree, salt: Salt) -> Self {
        let mut named = Named {
            salt,
            facts: BTreeMap::new(),
        };
        named.files(facts);
        named.accounts(facts);
        named.machine(facts);
        if let Some(live) = &facts.live {
            named.live(facts, live);
        }
        let (steps, tree) = (named.steps(plan), named.tree(tree));
        Self {
            salt,
            facts: named.facts,
            steps,
            tree,
        }
    }

    /// The names of what is no longer as it was, sorted; empty for a machine that has not moved.
    pub fn difference(&self, now: &Self) -> Vec<String> {
        let mut moved: Vec<String> = self
            .facts
            .iter()
            .filter(|(name, digest)| now.facts.get(*name) != Some(digest))
            .map(|(name, _)| name.clone())
            .chain(
                now.facts
                    .keys()
                    .filter(|name| !self.facts.contains_key(*name))
                    .cloned(),
            )
            .collect();
        moved.sort();
        let whole = [(STEPS, &self.steps, &now.steps), (TREE, &self.tree, &now.tree)];
        let whole = whole.into_iter().filter(|(_, then, now)| then != now);
        moved.extend(whole.map(|(name, ..)| name.to_owned()));
        moved
    }
}

/// The facts so far.
struct Named {
    salt: Salt,
    facts: BTreeMap<String, String>,
}

impl Named {
    fn digest(&self, name: &str, parts: &[&[u8]]) -> String {
        let mut bytes = self.salt.0.to_vec();
        for part in [name.as_bytes()].iter().chain(parts) {
            // With its length, so that no byte can wander from one part into the next.
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(*part);
        }
        let mut text = Digest::of(&bytes).to_string();
        text.truncate(SHOWN);
        text
    }

    fn bytes(&mut self, name: String, bytes: &[u8]) {
        let digest = self.digest(&name, &[bytes]);
        self.facts.insert(name, digest);
    }

    fn value(&mut self, name: String, value: &Value) {
        self.bytes(name, value.to_string().as_bytes());
    }

    fn files(&mut self, facts: &Facts) {
        for (path, inode) in &facts.inodes {
            self.value(format!("inode {path}"), &steady_inode(inode));
        }
        for (path, bytes) in &facts.contents {
            self.bytes(format!("content {path}"), bytes);
        }
        for (path, digest) in &facts.digests {
            self.bytes(format!("content {path}"), &digest.0);
        }
        for (path, names) in &facts.listings {
            let names: Value = names
                .iter()
                .map(|(name, inode)| json!([name, steady_inode(inode)]))
                .collect();
            self.value(format!("listing {path}"), &names);
        }
        for (path, obstacle) in &facts.obstructed {
            self.value(format!("inode {path}"), &json!({ "obstructed": obstacle }));
        }
        for (top, tree) in &facts.trees {
            // Data comes and goes; who may read it is what planning looks at.
            let open: Value = tree
                .inodes
                .iter()
                .filter(|(_, inode)| {
                    inode.acl.is_some() || inode.default_acl.is_some() || inode.mode.bits() & 0o007 != 0
                })
                .map(|(path, inode)| json!([path, steady_inode(inode)]))
                .collect();
            self.value(format!("tree {top}"), &open);
        }
    }

    fn accounts(&mut self, facts: &Facts) {
        let accounts = &facts.accounts;
        self.lines("passwd", accounts.passwd.print(), accounts.passwd.entries());
        self.lines("group", accounts.group.print(), accounts.group.entries());
        self.lines("shadow", accounts.shadow.print(), accounts.shadow.entries());
        self.lines("gshadow", accounts.gshadow.print(), accounts.gshadow.entries());
    }

    fn lines<'a, T: Line + 'a>(
        &mut self,
        file: &str,
        bytes: Option<Vec<u8>>,
        lines: impl Iterator<Item = &'a T>,
    ) {
        let bytes =
            bytes.unwrap_or_else(|| lines.map(Line::print).collect::<Vec<_>>().join("\n").into_bytes());
        self.bytes(format!("accounts {file}"), &bytes);
    }

    fn machine(&mut self, facts: &Facts) {
        self.value("system".to_owned(), &json!([facts.os.id, facts.os.version_id]));
        self.value("hostname".to_owned(), &json!(facts.hostname));
        for (name, state) in &facts.packages {
            self.value(format!("package {name}"), &json!(state.status));
        }
    }

    fn live(&mut self, facts: &Facts, live: &LiveFacts) {
        let asked = |point: &str| {
            point == "/"
                || point == "/proc"
                || TargetPath::new(point).is_ok_and(|path| facts.inodes.contains_key(&path))
        };
        for mount in live.mounts.iter().filter(|mount| asked(&mount.point)) {
            let value = json!([
                mount.root,
                mount.filesystem,
                mount.source,
                mount.options,
                mount.super_options
            ]);
            self.value(format!("mount {}", mount.point), &value);
        }
        for (path, guard) in &live.guards {
            let value = json!([steady_inode(&guard.inode), guard.empty]);
            self.value(format!("guard {path}"), &value);
        }
        for (role, disk) in &live.disks {
            self.value(
                format!("disk {role}"),
                &without(&json!(disk), &["name", "number"]),
            );
        }
        for swap in &live.swaps {
            self.value(format!("swap {}", swap.path), &json!(swap.bytes));
        }
        for (name, value) in &live.sysctl {
            self.value(format!("sysctl {name}"), &json!(value.trim()));
        }
        for (name, unit) in live.units.iter().flatten() {
            self.value(format!("unit {name}"), &steady_unit(unit));
        }
        if let Some(firewall) = &live.firewall {
            self.value("firewall".to_owned(), &json!(firewall));
        }
    }

    fn steps(&self, plan: &Plan) -> String {
        let steps: Vec<Vec<u8>> = plan.steps.iter().map(of_step).collect();
        let refusals = format!("{:?}", plan.refusals);
        let parts: Vec<&[u8]> = steps
            .iter()
            .map(Vec::as_slice)
            .chain([refusals.as_bytes()])
            .collect();
        self.digest(STEPS, &parts)
    }

    fn tree(&self, tree: &Tree) -> String {
        let entries: Vec<Vec<u8>> = tree
            .iter()
            .map(|(path, entry)| {
                let mut bytes = format!("{path} {entry:?}").into_bytes();
                if let Node::File { content, .. } = &entry.node {
                    bytes.extend(content.bytes());
                }
                bytes
            })
            .collect();
        let parts: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        self.digest(TREE, &parts)
    }
}

/// A step with its bytes, which do not print when they are secret.
fn of_step(step: &Step) -> Vec<u8> {
    let mut bytes = format!("{step:?}").into_bytes();
    if let Change::WriteFile { content, .. } = &step.change {
        bytes.extend(&content.bytes);
    }
    bytes
}

/// An inode as far as it stays when nobody does anything.
fn steady_inode(inode: &Inode) -> Value {
    let mut moving = vec!["number", "device", "changed", "modified"];
    if inode.kind == Kind::Directory {
        // These follow from what lies in it.
        moving.extend(["size", "links"]);
    }
    without(&json!(inode), &moving)
}

fn steady_unit(unit: &UnitFact) -> Value {
    let state = match unit.active {
        Active::Active | Active::Reloading => "up",
        Active::Failed => "failed",
        // What a timer starts comes and goes by itself.
        Active::Inactive | Active::Activating | Active::Deactivating | Active::Other => "down",
    };
    json!([unit.load, state, unit.needs_reload, unit.fragment, unit.drop_ins])
}

/// The value without some fields, however deep they are.
fn without(value: &Value, fields: &[&str]) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !fields.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), without(value, fields)))
            .collect(),
        Value::Array(values) => values.iter().map(|value| without(value, fields)).collect(),
        plain => plain.clone(),
    }
}
