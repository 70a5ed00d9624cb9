//! Running the command, and writing down what it says and how it ends.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use appliance::path::TargetPath;
use host::write::{self, NewFile};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::arrive::PLACE;
use crate::far::claim::Claim;
use crate::far::store::{EXIT, FILES, FarError, REQUEST, STOP, Store, at};
use crate::frame::{Kind, MARK, length_of};
use crate::request::MOST_BYTES;
use crate::{Request, RunId, Word};

/// How often it is looked whether somebody wants the run to stop.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// The disk may have filled up; somebody may free a little meanwhile.
const TRIES_TO_END: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// Runs what was asked for under this number, once. What it says goes to its file, for [`super::follow`].
pub fn run(store: &Store, id: &RunId) -> Result<(), FarError> {
    let directory = store.run(id);
    if !directory.is_dir() {
        return Err(FarError::NoRun(id.clone()));
    }
    let mut claim = Claim::make(store, id)?;
    let code = match carry_out(&directory, &mut claim) {
        Ok(code) => code,
        Err(error) => {
            let _ = claim.add(&Kind::Errors.encode(format!("error: {error}\n").as_bytes()));
            1
        }
    };
    let ended = end(&mut claim, code).map_err(at("write", &directory));
    let path = TargetPath::known(&format!("{PLACE}/runs/{id}/{EXIT}"));
    write::replace(
        store.host(),
        &NewFile::of_root(&path, format!("{code}\n").as_bytes(), 0o600),
    )?;
    ended
}

fn end(claim: &mut Claim, code: u8) -> std::io::Result<()> {
    let mut result = claim.end(code);
    for _ in 0..TRIES_TO_END {
        if result.is_ok() {
            break;
        }
        std::thread::sleep(BETWEEN_TRIES);
        result = claim.end(code);
    }
    result
}

fn carry_out(directory: &Path, claim: &mut Claim) -> Result<u8, FarError> {
    let request = read_request(directory)?;
    let words = request.words.iter().map(|word| match word {
        Word::Plain(text) => text.clone().into(),
        Word::File(name) => directory.join(FILES).join(name.as_str()).into_os_string(),
    });
    let own = Path::new("/proc/self/exe");
    let mut child = std::process::Command::new(own)
        .args(["--framed", &request.coloured])
        .args(words)
        .env_clear()
        .envs(host::command::ENVIRONMENT)
        .current_dir("/")
        // So that what is meant for this process does not reach it too.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(at("start", own))?;
    let listened = listen(&mut child, &directory.join(STOP), claim);
    let status = child.wait().map_err(at("wait for", own))?;
    listened.map_err(at("listen to", own))?;
    Ok(code_of(status))
}

fn read_request(directory: &Path) -> Result<Request, FarError> {
    let path = directory.join(REQUEST);
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        .map_err(at("read", &path))?;
    serde_json::from_str(&text).map_err(|error| FarError::Request(error.to_string()))
}

/// As a shell has it.
fn code_of(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}

/// Until the child has ended and all that it said is written.
fn listen(child: &mut Child, stop: &Path, claim: &mut Claim) -> std::io::Result<()> {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&told))?;
    }
    let pid = Pid::from_child(child);
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let mut stdout: Option<OwnedFd> = child.stdout.take().map(Into::into);
    let mut stderr: Option<OwnedFd> = child.stderr.take().map(Into::into);
    let mut said = Said::default();
    let (mut asked, mut ended) = (false, false);
    while !ended || stdout.is_some() || stderr.is_some() {
        if !asked && (told.load(Ordering::SeqCst) || stop.exists()) {
            asked = true;
            // Not reaped yet, so the number is still the child's.
            let _ = rustix::process::kill_process(pid, Signal::INT);
        }
        let ready = wait(&process, ended, stdout.as_ref(), stderr.as_ref())?;
        let quiet = !ready[1] && !ready[2];
        if ready[2] {
            said.hear(&mut stderr, claim, |_, bytes| Kind::Errors.encode(bytes));
        }
        if ready[1] {
            said.hear(&mut stdout, claim, Said::pieces);
        }
        // What it left behind may hold the pipes open for ever.
        if ended && quiet {
            break;
        }
        ended |= ready[0];
    }
    let rest = std::mem::take(&mut said.partial);
    if !rest.is_empty() {
        let _ = claim.add(&Kind::Output.encode(&rest));
    }
    Ok(())
}

