//! `appliance apply`

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use ::apply::{ApplyError, Confirmation, Event, Options, Outcome, Report};
use appliance::path::TargetPath;
use plan::{Change, Foreign, Record, SavedPlan, Style};
use serde_json::json;

use super::{BadInput, CONVERGED, PENDING, target};
use crate::applied;
use crate::args::{Areas, Arguments, Care, Target};
use crate::output::Output;
use crate::sources::Sources;

/// How to go about it.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Without a question.
    pub yes: bool,
    /// How careful to be.
    pub care: Care,
    /// With figures at the end.
    pub stats: bool,
    /// For programs.
    pub json: bool,
}

pub fn run(
    arguments: &Arguments,
    on: &Target,
    planned: Option<&Path>,
    areas: &Areas,
    how: How,
    output: Output,
) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let sources = Sources::named(arguments)?;
    let appliance = sources.parse()?;
    let host = target(on)?;
    let planned = planned.map(super::plan::kept).transpose()?;
    let only = planned.as_ref().map_or(&areas.only, |saved| &saved.areas);
    // A plan that was kept says itself what is to be moved aside.
    let foreign = match &planned {
        Some(saved) => moved_aside(saved),
        None => super::plan::foreign(&appliance, &host, areas)?,
    };
    if !how.yes && planned.is_none() {
        let plan = survey::take(&appliance, &host, &foreign, |_, _| {})
            .map_err(ApplyError::from)?
            .plan
            .only(&areas.only);
        output.print(&plan::describe(&plan, output.style()));
        if !plan.refusals.is_empty() {
            return Err(ApplyError::Refused(plan.refusals).into());
        }
        if plan.steps.is_empty() {
            return Ok(CONVERGED);
        }
        if !confirmed(output, || Ok(()))? {
            output.say("Nothing was changed.\n");
            return Ok(CONVERGED);
        }
    }
    // A first Ctrl-C finishes the step at hand; a second one ends the program as usual.
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let options = Options {
        only: only.clone(),
        planned: planned.as_ref(),
        foreign,
        stop: Some(&stop),
        keep: how.care.keep,
        confirmation: match how.care.await_confirmation {
            Some(seconds) => Confirmation::Awaited(Duration::from_secs(seconds)),
            None => Confirmation::ByItself,
        },
    };
    let mut tell = |event: Event<'_>| tell(&event, how, output);
    let report = ::apply::apply(&appliance, &host, &options, &mut tell).inspect_err(|error| {
        if let ApplyError::Refused(refusals) = error {
            print_refusals(refusals, how, output);
        }
    })?;
    if report.left == 0 {
        applied::keep(&host, &sources, only)?;
    }
    finish(report, begun, how, output)?;
    Ok(if report.left == 0 { CONVERGED } else { PENDING })
}

/// The paths that a plan moves aside, from its own records.
fn moved_aside(saved: &SavedPlan) -> Vec<Foreign> {
    let moves = saved
        .records
        .iter()
        .filter(|record| record.verb == Change::QUARANTINE_VERB);
    let foreign = |record: &Record| {
        Some(Foreign {
            path: TargetPath::new(&record.target).ok()?,
            because: record.reason.clone(),
        })
    };
    moves.filter_map(foreign).collect()
}

/// Asks on the terminal; `wait` returns when there is an answer to read.
pub fn confirmed(output: Output, wait: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(BadInput(
            "nobody is there to ask\n    next: add --yes to go on without a question".to_owned(),
        )
        .into());
    }
    output.say("Make these changes? [y/N] ");
    wait()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(event: &Event<'_>, how: How, output: Output) {
    match event {
        Event::Round { round, steps } => {
            let count = steps.len();
            let text = if *round == 1 {
                "to make"
            } else {
                "that the changes so far brought to light"
            };
            if how.json {
                let _ = output.json(&json!({ "event": "round", "round": round, "steps": count }));
            } else {
                output.say(&format!("{} {text}\n", counted(count, "change")));
            }
        }
        Event::Started { index, step } if how.json => {
            let _ = output.json(&json!({ "event": "started", "step": Record::of_step(*index, step) }));
        }
        Event::Started { .. } => {}
        Event::AwaitingConfirmation { run, seconds } => {
            let event =
                json!({ "event": "awaiting-confirmation", "run": run.to_string(), "seconds": seconds });
            output.signal(&event);
            if how.json {
                let _ = output.json(&event);
            } else {
                output.say(&format!(
                    "sshd, sudo or the firewall changed. Open a new session and run `appliance confirm` within {seconds} s,\n\
                     or everything is put back.\n"
                ));
            }
        }
        Event::PuttingBack { run } => {
            if how.json {
                let _ = output.json(&json!({ "event": "putting-back", "run": run.to_string() }));
            } else {
                output.say("The run failed; putting back what it changed\n");
            }
        }
        Event::Ended { index, step, outcome } => {
            let (mark, word) = match outcome {
                Outcome::Done => ("✓", "done"),
                Outcome::Failed => ("✗", "failed"),
            };
            if how.json {
                let _ = output.json(&json!({ "event": word, "id": index, "target": step.target() }));
            } else {
                let line = format!("  {mark} {:<12} {} {}\n", step.area, step.verb(), step.target());
                match (output.style(), outcome) {
                    (Style::Colour, Outcome::Done) => {
                        output.print(&line.replacen(mark, "\x1b[32m✓\x1b[0m", 1))
                    }
                    (Style::Colour, Outcome::Failed) => {
                        output.print(&line.replacen(mark, "\x1b[31m✗\x1b[0m", 1))
                    }
                    (Style::Plain, _) => output.print(&line),
                }
            }
        }
    }
}

fn print_refusals(refusals: &[plan::Refusal], how: How, output: Output) {
    for (id, refusal) in refusals.iter().enumerate() {
        if how.json {
            let _ = output.json(&Record::of_refusal(id + 1, refusal));
        } else {
            output.say(&format!(
                "refused {}: {}\n    next: {}\n",
                refusal.target, refusal.reason, refusal.next
            ));
        }
    }
}

fn finish(report: Report, begun: Instant, how: How, output: Output) -> anyhow::Result<()> {
    let milliseconds = begun.elapsed().as_millis();
    let started = host::command::started();
    let programs: usize = started.values().sum();
    if how.json {
        let event = if report.left == 0 {
            "converged"
        } else {
            "carried-out"
        };
        return output.json(&json!({
            "event": event, "steps": report.steps, "rounds": report.rounds, "left": report.left,
            "milliseconds": milliseconds, "programs": programs, "started": started,
        }));
    }
    match report.steps {
        steps if report.left > 0 => output.print(&format!(
            "{} made, as planned; {} came to light meanwhile. `appliance plan` shows what.\n",
            counted(steps, "change"),
            counted(report.left, "other")
        )),
        0 => output.print("Nothing to do: the machine is as its definition says.\n"),
        count => output.print(&format!(
            "{} made; the machine is as its definition says.\n",
            counted(count, "change")
        )),
    }
    if how.stats {
        let names: Vec<String> = started
            .iter()
            .map(|(program, count)| format!("{program} {count}×"))
            .collect();
        let names = if names.is_empty() {
            String::new()
        } else {
            format!(" ({})", names.join(", "))
        };
        output.print(&format!(
            "{milliseconds} ms, {} started{names}, {}\n",
            counted(programs, "program"),
            counted(report.rounds, "round")
        ));
    }
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("{count} {what}")
    } else {
        format!("{count} {what}s")
    }
}
