//! A step as a JSON record, as spec 10 section 22.1 has it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::step::{Action, Refusal, RefusalKind, Step};

/// One line of `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counted from 1, in the order of work.
    pub id: usize,
    /// The area.
    pub area: String,
    /// The path, unit, account or package.
    pub target: String,
    /// `create`, `update`, `remove`, `run` or `refuse`.
    pub action: Cow<'static, str>,
    /// What is done, in words.
    pub verb: String,
    /// Why.
    pub reason: String,
    /// How it was.
    pub before: String,
    /// How it will be.
    pub after: String,
    /// What to do about a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Values are not shown.
    pub sensitive: bool,
}

impl Record {
    /// The record of a step.
    pub fn of_step(id: usize, step: &Step) -> Self {
        Self {
            id,
            area: step.area.to_string(),
            target: step.target(),
            action: Cow::Borrowed(match step.action {
                Action::Create => "create",
                Action::Update => "update",
                Action::Remove => "remove",
                Action::Run => "run",
            }),
            verb: step.verb().to_owned(),
            reason: step.because.clone(),
            before: step.before.clone(),
            after: step.after.clone(),
            next: None,
            sensitive: step.is_secret(),
        }
    }

    /// The record of a refusal.
    pub fn of_refusal(id: usize, refusal: &Refusal) -> Self {
        Self {
            id,
            area: refusal.area.to_string(),
            target: refusal.target.clone(),
            action: Cow::Borrowed("refuse"),
            verb: match refusal.kind {
                RefusalKind::Safety => "refuse".to_owned(),
                RefusalKind::Precondition => "refuse to begin".to_owned(),
            },
            reason: refusal.reason.clone(),
            before: String::new(),
            after: String::new(),
            next: Some(refusal.next.clone()),
            sensitive: false,
        }
    }
}
