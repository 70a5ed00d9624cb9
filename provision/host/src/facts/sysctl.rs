//! Kernel settings, from `/proc/sys`.

use std::collections::{BTreeMap, BTreeSet};

use crate::HostError;
use crate::facts::proc;

/// Reads the settings that this kernel has.
pub fn read(keys: &BTreeSet<String>) -> Result<BTreeMap<String, String>, HostError> {
    let mut values = BTreeMap::new();
    for key in keys {
        let path = path_of(key)?;
        if let Some(value) = proc::read(&path)? {
            values.insert(key.clone(), normal(&String::from_utf8_lossy(&value)));
        }
    }
    Ok(values)
}

/// `net.ipv4.tcp_syncookies` is `/proc/sys/net/ipv4/tcp_syncookies`; as in sysctl.d, a dot that belongs to a
/// name, such as that of a VLAN, is written as a slash.
pub(crate) fn path_of(key: &str) -> Result<String, HostError> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/@:".contains(&byte);
    let parts_are_named = key
        .split('.')
        .all(|part| !part.is_empty() && !part.starts_with('/'));
    if !parts_are_named || !key.bytes().all(letter) {
        return Err(HostError::Malformed {
            path: key.to_owned(),
            problem: "not the name of a kernel setting".to_owned(),
        });
    }
    let swapped = key.chars().map(|letter| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    });
    Ok(format!("/proc/sys/{}", swapped.collect::<String>()))
}

/// The kernel separates numbers by tabs, people by blanks.
fn normal(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_files_below_proc_sys_only() {
        assert_eq!(
            path_of("vm.swappiness").expect("a key"),
            "/proc/sys/vm/swappiness"
        );
        assert_eq!(
            path_of("net.ipv4.conf.eth0/1.rp_filter").expect("a key"),
            "/proc/sys/net/ipv4/conf/eth0.1/rp_filter"
        );
        for bad in ["", "..", "vm..swappiness", "//", "a./b", "a b", "vm."] {
            assert!(path_of(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_the_kernel_does_not_have_is_left_out() {
        let keys = ["kernel.ostype", "kernel.no_such_setting"].map(str::to_owned);
        let values = read(&keys.into()).expect("settings");
        assert_eq!(
            values.into_iter().collect::<Vec<_>>(),
            [("kernel.ostype".to_owned(), "Linux".to_owned())]
        );
    }
}
