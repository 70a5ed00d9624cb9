//! Debian packages: present and absent sets. A satisfied set needs neither the network nor a program.

use appliance::name::PackageName;
use appliance::package::Package;
use appliance::platform::Platform;
use host::facts::package::PackageStatus;
use render::Area;

use crate::Planner;
use crate::step::{Action, Change, Drift};

pub(crate) fn plan(planner: &mut Planner<'_>) {
    let packages = &planner.appliance.packages;
    let cloud: &[Package] = match planner.appliance.platform() {
        Platform::Gce => &packages.cloud,
        Platform::Qemu | Platform::Container => &[],
    };
    let status = |name: &PackageName| planner.facts.packages.get(name).map(|state| state.status);
    let missing: Vec<&Package> = packages
        .present
        .iter()
        .chain(cloud)
        .filter(|package| !is_installed(status(&package.name)))
        .collect();
    let unwanted: Vec<&Package> = packages
        .absent
        .iter()
        .filter(|package| is_there(status(&package.name)))
        .collect();
    plan_left(planner);
    for (set, action) in [(unwanted, Action::Remove), (missing, Action::Create)] {
        if set.is_empty() {
            continue;
        }
        let names: Vec<PackageName> = set.iter().map(|package| package.name.clone()).collect();
        let because: Vec<String> = set
            .iter()
            .map(|package| format!("{}: {}", package.name, package.because))
            .collect();
        let (change, before, after) = match action {
            Action::Remove => (Change::RemovePackages(names), "installed", ""),
            Action::Create | Action::Update | Action::Run => {
                (Change::InstallPackages(names), "", "installed")
            }
        };
        planner.step(
            Area::Packages,
            change,
            action,
            Drift::Package,
            &because.join("; "),
            before,
            after,
        );
    }
}

/// Packages that we installed and that left the definition.
fn plan_left(planner: &mut Planner<'_>) {
    let packages = &planner.appliance.packages;
    let defined = |name: &PackageName| {
        let mut all = packages
            .present
            .iter()
            .chain(&packages.cloud)
            .chain(&packages.absent);
        all.any(|package| package.name == *name)
    };
    let left: Vec<PackageName> = planner
        .ledger
        .packages()
        .filter(|name| !defined(name))
        .filter(|name| is_there(planner.facts.packages.get(*name).map(|state| state.status)))
        .cloned()
        .collect();
    if !left.is_empty() {
        planner.step(
            Area::Packages,
            Change::RemovePackages(left),
            Action::Remove,
            Drift::Package,
            "an apply installed it, and the definition no longer has it",
            "installed",
            "",
        );
    }
}

fn is_installed(status: Option<PackageStatus>) -> bool {
    // Packages that wait for a trigger have their files and work; the next apt run finishes them.
    matches!(
        status,
        Some(PackageStatus::Installed | PackageStatus::TriggersAwaited | PackageStatus::TriggersPending)
    )
}

fn is_there(status: Option<PackageStatus>) -> bool {
    !matches!(
        status,
        None | Some(PackageStatus::NotInstalled | PackageStatus::ConfigFiles)
    )
}
