//! What an operator has moved away: in the area of its place, before any unit is told to read what is left.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

mod common;

use common::{Machine, appliance, path};
use plan::{Action, Change, Foreign, Together};
use render::Area;

#[test]
fn each_goes_in_the_area_of_its_place() {
    let mut machine = Machine::new();
    let places = [
        ("/etc/sudoers.d/zz", Area::Sudoers, Some(Together::Sudoers)),
        ("/etc/ssh/sshd_config.d/99.conf", Area::Ssh, Some(Together::Ssh)),
        ("/etc/nginx/sites-enabled/zz", Area::Nginx, Some(Together::Nginx)),
        (
            "/etc/systemd/system/nginx.service.d/zz.conf",
            Area::Units,
            Some(Together::Units),
        ),
        ("/etc/cron.d/zz", Area::Directories, None),
        ("/home/alice/.ssh/authorized_keys2", Area::Homes, None),
        ("/etc/security/limits.d/zz.conf", Area::Limits, None),
    ];
    for (at, ..) in places {
        machine.write(at, "x");
        machine.foreign.push(Foreign {
            path: path(at),
            because: "nobody declared it".to_owned(),
        });
    }
    let plan = machine.planned(&appliance(&["alice"]));
    for (at, area, group) in places {
        let change = Change::Quarantine { path: path(at) };
        let step = plan.steps.iter().find(|step| step.change == change).unwrap();
        assert_eq!(
            (step.area, step.group(), step.action),
            (area, group, Action::Remove),
            "{at}"
        );
        assert_eq!(step.because, "nobody declared it");
    }
}

#[test]
fn what_is_ours_gone_or_no_file_is_left() {
    let mut machine = Machine::new();
    machine.directory("/etc/cron.d/folder");
    machine.write("/etc/sudoers.d/data-analyst", "x");
    let ours = common::tree(&appliance(&["alice"]));
    let ours = ours
        .iter()
        .find(|(path, _)| path.as_str().starts_with("/etc/sudoers.d/"))
        .unwrap()
        .0;
    machine.write(ours.as_str(), "x");
    for at in ["/etc/cron.d/folder", "/etc/cron.d/gone", ours.as_str()] {
        machine.foreign.push(Foreign {
            path: path(at),
            because: "nobody declared it".to_owned(),
        });
    }
    let plan = machine.planned(&appliance(&["alice"]));
    assert!(
        !plan
            .steps
            .iter()
            .any(|step| matches!(step.change, Change::Quarantine { .. }))
    );
    for at in ["/etc/cron.d/folder", ours.as_str()] {
        assert!(plan.notices.iter().any(|notice| notice.target == at), "{at}");
    }
}
