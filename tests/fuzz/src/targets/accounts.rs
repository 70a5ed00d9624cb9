//! The account files, byte for byte, and the registry of people.

use host::facts::account::{GroupLine, GshadowLine, Lines, PasswdLine, ShadowLine};
use host::facts::record::Record;
use verify::registry::Registry;

use crate::text;

fn comes_back<T: Record + std::fmt::Debug>(bytes: &[u8]) {
    let lines = Lines::<T>::parse(bytes);
    let printed = lines.print().unwrap();
    let end: &[u8] = if bytes.is_empty() || bytes.ends_with(b"\n") {
        b""
    } else {
        b"\n"
    };
    // A file of one line break is a file without lines.
    let expected = if bytes == b"\n" {
        Vec::new()
    } else {
        [bytes, end].concat()
    };
    assert_eq!(printed, expected, "the file comes back byte for byte");
    for entry in lines.entries() {
        let line = entry.print();
        assert!(!line.contains('\n'), "{line:?}");
        assert!(T::parse(&line).as_ref() == Some(entry));
    }
    for number in lines.strange() {
        assert!((1..=lines.0.len()).contains(&number));
    }
}

/// `/etc/passwd`
pub(crate) fn passwd(bytes: &[u8]) {
    comes_back::<PasswdLine>(bytes);
}

/// `/etc/group`
pub(crate) fn group(bytes: &[u8]) {
    comes_back::<GroupLine>(bytes);
}

/// `/etc/shadow`, whose hashes never show.
pub(crate) fn shadow(bytes: &[u8]) {
    comes_back::<ShadowLine>(bytes);
    let lines = Lines::<ShadowLine>::parse(bytes);
    let in_a_name = lines.entries().any(|entry| entry.name.contains("$6$"));
    assert!(in_a_name || !format!("{lines:?}").contains("$6$"), "a hash shows");
}

/// `/etc/gshadow`
pub(crate) fn gshadow(bytes: &[u8]) {
    comes_back::<GshadowLine>(bytes);
}

/// The registry of people.
pub(crate) fn registry(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(registry) = Registry::parse(text) {
        assert!(registry.present().count() <= registry.accounts.len());
    }
}
