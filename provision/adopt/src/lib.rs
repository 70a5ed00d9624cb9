#![doc = include_str!("../README.md")]

mod copies;
mod debian;
mod keys;
mod people;
pub mod registry;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use appliance::Appliance;
use appliance::path::TargetPath;
use host::facts::Kind;
use host::lock::Lock;
use host::{Host, HostError, Look, directory};
use plan::{LEDGER, Ledger, LedgerError, Plan};
use serde::Serialize;
use survey::{Survey, SurveyError};
use verify::{Class, Finding, VerifyError};

pub use copies::{PRIMARY, SECOND};

use copies::Chosen;
use people::People;
use registry::{Account, Registry};

/// What account commands hold while they change the registry.
const ACCOUNTS_LOCK: &str = "/run/lock/data-analyst/accounts.lock";
/// How long one of them is waited for (spec 10, section 4.4).
const ACCOUNTS_WAIT: Duration = Duration::from_secs(10);

/// Why a machine was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The lock of other runs.
    #[error(transparent)]
    Locked(#[from] apply::ApplyError),
    /// An account command is at work.
    #[error("an account command is at work on this machine")]
    Accounts(#[source] HostError),
    /// What should be could not be told, or what is.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// `verify` could not look.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A closer look failed, or a write.
    #[error("cannot take the machine over")]
    Host(#[from] HostError),
    /// The registry would not lie where it is looked for later.
    #[error("{path} {what}; nothing was changed\n    next: {next}")]
    NoPlace {
        /// Which directory.
        path: String,
        /// What is wrong with it.
        what: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// A copy of the registry cannot be used.
    #[error("{path} is no account registry: {problem}; nothing was changed\n    next: {}", mend(path, *good))]
    Damaged {
        /// Which copy.
        path: &'static str,
        /// What is wrong with it.
        problem: String,
        /// The copy that can be used, with its generation.
        good: Option<(&'static str, u64)>,
    },
    /// Two copies of one generation differ.
    #[error(
        "{PRIMARY} and {SECOND} are both of generation {0} and differ; nothing was changed\n    \
         next: compare them, move the wrong one away, and run `appliance adopt` again"
    )]
    Conflict(u64),
    /// The ledger cannot be used.
    #[error(
        "{LEDGER} cannot be used: {0}; nothing was changed\n    \
         next: move it away if it is damaged, and run `appliance adopt` again"
    )]
    Ledger(#[from] LedgerError),
}

fn mend(path: &str, good: Option<(&'static str, u64)>) -> String {
    match good {
        Some((good, generation)) => format!(
            "{good} is sound (generation {generation}); look at both, then `mv {path} {path}.damaged` and run \
             `appliance adopt` again, which writes it anew"
        ),
        None => format!("bring {path} back from a snapshot, or move it away to build it from the accounts"),
    }
}

impl AdoptError {
    /// The exit code of spec 10, section 22.1; for the accounts' lock that of section 9.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Locked(error) => error.exit_code(),
            Self::Accounts(_) => 9,
            Self::Damaged { .. } | Self::Conflict(_) | Self::Ledger(_) => 3,
            Self::Survey(SurveyError::Secrets(_))
            | Self::Verify(VerifyError::Survey(SurveyError::Secrets(_))) => 3,
            Self::NoPlace { .. } => 4,
            Self::Survey(_) | Self::Verify(_) | Self::Host(_) => 1,
        }
    }
}

/// Something that a person should look at; nothing is done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The file, directory or account.
    pub target: String,
    /// What about it.
    pub what: String,
    /// What to do.
    pub next: String,
}

/// A machine that was looked at and may be taken over. While it lives no other run and no account command begins.
#[derive(Debug)]
pub struct Adoption<'a> {
    appliance: &'a Appliance,
    host: &'a Host,
    _run: Lock,
    _accounts: Lock,
    kept: Chosen,
    next: Registry,
    /// What apply would change.
    pub plan: Plan,
    /// What `verify` finds that nobody declared.
    pub undeclared: Vec<Finding>,
    /// Accounts that the registry lacks.
    pub accounts: Vec<Account>,
    /// What is ours from now on.
    pub ledger: Vec<String>,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The generation of the registry.
    pub generation: u64,
    /// Accounts that it did not have.
    pub accounts: usize,
    /// Things that are ours now.
    pub ledger: usize,
    /// What went wrong and does not matter at once.
    pub warnings: Vec<Warning>,
}

/// Looks at a machine under the locks of runs and of account commands. Nothing is changed.
///
/// # Errors
///
/// When somebody else is at work, the machine cannot be looked at, or what was kept of it cannot be trusted.
pub fn look<'a>(appliance: &'a Appliance, host: &'a Host) -> Result<Adoption<'a>, AdoptError> {
    let run = apply::take_lock(host)?;
    let accounts_lock =
        Lock::take(host, &TargetPath::known(ACCOUNTS_LOCK), ACCOUNTS_WAIT).map_err(AdoptError::Accounts)?;
    let report = verify::verify(appliance, host)?;
    let survey = survey(appliance, host)?;
    has_place(appliance, &survey)?;
    let kept = copies::choose(&survey.facts)?;
    let people = People {
        appliance,
        facts: &survey.facts,
        now: SystemTime::now(),
    };
    let mut warnings = Vec::new();
    let base = kept.registry.clone().unwrap_or_else(|| {
        let mut registry = Registry::empty();
        registry.groups = people.group_numbers();
        registry
    });
    let mut accounts = people.newcomers(&base, &mut warnings);
    keys::read(host, &mut accounts, &mut warnings)?;
    people.note_orphans(&mut warnings);
    let next = if accounts.is_empty() && kept.registry.is_some() {
        base
    } else {
        let now = humantime::format_rfc3339_seconds(people.now).to_string();
        base.with(accounts.clone(), people.highest(), &now)
    };
    let (_, ledger) = ledger(appliance, host, &survey)?;
    let undeclared = undeclared(&report, &accounts);
    Ok(Adoption {
        appliance,
        host,
        _run: run,
        _accounts: accounts_lock,
        kept,
        next,
        plan: survey.plan,
        undeclared,
        accounts,
        ledger,
        warnings,
    })
}

