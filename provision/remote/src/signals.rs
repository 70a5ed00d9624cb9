//! What the operator's terminal tells this program while something runs elsewhere.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Signals that came since they were last asked for.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Arc<AtomicBool>,
    end: Arc<AtomicBool>,
}

impl Signals {
    pub fn register() -> io::Result<Self> {
        let signals = Self {
            interrupt: Arc::default(),
            end: Arc::default(),
        };
        signal_hook::flag::register(SIGINT, Arc::clone(&signals.interrupt))?;
        for signal in [SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&signals.end))?;
        }
        Ok(signals)
    }

    /// Whether Ctrl-C was pressed since this was last asked.
    pub fn take_interrupt(&self) -> bool {
        self.interrupt.swap(false, Ordering::SeqCst)
    }

    /// Whether this program is told to end, or its terminal has gone.
    pub fn end(&self) -> bool {
        self.end.load(Ordering::SeqCst)
    }

    /// Whether there is any reason to let go; Ctrl-C stays to be taken.
    pub fn any(&self) -> bool {
        self.end() || self.interrupt.load(Ordering::SeqCst)
    }
}
