//! What `apply` would change is what is not as defined.

use plan::{Action, Drift, Refusal, Step};
use render::Area;

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::{Class, Severity};

const NEXT: &str = "run `appliance apply`, or `appliance plan` to see the difference";

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let mut findings = Findings::new(format!("{} entries", machine.tree.len()));
    for step in &machine.plan.steps {
        let (class, severity) = judge(step.drift);
        findings.add(severity, class, step.target(), describe(step), NEXT);
    }
    for refusal in &machine.plan.refusals {
        findings.error(
            class_of(refusal),
            &refusal.target,
            refusal.reason.as_str(),
            refusal.next.as_str(),
        );
    }
    for notice in &machine.plan.notices {
        findings.info(Class::Content, &notice.target, notice.text.as_str(), "");
    }
    findings
}

/// What promises security or keeps data is an error; what merely lags behind the definition is a warning.
fn judge(drift: Drift) -> (Class, Severity) {
    match drift {
        Drift::Missing => (Class::Missing, Severity::Error),
        Drift::Content => (Class::Content, Severity::Error),
        Drift::Mode => (Class::Mode, Severity::Error),
        Drift::Owner => (Class::Owner, Severity::Error),
        Drift::Acl => (Class::Acl, Severity::Error),
        Drift::UnitState => (Class::UnitState, Severity::Error),
        Drift::Mount => (Class::Mount, Severity::Error),
        Drift::Package => (Class::Package, Severity::Warning),
        Drift::Account => (Class::Account, Severity::Error),
        Drift::GroupMembership => (Class::GroupMembership, Severity::Error),
        Drift::Firewall => (Class::Firewall, Severity::Error),
        Drift::CredentialMode => (Class::CredentialMode, Severity::Error),
        Drift::PrivateAcl => (Class::PrivateAcl, Severity::Error),
        Drift::ImmutableGuard => (Class::ImmutableGuard, Severity::Error),
        Drift::Kernel => (Class::Kernel, Severity::Warning),
        Drift::Extra => (Class::UnmanagedPath, Severity::Warning),
    }
}

/// One line; the whole difference is shown by `appliance plan`.
fn describe(step: &Step) -> String {
    let one_line = |text: &str| !text.is_empty() && !text.contains('\n') && text.len() <= 80;
    match step.action {
        Action::Create => format!("is not there: {}", step.because),
        Action::Remove => format!("should not be there: {}", step.because),
        Action::Update | Action::Run if one_line(&step.before) && one_line(&step.after) => {
            format!("now {}, should be {}: {}", step.before, step.after, step.because)
        }
        Action::Update | Action::Run => format!("differs: {}", step.because),
    }
}

fn class_of(refusal: &Refusal) -> Class {
    match refusal.area {
        Area::Disks | Area::Swap => Class::Mount,
        Area::Packages if refusal.target == "/" => Class::Space,
        Area::Packages => Class::Package,
        Area::Accounts => Class::Account,
        Area::Services | Area::Units => Class::UnitState,
        Area::Directories
        | Area::Settings
        | Area::Sudoers
        | Area::Limits
        | Area::Ssh
        | Area::Kernel
        | Area::Firewall
        | Area::Security
        | Area::Nginx
        | Area::Homes
        | Area::Release => Class::Content,
    }
}
