//! What an apply tells while it runs.

use plan::Step;

use crate::journal::RunName;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and on disk.
    Done,
    /// Not done.
    Failed,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A round begins: what it will do.
    Round {
        /// Counted from 1.
        round: usize,
        /// What it will do.
        steps: &'a [Step],
    },
    /// A step begins.
    Started {
        /// Its number in the plan of the round, counted from 1.
        index: usize,
        /// What.
        step: &'a Step,
    },
    /// A step ended.
    Ended {
        /// Its number in the plan of the round, counted from 1.
        index: usize,
        /// What.
        step: &'a Step,
        /// How.
        outcome: Outcome,
    },
    /// The run is done and waits for somebody to say that they can still get in.
    AwaitingConfirmation {
        /// Which run.
        run: &'a RunName,
        /// How long it waits.
        seconds: u64,
    },
    /// What the run did is being put back.
    PuttingBack {
        /// Which run.
        run: &'a RunName,
    },
}
