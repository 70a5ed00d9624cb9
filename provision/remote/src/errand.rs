//! The operator's side: connect, bring the program, start the run once, and stay with it to its end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::arrive::{Arrived, Program, arrive};
use crate::follow::{Course, Followed};
use crate::link::{Input, Link};
use crate::signals::Signals;
use crate::{Destination, RemoteError, Request, RunId, RunRecord};

/// Between tries to connect again: doubled from the one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Which machine, and the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The machine.
    pub there: Destination,
    /// A private key, instead of what ssh would try.
    pub identity: Option<PathBuf>,
    /// ssh's configuration, instead of `~/.ssh/config`.
    pub ssh_config: Option<PathBuf>,
    /// How long a lost connection is tried again.
    pub patience: Duration,
}

/// What comes back while a run goes on.
#[derive(Debug)]
pub enum Heard<'a> {
    /// For standard output.
    Output(&'a [u8]),
    /// For standard error.
    Errors(&'a [u8]),
    /// What this side has to say about the connection: a line.
    Progress(&'a str),
}

/// One operator's business on one machine: several runs may share its connection.
#[derive(Debug)]
pub struct Errand {
    pub(crate) way: Way,
    pub(crate) signals: Signals,
    program: Program,
    pub(crate) open: Option<Open>,
}

#[derive(Debug)]
pub(crate) struct Open {
    pub link: Link,
    pub arrived: Arrived,
}

impl Errand {
    /// Connects, looks at the machine, and brings the program if it is not there.
    pub fn open(way: Way, tell: &mut dyn FnMut(Heard<'_>)) -> Result<Self, RemoteError> {
        let signals = Signals::register().map_err(crate::link::here("watch for signals"))?;
        let program = Program::own()?;
        let mut errand = Self {
            way,
            signals,
            program,
            open: None,
        };
        errand.connect(tell)?;
        Ok(errand)
    }

    /// Runs a command there to its end and gives its exit code.
    pub fn run(&mut self, request: &Request, tell: &mut dyn FnMut(Heard<'_>)) -> Result<u8, RemoteError> {
        let id = RunId::fresh().map_err(crate::link::here("read random numbers"))?;
        self.stay(Course::new(id, Some(request)), tell)
    }

    /// Follows a run from its beginning to its end and gives its exit code.
    pub fn attach(&mut self, id: RunId, tell: &mut dyn FnMut(Heard<'_>)) -> Result<u8, RemoteError> {
        self.stay(Course::new(id, None), tell)
    }

    /// The runs that the machine still knows, newest first.
    pub fn runs(&mut self, tell: &mut dyn FnMut(Heard<'_>)) -> Result<Vec<RunRecord>, RemoteError> {
        let said = self.call("list", Input::Nothing, "list its runs", tell)?;
        serde_json::from_str(&said).map_err(|error| RemoteError::FarSide {
            there: self.way.there.clone(),
            operation: "list its runs".to_owned(),
            said: error.to_string(),
        })
    }

    /// Waits until the operator has typed something, or ends the program's part with Ctrl-C.
    pub fn await_answer(&self) -> Result<(), RemoteError> {
        let stdin = std::io::stdin();
        loop {
            if self.signals.any() {
                return Err(RemoteError::Interrupted {
                    there: self.way.there.clone(),
                });
            }
            if crate::link::is_ready(&stdin).map_err(crate::link::here("wait for an answer"))? {
                return Ok(());
            }
        }
    }

    /// Until the run has ended, over as many connections as it takes.
    fn stay(&mut self, mut course: Course<'_>, tell: &mut dyn FnMut(Heard<'_>)) -> Result<u8, RemoteError> {
        loop {
            match self.accompany(&mut course, tell) {
                Ok(Followed::Ended(code)) => return Ok(code),
                Ok(Followed::Vanished) => {
                    return Err(RemoteError::Vanished {
                        there: self.way.there.clone(),
                        id: course.id,
                    });
                }
                Err(error) if error.is_of_connection() => self.reconnect(&mut course, &error, tell)?,
                Err(error) => return Err(error),
            }
        }
    }

    fn accompany(
        &mut self,
        course: &mut Course<'_>,
        tell: &mut dyn FnMut(Heard<'_>),
    ) -> Result<Followed, RemoteError> {
        if let Some(request) = course.to_start {
            let wire = serde_json::to_vec(request)
                .map_err(|error| crate::link::here("write the request")(error.into()))?;
            if self.signals.any() && !course.asked {
                return Err(RemoteError::Interrupted {
                    there: self.way.there.clone(),
                });
            }
            course.asked = true;
            self.call(
                &format!("start {}", course.id),
                Input::Bytes(wire),
                "start the run",
                tell,
            )?;
            course.to_start = None;
        }
        self.follow(course, tell)
    }

    /// A command of the far side that must succeed. Ctrl-C does not end it: these are short.
    pub(crate) fn call(
        &mut self,
        words: &str,
        input: Input,
        operation: &str,
        tell: &mut dyn FnMut(Heard<'_>),
    ) -> Result<String, RemoteError> {
        let way = self.way.clone();
        let open = self.connect(tell)?;
        let command = open.arrived.command(&format!("remote-side {words}"));
        let said = open.link.call(&way, &command, input, None)?;
        match said.code {
            0 => Ok(said.stdout),
            126 => Err(RemoteError::NotExecutable {
                there: self.way.there.clone(),
                said: said.stderr,
            }),
            _ => Err(RemoteError::FarSide {
                there: self.way.there.clone(),
                operation: operation.to_owned(),
                said: said.stderr,
            }),
        }
    }

    /// The connection, made when there is none.
    pub(crate) fn connect(&mut self, tell: &mut dyn FnMut(Heard<'_>)) -> Result<&Open, RemoteError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let link = Link::open(&self.way, &self.signals)?;
                let arrived = arrive(&self.way, &link, &self.program, &self.signals, tell)?;
                Open { link, arrived }
            }
        };
        Ok(self.open.insert(open))
    }

    /// Tries until there is a connection again, patience ends, or the operator lets go.
    fn reconnect(
        &mut self,
        course: &mut Course<'_>,
        lost: &RemoteError,
        tell: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(), RemoteError> {
        self.open = None;
        let since = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut said = first_line(lost);
        tell(Heard::Progress(&format!(
            "{said}; run {} is not touched by that, trying to connect again",
            course.id
        )));
        loop {
            let until = Instant::now() + pause;
            while Instant::now() < until {
                self.heed_signals_offline(course, tell)?;
                std::thread::sleep(crate::link::TICK);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            let error = match self.connect(tell) {
                Ok(_) => {
                    tell(Heard::Progress(&format!("connected to {} again", self.way.there)));
                    return Ok(());
                }
                Err(error @ RemoteError::Connection { .. }) => error,
                // Ctrl-C while connecting: what it means is decided above.
                Err(RemoteError::Interrupted { .. }) => continue,
                Err(error) => return Err(error),
            };
            if first_line(&error) != said {
                said = first_line(&error);
                tell(Heard::Progress(&said));
            }
            if since.elapsed() >= self.way.patience {
                return Err(RemoteError::Lost {
                    there: self.way.there.clone(),
                    id: course.id.clone(),
                    waited: self.way.patience,
                    said,
                });
            }
        }
    }
}

fn first_line(error: &RemoteError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
