#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    reason = "a target fails by panicking; that is what a fuzzer looks for"
)]

pub mod mutate;
mod targets;

/// A parser with what it promises.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of the folder with its corpus.
    pub name: &'static str,
    /// Feeds it; panics when a promise is broken.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($module:ident: $($name:ident),+ $(,)?);+ $(;)?) => {
        /// Every target, sorted by module.
        pub const TARGETS: &[Target] = &[
            $($(Target { name: stringify!($name), run: targets::$module::$name }),+),+
        ];
    };
}

targets! {
    definition: definition, instance;
    words: names, paths, modes, lists, list_attribute, ssh_keys, env_file, escapes;
    accounts: passwd, group, shadow, gshadow, registry;
    kernel: mountinfo, swaps, meminfo, listeners, superblock;
    kept: ledger, saved_plan;
    debian: os_release, packages, sudoers, sshd;
}

/// The target with a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The text of bytes, as far as they are text; parsers of text get no other.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
