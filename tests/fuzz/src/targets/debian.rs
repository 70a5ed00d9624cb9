//! What Debian's programs write and operators change.

use std::collections::BTreeMap;

use host::facts::{os, package};
use verify::{sshd, sudoers};

use crate::text;

/// `/etc/os-release`
pub(crate) fn os_release(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for key in ["ID", "VERSION_ID"] {
        let value = os::value(text, key);
        assert!(value.is_none_or(|value| !value.contains('\n')));
    }
}

/// The database of packages.
pub(crate) fn packages(bytes: &[u8]) {
    let mut packages = BTreeMap::new();
    package::parse(bytes, &mut packages);
    for (name, state) in &packages {
        assert!(!name.as_str().is_empty());
        assert!(!state.version.contains('\n') && !state.architecture.contains('\n'));
    }
    // A second reading of the same text changes nothing.
    let mut again = packages.clone();
    package::parse(bytes, &mut again);
    assert_eq!(again.len(), packages.len());
}

/// Files of sudo: a line that grants something is never lost because of what stands around it.
pub(crate) fn sudoers(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for line in sudoers::lines(text) {
        assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
        let _ = sudoers::skips_password(&line);
        if let Some(command) = sudoers::wildcard(&line) {
            assert!(line.contains(&command));
        }
    }
    const PLANTED: &str = "mallory ALL=(ALL) NOPASSWD: ALL";
    let cut = text.trim_end_matches('\\');
    let planted = sudoers::lines(&format!("{cut}\n{PLANTED}\n"));
    assert!(
        planted.iter().any(|line| line == PLANTED),
        "a grant behind {cut:?} is not seen"
    );
    assert_eq!(sudoers::skips_password(PLANTED).as_deref(), Some("mallory"));
}

/// Configuration of sshd.
pub(crate) fn sshd(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for (keyword, value) in sshd::lines(text) {
        assert_eq!(keyword, keyword.to_ascii_lowercase());
        assert!(!value.contains('\n'));
    }
    let (global, all) = (sshd::section(text, None), sshd::effective(text));
    assert_eq!(sshd::differences(&all, &all), []);
    assert!(global.keys().all(|keyword| all.contains_key(keyword)));
}
