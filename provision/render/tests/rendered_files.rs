//! What every file says, and the whole tree on one page: a change of the definition shows as a diff of these.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use std::fmt::Write as _;

use render::{Content, Node, Ownership};

#[test]
fn every_file_of_a_cloud_machine() {
    let tree = common::tree(&common::appliance("gce"));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/files");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (path, entry) in tree.iter() {
            let Node::File {
                ownership,
                content,
                judge,
            } = &entry.node
            else {
                continue;
            };
            let mut text = format!("{path}\n{}\narea {}", owned(ownership), entry.area);
            if let Some(judge) = judge {
                write!(text, ", judged by {judge:?}").unwrap();
            }
            let body = match content {
                Content::Plain(text) => text.as_str(),
                Content::Secret(_) => "[redacted]",
            };
            write!(text, "\nbecause {}\n---\n{body}", entry.because).unwrap();
            insta::assert_snapshot!(path.relative().replace('/', "_"), text);
        }
    });
}

#[test]
fn the_tree_of_a_cloud_machine() {
    insta::assert_snapshot!(listing("gce"));
}

#[test]
fn the_tree_of_a_container_lacks_what_is_the_clouds() {
    let (cloud, container) = (listing("gce"), listing("container"));
    let mut lacks: Vec<&str> = cloud
        .lines()
        .filter(|line| !container.contains(line))
        .filter_map(|line| line.split_ascii_whitespace().last())
        .collect();
    let units = "/etc/systemd/system";
    let mut expected = vec!["/etc/google-cloud-ops-agent/config.yaml".to_owned()];
    // Whoever starts a container mounts its disks.
    for (role, mount) in [("data", "data"), ("home", "home"), ("temp", "tmp")] {
        expected.push(format!("{units}/appliance-disk-{role}.service"));
        expected.push(format!("{units}/{mount}.mount.d"));
        expected.push(format!("{units}/{mount}.mount.d/10-appliance.conf"));
    }
    // The kernel's clock and audit are not a container's: their units are not enabled there.
    expected.extend(["auditd", "chrony"].map(|unit| format!("/lib/systemd/system/{unit}.service")));
    expected.sort();
    lacks.sort_unstable();
    assert_eq!(lacks, expected);
    let disabled = |line: &str| {
        ["auditd.service", "chrony.service"]
            .iter()
            .any(|unit| line.contains(unit))
    };
    assert!(
        container
            .lines()
            .all(|line| cloud.contains(line) || disabled(line))
    );
}

fn listing(platform: &str) -> String {
    let mut page = String::new();
    for (path, entry) in common::tree(&common::appliance(platform)).iter() {
        match &entry.node {
            Node::Directory {
                ownership,
                access,
                default,
                closed,
                exact,
            } => {
                write!(page, "directory {:24} {path}", owned(ownership)).unwrap();
                if *exact {
                    page.push_str("  exact");
                }
                if *closed {
                    page.push_str("  closed");
                }
                for (name, list) in [("access", access), ("default", default)] {
                    if let Some(list) = list {
                        write!(page, "\n    {name:7} {list}").unwrap();
                    }
                }
            }
            Node::File { ownership, .. } => {
                write!(page, "file      {:24} {path}", owned(ownership)).unwrap();
            }
            Node::Link { target, once } => {
                let once = if *once { " (once)" } else { "" };
                write!(page, "link      {:24} {path} -> {target}{once}", "").unwrap();
            }
            Node::Absent => write!(page, "absent    {:24} {path}", "").unwrap(),
        }
        page.push('\n');
    }
    page
}

fn owned(ownership: &Ownership) -> String {
    let Ownership { owner, group, mode } = ownership;
    format!("{owner}:{group} {mode}")
}
