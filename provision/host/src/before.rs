//! What stands at a path, whole, so that it can be put back after something else stood there.

use std::os::fd::AsFd;

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;

use crate::directory::{self, Lists, Metadata};
use crate::facts::Kind;
use crate::facts::file::{inode_at, read_at};
use crate::root::Blocked;
use crate::write::{self, NewFile};
use crate::{Host, HostError, link, remove};

/// What stood at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// A file.
    File {
        /// Owner, mode and list.
        rights: Rights,
        /// All its bytes.
        content: Vec<u8>,
    },
    /// A symbolic link.
    Link {
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Where it points.
        target: String,
    },
    /// A directory, without what lies in it.
    Directory(Rights),
    /// A device, socket or pipe, which nobody here replaces.
    Other,
}

/// Owner, mode and lists of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Mode.
    pub mode: Mode,
    /// Access list, when there is more to it than the mode.
    pub access: Option<Acl>,
    /// Default list of a directory.
    pub default: Option<Acl>,
}

/// Looks at a path and remembers it.
pub fn capture(host: &Host, path: &TargetPath) -> Result<Before, HostError> {
    let place = match host.place(path) {
        Ok(place) => place,
        Err(Blocked::Missing) => return Ok(Before::Nothing),
        Err(blocked) => return Err(blocked.into_error("remember", path)),
    };
    let inode = inode_at(place.directory.as_fd(), place.name.as_bytes())
        .map_err(|errno| place.error("remember", errno))?;
    let Some(inode) = inode else {
        return Ok(Before::Nothing);
    };
    let rights = Rights {
        uid: inode.uid,
        gid: inode.gid,
        mode: inode.mode,
        access: inode.acl,
        default: inode.default_acl,
    };
    Ok(match inode.kind {
        Kind::File => Before::File {
            rights,
            content: read_at(&place)?,
        },
        Kind::Directory => Before::Directory(rights),
        Kind::Link(target) => Before::Link {
            uid: rights.uid,
            gid: rights.gid,
            target,
        },
        Kind::Other(_) => Before::Other,
    })
}

/// Puts back what stood at a path. A directory that was not there goes only when it is empty.
pub fn put_back(host: &Host, path: &TargetPath, before: &Before) -> Result<(), HostError> {
    match before {
        Before::Nothing => clear(host, path),
        Before::File { rights, content } => write::replace(
            host,
            &NewFile {
                path,
                content,
                uid: rights.uid,
                gid: rights.gid,
                mode: rights.mode,
                acl: rights.access.as_ref(),
            },
        ),
        Before::Link { uid, gid, target } => link::replace(host, path, target, *uid, *gid),
        Before::Directory(rights) => {
            let metadata = Metadata {
                uid: rights.uid,
                gid: rights.gid,
                mode: rights.mode,
                lists: Lists::Exactly {
                    access: rights.access.clone(),
                    default: rights.default.clone(),
                },
            };
            directory::ensure(host, path, &metadata).map(drop)
        }
        Before::Other => Ok(()),
    }
}

fn clear(host: &Host, path: &TargetPath) -> Result<(), HostError> {
    match capture(host, path)? {
        Before::Nothing | Before::Other => Ok(()),
        Before::File { .. } => remove::file(host, path).map(drop),
        Before::Link { .. } => remove::link(host, path).map(drop),
        Before::Directory(_) => match remove::empty_directory(host, path) {
            // Somebody put something there meanwhile, which is theirs.
            Err(error) if error.errno() == Some(rustix::io::Errno::NOTEMPTY.raw_os_error()) => Ok(()),
            other => other.map(drop),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn path(text: &str) -> TargetPath {
        TargetPath::new(text).expect("a good path")
    }

    #[test]
    fn what_was_there_comes_back_and_what_was_not_goes() {
        let directory = tempfile::tempdir().expect("a directory");
        let host = Host::offline(directory.path()).expect("a host");
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir(at("kept")).expect("a directory");
        std::fs::set_permissions(at("kept"), std::fs::Permissions::from_mode(0o2750)).expect("a mode");
        symlink("kept", at("link")).expect("a link");
        write::replace(&host, &NewFile::of_root(&path("/file"), b"old", 0o640)).expect("written");
        let paths = ["/file", "/link", "/kept", "/new", "/made"].map(path);
        let before: Vec<Before> = paths
            .iter()
            .map(|path| capture(&host, path).expect("a look"))
            .collect();

        write::replace(&host, &NewFile::of_root(&paths[0], b"new", 0o600)).expect("written");
        link::replace(&host, &paths[1], "elsewhere", 0, 0).expect("turned");
        std::fs::set_permissions(at("kept"), std::fs::Permissions::from_mode(0o700)).expect("a mode");
        write::replace(&host, &NewFile::of_root(&paths[3], b"x", 0o600)).expect("written");
        std::fs::create_dir(at("made")).expect("a directory");
        for (path, before) in paths.iter().zip(&before) {
            put_back(&host, path, before).expect("put back");
        }
        let now: Vec<Before> = paths
            .iter()
            .map(|path| capture(&host, path).expect("a look"))
            .collect();
        assert_eq!(now, before);
    }

    #[test]
    fn a_new_directory_that_somebody_uses_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let host = Host::offline(directory.path()).expect("a host");
        std::fs::create_dir_all(directory.path().join("made/by-a-user")).expect("directories");
        put_back(&host, &path("/made"), &Before::Nothing).expect("left");
        assert!(directory.path().join("made/by-a-user").is_dir());
    }
}
