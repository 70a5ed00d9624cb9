use appliance::{Appliance, DefinitionFiles};
use render::difference::{Side, difference};
use render::{Inputs, Tree, render};

use super::*;

const INSTANCE: &str = include_str!("../../../../images/dev-instance.toml");

/// The shipped definition with pieces of its files replaced: file, text that stands there, text in its place.
fn changed(edits: &[(&str, &str, &str)]) -> (Appliance, Tree) {
    let shipped = DefinitionFiles::shipped();
    let texts = shipped.texts();
    let files = DefinitionFiles::from_directory("definition", |name| {
        let (_, text) = texts.iter().find(|(file, _)| *file == name).expect("a file");
        let mut text = (*text).to_owned();
        for (_, from, to) in edits.iter().filter(|(file, ..)| *file == name) {
            assert!(text.contains(from), "{name} has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        Ok::<_, String>(text)
    });
    let appliance = Appliance::parse(&files.expect("texts"), "appliance.toml", INSTANCE);
    let appliance = appliance.unwrap_or_else(|problems| panic!("{problems}"));
    let tree = render(&appliance, &Inputs::default()).unwrap_or_else(|error| panic!("{error}"));
    (appliance, tree)
}

fn since_shipped(edits: &[(&str, &str, &str)]) -> Difference {
    between(&changed(&[]), &changed(edits))
}

fn between(old: &(Appliance, Tree), new: &(Appliance, Tree)) -> Difference {
    let side = |(appliance, tree)| Side { appliance, tree };
    difference(side((&old.0, &old.1)), side((&new.0, &new.1)))
}

fn text(edits: &[(&str, &str, &str)]) -> String {
    describe(&since_shipped(edits), Style::Plain)
}

#[test]
fn the_same_definition_twice_differs_in_nothing() {
    let difference = since_shipped(&[]);
    assert!(difference.is_empty());
    assert_eq!(describe(&difference, Style::Colour), "");
    assert_eq!(records(&difference), [Value::Null; 0]);
}

#[test]
fn a_mode_opens_a_directory_and_what_lies_below() {
    let opened = (
        "layout.toml",
        "paths = [\"/data/.appliance\"]\nmode = \"0700\"",
        "paths = [\"/data/.appliance\"]\nmode = \"0755\"",
    );
    let below = (
        "layout.toml",
        "paths = [\"/data/.appliance/generated\"]\nmode = \"0700\"",
        "paths = [\"/data/.appliance/generated\"]\nmode = \"0755\"",
    );
    insta::assert_snapshot!(text(&[opened, below]));
    // What would be passed to, and is open itself, comes with the passage.
    let before = changed(&[below]);
    let after = changed(&[opened, below]);
    let difference = between(&before, &after);
    insta::assert_snapshot!(describe(&difference, Style::Plain));
}

#[test]
fn an_entry_of_a_profile_changes_every_directory_that_has_it() {
    const PRIVATE: &str =
        "g:data-private:r-x m::rwx o::---\"\ndefault = \"u::rwx g::rwx g:data-ops:rwx g:data-private:r-x";
    const PUBLIC: &str = "g:dataread:r-x g:data-private:r-x m::rwx o::---\"\ndefault = \"u::rwx g::rwx g:data-ops:rwx g:dataread:r-x g:data-private:r-x";
    insta::assert_snapshot!(text(&[("layout.toml", PRIVATE, PUBLIC)]));
}

#[test]
fn a_group_and_a_passage_are_named_as_the_cause() {
    let joins = (
        "accounts.toml",
        "shell = \"/usr/sbin/nologin\"\nbecause = \"runs exporters",
        "shell = \"/usr/sbin/nologin\"\ngroups = [\"data-private\"]\nbecause = \"runs exporters",
    );
    insta::assert_snapshot!(text(&[joins]));
    let closed = ("layout.toml", "g:dataread:--x m::rwx", "g:dataread:--- m::rwx");
    insta::assert_snapshot!(text(&[closed]));
}

#[test]
fn directories_come_and_go() {
    let comes = (
        "layout.toml",
        "    \"/data/downloads\",\n",
        "    \"/data/downloads\",\n    \"/data/downloads/a\",\n    \"/data/downloads/b\",\n",
    );
    let goes = ("layout.toml", "    \"/data/docs/metrics\",\n", "");
    insta::assert_snapshot!(text(&[comes, goes]));
}

#[test]
fn grants_ports_and_units_are_told() {
    let sudo = (
        "sudo.toml",
        "runas = \"root\"\nprogram = \"/usr/local/sbin/appliance-deploy\"",
        "runas = \"da-sync\"\nprogram = \"/usr/local/sbin/appliance-deploy\"",
    );
    let alias = (
        "sudo.toml",
        "members = [\"%dataread\", \"!root\"]",
        "members = [\"%dataread\"]",
    );
    let port = (
        "network.toml",
        "port = 8765\nprogram = \"ws-gateway\"\nusers = [\"www-data\"]",
        "port = 8765\nprogram = \"ws-gateway\"\ninternet = true",
    );
    let groups = (
        "services.toml",
        "supplementary = [\"data-ops\", \"obs\"]",
        "supplementary = [\"data-ops\"]",
    );
    let capability = (
        "services.toml",
        "CapabilityBoundingSet = \"CAP_DAC_READ_SEARCH\"\nMemoryMax",
        "CapabilityBoundingSet = \"CAP_DAC_READ_SEARCH CAP_KILL\"\nMemoryMax",
    );
    insta::assert_snapshot!(text(&[sudo, alias, port, groups, capability]));
}

#[test]
fn a_record_holds_who_what_and_why() {
    let closed = ("layout.toml", "g:dataread:--x m::rwx", "g:dataread:--- m::rwx");
    let sudo = (
        "sudo.toml",
        "runas = \"root\"\nprogram = \"/usr/local/sbin/appliance-deploy\"",
        "runas = \"da-sync\"\nprogram = \"/usr/local/sbin/appliance-deploy\"",
    );
    let records = records(&since_shipped(&[closed, sudo]));
    let lines: Vec<String> = records
        .iter()
        .take(2)
        .chain(records.last())
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
