//! What could lock people out is put back by itself unless somebody can still get in.
//!
//! Before sshd, sudo or the firewall change, a timer of the service manager is set that puts them back. It waits for
//! the run to end, so a run that is killed, or that cuts off whoever started it, is undone without anybody's help. A
//! run that ends well stops the timer, after it has made sure, or after an operator has, that the door is open.

use std::time::{Duration, Instant};

use appliance::layout::Judge;
use appliance::path::TargetPath;
use host::command::Command;
use host::validate::{self, Verdict};
use host::write::{self, NewFile};
use host::{Host, HostError, directory, reach, read};
use plan::{Change, Step};
use render::Area;

use crate::journal::{self, Journal, Mark, Past, RunName};
use crate::names;

/// What decides over who gets in.
pub(crate) const ACCESS: [Area; 3] = [Area::Sudoers, Area::Ssh, Area::Firewall];
/// How long the timer waits (spec 10, section 13.2).
pub const LIMIT: Duration = Duration::from_secs(60);
/// Where an operator's word is left.
const CONFIRMED: &str = "/run/data-analyst/confirmed";
const PAUSE: Duration = Duration::from_millis(200);
const SSH_PORT: u16 = 22;

/// Whether a step could lock people out.
pub(crate) fn is_risky(step: &Step) -> bool {
    match &step.change {
        Change::LoadFirewall(_) => true,
        Change::Unit { judge, .. } => matches!(judge, Some(Judge::Sshd | Judge::Firewall)),
        change => names::path_of(change).is_some() && ACCESS.contains(&step.area),
    }
}

fn timer(run: &RunName) -> String {
    format!("appliance-revert-{run}")
}

/// Sets the timer.
pub(crate) fn arm(journal: &mut Journal) -> Result<(), HostError> {
    let program = std::env::current_exe().map_err(|source| HostError::Kernel {
        path: "/proc/self/exe".to_owned(),
        source,
    })?;
    // First the word: killed in between, the next run knows that there may be a timer.
    journal.mark(Mark::Armed)?;
    Command::new("/usr/bin/systemd-run")
        .args(["--quiet", "--collect", "--timer-property=AccuracySec=1s"])
        .arg(format!("--unit={}", timer(&journal.run)))
        .arg(format!("--on-active={}", LIMIT.as_secs()))
        .arg("--description=Put back what could lock people out")
        .arg(program.to_string_lossy())
        .args(["revert", "--unconfirmed"])
        .arg(journal.run.to_string())
        .run()
        .map(drop)
}

/// Stops the timer of a run whose changes stay, or are put back already.
pub(crate) fn disarm(run: &RunName) -> Result<(), HostError> {
    // It may have elapsed already, and then there is nothing to stop.
    Command::new("/usr/bin/systemctl")
        .args(["--quiet", "stop"])
        .arg(format!("{}.timer", timer(run)))
        .accept(&[0, 5])
        .run()
        .map(drop)
}

/// The changes of this run stay.
pub(crate) fn confirm(journal: &mut Journal) -> Result<(), HostError> {
    // First the word, then the timer: killed in between, the timer finds the word.
    journal.mark(Mark::Confirmed)?;
    disarm(&journal.run)
}

/// What the last run left behind.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// Which run; none on a machine without any.
    pub run: Option<RunName>,
    /// It was killed: unfinished files of its may lie about.
    pub cut_short: bool,
    /// It set a timer, which may still be there.
    pub armed: bool,
    /// It changed what could lock people out, and did not live to confirm it.
    pub at_risk: bool,
}

/// Looks at the last run.
pub(crate) fn inherit(host: &Host) -> Result<Inherited, HostError> {
    let Some(last) = journal::runs(host)?.pop() else {
        return Ok(Inherited::default());
    };
    let Some(past) = Past::read(host, &last)? else {
        // Killed before it had a journal.
        return Ok(Inherited {
            run: None,
            cut_short: true,
            armed: false,
            at_risk: false,
        });
    };
    Ok(Inherited {
        run: Some(last),
        cut_short: past.was_cut_short(),
        armed: host.is_live() && past.has(Mark::Armed),
        at_risk: host.is_live() && past.is_unconfirmed(),
    })
}

/// Takes over from the last run, once its unfinished files are gone. A timer that it set is stopped, since this run is
/// about to bring things to their definition and to look whether people get in.
pub(crate) fn take_over(host: &Host, inherited: &Inherited) -> Result<(), HostError> {
    let Some(run) = inherited
        .run
        .as_ref()
        .filter(|_| inherited.cut_short || inherited.at_risk)
    else {
        return Ok(());
    };
    journal::mark_past(host, run, Mark::Superseded)?;
    if inherited.armed {
        disarm(run)?;
    }
    Ok(())
}

/// Whether people still get in, as far as the machine itself can tell.
pub(crate) fn door_is_open(host: &Host, sshd_wanted: bool) -> Result<(), String> {
    let judged = |judge, what: &str| match validate::installed(host, judge) {
        Ok(Verdict::Good | Verdict::NoJudge(_)) => Ok(()),
        Ok(Verdict::Bad(words)) => Err(format!("{what} is not understood: {words}")),
        Err(error) => Err(error.to_string()),
    };
    judged(validate::Judge::Sudoers, "sudo's configuration")?;
    if sshd_wanted {
        reach::ssh_greets(SSH_PORT)?;
    }
    if reach::own_connection_lives() {
        Ok(())
    } else {
        Err("the connection over which this was started is dead".to_owned())
    }
}

/// Waits for an operator to say that they can get in; false when time is up.
pub(crate) fn wait_for_word(host: &Host, run: &RunName, limit: Duration) -> Result<bool, HostError> {
    let deadline = Instant::now() + limit;
    loop {
        let word = read::file(host, &TargetPath::known(CONFIRMED))?;
        if word.is_some_and(|word| word == run.to_string().as_bytes()) {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Leaves an operator's word for the run that waits for it, and names that run; none when no run waits.
pub fn give_word(host: &Host) -> Result<Option<RunName>, HostError> {
    let Some(run) = journal::runs(host)?.pop() else {
        return Ok(None);
    };
    if !Past::read(host, &run)?.is_some_and(|past| past.is_unconfirmed()) {
        return Ok(None);
    }
    directory::ensure(
        host,
        &TargetPath::known("/run/data-analyst"),
        &directory::Metadata::of_root(0o755),
    )?;
    let path = TargetPath::known(CONFIRMED);
    write::replace(host, &NewFile::of_root(&path, run.to_string().as_bytes(), 0o600))?;
    Ok(Some(run))
}
