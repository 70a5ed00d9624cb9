//! What left the definition.

use std::io::ErrorKind;

use appliance::path::TargetPath;
use host::facts::AccountFiles;
use host::facts::account::{Password, ShadowLine};
use host::{Host, HostError, remove};

use crate::StepError;

/// The shell of an account that nobody enters.
const CLOSED_SHELL: &str = "/usr/sbin/nologin";
/// The fields behind the password of a closed account: it expired on the second day of 1970.
const SHADOW_REST: &str = "19700:0:99999:7::1:";

/// Removes a directory that planning saw empty. What somebody put there since stays, and the next look says so.
pub(crate) fn remove_directory(host: &Host, path: &TargetPath) -> Result<(), StepError> {
    match remove::empty_directory(host, path) {
        Err(HostError::File { source, .. }) if source.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => Ok(removed.map(|_| ())?),
    }
}

/// Leaves an account its line and its number, and no way in: no password, no shell, expired for keys and timetables.
pub(crate) fn close(files: &mut AccountFiles, name: &str) {
    for line in files.passwd.entries_mut().filter(|line| line.name == name) {
        line.password = Password::shadowed();
        CLOSED_SHELL.clone_into(&mut line.shell);
    }
    files.shadow.retain(|line| line.name != name);
    files.shadow.push(ShadowLine {
        name: name.to_owned(),
        password: Password::locked_forever(),
        rest: SHADOW_REST.to_owned(),
    });
}
