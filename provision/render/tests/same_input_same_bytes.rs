//! Check 78: the order in which a definition lists things reaches no file.

mod common;

use appliance::Appliance;
use render::render;

/// Lists whose order means something are left alone: rules within a sudoers file, values of one directive.
fn turned(appliance: &Appliance, by: usize) -> Appliance {
    fn turn<T>(list: &mut [T], by: usize) {
        list.reverse();
        if !list.is_empty() {
            let by = by % list.len();
            list.rotate_left(by);
        }
    }
    let mut other = appliance.clone();
    turn(&mut other.groups, by);
    turn(&mut other.accounts, by);
    turn(&mut other.disks, by);
    turn(&mut other.directories, by);
    turn(&mut other.links, by);
    turn(&mut other.files, by);
    turn(&mut other.absences, by);
    turn(&mut other.limits, by);
    turn(&mut other.sudo, by);
    turn(&mut other.listeners, by);
    for listener in &mut other.listeners {
        if let appliance::network::Reach::Users(users) = &mut listener.reach {
            turn(users, by);
        }
    }
    turn(&mut other.egress.mail_users, by);
    turn(&mut other.egress.metadata_users, by);
    turn(&mut other.egress.ssh_groups, by);
    turn(&mut other.units.services, by);
    for service in &mut other.units.services {
        turn(&mut service.supplementary, by);
        turn(&mut service.writes, by);
        turn(&mut service.credentials, by);
        turn(&mut service.settings, by);
        turn(&mut service.wanted_by, by);
        turn(&mut service.after, by);
    }
    turn(&mut other.units.timers, by);
    turn(&mut other.units.drop_ins, by);
    turn(&mut other.units.debian, by);
    turn(&mut other.credentials, by);
    turn(&mut other.settings, by);
    turn(&mut other.people.admin_groups, by);
    turn(&mut other.instance.admins, by);
    turn(&mut other.instance.release_keys, by);
    turn(&mut other.instance.ci_ssh_keys, by);
    other
}

#[test]
fn rendering_twice_gives_the_same_tree() {
    let appliance = common::appliance("gce");
    assert_eq!(common::tree(&appliance), common::tree(&appliance));
}

#[test]
fn the_order_of_the_definition_reaches_no_file() {
    let appliance = common::appliance("gce");
    let inputs = common::inputs(&appliance);
    let expected = common::tree(&appliance);
    for by in 0..7 {
        let tree = render(&turned(&appliance, by), &inputs).unwrap();
        for ((path, entry), (other_path, other)) in expected.iter().zip(tree.iter()) {
            assert_eq!((path, entry), (other_path, other), "turned by {by}");
        }
        assert_eq!(expected.len(), tree.len());
    }
}
