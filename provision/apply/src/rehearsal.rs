//! The next configuration, judged whole before any of it is in place.
//!
//! The steps are carried out in a shadow of `/etc`, and the programs that will read the result are asked about it
//! there. sudo and sshd are asked after each of their files: whenever the power goes, one of these states is what the
//! machine boots with, and somebody must be able to log in.

use std::collections::BTreeSet;

use appliance::layout::Judge;
use appliance::path::TargetPath;
use host::validate::{self, Verdict};
use host::{Host, shadow};
use plan::{Change, Step, Together};

use crate::{ApplyError, StepError, names};

const ETC: &str = "/etc";
const UNITS: &str = "/etc/systemd/system";
const SSHD: &str = "/etc/ssh/sshd_config.d";

/// Judges what the steps would make of the machine. Offline, where no shadow can be cast, a file that can be judged
/// by itself is.
///
/// Gives the judges that were asked and are content.
pub(crate) fn judge<'a>(
    host: &Host,
    steps: impl Iterator<Item = &'a Step>,
) -> Result<BTreeSet<Judge>, ApplyError> {
    let steps: Vec<&Step> = steps.collect();
    let judges: BTreeSet<Judge> = steps.iter().filter_map(|step| judge_of(step)).collect();
    if !host.is_live() {
        steps
            .iter()
            .try_for_each(|step| alone(host, step).map_err(|error| not_placed(&step.target(), error)))?;
    } else if !judges.is_empty() || steps.iter().any(|step| unit_file(step).is_some()) {
        shadow::of_etc(host, |shadow| rehearse(shadow, &steps))
            .map_err(|error| not_placed("the next configuration", error.into()))??;
    }
    Ok(judges)
}

/// Who reads what a step changes.
fn judge_of(step: &Step) -> Option<Judge> {
    let path = names::path_of(&step.change)?;
    match step.group()? {
        Together::Sudoers => Some(Judge::Sudoers),
        // Keys of people belong to it too, and sshd does not read them before they are used.
        Together::Ssh => path.is_within(&TargetPath::known(SSHD)).then_some(Judge::Sshd),
        Together::Nginx => Some(Judge::Nginx),
        Together::Firewall => Some(Judge::Firewall),
        Together::Units => None,
    }
}

fn unit_file(step: &Step) -> Option<&TargetPath> {
    let Change::WriteFile { path, .. } = &step.change else {
        return None;
    };
    let is_unit = path.parent().is_some_and(|parent| parent.as_str() == UNITS);
    is_unit.then_some(path)
}

fn not_placed(target: &str, error: StepError) -> ApplyError {
    ApplyError::Step {
        verb: "put in place".to_owned(),
        target: target.to_owned(),
        source: Box::new(error),
    }
}

fn rehearse(shadow: &Host, steps: &[&Step]) -> Result<(), ApplyError> {
    let etc = TargetPath::known(ETC);
    let mut judges = BTreeSet::new();
    let mut units = Vec::new();
    for step in steps {
        let inside = names::path_of(&step.change).is_some_and(|path| path.is_within(&etc));
        if !inside {
            continue;
        }
        names::rehearse(shadow, step).map_err(|error| not_placed(&step.target(), error))?;
        match judge_of(step) {
            Some(judge @ (Judge::Sudoers | Judge::Sshd)) => ask(shadow, judge, &step.target())?,
            Some(judge @ (Judge::Nginx | Judge::Firewall)) => {
                judges.insert(judge);
            }
            None => units.extend(unit_file(step)),
        }
    }
    for judge in judges {
        let what = match judge {
            Judge::Nginx => "nginx's configuration",
            _ => "/etc/nftables.conf",
        };
        ask(shadow, judge, what)?;
    }
    ask_about_units(&units)
}

fn ask(host: &Host, judge: Judge, what: &str) -> Result<(), ApplyError> {
    let answer = validate::installed(host, host_judge(judge)).map_err(StepError::from);
    answer
        .and_then(|verdict| refuse_bad(verdict, what))
        .map_err(|error| not_placed(what, error))
}

fn ask_about_units(units: &[&TargetPath]) -> Result<(), ApplyError> {
    if units.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = units.iter().map(|path| path.name()).collect();
    let names = names.join(", ");
    let answer = validate::units(units).map_err(StepError::from);
    answer
        .and_then(|verdict| refuse_bad(verdict, &names))
        .map_err(|error| not_placed(&names, error))
}

fn alone(host: &Host, step: &Step) -> Result<(), StepError> {
    let Change::WriteFile { path, content, .. } = &step.change else {
        return Ok(());
    };
    match judge_of(step) {
        // The others read more than this one file.
        Some(judge @ (Judge::Sudoers | Judge::Firewall)) => {
            let verdict = validate::content(host, host_judge(judge), path.name(), &content.bytes)?;
            refuse_bad(verdict, path.as_str())
        }
        Some(Judge::Sshd | Judge::Nginx) | None => Ok(()),
    }
}

fn refuse_bad(verdict: Verdict, what: &str) -> Result<(), StepError> {
    match verdict {
        Verdict::Good | Verdict::NoJudge(_) => Ok(()),
        Verdict::Bad(words) => Err(StepError::Judged {
            path: what.to_owned(),
            words,
        }),
    }
}

/// Asks the judge of a unit's whole configuration before the unit is told to read it.
pub(crate) fn judge_installed(host: &Host, judge: Judge) -> Result<(), StepError> {
    refuse_bad(validate::installed(host, host_judge(judge))?, "the configuration")
}

fn host_judge(judge: Judge) -> validate::Judge {
    match judge {
        Judge::Sudoers => validate::Judge::Sudoers,
        Judge::Sshd => validate::Judge::Sshd,
        Judge::Nginx => validate::Judge::Nginx,
        Judge::Firewall => validate::Judge::Nftables,
    }
}
