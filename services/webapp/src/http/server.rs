//! The socket, and the connections on it. What is said on them is the router's business.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::fs::{AtFlags, CWD, Mode, chmodat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::log::{Level, event};

/// nginx, group members who look for a fault, nobody else.
const SOCKET_MODE: Mode = Mode::from_raw_mode(0o660);
/// The kernel's own bound; nginx retries beyond it.
const BACKLOG: i32 = 511;
/// Connections at a time; nginx opens one for each request. Further ones wait in the backlog.
const CONNECTIONS: usize = 256;
/// For the request line and headers, and between two requests on one connection.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// For the request line and headers; cookies and sign-in answers fit.
const HEAD_BYTES: usize = 32 * 1024;
/// A peer that does not read its answers is let go after this.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// For requests that are open when the service stops. systemd kills after 5 s.
const DRAIN_TIME: Duration = Duration::from_secs(3);

/// Why the portal cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A file that is not ours to remove.
    #[error(
        "cannot listen at {path}: something that is not this service's socket is there\nnext: move it away"
    )]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// Another portal answers there.
    #[error("cannot listen at {path}: another process answers there\nnext: stop it, then start this one")]
    Busy {
        /// Where.
        path: PathBuf,
    },
    /// The kernel refused.
    #[error("cannot {what} at {path}\nnext: look at the owner and mode of the directory")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// A socket that nginx can connect to, taken away again when dropped.
#[derive(Debug)]
pub struct PortalSocket {
    listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

impl PortalSocket {
    /// Listens at `path`. The socket is made under another name and renamed when its mode is set
    /// and it listens, so that nobody finds it half-ready and a restart leaves no gap without it.
    pub fn open(path: &Path) -> Result<Self, SocketError> {
        let refused = |what| {
            move |source: io::Error| SocketError::Refused {
                what,
                path: path.into(),
                source,
            }
        };
        refuse_unless_stale(path)?;
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let fresh = PathBuf::from(name);
        refuse_unless_stale(&fresh)?;
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused("remove")(error)),
            _ => {}
        }
        let open = || -> io::Result<(StdListener, (u64, u64))> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            bind(&socket, &SocketAddrUnix::new(&fresh)?)?;
            chmodat(CWD, &fresh, SOCKET_MODE, AtFlags::empty())?;
            listen(&socket, BACKLOG)?;
            let inode = identity(&fresh)?;
            fs::rename(&fresh, path)?;
            Ok((StdListener::from(socket), inode))
        };
        let (listener, inode) = open().map_err(refused("listen"))?;
        let listener = UnixListener::from_std(listener).map_err(refused("listen"))?;
        Ok(Self {
            listener,
            path: path.into(),
            inode,
        })
    }

    /// Answers connections until `stop` changes, then lets open requests end.
    pub async fn serve(self, app: Router, mut stop: watch::Receiver<bool>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accept = async {
                // The slot first: what has none stays in the kernel's queue and costs nothing here.
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot, self.listener.accept().await)
            };
            tokio::select! {
                _ = stop.changed() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                (slot, accepted) = accept => match accepted {
                    Ok((stream, _)) => {
                        let (app, stop) = (app.clone(), stop.clone());
                        connections.spawn(async move {
                            converse(stream, app, stop).await;
                            drop(slot);
                        });
                    }
                    Err(error) => {
                        // Out of descriptors, usually: the next try would fail at once as well.
                        event(Level::Error, "http.accept_failed", &[("error", &error)]);
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        // The name goes first, so that nobody connects to a service that no longer accepts.
        drop(self);
        let drained = timeout(DRAIN_TIME, async {
            while connections.join_next().await.is_some() {}
        })
        .await;
        if drained.is_err() {
            event(
                Level::Warning,
                "http.cut_off",
                &[("connections", &connections.len())],
            );
        }
    }
}

impl Drop for PortalSocket {
    fn drop(&mut self) {
        // After a hand-over the name belongs to the next process.
        if identity(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Passes when nothing is at `path`, or a socket of our own that nobody answers.
fn refuse_unless_stale(path: &Path) -> Result<(), SocketError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(SocketError::Refused {
                what: "listen",
                path: path.into(),
                source,
            });
        }
    };
    let ours = metadata.file_type().is_socket() && metadata.uid() == rustix::process::geteuid().as_raw();
    if !ours {
        return Err(SocketError::Occupied { path: path.into() });
    }
    match StdStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        _ => Err(SocketError::Busy { path: path.into() }),
    }
}

async fn converse(stream: UnixStream, app: Router, mut stop: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_header_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // How a peer ends its connection is its own affair.
        _ = connection.as_mut() => return,
        _ = stop.changed() => {}
        () = sleep(CONNECTION_TIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(DRAIN_TIME, connection).await;
}