impl Adoption<'_> {
    /// True when there is nothing to take over.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.ledger.is_empty()
            && self.kept.registry.is_some()
            && self.kept.stale.is_empty()
    }

    /// Writes the registry and the ledger.
    ///
    /// # Errors
    ///
    /// When one of them cannot be written. What was written by then is whole, and the next adoption goes on from it.
    pub fn take_over(self) -> Result<Taken, AdoptError> {
        let is_new = self.kept.registry.as_ref() != Some(&self.next);
        let places = if is_new {
            vec![PRIMARY, SECOND]
        } else {
            self.kept.stale.clone()
        };
        let warnings = copies::write(self.host, &self.next, &places)?;
        if let Some(state) = TargetPath::known(LEDGER).parent()
            && !host::read::exists(self.host, &state)?
        {
            directory::ensure(self.host, &state, &directory::Metadata::of_root(0o700))?;
        }
        // Looked at again, since the directories of the registry and of the ledger may be there only now.
        let survey = survey(self.appliance, self.host)?;
        let (ledger, entered) = ledger(self.appliance, self.host, &survey)?;
        if !entered.is_empty() {
            apply::write_ledger(self.host, &survey, |_| ledger)?;
        }
        Ok(Taken {
            generation: self.next.generation,
            accounts: self.accounts.len(),
            ledger: entered.len(),
            warnings,
        })
    }
}

fn survey(appliance: &Appliance, host: &Host) -> Result<Survey, SurveyError> {
    survey::take(appliance, host, &[], |_, question| {
        copies::ask(question);
        for path in people::NUMBERED {
            question.paths.insert(TargetPath::known(path), Look::Listing);
        }
    })
}

/// On a root disk the registry would be hidden by the next mount, and homes that are not there have no keys.
fn has_place(appliance: &Appliance, survey: &Survey) -> Result<(), AdoptError> {
    for path in ["/data", people::HOMES] {
        let place = TargetPath::known(path);
        let refuse = |what, next| AdoptError::NoPlace {
            path: path.to_owned(),
            what,
            next,
        };
        let is_directory = survey
            .facts
            .inodes
            .get(&place)
            .is_some_and(|inode| inode.kind == Kind::Directory);
        if !is_directory {
            let next = "mount the disk of the old system there; a new machine needs no `adopt`, run `appliance apply`";
            return Err(refuse("is not there", next));
        }
        let has_disk = appliance.platform().disk_prefix().is_some()
            && appliance.disks.iter().any(|disk| disk.mount == place);
        if let Some(live) = &survey.facts.live
            && has_disk
            && !live.mounts.iter().any(|mount| mount.point == place.as_str())
        {
            let next = "mount the disk of the old system there, and run `appliance adopt` again";
            return Err(refuse("has no disk mounted on it", next));
        }
    }
    Ok(())
}

/// The ledger as it will be, and the names of what is entered.
fn ledger(appliance: &Appliance, host: &Host, survey: &Survey) -> Result<(Ledger, Vec<String>), AdoptError> {
    let of_debian = debian::owned(host, &survey.tree)?;
    let ledger = Ledger::adopting(appliance, &survey.tree, &survey.facts, &survey.plan, &of_debian)?;
    let before = survey.ledger.names();
    let entered = ledger.names().difference(&before).cloned().collect();
    Ok((ledger, entered))
}

/// What is there and stands in no definition. What the plan would change is told by the plan, and those who are taken
/// over are no strangers any more.
fn undeclared(report: &verify::Report, accounts: &[Account]) -> Vec<Finding> {
    let known: BTreeSet<&str> = accounts.iter().map(|account| account.username.as_str()).collect();
    let of_plan = |finding: &&Finding| {
        let mut as_defined = report.checks.iter().filter(|check| check.name == "as-defined");
        as_defined.any(|check| check.outcome.findings().contains(finding))
    };
    let is_taken_over = |finding: &&Finding| {
        matches!(finding.class, Class::UnmanagedAccount | Class::GroupMembership)
            && known.contains(finding.target.as_str())
    };
    let is_undeclared = |finding: &&Finding| {
        matches!(
            finding.class,
            Class::UnmanagedAccount
                | Class::UnmanagedSudoers
                | Class::UnmanagedPath
                | Class::GroupMembership
                | Class::Listener
                | Class::Suid
                | Class::Attribute
                | Class::Integrity
                | Class::Account
                | Class::PrivateAcl
                | Class::WorldWritable
        )
    };
    report
        .findings()
        .filter(is_undeclared)
        .filter(|finding| !is_taken_over(finding) && !of_plan(finding))
        .cloned()
        .collect()
}
