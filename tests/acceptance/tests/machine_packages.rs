//! Spec 10, section 3.1 and check 79: packages come from wherever apt is told, and without a network when they are there.

use acceptance::container_fixture::{Appliance, nothing_wrong};
use anyhow::{Context, Result};
use image::Base;

#[test]
fn check_79_packages_without_a_network() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    // The container reaches nobody: that the first apply went well is the check itself.
    appliance.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")?;
    assert_eq!(appliance.apply()?, 0);

    // Missing, and nowhere to be had: said, and nothing else is broken by it.
    appliance.sh("dpkg --purge --force-depends zstd >/dev/null 2>&1; rm /etc/sudoers.d/deploy")?;
    let planned = appliance.planned()?;
    if !planned.iter().any(|step| step.target.contains("zstd")) {
        wrong.push(format!("the plan does not name the package: {planned:?}"));
    }
    let failed = appliance.appliance(&["apply", "--yes"])?;
    if failed.status != 1 || !failed.stderr.contains("zstd") || !failed.stderr.contains("next: ") {
        wrong.push(format!("no package to be had: {failed:?}"));
    }

    // From archives on a local disk.
    let archives = Base::stock()?.archives();
    for entry in std::fs::read_dir(archives)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .context("a name")?
            .to_owned();
        if name.ends_with(".deb") {
            appliance.write(&format!("/srv/archives/{name}"), &std::fs::read(&path)?, 0o644)?;
        }
    }
    appliance.sh(
        "cd /srv/archives && for d in *.deb; do dpkg-deb -f $d; echo \"Filename: ./$d\"; echo \"Size: $(stat -c %s $d)\"; \
         echo \"SHA256: $(sha256sum $d | cut -c1-64)\"; echo; done > Packages; echo 'deb [trusted=yes] file:/srv/archives ./' > /etc/apt/sources.list",
    )?;
    appliance.apply()?;
    appliance.sh("dpkg -s zstd | grep -q 'ok installed' && test -e /etc/sudoers.d/deploy")?;
    assert_eq!(appliance.apply()?, 0);
    nothing_wrong(&wrong)
}

/// A package that must not be there goes.
#[test]
fn what_must_be_absent_is_removed() -> Result<()> {
    let appliance = Appliance::applied()?;
    // A package of this name that holds nothing: the real one is not in the base.
    appliance.sh(
        "mkdir -p /root/p/DEBIAN && printf 'Package: telnetd\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <nobody@example.test>\\nDescription: stand-in\\n' > /root/p/DEBIAN/control \
         && dpkg-deb -b /root/p /root/telnetd.deb >/dev/null && dpkg -i /root/telnetd.deb >/dev/null 2>&1",
    )?;
    let drift = appliance.drift_of("package")?;
    assert!(drift.len() == 1 && drift[0].contains("telnetd"), "{drift:?}");
    assert_eq!(appliance.apply()?, 1);
    assert!(
        !appliance
            .try_sh("dpkg -s telnetd 2>/dev/null | grep -q 'ok installed'")?
            .success()
    );
    Ok(())
}
