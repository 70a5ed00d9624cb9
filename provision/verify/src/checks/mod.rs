//! The table of checks: each asks one question, one file per concern.

mod access;
mod accounts;
mod as_defined;
mod attributes;
mod certificates;
mod cron;
mod disks;
mod firewall;
mod health;
mod integrity;
mod kernel;
mod limits;
mod listeners;
mod logins;
mod mounts;
mod nginx;
mod private_data;
mod processes;
mod release;
mod setuid;
mod ssh;
mod strangers;
mod sudo;
mod system;
mod system_accounts;
mod units;

pub(crate) use ssh::key_file;

use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;

/// One line of the table.
pub(crate) struct Entry {
    pub name: &'static str,
    pub question: &'static str,
    /// Whether it can be asked of a tree that does not run.
    pub needs: Needs,
    pub ask: fn(&Machine<'_>, &Host) -> Result<Findings, HostError>,
}

/// What a check needs beside files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Files,
    /// A kernel and a service manager.
    RunningMachine,
}

/// Every check, in the order of the report.
pub(crate) const TABLE: &[Entry] = &[
    Entry {
        name: "as-defined",
        question: "is everything as the definition has it?",
        needs: Needs::Files,
        ask: |machine, _| Ok(as_defined::check(machine)),
    },
    Entry {
        name: "attributes",
        question: "can everything of ours be changed by `apply`?",
        needs: Needs::Files,
        ask: |machine, _| Ok(attributes::check(machine)),
    },
    Entry {
        name: "sudo",
        question: "does sudo grant what is defined, and nothing else?",
        needs: Needs::Files,
        ask: sudo::check,
    },
    Entry {
        name: "ssh",
        question: "does sshd let in whom it should, by key alone?",
        needs: Needs::Files,
        ask: ssh::check,
    },
    Entry {
        name: "limits",
        question: "are the limits of sessions ours alone?",
        needs: Needs::Files,
        ask: |machine, _| Ok(limits::check(machine)),
    },
    Entry {
        name: "cron",
        question: "does cron run nothing that nobody declared?",
        needs: Needs::Files,
        ask: |machine, _| Ok(cron::check(machine)),
    },
    Entry {
        name: "nginx",
        question: "does nginx serve our site alone?",
        needs: Needs::Files,
        ask: nginx::check,
    },
    Entry {
        name: "units",
        question: "do units run as defined, with no setting from elsewhere?",
        needs: Needs::Files,
        ask: |machine, _| Ok(units::check(machine)),
    },
    Entry {
        name: "system",
        question: "does nothing lie in the system's directories that nobody brought, and are they root's alone?",
        needs: Needs::Files,
        ask: system::check,
    },
    Entry {
        name: "packages",
        question: "are programs and settings of packages what the packages brought?",
        needs: Needs::Files,
        ask: integrity::check,
    },
    Entry {
        name: "logins",
        question: "is what every login reads as Debian made it?",
        needs: Needs::Files,
        ask: logins::check,
    },
    Entry {
        name: "release",
        question: "does what runs come from a release, and is it root's alone?",
        needs: Needs::Files,
        ask: release::check,
    },
    Entry {
        name: "accounts",
        question: "are accounts and groups those that were declared, without passwords?",
        needs: Needs::Files,
        ask: |machine, _| Ok(accounts::check(machine)),
    },
    Entry {
        name: "system-accounts",
        question: "are Debian's accounts and groups as Debian made them?",
        needs: Needs::Files,
        ask: system_accounts::check,
    },
    Entry {
        name: "listeners",
        question: "does nothing listen but what should, where it should?",
        needs: Needs::RunningMachine,
        ask: |machine, _| Ok(listeners::check(machine)),
    },
    Entry {
        name: "setuid",
        question: "do only Debian's known programs run with more rights than their caller's?",
        needs: Needs::Files,
        ask: |machine, _| Ok(setuid::check(machine)),
    },
    Entry {
        name: "private-data",
        question: "can nobody read or write data that is not theirs?",
        needs: Needs::Files,
        ask: |machine, _| Ok(private_data::check(machine)),
    },
    Entry {
        name: "strangers",
        question: "does anything lie on the disks that nobody declared?",
        needs: Needs::Files,
        ask: |machine, _| Ok(strangers::check(machine)),
    },
    Entry {
        name: "access",
        question: "does the kernel grant each role what the model says?",
        needs: Needs::RunningMachine,
        ask: access::check,
    },
    Entry {
        name: "disks",
        question: "is each disk where it belongs, protected, and not filling up?",
        needs: Needs::RunningMachine,
        ask: disks::check,
    },
    Entry {
        name: "mounts",
        question: "is nothing mounted but what was declared, with the options that protect it?",
        needs: Needs::RunningMachine,
        ask: |machine, _| Ok(mounts::check(machine)),
    },
    Entry {
        name: "processes",
        question: "do units run the programs that lie there, as the users that were defined?",
        needs: Needs::RunningMachine,
        ask: processes::check,
    },
    Entry {
        name: "kernel",
        question: "does the kernel start nobody's program, and forward nothing?",
        needs: Needs::RunningMachine,
        ask: kernel::check,
    },
    Entry {
        name: "health",
        question: "does the portal say that it is well?",
        needs: Needs::RunningMachine,
        ask: health::check,
    },
    Entry {
        name: "firewall",
        question: "is our firewall loaded, and loaded at boot?",
        needs: Needs::RunningMachine,
        ask: firewall::check,
    },
    Entry {
        name: "certificates",
        question: "is there a certificate whose key nobody reads and that does not end soon?",
        needs: Needs::Files,
        ask: certificates::check,
    },
];
