#![doc = include_str!("../README.md")]

mod accounts;
mod diff;
mod disks;
mod due;
mod files;
mod fingerprint;
mod ids;
mod kernel;
mod ledger;
mod lines;
mod packages;
mod quarantine;
mod question;
mod record;
mod removal;
mod retirement;
mod saved;
mod secrets;
mod step;
mod swap;
mod system_files;
mod text;
mod together;
mod units;

pub use due::{RELOAD_STAMPS, reload_stamp};
pub use fingerprint::{Fingerprint, Salt};
pub use ids::Ids;
pub use ledger::{LEDGER, Ledger, LedgerError, OwnedNode, OwnedPath};
pub use quarantine::{Foreign, QUARANTINE};
pub use question::{firewall_table, inputs_question, question};
pub use record::Record;
pub use render::MARKER_NAME;
pub use saved::{SavedPlan, SavedPlanError};
pub use secrets::{CREDENTIALS_DIRECTORY, ENV_FILE, SecretsError, read_inputs};
pub use step::{
    AccountChange, Action, Change, DiskTarget, Drift, Metadata, NewContent, Notice, Refusal, RefusalKind,
    Step, UnitOrder,
};
pub use system_files::ALL as SYSTEM_FILES;
pub use text::{Style, describe};
pub use together::Together;

use appliance::Appliance;
use appliance::operating_system::OperatingSystem;
use appliance::path::TargetPath;
use host::Facts;
use host::facts::Inode;
use render::{Area, Tree};

/// Everything that would bring a machine to its definition, in the order in which it is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What is done.
    pub steps: Vec<Step>,
    /// Why nothing may be done.
    pub refusals: Vec<Refusal>,
    /// What an operator should know.
    pub notices: Vec<Notice>,
}

impl Plan {
    /// Nothing to do, and nothing in the way of doing it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refusals.is_empty()
    }

    /// The plan for some areas alone.
    pub fn only(mut self, areas: &[Area]) -> Self {
        if !areas.is_empty() {
            self.steps.retain(|step| areas.contains(&step.area));
            self.refusals.retain(|refusal| areas.contains(&refusal.area));
            self.notices.retain(|notice| areas.contains(&notice.area));
        }
        self
    }
}

/// Compares what should be with what is. What is in `foreign` is moved away; usually that is nothing.
pub fn plan(appliance: &Appliance, tree: &Tree, facts: &Facts, foreign: &[Foreign]) -> Plan {
    let mut planner = Planner {
        appliance,
        tree,
        facts,
        ids: Ids::new(appliance, facts),
        mounting: disks::mounting(appliance, facts),
        ledger: Ledger::default(),
        foreign,
        plan: Plan::default(),
    };
    match Ledger::read(facts) {
        Ok(ledger) => planner.ledger = ledger,
        Err(error) => removal::note_damaged(&mut planner, &error),
    }
    preconditions(&mut planner, &appliance.operating_system);
    for area in Area::ALL {
        match area {
            Area::Packages => packages::plan(&mut planner),
            Area::Accounts => accounts::plan(&mut planner),
            Area::Disks => {
                disks::plan(&mut planner);
                system_files::plan_fstab(&mut planner);
            }
            Area::Swap => swap::plan(&mut planner),
            Area::Settings => {
                secrets::plan_generated(&mut planner);
                secrets::note_unknown(&mut planner);
                files::plan(&mut planner, area);
                files::plan_leftovers(&mut planner);
            }
            Area::Kernel => {
                files::plan(&mut planner, area);
                system_files::plan_names(&mut planner);
                kernel::plan(&mut planner);
            }
            Area::Firewall => {
                files::plan(&mut planner, area);
                kernel::plan_firewall(&mut planner);
            }
            Area::Nginx => {
                secrets::plan_placeholder_certificate(&mut planner);
                files::plan(&mut planner, area);
            }
            Area::Homes => {
                system_files::plan_login_defaults(&mut planner);
                files::plan(&mut planner, area);
            }
            Area::Services => {
                files::plan(&mut planner, area);
                removal::plan(&mut planner, area);
                units::plan(&mut planner);
                continue;
            }
            Area::Directories
            | Area::Sudoers
            | Area::Limits
            | Area::Ssh
            | Area::Security
            | Area::Units
            | Area::Release => files::plan(&mut planner, area),
        }
        quarantine::plan(&mut planner, area);
        removal::plan(&mut planner, area);
    }
    removal::plan_directories(&mut planner);
    planner.plan
}

fn preconditions(planner: &mut Planner<'_>, system: &OperatingSystem) {
    let os = &planner.facts.os;
    if os.id != system.id || os.version_id != system.version {
        let reason = format!(
            "it is {} {}, and the definition is for {} {}",
            os.id, os.version_id, system.id, system.version
        );
        let next = "run on a machine with that system";
        planner.refuse(
            RefusalKind::Precondition,
            Area::Packages,
            "this machine".to_owned(),
            reason,
            next.to_owned(),
        );
    }
    let free = planner.facts.free_bytes.get(&TargetPath::root()).copied();
    if let Some(free) = free
        && free < system.free_bytes
    {
        let mebibytes = |bytes: u64| bytes / (1024 * 1024);
        let reason = format!(
            "only {} MiB are free, {} are needed",
            mebibytes(free),
            mebibytes(system.free_bytes)
        );
        let next =
            "make room, for example with `journalctl --vacuum-size=200M` and `apt-get clean`, and run again";
        planner.refuse(
            RefusalKind::Precondition,
            Area::Packages,
            "/".to_owned(),
            reason,
            next.to_owned(),
        );
    }
}

/// What planning works on, and what it has found so far.
pub(crate) struct Planner<'a> {
    appliance: &'a Appliance,
    tree: &'a Tree,
    facts: &'a Facts,
    ids: Ids,
    /// Mount points that are mounted in the course of this plan: what is seen below them now lies on another disk.
    mounting: Vec<TargetPath>,
    /// What an earlier run created.
    ledger: Ledger,
    /// What an operator wants moved away.
    foreign: &'a [Foreign],
    plan: Plan,
}

impl<'a> Planner<'a> {
    /// What stands at a path; nothing below a mount point that is yet to be mounted.
    fn inode(&self, path: &TargetPath) -> Option<&'a Inode> {
        if self.mounting.iter().any(|mount| path.is_within(mount)) {
            return None;
        }
        self.facts.inodes.get(path)
    }

    /// The text of a file; empty when it is not there.
    fn text(&self, path: &TargetPath) -> String {
        self.facts
            .contents
            .get(path)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .unwrap_or_default()
    }

    /// True for a path that a step of this plan takes away.
    fn goes(&self, path: &TargetPath) -> bool {
        self.plan.steps.iter().any(|step| step.change.takes_away(path))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a step is these seven things and its callers name each"
    )]
    fn step(
        &mut self,
        area: Area,
        change: Change,
        action: Action,
        drift: Drift,
        because: &str,
        before: &str,
        after: &str,
    ) {
        self.plan.steps.push(Step {
            area,
            change,
            action,
            drift,
            because: because.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        });
    }

    fn refuse(&mut self, kind: RefusalKind, area: Area, target: String, reason: String, next: String) {
        self.plan.refusals.push(Refusal {
            kind,
            area,
            target,
            reason,
            next,
        });
    }

    fn notice(&mut self, area: Area, target: impl Into<String>, text: impl Into<String>) {
        self.plan.notices.push(Notice {
            area,
            target: target.into(),
            text: text.into(),
        });
    }
}
