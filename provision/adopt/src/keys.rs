//! The public keys by which people log in, read from where their owners can write: no link is followed, nothing large
//! is read, and a line that is no plain key is named and left.

use std::collections::BTreeMap;

use appliance::path::TargetPath;
use appliance::ssh_key::SshKey;
use host::facts::{Inode, Kind};
use host::{Facts, Host, HostError, Look, Question};

use crate::Warning;
use crate::registry::{Account, Key};

/// Where root keeps keys of people.
const OF_ROOT: &str = "/etc/ssh/authorized_keys.d";
/// Bytes; a file with a hundred keys has some 50 KiB.
const LARGEST: u64 = 64 << 10;

/// Gives each account the keys that open it.
pub(crate) fn read(
    host: &Host,
    accounts: &mut [Account],
    warnings: &mut Vec<Warning>,
) -> Result<(), HostError> {
    let places: Vec<Vec<TargetPath>> = accounts.iter().map(places).collect();
    let looked = look(host, places.iter().flatten(), Look::Inode)?;
    let mut sound = Vec::new();
    for (account, places) in accounts.iter().zip(&places) {
        for path in places {
            match problem(&looked, path, account.uid) {
                None if looked.inodes.contains_key(path) => sound.push(path),
                None => {}
                Some(what) => warnings.push(Warning {
                    target: path.to_string(),
                    what: format!("{what}; its keys were not taken over"),
                    next: format!("look at it, and give {} a sound key", account.username),
                }),
            }
        }
    }
    let facts = look(host, sound.into_iter(), Look::Content)?;
    for (account, places) in accounts.iter_mut().zip(&places) {
        for path in places {
            // Its owner may have put something else there meanwhile.
            if problem(&facts, path, account.uid).is_none()
                && let Some(bytes) = facts.contents.get(path)
            {
                take_lines(path, bytes, account, warnings);
            }
        }
    }
    note_shared(accounts, warnings);
    Ok(())
}

fn places(account: &Account) -> Vec<TargetPath> {
    let of_root = TargetPath::known(OF_ROOT).join(account.username.as_str());
    let home = TargetPath::new(&account.home).and_then(|home| home.join(".ssh")?.join("authorized_keys"));
    of_root.into_iter().chain(home).collect()
}

fn look<'p>(
    host: &Host,
    paths: impl Iterator<Item = &'p TargetPath>,
    closely: Look,
) -> Result<Facts, HostError> {
    let question = Question {
        paths: paths.map(|path| (path.clone(), closely)).collect(),
        ..Question::default()
    };
    host::gather(host, &question)
}

/// Why a file is not read; the reasons for which sshd does not read it either.
fn problem(facts: &Facts, path: &TargetPath, uid: u32) -> Option<String> {
    if let Some(obstacle) = facts.obstructed.get(path) {
        return Some(format!("lies behind {obstacle}, a link or file of somebody's"));
    }
    let Inode {
        kind,
        uid: owner,
        mode,
        size,
        ..
    } = facts.inodes.get(path)?;
    if *kind != Kind::File {
        return Some("is no regular file".to_owned());
    }
    if *owner != 0 && *owner != uid {
        return Some(format!("belongs to uid {owner}"));
    }
    if mode.bits() & 0o022 != 0 {
        return Some(format!("has mode {mode}, so others may write it"));
    }
    (*size > LARGEST).then(|| format!("has {size} bytes, and no file of keys has more than {LARGEST}"))
}

fn take_lines(path: &TargetPath, bytes: &[u8], account: &mut Account, warnings: &mut Vec<Warning>) {
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let read = std::str::from_utf8(line)
            .map_err(|_| "the SSH key contains invalid characters".to_owned())
            .and_then(|text| text.parse::<SshKey>().map_err(|error| error.to_string()));
        match read.map(|key| Key::of(&key)) {
            Ok(key) => {
                let is_known = account
                    .ssh_keys
                    .iter()
                    .any(|known| known.fingerprint == key.fingerprint);
                if !is_known {
                    account.ssh_keys.push(key);
                }
            }
            Err(reason) => warnings.push(Warning {
                target: path.to_string(),
                what: format!("line {number} was not taken over: {reason}"),
                next: format!("give {} a plain key if this one is needed", account.username),
            }),
        }
    }
}

fn note_shared(accounts: &[Account], warnings: &mut Vec<Warning>) {
    let mut owners: BTreeMap<&str, &Account> = BTreeMap::new();
    for account in accounts {
        for key in &account.ssh_keys {
            match owners.get(key.fingerprint.as_str()) {
                Some(other) => warnings.push(Warning {
                    target: account.username.to_string(),
                    what: format!(
                        "has the key {}, which opens {} too",
                        key.fingerprint, other.username
                    ),
                    next: "let each of them have a key of their own".to_owned(),
                }),
                None => {
                    owners.insert(&key.fingerprint, account);
                }
            }
        }
    }
}
