//! The short run of the gate: each target on its corpus, and on some thousand mutations of it with a fixed seed.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and the input that made it fail is told beside"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use fuzz::mutate::{Random, mutate};
use fuzz::{TARGETS, Target, target};

/// Runs, unless the time is over before: all targets together end within some ten seconds.
const RUNS: usize = 20_000;
const PATIENCE: Duration = Duration::from_millis(600);
const SEED: u64 = 0x0b5e_55ed;

fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(path).unwrap())
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} has no corpus", target.name);
    inputs
}

/// The input is told as a literal that can be put into a test, or into the corpus with `printf`.
fn feed(target: &Target, what: &str, bytes: &[u8]) {
    let run = std::panic::AssertUnwindSafe(|| (target.run)(bytes));
    if let Err(panic) = std::panic::catch_unwind(run) {
        eprintln!(
            "{} breaks its promise on {what}: b\"{}\"",
            target.name,
            bytes.escape_ascii()
        );
        std::panic::resume_unwind(panic);
    }
}

fn keeps_its_promises(name: &str) {
    let target = target(name).unwrap();
    let corpus = corpus(target);
    for (file, bytes) in &corpus {
        feed(target, file, bytes);
    }
    let (mut random, begun) = (Random::new(SEED), Instant::now());
    for run in 0..RUNS {
        if begun.elapsed() > PATIENCE {
            break;
        }
        let (_, input) = &corpus[random.below(corpus.len())];
        let (_, other) = &corpus[random.below(corpus.len())];
        feed(
            target,
            &format!("mutation {run} of seed {SEED:#x}"),
            &mutate(input, other, &mut random),
        );
    }
}

macro_rules! each {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            keeps_its_promises(stringify!($name));
        })+

        #[test]
        fn every_target_is_tested_and_every_corpus_has_a_target() {
            let tested = [$(stringify!($name)),+];
            for target in TARGETS {
                assert!(tested.contains(&target.name), "add {} above", target.name);
            }
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
            for entry in std::fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(target(&name).is_some(), "the corpus {name} has no target");
            }
        }
    };
}

each! {
    definition, instance,
    names, paths, modes, lists, list_attribute, ssh_keys, env_file, escapes,
    passwd, group, shadow, gshadow, registry,
    mountinfo, swaps, meminfo, listeners, superblock,
    ledger, saved_plan,
    os_release, packages, sudoers, sshd,
}
