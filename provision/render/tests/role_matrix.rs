//! Section 6 of the machine's specification: who may do what, answered by the model alone.
//!
//! Rows for files that a program creates with a mode of its own (`profiles.json`, `password_users.json`,
//! `system.duckdb`, `.env`, `deploy.log`, what a release brings) and for sockets are no matter of the tree.

mod common;

use appliance::path::TargetPath;
use render::{Access, Principal, can};

/// In the order of the columns. `portal` is `www-data` with the groups of its unit, `out` has none of our groups.
const PRINCIPALS: [&str; 7] = [
    "standard",
    "privileged",
    "admin",
    "deploy",
    "www-data",
    "webapp.service",
    "nobody",
];

#[rustfmt::skip]
const MATRIX: [(&str, [&str; 7]); 37] = [
    //                                           std    prv    adm    dep    www    portal out
    ("/data",                                  ["r-x", "r-x", "r-x", "r-x", "r-x", "r-x", "r-x"]),
    ("/data/.appliance",                       ["---", "---", "---", "---", "---", "---", "---"]),
    ("/data/src_data",                         ["r-x", "r-x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/parquet",                 ["r-x", "r-x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/parquet/sales/x.parquet", ["r--", "r--", "rw-", "rw-", "---", "rw-", "---"]),
    ("/data/src_data/parquet/private",         ["---", "r-x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/parquet/private/x.parquet", ["---", "r--", "rw-", "rw-", "---", "rw-", "---"]),
    ("/data/src_data/parquet/private/a/b.parquet", ["---", "r--", "rw-", "rw-", "---", "rw-", "---"]),
    ("/data/src_data/raw",                     ["r-x", "r-x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/raw/jira",                ["--x", "--x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/raw/jira/issues",         ["---", "---", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/raw/jira/issues/K-1.json", ["---", "---", "rw-", "rw-", "---", "rw-", "---"]),
    ("/data/src_data/raw/jira/_last.json",     ["---", "---", "rw-", "rw-", "---", "rw-", "---"]),
    ("/data/src_data/raw/jira/attachments",    ["r-x", "r-x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/metadata",                ["r-x", "r-x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/src_data/metadata_private",        ["---", "r-x", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/docs",                             ["r-x", "r-x", "rwx", "rwx", "r-x", "rwx", "r-x"]),
    ("/data/scripts",                          ["r-x", "r-x", "r-x", "r-x", "r-x", "r-x", "r-x"]),
    ("/data/examples",                         ["r-x", "r-x", "r-x", "r-x", "r-x", "r-x", "r-x"]),
    ("/data/notifications",                    ["---", "---", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/auth",                             ["---", "---", "rwx", "rwx", "rwx", "rwx", "---"]),
    ("/data/corporate-memory",                 ["---", "---", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/user_sessions",                    ["---", "---", "rwx", "rwx", "---", "rwx", "---"]),
    ("/data/logs/ingest",                      ["---", "---", "r-x", "r-x", "---", "r-x", "---"]),
    ("/data/state",                            ["--x", "--x", "r-x", "r-x", "--x", "r-x", "--x"]),
    ("/data/audit-spool",                      ["--x", "--x", "--x", "--x", "--x", "r-x", "--x"]),
    ("/data/audit-spool/runbooks",             ["---", "---", "---", "---", "---", "rwx", "---"]),
    ("/tmp/data_analyst_staging",              ["---", "---", "rwx", "rwx", "---", "rwx", "---"]),
    ("/opt/data-analyst/releases",             ["r-x", "r-x", "r-x", "r-x", "r-x", "r-x", "r-x"]),
    ("/opt/data-analyst/incoming",             ["---", "---", "---", "rwx", "---", "---", "---"]),
    ("/opt/data-analyst/logs",                 ["---", "---", "r-x", "r-x", "---", "r-x", "---"]),
    ("/etc/data-analyst/credentials",          ["---", "---", "---", "---", "---", "---", "---"]),
    ("/etc/data-analyst/credentials/WEBAPP_SECRET_KEY", ["---", "---", "---", "---", "---", "---", "---"]),
    ("/etc/sudoers.d/deploy",                  ["---", "---", "---", "---", "---", "---", "---"]),
    // An administrator of the instance, an analyst whom the definition does not know, and the one who asks.
    ("/home/alice",                            ["---", "---", "---", "---", "---", "---", "---"]),
    ("/home/carol/user/notes.md",              ["---", "---", "---", "---", "---", "---", "---"]),
    ("/home/standard",                         ["rwx", "---", "---", "---", "---", "---", "---"]),
];

#[test]
fn every_cell_of_the_matrix() {
    let appliance = common::appliance("gce");
    let tree = common::tree(&appliance);
    let mut wrong = Vec::new();
    for (path, expected) in MATRIX {
        let path = TargetPath::new(path).unwrap();
        for (name, expected) in PRINCIPALS.into_iter().zip(expected) {
            let principal = Principal::named(&appliance, name).unwrap();
            let (letters, reasons) = answer(&tree, &principal, &path);
            if letters != expected {
                wrong.push(format!(
                    "{path}: {name} has {letters} instead of {expected}: {reasons}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answer(tree: &render::Tree, principal: &Principal, path: &TargetPath) -> (String, String) {
    let mut letters = String::new();
    let mut reasons = Vec::new();
    for (access, letter) in [(Access::Read, 'r'), (Access::Write, 'w'), (Access::Execute, 'x')] {
        let verdict = can(tree, principal, access, path);
        letters.push(if verdict.allowed { letter } else { '-' });
        reasons.push(format!("{letter}: {} on {}", verdict.because, verdict.decided_by));
    }
    (letters, reasons.join("; "))
}

#[test]
fn a_verdict_names_path_and_entry() {
    let appliance = common::appliance("gce");
    let tree = common::tree(&appliance);
    let ask = |who: &str, access, path: &str| {
        let principal = Principal::named(&appliance, who).unwrap();
        let verdict = can(&tree, &principal, access, &TargetPath::new(path).unwrap());
        let word = if verdict.allowed { "yes" } else { "no" };
        format!("{word}, by {}: {}", verdict.decided_by, verdict.because)
    };
    let answers = [
        ask(
            "standard",
            Access::Read,
            "/data/src_data/parquet/private/x.parquet",
        ),
        ask(
            "privileged",
            Access::Read,
            "/data/src_data/parquet/private/x.parquet",
        ),
        ask("standard", Access::Write, "/data/src_data/parquet/sales"),
        ask("deploy", Access::Write, "/data/notifications/bot.log"),
        ask("webapp.service", Access::Read, "/data/audit-spool"),
        ask("alice", Access::Write, "/home/alice"),
        ask("standard", Access::Read, "/home/carol/x"),
        ask("nobody", Access::Read, "/etc/nginx/sites-enabled/webapp"),
        ask("alice", Access::Read, "/etc/nginx/sites-enabled/default"),
        ask("nobody", Access::Read, "/usr/bin/env"),
        ask(
            "root",
            Access::Read,
            "/etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        ),
        ask("root", Access::Execute, "/etc/sudoers.d/deploy"),
    ];
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn a_name_that_means_nobody_is_no_principal() {
    let appliance = common::appliance("gce");
    for name in ["carol", "Alice", "", "no-such.service"] {
        assert_eq!(Principal::named(&appliance, name), None, "{name:?}");
    }
}
