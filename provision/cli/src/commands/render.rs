//! `appliance render`

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::Context;
use render::{Inputs, Node, Tree};

use super::{BadInput, CONVERGED, definition};
use crate::args::Arguments;
use crate::output::Output;

/// The list of owners, modes and lists, which an ordinary user cannot set on the files themselves.
const MANIFEST: &str = "MANIFEST";

pub fn run(arguments: &Arguments, out: &Path, output: Output) -> anyhow::Result<u8> {
    let appliance = definition(arguments)?;
    let tree = render::render(&appliance, &Inputs::default())?;
    if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BadInput(format!("{} is not empty; name a new directory", out.display())).into());
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    write_tree(&tree, out)?;
    output.say(&format!(
        "{} entries written below {}\n",
        tree.len(),
        out.display()
    ));
    Ok(CONVERGED)
}

fn write_tree(tree: &Tree, out: &Path) -> anyhow::Result<()> {
    let mut manifest = BTreeMap::new();
    for (path, entry) in tree.iter() {
        let place = out.join(path.relative());
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        let described = match &entry.node {
            Node::Directory {
                ownership,
                access,
                default,
                ..
            } => {
                fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
                let list = |label: &str, list: &Option<appliance::layout::NamedAcl>| {
                    list.as_ref()
                        .map_or_else(String::new, |list| format!(" {label}={list}"))
                };
                let lists = list("access", access) + &list("default", default);
                format!(
                    "directory {}:{} {}{lists}",
                    ownership.owner, ownership.group, ownership.mode
                )
            }
            Node::File {
                ownership, content, ..
            } => {
                let mut file = fs::File::create_new(&place)
                    .with_context(|| format!("cannot make {}", place.display()))?;
                std::io::Write::write_all(&mut file, content.bytes())
                    .with_context(|| format!("cannot write {}", place.display()))?;
                let mode = if content.is_secret() { 0o600 } else { 0o644 };
                file.set_permissions(fs::Permissions::from_mode(mode))?;
                format!("file {}:{} {}", ownership.owner, ownership.group, ownership.mode)
            }
            Node::Link { target, .. } => {
                symlink(target, &place)
                    .with_context(|| format!("cannot make the link {}", place.display()))?;
                format!("link {target}")
            }
            Node::Absent => "absent".to_owned(),
        };
        manifest.insert(path.as_str(), described);
    }
    let text: String = manifest
        .iter()
        .map(|(path, described)| format!("{path} {described}\n"))
        .collect();
    let place = out.join(MANIFEST);
    let mut file =
        fs::File::create_new(&place).with_context(|| format!("cannot make {}", place.display()))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .with_context(|| format!("cannot write {}", place.display()))
}
