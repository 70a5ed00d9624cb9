//! Proof that the machine can still be reached, after a change that could have cut it off.

use std::time::{Duration, Instant};

use crate::errand::{Errand, Heard};
use crate::error::Trouble;
use crate::link::{Input, call_anew};
use crate::{RemoteError, RunId, Way};

/// The machine puts things back by itself after about a minute: there is no use in trying longer.
const TRIED_FOR: Duration = Duration::from_secs(45);
const PAUSE: Duration = Duration::from_secs(2);

impl Errand {
    /// Confirms over a new connection: one that was open before proves nothing. A failure is told and ends nothing,
    /// since what the run does then is the machine's to decide.
    pub(crate) fn confirm(&mut self, id: &RunId, tell: &mut dyn FnMut(Heard<'_>)) {
        let begun = Instant::now();
        let mut ways = vec![self.way.clone()];
        loop {
            let problem = match self.confirm_by_any(&ways) {
                Ok(way) => {
                    tell(Heard::Progress(&format!(
                        "{} can still be reached by a new connection: confirmed",
                        way.there
                    )));
                    // Where root came in and is shut out now, the next connection is an administrator's too.
                    self.way = way;
                    return;
                }
                Err(problem) => problem,
            };
            // Not tried again: who is refused often enough is shut out by fail2ban, with all of this address.
            if is_denied(&problem) && ways == [self.way.clone()] {
                ways = self.administrators(id, tell);
            }
            if begun.elapsed() + PAUSE > TRIED_FOR || self.signals.any() {
                tell(Heard::Progress(&format!(
                    "warning: no new connection to {} after this change, so it is not confirmed, and the machine puts it \
                     back by itself within a minute: {problem}",
                    self.way.there
                )));
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The first way by which the machine was reached and took the word.
    fn confirm_by_any(&self, ways: &[Way]) -> Result<Way, RemoteError> {
        let mut problem = None;
        for way in ways {
            match self.confirm_by(way) {
                Ok(()) => return Ok(way.clone()),
                Err(error) => problem = Some(error),
            }
        }
        Err(problem.unwrap_or_else(|| crate::link::connection(&self.way, "")))
    }

    fn confirm_by(&self, way: &Way) -> Result<(), RemoteError> {
        let Some(open) = &self.open else {
            return Err(crate::link::connection(way, ""));
        };
        let another = way.there != self.way.there;
        let said = call_anew(way, &open.arrived.command_by(another, "confirm"), &self.signals)?;
        match said.code {
            0 => Ok(()),
            _ => Err(RemoteError::FarSide {
                there: way.there.clone(),
                operation: "confirm".to_owned(),
                said: said.stderr,
            }),
        }
    }

    /// Who may log in once the machine is as defined, asked over the connection that is open.
    fn administrators(&mut self, id: &RunId, tell: &mut dyn FnMut(Heard<'_>)) -> Vec<Way> {
        let words = format!("administrators {id}");
        let said = self.call(&words, Input::Nothing, "name its administrators", tell);
        let names: Vec<String> = said
            .ok()
            .and_then(|said| serde_json::from_str(&said).ok())
            .unwrap_or_default();
        names
            .iter()
            .filter_map(|name| self.way.there.of_user(name).ok())
            .map(|there| Way {
                there,
                ..self.way.clone()
            })
            .collect()
    }
}

fn is_denied(error: &RemoteError) -> bool {
    matches!(
        error,
        RemoteError::Connection {
            trouble: Trouble::Denied,
            ..
        }
    )
}
