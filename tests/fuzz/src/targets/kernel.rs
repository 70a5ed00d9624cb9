//! What the kernel writes: tables below `/proc`, and a superblock from a disk that anybody may have filled.

use host::facts::listener::Protocol;
use host::facts::{Ext, listener, mount, os, swap};

use crate::text;

fn lines(bytes: &[u8]) -> usize {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count()
}

/// A cut or strange line makes the whole table void; none is passed over.
pub(crate) fn mountinfo(bytes: &[u8]) {
    if let Some(mounts) = mount::parse(bytes) {
        assert_eq!(mounts.len(), lines(bytes));
        for mount in mounts {
            assert!(!mount.point.contains(['\n', '\0']), "{mount:?}");
        }
    }
}

/// Swap in use.
pub(crate) fn swaps(bytes: &[u8]) {
    if let Some(swaps) = swap::parse(bytes) {
        assert!(swaps.len() <= lines(bytes));
        assert!(swaps.iter().all(|swap| !swap.path.is_empty()));
    }
}

/// Memory.
pub(crate) fn meminfo(bytes: &[u8]) {
    let memory = os::parse_memory(&String::from_utf8_lossy(bytes));
    assert!(memory.total.is_multiple_of(1024) && memory.available.is_multiple_of(1024));
}

/// Who listens.
pub(crate) fn listeners(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        match listener::parse(text, protocol) {
            Ok(found) => {
                assert!(found.len() <= lines(bytes));
                assert!(found.values().all(|listener| listener.protocol == protocol));
            }
            Err(line) => assert!(!line.contains('\n')),
        }
    }
}

/// A superblock of ext4.
pub(crate) fn superblock(bytes: &[u8]) {
    if let Some(ext) = Ext::parse(bytes) {
        assert!((1024..=65536).contains(&ext.block_size) && ext.block_size.is_power_of_two());
        assert_eq!(ext.uuid.len(), 36);
        assert!(!ext.label.chars().any(char::is_control), "{:?}", ext.label);
        let _ = ext.bytes();
    }
}
