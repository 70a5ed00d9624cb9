//! Asks the kernel what somebody may do, by doing it as them.
//!
//! `access-probe make` makes what its input lists; `access-probe try UID GID GROUP,GROUP` becomes that user and tries
//! what its input lists. One process for each user, one answer a line.
#![allow(
    clippy::print_stdout,
    reason = "its output is what it is for; it runs in a test's machine alone"
)]

use std::io::{BufRead, Write};
use std::os::fd::AsFd;

use anyhow::{Context, Result, bail};
use rustix::fs::{Access, AtFlags, CWD, Dir, FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

/// What is created in a directory and removed again.
const CREATED: &str = ".access-probe";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let lines = std::io::stdin().lock().lines();
    match words[..] {
        ["make"] => {
            for line in lines {
                let line = line?;
                make(&line).with_context(|| line.clone())?;
            }
            Ok(())
        }
        ["try", uid, gid, groups] => {
            become_user(uid.parse()?, gid.parse()?, groups)?;
            let mut out = std::io::stdout().lock();
            for line in lines {
                let line = line?;
                let (right, path) = line.split_once(' ').context("a right and a path")?;
                writeln!(out, "{}", answer(try_one(right, path)))?;
            }
            Ok(())
        }
        _ => bail!("make, or try UID GID GROUP,GROUP"),
    }
}

/// Groups while it still may, the user last: then nothing is left of root.
fn become_user(uid: u32, gid: u32, groups: &str) -> Result<()> {
    let groups = groups
        .split(',')
        .filter(|group| !group.is_empty())
        .map(|group| Ok(Gid::from_raw(group.parse()?)))
        .collect::<Result<Vec<Gid>>>()?;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_groups(&groups)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

fn answer(tried: Result<(), Errno>) -> String {
    match tried {
        Ok(()) => "yes".to_owned(),
        Err(Errno::ACCESS | Errno::PERM) => "no".to_owned(),
        Err(errno) => format!("error {errno}"),
    }
}

fn try_one(right: &str, path: &str) -> Result<(), Errno> {
    match right {
        "read" => {
            let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            if is_directory(opened.as_fd())? {
                Dir::new(opened)?.next().transpose().map(drop)
            } else {
                Ok(())
            }
        }
        "write" => {
            // Without a right to the directory there is no telling what it is: then no is the answer anyway.
            let created = format!("{path}/{CREATED}");
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            match rustix::fs::open(&created, flags, Mode::RUSR | Mode::WUSR) {
                Ok(_) => rustix::fs::unlink(&created),
                Err(Errno::NOTDIR) => {
                    rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).map(drop)
                }
                Err(errno) => Err(errno),
            }
        }
        "execute" => rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS),
        _ => Err(Errno::INVAL),
    }
}

fn is_directory(file: std::os::fd::BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode) == FileType::Directory)
}

/// `directory|file MODE UID GID ACCESS|- DEFAULT|- PATH`, lists as the hexadecimal bytes of their attribute.
fn make(line: &str) -> Result<()> {
    let words: Vec<&str> = line.splitn(7, ' ').collect();
    let [kind, mode, uid, gid, access, default, path] = words[..] else {
        bail!("seven words");
    };
    let wanted = Mode::from_raw_mode(u32::from_str_radix(mode, 8)?);
    match kind {
        "directory" => rustix::fs::mkdir(path, Mode::RWXU)?,
        "file" => drop(rustix::fs::open(
            path,
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY,
            Mode::RUSR,
        )?),
        _ => bail!("{kind} is neither directory nor file"),
    }
    let (uid, gid) = (Uid::from_raw(uid.parse()?), Gid::from_raw(gid.parse()?));
    rustix::fs::chown(path, Some(uid), Some(gid))?;
    for (list, name) in [
        (access, "system.posix_acl_access"),
        (default, "system.posix_acl_default"),
    ] {
        if list != "-" {
            rustix::fs::setxattr(path, name, &bytes(list)?, XattrFlags::empty())?;
            continue;
        }
        // What the directory above handed down.
        match rustix::fs::removexattr(path, name) {
            Ok(()) | Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    rustix::fs::chmod(path, wanted)?;
    Ok(())
}

fn bytes(hexadecimal: &str) -> Result<Vec<u8>> {
    (0..hexadecimal.len())
        .step_by(2)
        .map(|at| {
            let pair = hexadecimal.get(at..at + 2).context("pairs of digits")?;
            Ok(u8::from_str_radix(pair, 16)?)
        })
        .collect()
}
