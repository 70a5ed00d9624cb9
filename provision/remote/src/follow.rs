//! Staying with one run: what it says is passed on, what the operator wants is brought to it.

use crate::errand::{Errand, Heard};
use crate::frame::{Decoder, Frame, Kind};
use crate::link::{Input, connection};
use crate::{RemoteError, Request, RunId};

/// The event after which the machine waits for proof that it can still be reached.
const AWAITING: &str = "awaiting-confirmation";
/// Longer lines are no events.
const LONGEST_LINE: usize = 1 << 16;

/// How far a run has been followed, and what is still to be told to it.
#[derive(Debug)]
pub(crate) struct Course<'a> {
    pub id: RunId,
    /// What to start; nothing once it is known to be started.
    pub to_start: Option<&'a Request>,
    /// Whether a start was asked for, so that it may be running even when no answer came.
    pub asked: bool,
    /// Bytes of whole pieces that were passed on.
    offset: u64,
    stop: Stop,
    line: Vec<u8>,
    confirm: bool,
}

/// Ctrl-C, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Unwanted,
    ToAsk,
    Asked,
}

/// How following ended.
#[derive(Debug)]
pub(crate) enum Followed {
    /// With the exit code of the run.
    Ended(u8),
    /// Nobody runs it any more, and no exit code was written.
    Vanished,
}

impl<'a> Course<'a> {
    pub fn new(id: RunId, to_start: Option<&'a Request>) -> Self {
        Self {
            id,
            asked: to_start.is_none(),
            to_start,
            offset: 0,
            stop: Stop::Unwanted,
            line: Vec::new(),
            confirm: false,
        }
    }

    /// Passes a piece on; the exit code when it is the last.
    fn take(&mut self, frame: &Frame, tell: &mut dyn FnMut(Heard<'_>)) -> Option<u8> {
        match frame.kind {
            Kind::Output => {
                tell(Heard::Output(&frame.bytes));
                self.watch(&frame.bytes);
                None
            }
            Kind::Errors => {
                tell(Heard::Errors(&frame.bytes));
                None
            }
            Kind::Event => {
                self.confirm |= is_awaiting(&frame.bytes);
                None
            }
            Kind::Exit => {
                let text = String::from_utf8_lossy(&frame.bytes);
                Some(text.trim().parse().unwrap_or(1))
            }
        }
    }

    /// Looks for the event among the lines of `--json`.
    fn watch(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    self.confirm |= is_awaiting(&self.line);
                    self.line.clear();
                }
                _ if self.line.len() < LONGEST_LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }
}

fn is_awaiting(line: &[u8]) -> bool {
    line.first() == Some(&b'{')
        && serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| value["event"] == AWAITING)
}

impl Errand {
    /// Follows a run that was started, until it ends or the connection does.
    pub(crate) fn follow(
        &mut self,
        course: &mut Course<'_>,
        tell: &mut dyn FnMut(Heard<'_>),
    ) -> Result<Followed, RemoteError> {
        let begin = course.offset;
        let words = format!("remote-side follow {} --from {begin}", course.id);
        let open = self.connect(tell)?;
        let mut stream = open.link.stream(&open.arrived.command(&words))?;
        let mut decoder = Decoder::default();
        let mut buffer = vec![0u8; 1 << 16];
        loop {
            self.heed_signals(course, tell)?;
            match stream.read(&mut buffer)? {
                // All that there is has been passed on, and the run has not ended: the event is no old one.
                None if std::mem::take(&mut course.confirm) => self.confirm(&course.id, tell),
                None => continue,
                Some(0) => break,
                Some(length) => decoder.push(&buffer[..length]),
            }
            while let Some(frame) = decoder.next().map_err(|_| self.not_understood())? {
                course.offset = begin + decoder.taken();
                if let Some(code) = course.take(&frame, tell) {
                    return Ok(Followed::Ended(code));
                }
            }
        }
        match stream.end() {
            (0, _) => Ok(Followed::Vanished),
            (255, said) => Err(connection(&self.way, &said)),
            (_, said) => Err(RemoteError::FarSide {
                there: self.way.there.clone(),
                operation: format!("follow run {}", course.id),
                said,
            }),
        }
    }

    fn not_understood(&self) -> RemoteError {
        RemoteError::FarSide {
            there: self.way.there.clone(),
            operation: "be understood".to_owned(),
            said: "what came is not what a run says".to_owned(),
        }
    }

    /// The first Ctrl-C asks the run to stop after the step at hand, the second lets go of it. Being told to end
    /// lets go at once.
    fn heed_signals(
        &mut self,
        course: &mut Course<'_>,
        tell: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(), RemoteError> {
        self.heed_signals_offline(course, tell)?;
        if course.stop == Stop::ToAsk {
            self.call(
                &format!("stop {}", course.id),
                Input::Nothing,
                "stop the run",
                tell,
            )?;
            course.stop = Stop::Asked;
        }
        Ok(())
    }

    /// The same while there is no connection: what is to be told waits.
    pub(crate) fn heed_signals_offline(
        &mut self,
        course: &mut Course<'_>,
        tell: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(), RemoteError> {
        let there = self.way.there.clone();
        let let_go = |course: &Course<'_>| {
            if course.asked {
                Err(RemoteError::Detached {
                    there: there.clone(),
                    id: course.id.clone(),
                })
            } else {
                Err(RemoteError::Interrupted { there: there.clone() })
            }
        };
        if self.signals.end() {
            return let_go(course);
        }
        if self.signals.take_interrupt() {
            if course.stop != Stop::Unwanted || !course.asked {
                return let_go(course);
            }
            course.stop = Stop::ToAsk;
            tell(Heard::Progress(
                "asking it to stop after the step at hand; Ctrl-C again leaves it alone",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course<'a>() -> Course<'a> {
        Course::new("0123456789abcdef".parse().unwrap(), None)
    }

    #[test]
    fn the_event_is_seen_among_lines_however_they_are_cut_and_nowhere_else() {
        let line = b"{\"event\":\"started\"}\n{\"event\":\"awaiting-confirmation\",\"seconds\":60}\n";
        for cut in 0..line.len() {
            let mut course = course();
            for piece in [&line[..cut], &line[cut..]] {
                let frame = Frame {
                    kind: Kind::Output,
                    bytes: piece.to_vec(),
                };
                assert_eq!(course.take(&frame, &mut |_| {}), None);
            }
            assert!(course.confirm, "{cut}");
        }
        for other in [
            "{\"event\":\"done\",\"target\":\"awaiting-confirmation\"}\n",
            "awaiting-confirmation\n",
        ] {
            let mut course = course();
            course.watch(other.as_bytes());
            assert!(!course.confirm, "{other}");
        }
        let mut by_itself = course();
        by_itself.take(
            &Frame {
                kind: Kind::Event,
                bytes: b"{\"event\":\"awaiting-confirmation\"}".to_vec(),
            },
            &mut |_| {},
        );
        assert!(by_itself.confirm);
    }
}
