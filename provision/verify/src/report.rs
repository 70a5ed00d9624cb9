//! What was found, as data: text, JSON and metrics are made of it and of nothing else.

use std::collections::BTreeMap;

use serde::Serialize;

/// The answers to every question, in the order in which they were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One for each check of the table, those that were passed over included.
    pub checks: Vec<Check>,
    /// When every file of `/home` and `/data` was last looked at, in seconds since 1970; a scheduled run does so once
    /// an hour and in between looks again at what stood out then.
    pub deep_look: u64,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A word for it, such as `sudo`.
    pub name: &'static str,
    /// What it asks, in one sentence.
    pub question: &'static str,
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Passed {
        /// What was looked at.
        detail: String,
        /// What an operator may want to know, all of it [`Severity::Info`].
        notes: Vec<Finding>,
    },
    /// Not as it should be: at least one finding is an error or a warning.
    Failed {
        /// What is wrong, notes included, the worst first.
        findings: Vec<Finding>,
    },
    /// Not asked.
    Skipped {
        /// Why not.
        because: String,
    },
}

/// One thing that is not as it should be, or that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub class: Class,
    /// The file, unit, account or port.
    pub target: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do about it.
    pub next: String,
    /// Whether it is a file or link that nobody declared, that weakens the machine where it lies, and that may be
    /// moved aside.
    pub quarantine: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The machine does not keep a promise.
    Error,
    /// Somebody should look at it.
    Warning,
    /// Known and allowed; never drift.
    Info,
}

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident = $word:literal),* $(,)?) => {
        /// What kind of difference a finding is (spec 10, section 22.4, and seven more at the end).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Class {
            $($(#[$doc])* $class,)*
        }

        impl Class {
            /// Every class, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$class),*];

            /// The word for it in reports and metrics.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$class => $word,)*
                }
            }
        }
    };
}

classes! {
    /// Something is not there.
    Missing = "missing",
    /// Other bytes, or another setting in force.
    Content = "content",
    /// Another mode.
    Mode = "mode",
    /// Another owner or group.
    Owner = "owner",
    /// Another access control list, or another right than the model gives.
    Acl = "acl",
    /// A unit is not in its state.
    UnitState = "unit-state",
    /// A unit failed.
    UnitFailed = "unit-failed",
    /// A disk or swap is not in use as it should be.
    Mount = "mount",
    /// A package is missing or should not be there.
    Package = "package",
    /// An account differs.
    Account = "account",
    /// An account has another number than a new machine would give it.
    UidMismatch = "uid-mismatch",
    /// A member too many or too few.
    GroupMembership = "group-membership",
    /// An account that nobody declared.
    UnmanagedAccount = "unmanaged-account",
    /// A grant that nobody declared.
    UnmanagedSudoers = "unmanaged-sudoers",
    /// Something else that nobody declared.
    UnmanagedPath = "unmanaged-path",
    /// Something listens that should not, or where it should not.
    Listener = "listener",
    /// The kernel's table is not ours.
    Firewall = "firewall",
    /// A secret can be read by others.
    CredentialMode = "credential-mode",
    /// Something private may be read by those who should not.
    PrivateAcl = "private-acl",
    /// Everybody may write or read what they should not.
    WorldWritable = "world-writable",
    /// A program that gives its caller more rights.
    Suid = "suid",
    /// The directory under a mount is not protected.
    ImmutableGuard = "immutable-guard",
    /// The cloud is not as declared.
    CloudPolicy = "cloud-policy",
    /// A kernel setting differs.
    Kernel = "kernel",
    /// A disk fills up.
    Space = "space",
    /// An attribute that keeps the appliance from changing what is its own.
    Attribute = "attribute",
    /// A process that runs another program, or as another user, than it should.
    Process = "process",
    /// A program or setting of a package that is not what the package brought.
    Integrity = "integrity",
    /// The portal says that it is not well.
    Health = "health",
    /// The question could not be answered.
    Unchecked = "unchecked",
}

impl Severity {
    /// From the worst down.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Info];

    /// The word for it in reports and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// Whether a finding of this kind makes the machine one that has drifted.
    pub const fn is_drift(self) -> bool {
        match self {
            Self::Error | Self::Warning => true,
            Self::Info => false,
        }
    }
}

impl Outcome {
    /// What was found, whatever it was.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Passed { notes, .. } => notes,
            Self::Failed { findings } => findings,
            Self::Skipped { .. } => &[],
        }
    }
}

impl Report {
    /// Every finding of every check.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| check.outcome.findings())
    }

    /// What may be moved aside.
    pub(crate) fn strays(&self) -> impl Iterator<Item = &Finding> {
        self.findings().filter(|finding| finding.quarantine)
    }

    /// True when anything is an error or a warning: the machine is not as defined, exit 10.
    pub fn drift(&self) -> bool {
        self.findings().any(|finding| finding.severity.is_drift())
    }

    /// How many findings there are of each kind; those that there are none of are not in it.
    pub fn counts(&self) -> BTreeMap<(Class, Severity), usize> {
        let mut counts = BTreeMap::new();
        for finding in self.findings() {
            *counts.entry((finding.class, finding.severity)).or_default() += 1;
        }
        counts
    }
}
