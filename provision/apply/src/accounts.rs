//! The account files, rewritten once under the lock that Debian's own tools take.

use host::Host;
use host::facts::AccountFiles;
use host::facts::account::{GroupLine, GshadowLine, PasswdLine, Password, ShadowLine};
use plan::AccountChange;

use crate::{StepError, leaving};

/// The fields behind the password of a new shadow line: no age, no expiry.
const SHADOW_REST: &str = "19700:0:99999:7:::";

/// Carries out all changes, or none.
pub(crate) fn edit<'a>(
    host: &Host,
    changes: impl Iterator<Item = &'a AccountChange>,
) -> Result<(), StepError> {
    host::accounts::edit(host, |files| change(files, changes))?;
    Ok(())
}

/// Makes all changes in memory; the error says which one cannot be made.
pub(crate) fn change<'a>(
    files: &mut AccountFiles,
    mut changes: impl Iterator<Item = &'a AccountChange>,
) -> Result<(), String> {
    changes.try_for_each(|change| carry_out(files, change))
}

fn carry_out(files: &mut AccountFiles, change: &AccountChange) -> Result<(), String> {
    match change {
        AccountChange::AddGroup { name, gid } => add_group(files, name, *gid),
        AccountChange::AddUser {
            name,
            uid,
            gid,
            home,
            shell,
        } => {
            if files.passwd.entries().any(|line| line.name == *name) {
                return Ok(());
            }
            if let Some(other) = files.passwd.entries().find(|line| line.uid == *uid) {
                return Err(format!(
                    "the number {uid} now belongs to {}; run again to plan anew",
                    other.name
                ));
            }
            files.passwd.push(PasswdLine {
                name: name.clone(),
                password: Password::shadowed(),
                uid: *uid,
                gid: *gid,
                comment: String::new(),
                home: home.to_string(),
                shell: shell.to_string(),
            });
            files.shadow.retain(|line| line.name != *name);
            files.shadow.push(ShadowLine {
                name: name.clone(),
                password: Password::locked_forever(),
                rest: SHADOW_REST.to_owned(),
            });
            Ok(())
        }
        AccountChange::SetUser { name, home, shell } => {
            for line in files.passwd.entries_mut().filter(|line| line.name == *name) {
                line.home = home.to_string();
                line.shell = shell.to_string();
            }
            Ok(())
        }
        AccountChange::AddMember { group, member } => {
            for line in files.group.entries_mut().filter(|line| line.name == *group) {
                add(&mut line.members, member);
            }
            for line in files.gshadow.entries_mut().filter(|line| line.name == *group) {
                add(&mut line.members, member);
            }
            Ok(())
        }
        AccountChange::RemoveMember { group, member } => {
            for line in files.group.entries_mut().filter(|line| line.name == *group) {
                line.members.retain(|name| name != member);
            }
            for line in files.gshadow.entries_mut().filter(|line| line.name == *group) {
                line.members.retain(|name| name != member);
            }
            Ok(())
        }
        AccountChange::Retire { name } => {
            leaving::close(files, name);
            Ok(())
        }
        AccountChange::LockPassword { name } => {
            for line in files.passwd.entries_mut().filter(|line| line.name == *name) {
                line.password = Password::shadowed();
            }
            files.shadow.retain(|line| line.name != *name);
            files.shadow.push(ShadowLine {
                name: name.clone(),
                password: Password::locked_forever(),
                rest: SHADOW_REST.to_owned(),
            });
            Ok(())
        }
    }
}

fn add_group(files: &mut AccountFiles, name: &str, gid: u32) -> Result<(), String> {
    if files.group.entries().any(|line| line.name == name) {
        return Ok(());
    }
    if let Some(other) = files.group.entries().find(|line| line.gid == gid) {
        return Err(format!(
            "the number {gid} now belongs to the group {}; run again to plan anew",
            other.name
        ));
    }
    files.group.push(GroupLine {
        name: name.to_owned(),
        password: Password::shadowed(),
        gid,
        members: Vec::new(),
    });
    files.gshadow.retain(|line| line.name != name);
    files.gshadow.push(GshadowLine {
        name: name.to_owned(),
        password: Password::none(),
        administrators: Vec::new(),
        members: Vec::new(),
    });
    Ok(())
}

fn add(members: &mut Vec<String>, member: &str) {
    if !members.iter().any(|name| name == member) {
        members.push(member.to_owned());
    }
}
