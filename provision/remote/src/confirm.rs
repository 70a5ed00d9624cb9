//! Proof that the machine can still be reached, after a change that could have cut it off.

use std::time::{Duration, Instant};

use crate::errand::{Errand, Heard};
use crate::link::call_anew;

/// The machine reverts by itself after about a minute: there is no use in trying longer.
const TRIED_FOR: Duration = Duration::from_secs(45);
const PAUSE: Duration = Duration::from_secs(2);

impl Errand {
    /// Confirms over a new connection: one that was open before proves nothing. A failure is told and ends nothing,
    /// since what the run does then is the machine's to decide.
    pub(crate) fn confirm(&mut self, tell: &mut dyn FnMut(Heard<'_>)) {
        let Some(open) = &self.open else { return };
        let command = open.arrived.command("confirm");
        let begun = Instant::now();
        loop {
            let problem = match call_anew(&self.way, &command, &self.signals) {
                Ok(said) if said.code == 0 => {
                    tell(Heard::Progress(&format!(
                        "{} can still be reached by a new connection: confirmed",
                        self.way.there
                    )));
                    return;
                }
                Ok(said) => said.stderr,
                Err(error) => error.to_string(),
            };
            if begun.elapsed() + PAUSE > TRIED_FOR || self.signals.any() {
                tell(Heard::Progress(&format!(
                    "warning: no new connection to {} after this change, which is not confirmed; the machine takes it \
                     back by itself within a minute: {}",
                    self.way.there,
                    problem.trim()
                )));
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}
