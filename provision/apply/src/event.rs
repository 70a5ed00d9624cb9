//! What an apply tells while it runs.

use plan::Step;

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
        /// Counted from 1 within the round.
        index: usize,
        /// What.
        step: &'a Step,
    },
    /// A step ended.
    Ended {
        /// Counted from 1 within the round.
        index: usize,
        /// What.
        step: &'a Step,
        /// How.
        outcome: Outcome,
    },
}
