//! What is promised of a tree that does not run, such as an image that is being built.

use appliance::{Appliance, DefinitionFiles};
use host::Host;
use verify::Outcome;

const INSTANCE: &str = include_str!("../../../images/dev-instance.toml");

#[test]
fn what_needs_a_running_machine_is_skipped_and_says_so() {
    let root = tempfile::tempdir().expect("a directory");
    let host = Host::offline(root.path()).expect("a tree");
    let appliance = Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", INSTANCE).expect("ours");
    let report = verify::verify(&appliance, &host).expect("it was looked at");
    let skipped = report.checks.iter().filter_map(|check| match &check.outcome {
        Outcome::Skipped { because } => Some((check.name, because.contains("not a running machine"))),
        Outcome::Passed { .. } | Outcome::Failed { .. } => None,
    });
    let expected = [
        "listeners",
        "access",
        "disks",
        "mounts",
        "processes",
        "kernel",
        "health",
        "firewall",
    ]
    .map(|name| (name, true));
    assert!(skipped.eq(expected), "{}", report.text(false));
    assert!(report.drift(), "an empty tree is not as defined");
}
