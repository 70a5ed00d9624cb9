//! One line per step with the time that it took, for the person who waits.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Collects the steps of one run.
pub struct Progress {
    began: Instant,
    colour: bool,
    /// Milliseconds per step.
    pub steps_ms: BTreeMap<String, u128>,
}

impl Progress {
    pub fn new() -> Progress {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Progress {
            began: Instant::now(),
            colour,
            steps_ms: BTreeMap::new(),
        }
    }

    /// Carries out a step and says how long it took, or that it failed.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let began = Instant::now();
        let outcome = work();
        let took = began.elapsed();
        let (mark, code) = if outcome.is_ok() {
            ("ok", 32)
        } else {
            ("failed", 31)
        };
        self.steps_ms.insert(name.to_owned(), took.as_millis());
        let mark = if self.colour {
            format!("\x1b[{code}m{mark}\x1b[0m")
        } else {
            mark.to_owned()
        };
        say(&format!("{name:<28} {:>7.2} s  {mark}", took.as_secs_f64()));
        outcome
    }

    pub fn total_ms(&self) -> u128 {
        self.began.elapsed().as_millis()
    }
}

/// A line for the person; what programs read goes to standard output.
pub fn say(line: &str) {
    let _unheard = writeln!(std::io::stderr(), "{line}");
}