/// Which of the process, its standard output and its standard error has something to tell, within a tick.
fn wait(
    process: &OwnedFd,
    ended: bool,
    stdout: Option<&OwnedFd>,
    stderr: Option<&OwnedFd>,
) -> std::io::Result<[bool; 3]> {
    let sources = [(!ended).then_some(process), stdout, stderr];
    let mut waited: Vec<PollFd<'_>> = sources
        .iter()
        .flatten()
        .map(|source| PollFd::from_borrowed_fd(source.as_fd(), PollFlags::IN))
        .collect();
    match rustix::event::poll(&mut waited, Some(&TICK)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut ready = waited.iter().map(|waited| !waited.revents().is_empty());
    Ok(sources.map(|source| source.is_some() && ready.next().unwrap_or(false)))
}

/// What the child said and what is not a whole piece yet.
#[derive(Debug, Default)]
struct Said {
    partial: Vec<u8>,
}

impl Said {
    /// Reads once. The run goes on when what it says cannot be kept: a full disk is no reason to stop half-way.
    fn hear(
        &mut self,
        pipe: &mut Option<OwnedFd>,
        claim: &mut Claim,
        pieces: impl Fn(&mut Self, &[u8]) -> Vec<u8>,
    ) {
        let mut buffer = [0u8; 1 << 16];
        match pipe.as_ref().map(|pipe| rustix::io::read(pipe, &mut buffer)) {
            Some(Ok(0)) | None => *pipe = None,
            Some(Ok(length)) => {
                let _ = claim.add(&pieces(self, &buffer[..length]));
            }
            Some(Err(Errno::INTR | Errno::AGAIN)) => {}
            Some(Err(_)) => *pipe = None,
        }
    }

    /// The program frames what it says on standard output; what it does not frame is text.
    fn pieces(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.partial.extend(bytes);
        let mut all = Vec::with_capacity(self.partial.len());
        while !self.partial.is_empty() {
            let length = match length_of(&self.partial) {
                Ok(Some(length)) if length <= self.partial.len() => {
                    all.extend(self.partial.drain(..length));
                    continue;
                }
                Ok(_) => break,
                // Text up to the next mark; a mark that begins no piece is text too.
                Err(_) => self.partial[1..]
                    .iter()
                    .position(|byte| *byte == MARK)
                    .map_or(self.partial.len(), |position| position + 1),
            };
            let text: Vec<u8> = self.partial.drain(..length).collect();
            all.extend(Kind::Output.encode(&text));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Decoder;

    fn heard(said: &mut Said, bytes: &[u8], step: usize) -> Vec<(Kind, Vec<u8>)> {
        let mut decoder = Decoder::default();
        for piece in bytes.chunks(step) {
            decoder.push(&said.pieces(piece));
        }
        std::iter::from_fn(|| decoder.next().unwrap())
            .map(|frame| (frame.kind, frame.bytes))
            .collect()
    }

    #[test]
    fn framed_and_plain_text_keep_their_order() {
        let mut wire = Kind::Output.encode(b"one\n");
        wire.extend(b"plain\n");
        wire.extend(Kind::Errors.encode(b"two\n"));
        let found = heard(&mut Said::default(), &wire, 1 << 10);
        let expected = [
            (Kind::Output, b"one\n".to_vec()),
            (Kind::Output, b"plain\n".to_vec()),
            (Kind::Errors, b"two\n".to_vec()),
        ];
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_is_said(bytes in prop::collection::vec(any::<u8>(), 0..200), step in 1usize..40) {
            let mut said = Said::default();
            let found: Vec<u8> = heard(&mut said, &bytes, step).into_iter().flat_map(|(_, bytes)| bytes).collect();
            // A piece by accident loses its header, and text never does.
            prop_assert!(found.len() + said.partial.len() <= bytes.len());
            if !bytes.contains(&MARK) {
                prop_assert_eq!(found, bytes);
            }
        }
    }
}
