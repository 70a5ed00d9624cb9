//! The tree while it grows.

use std::collections::BTreeSet;

use appliance::Appliance;
use appliance::layout::Judge;
use appliance::mode::Mode;
use appliance::name::GroupName;
use appliance::path::TargetPath;
use templates::Template;

use crate::{Area, Content, Entry, Inputs, Node, Ownership, RenderError, Tree, names};

/// What every module reads and adds to.
pub(crate) struct Draft<'a> {
    pub appliance: &'a Appliance,
    pub inputs: &'a Inputs,
    tree: Tree,
}

impl<'a> Draft<'a> {
    pub fn new(appliance: &'a Appliance, inputs: &'a Inputs) -> Self {
        let tree = Tree::default();
        Self {
            appliance,
            inputs,
            tree,
        }
    }

    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// Adds a path that nothing else has claimed.
    pub fn add(
        &mut self,
        path: TargetPath,
        area: Area,
        node: Node,
        because: String,
    ) -> Result<(), RenderError> {
        if self.tree.get(&path).is_some() {
            return Err(RenderError::TwoOwners { path });
        }
        self.tree.insert(path, Entry { area, node, because });
        Ok(())
    }

    /// Adds a file of root's.
    pub fn add_root_file(
        &mut self,
        path: TargetPath,
        area: Area,
        mode: u32,
        content: Content,
        because: String,
    ) -> Result<(), RenderError> {
        self.add_file(path, area, root_owned(mode), content, None, because)
    }

    /// Adds a file.
    pub fn add_file(
        &mut self,
        path: TargetPath,
        area: Area,
        ownership: Ownership,
        content: Content,
        judge: Option<Judge>,
        because: String,
    ) -> Result<(), RenderError> {
        let node = Node::File {
            ownership,
            content,
            judge,
        };
        self.add(path, area, node, because)
    }

    /// Adds a directory that several things may lie in, such as that of a target's wants.
    pub fn add_shared_directory(&mut self, path: TargetPath, area: Area, because: &str) {
        if self.tree.get(&path).is_none() {
            let node = Node::Directory {
                ownership: root_owned(0o755),
                access: None,
                default: None,
                closed: false,
                exact: false,
            };
            let because = because.to_owned();
            self.tree.insert(path, Entry { area, node, because });
        }
    }
}

/// Renders the text of the file at `path`.
pub(crate) fn text<T: Template>(path: &TargetPath, context: &T) -> Result<String, RenderError> {
    templates::render(context).map_err(|source| RenderError::Template {
        path: path.clone(),
        source,
    })
}

/// Owned by root and root's group.
pub(crate) fn root_owned(mode: u32) -> Ownership {
    root_and_group(names::group("root"), mode)
}

/// Owned by root and a group that may read it.
pub(crate) fn root_and_group(group: GroupName, mode: u32) -> Ownership {
    Ownership {
        owner: names::user("root"),
        group,
        mode: Mode::from_bits(mode),
    }
}

/// Sorted, each once: an order that means nothing must not reach a file.
pub(crate) fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    items.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
