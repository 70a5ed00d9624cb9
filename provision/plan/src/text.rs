//! How a plan reads on a terminal.

use std::fmt::Write;

use crate::Plan;
use crate::step::{Action, Step};

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For a file or a pipe.
    Plain,
    /// For a terminal.
    Colour,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const DIM: &str = "2";

/// The whole plan: refusals first, then the steps by area, then notices and a count.
pub fn describe(plan: &Plan, style: Style) -> String {
    let mut text = String::new();
    for refusal in &plan.refusals {
        let _ = writeln!(
            text,
            "{} {}: {}",
            style.paint(RED, "refused"),
            refusal.target,
            refusal.reason
        );
        let _ = writeln!(text, "    next: {}", refusal.next);
    }
    let mut area = None;
    for step in &plan.steps {
        if area != Some(step.area) {
            let _ = writeln!(text, "{}", style.paint("1", step.area.as_str()));
            area = Some(step.area);
        }
        text.push_str(&describe_step(step, style));
    }
    for notice in &plan.notices {
        let _ = writeln!(
            text,
            "{} {}: {}",
            style.paint(YELLOW, "note"),
            notice.target,
            notice.text
        );
    }
    let count = plan.steps.len();
    let _ = match (count, plan.refusals.len()) {
        (0, 0) => writeln!(text, "Nothing to do: the machine is as its definition says."),
        (_, 0) => writeln!(
            text,
            "{count} {} to make.",
            if count == 1 { "change" } else { "changes" }
        ),
        (_, refused) => writeln!(
            text,
            "{refused} refused; nothing is changed until that is settled."
        ),
    };
    text
}

fn describe_step(step: &Step, style: Style) -> String {
    let mark = match step.action {
        Action::Create => style.paint(GREEN, "+"),
        Action::Update => style.paint(YELLOW, "~"),
        Action::Remove => style.paint(RED, "-"),
        Action::Run => style.paint(YELLOW, "!"),
    };
    let mut text = format!("  {mark} {} {}", step.verb(), step.target());
    let single_line = !step.after.contains('\n') && !step.before.contains('\n');
    match (single_line, step.before.is_empty(), step.after.is_empty()) {
        (true, true, false) => {
            let _ = write!(text, " ({})", step.after);
        }
        (true, false, false) => {
            let _ = write!(text, " ({} → {})", step.before, step.after);
        }
        (true, false, true) => {
            let _ = write!(text, " (was {})", step.before);
        }
        _ => {}
    }
    let _ = writeln!(
        text,
        "\n      {}",
        style.paint(DIM, &format!("because {}", step.because))
    );
    if !single_line {
        for line in step.after.lines() {
            let colour = match line.as_bytes().first() {
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                _ => DIM,
            };
            let _ = writeln!(text, "      {}", style.paint(colour, line));
        }
    }
    text
}
