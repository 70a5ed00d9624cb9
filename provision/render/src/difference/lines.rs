//! Changes put together so that a person can read them: the same change for several principals is one line, and so is
//! one that holds for all that lies below a directory.

use std::collections::BTreeMap;

use super::{Cause, Difference, Direction, Subject};
use crate::Access;

/// Whom a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Everybody who was asked, those without any of our groups included.
    Everybody,
    /// These, in the order of the difference.
    These(Vec<String>),
}

/// Several changes that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose rights change.
    pub whom: Whom,
    /// Gained or lost.
    pub direction: Direction,
    /// Which rights.
    pub rights: Vec<Access>,
    /// To what.
    pub subject: Subject,
    /// How many paths below change in the same way.
    pub below: usize,
    /// How many in the same directory do, where the reason lies with who asks or further up.
    pub beside: usize,
    /// Why.
    pub cause: Cause,
}

/// What must be alike for two principals to share a line.
type Alike<'a> = (&'a Subject, Direction, &'a Cause, Vec<Access>);

impl Difference {
    /// The changes of rights to paths as lines, by principals, what is gained before what is lost, then by path.
    pub fn lines(&self) -> Vec<Line> {
        let mut order: Vec<&str> = Vec::new();
        let mut rights: BTreeMap<(usize, &Subject, Direction, &Cause), Vec<Access>> = BTreeMap::new();
        for change in &self.changes {
            if order.last() != Some(&change.who.as_str()) {
                order.push(&change.who);
            }
            let key = (order.len() - 1, &change.subject, change.direction, &change.cause);
            rights.entry(key).or_default().push(change.right);
        }
        let mut shared: BTreeMap<Alike<'_>, Vec<usize>> = BTreeMap::new();
        for ((who, subject, direction, cause), rights) in rights {
            shared
                .entry((subject, direction, cause, rights))
                .or_default()
                .push(who);
        }
        let mut sorted: Vec<(Vec<usize>, Alike<'_>)> =
            shared.into_iter().map(|(alike, who)| (who, alike)).collect();
        sorted.sort_by(
            |(who, (subject, direction, ..)), (others, (other, another, ..))| {
                (who, direction, subject).cmp(&(others, another, other))
            },
        );
        let mut lines: Vec<(Vec<usize>, Line)> = Vec::new();
        for (who, (subject, direction, cause, rights)) in sorted {
            let mut alike = lines
                .iter_mut()
                .filter(|(others, line)| *others == who && line.direction == direction)
                .map(|(_, line)| line);
            if alike.any(|line| line.takes_in(subject, &rights, cause)) {
                continue;
            }
            let whom = if who.len() == self.principals {
                Whom::Everybody
            } else {
                Whom::These(who.iter().map(|index| order[*index].to_owned()).collect())
            };
            let line = Line {
                whom,
                direction,
                rights,
                subject: subject.clone(),
                below: 0,
                beside: 0,
                cause: cause.clone(),
            };
            lines.push((who, line));
        }
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

impl Line {
    /// Counts a change that need not be told by itself; false for one that must be.
    fn takes_in(&mut self, subject: &Subject, rights: &[Access], cause: &Cause) -> bool {
        if self.covers(subject, rights, cause) {
            self.below += 1;
        } else if self.is_beside(subject, rights, cause) {
            self.beside += 1;
        } else {
            return false;
        }
        true
    }

    /// What lies below, of no more rights, and changes for the same reason or because there is a way to it now.
    fn covers(&self, subject: &Subject, rights: &[Access], cause: &Cause) -> bool {
        let same_reason = match cause {
            Cause::Passage { directory, .. } => *directory == self.subject.path || *cause == self.cause,
            cause => *cause == self.cause,
        };
        same_reason
            && !self.subject.created
            && subject.path.is_within(&self.subject.path)
            && rights.iter().all(|right| self.rights.contains(right))
    }

    /// In the same directory with the same rights, for a reason that is no matter of the path itself.
    fn is_beside(&self, subject: &Subject, rights: &[Access], cause: &Cause) -> bool {
        let elsewhere = match cause {
            Cause::Groups { .. } | Cause::NewAccount | Cause::LostAccount | Cause::Passage { .. } => true,
            Cause::Appears
            | Cause::Vanishes
            | Cause::Owner { .. }
            | Cause::Mode { .. }
            | Cause::List { .. }
            | Cause::DefaultList { .. }
            | Cause::Elsewhere { .. } => false,
        };
        elsewhere
            && *cause == self.cause
            && subject.created == self.subject.created
            && subject.path.parent() == self.subject.path.parent()
            && rights == self.rights
    }
}
