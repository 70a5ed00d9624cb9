//! `/health`: what is watched, how it is asked, and when it counts as well.
//!
//! Facts come from a [`machine::Machine`], the [`prober`] asks it in rounds, [`report`] judges and
//! writes the answer, and the [`board`] keeps the newest one for requests. Only the prober waits.

pub mod board;
pub mod bus;
pub mod linux;
pub mod machine;
pub mod mountinfo;
pub mod prober;
pub mod report;
pub mod watched;
