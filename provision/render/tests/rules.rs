//! What holds for every rendered file, and what a definition is refused for.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use appliance::Appliance;
use appliance::name::{CredentialName, UnitName};
use appliance::path::TargetPath;
use appliance::unit::{Service, Timer, Values};
use render::{Content, Inputs, Node, RenderError, Tree, render};

fn files(tree: &Tree) -> impl Iterator<Item = (&TargetPath, &Content)> {
    tree.iter().filter_map(|(path, entry)| match &entry.node {
        Node::File { content, .. } => Some((path, content)),
        Node::Directory { .. } | Node::Link { .. } | Node::Absent => None,
    })
}

fn path(text: &str) -> TargetPath {
    TargetPath::new(text).unwrap()
}

fn text_of(tree: &Tree, at: &str) -> String {
    let found = files(tree).find(|(path, _)| path.as_str() == at);
    let (_, content) = found.unwrap_or_else(|| panic!("no file at {at}"));
    String::from_utf8(content.bytes().to_vec()).unwrap()
}

/// An environment in which one more service and its timer exist, both of which need a secret.
fn with_bot() -> Appliance {
    let mut appliance = common::appliance("gce");
    let token = CredentialName::new("TELEGRAM_BOT_TOKEN").unwrap();
    let service = Service {
        name: UnitName::new("notify-bot.service").unwrap(),
        description: "Notifications".into(),
        credentials: vec![token.clone()],
        settings: Vec::new(),
        needs: vec![token],
        ..appliance.units.services[0].clone()
    };
    let timer = Timer {
        name: UnitName::new("notify-bot.timer").unwrap(),
        description: "Notifications".into(),
        starts: service.name.clone(),
        directives: [("OnUnitActiveSec".to_owned(), Values(vec!["30min".into()]))].into(),
        in_health: true,
    };
    appliance.units.services.push(service);
    appliance.units.timers.push(timer);
    appliance
}

const BOT_LINKS: [&str; 2] = [
    "/etc/systemd/system/multi-user.target.wants/notify-bot.service",
    "/etc/systemd/system/timers.target.wants/notify-bot.timer",
];

#[test]
fn no_kernel_name_of_a_disk_is_in_any_file() {
    for platform in ["gce", "qemu", "container"] {
        for (path, content) in files(&common::tree(&common::appliance(platform))) {
            let text = String::from_utf8_lossy(content.bytes());
            for name in ["/dev/sd", "/dev/vd", "/dev/xvd", "/dev/nvme"] {
                assert!(!text.contains(name), "{path} names {name}");
            }
        }
    }
}

#[test]
fn no_wildcard_is_in_any_grant() {
    let tree = common::tree(&common::appliance("gce"));
    let grants = files(&tree).filter(|(path, _)| path.as_str().starts_with("/etc/sudoers.d/"));
    let mut count = 0;
    for (path, content) in grants {
        count += 1;
        assert!(!content.bytes().iter().any(|byte| b"*?".contains(byte)), "{path}");
    }
    assert_eq!(count, 4);
}

#[test]
fn every_file_that_allows_comments_says_who_wrote_it() {
    for (path, content) in files(&common::tree(&common::appliance("gce"))) {
        let text = String::from_utf8_lossy(content.bytes());
        let first = text.lines().next().unwrap_or_default();
        let bare = content.is_secret() || path.as_str().ends_with(".pub");
        assert_eq!(first.ends_with(templates::HEADER), !bare, "{path}: {first}");
        assert!(bare || text.ends_with('\n') && !text.ends_with("\n\n"), "{path}");
    }
}

#[test]
fn a_secret_shows_in_its_own_file_alone() {
    let tree = common::tree(&with_bot());
    assert!(!format!("{tree:?}").contains(common::PLANTED));
    for (path, content) in files(&tree) {
        let text = String::from_utf8_lossy(content.bytes());
        assert_eq!(text.contains(common::PLANTED), content.is_secret(), "{path}");
    }
}

#[test]
fn a_secret_that_no_service_reads_gets_no_file() {
    let tree = common::tree(&common::appliance("gce"));
    assert!(
        tree.get(&path("/etc/data-analyst/credentials/SFTP_PASSWORD"))
            .is_none()
    );
}

#[test]
fn a_unit_whose_secret_is_absent_is_disabled_and_says_so() {
    let appliance = with_bot();
    let tree = render(&appliance, &Inputs::default()).unwrap();
    for link in BOT_LINKS {
        let entry = tree.get(&path(link)).unwrap();
        assert_eq!(entry.node, Node::Absent, "{link}");
        assert_eq!(
            entry.because, "notify-bot.service needs TELEGRAM_BOT_TOKEN",
            "{link}"
        );
    }
    let unit = text_of(&tree, "/etc/systemd/system/notify-bot.service");
    assert!(!unit.contains("LoadCredential"), "{unit}");
    let settings = text_of(&tree, "/opt/data-analyst/config/webapp.env");
    for line in [
        "HEALTH_SERVICES=\"notify-bot.service,webapp.service\"",
        "HEALTH_TIMERS=\"notify-bot.timer=30min\"",
        "HEALTH_DISABLED=\"notify-bot.service,notify-bot.timer\"",
    ] {
        assert!(settings.lines().any(|other| other == line), "{line}\n{settings}");
    }
}

#[test]
fn a_unit_whose_secret_is_there_is_enabled() {
    let appliance = with_bot();
    let tree = common::tree(&appliance);
    for link in BOT_LINKS {
        assert!(
            matches!(tree.get(&path(link)).unwrap().node, Node::Link { .. }),
            "{link}"
        );
    }
    let unit = text_of(&tree, "/etc/systemd/system/notify-bot.service");
    let credential = "LoadCredential=TELEGRAM_BOT_TOKEN:/etc/data-analyst/credentials/TELEGRAM_BOT_TOKEN";
    assert!(unit.lines().any(|line| line == credential), "{unit}");
    let settings = text_of(&tree, "/opt/data-analyst/config/webapp.env");
    assert!(settings.contains("HEALTH_DISABLED=\"\"\n"), "{settings}");
}

#[test]
fn the_firewall_takes_the_numbers_that_the_machine_already_has() {
    let appliance = common::appliance("gce");
    let mut inputs = common::inputs(&appliance);
    inputs
        .uids
        .insert(appliance::name::UserName::new("monitor").unwrap(), 2014);
    let text = text_of(&render(&appliance, &inputs).unwrap(), "/etc/nftables.conf");
    assert!(
        text.contains("meta l4proto tcp meta skuid { 0, 2014 } accept"),
        "{text}"
    );
    assert!(!text.contains("892"), "{text}");
}

#[test]
fn the_site_takes_the_issued_certificate() {
    let appliance = common::appliance("gce");
    let site = |certificate_issued| {
        let inputs = Inputs {
            certificate_issued,
            ..Inputs::default()
        };
        text_of(
            &render(&appliance, &inputs).unwrap(),
            "/etc/nginx/sites-available/webapp",
        )
    };
    assert!(site(false).contains("ssl_certificate /etc/data-analyst/tls/fullchain.pem;"));
    assert!(site(true).contains("ssl_certificate /etc/letsencrypt/live/broker.example.com/fullchain.pem;"));
}

#[test]
fn what_cannot_be_rendered_is_refused_by_name() {
    type Edit = fn(&mut Appliance);
    let cases: [(&str, Edit, &str); 6] = [
        (
            "no such template",
            |appliance| appliance.files[0].template = "ssh/sshd".into(),
            "there is no template \"ssh/sshd\"\nnext: in layout.toml, name one of apt/20auto-upgrades",
        ),
        (
            "no area",
            |appliance| appliance.files[0].path = path("/etc/motd"),
            "cannot render /etc/motd: no area",
        ),
        (
            "two owners",
            |appliance| appliance.files[0].path = path("/etc/systemd/system/webapp.service"),
            "cannot render /etc/systemd/system/webapp.service: two rules",
        ),
        (
            "a spool that the layout lacks",
            |appliance| appliance.units.services[0].spool = Some("nowhere".into()),
            "the definition has no directory /data/audit-spool/nowhere\nnext: add it to layout.toml",
        ),
        (
            "a directive that has a key of its own",
            |appliance| {
                let directives = &mut appliance.units.services[0].directives;
                directives.insert("User".into(), Values(vec!["root".into()]));
            },
            "\"User\" follows from other keys",
        ),
        (
            "a watched timer without an interval",
            |appliance| {
                let timer = appliance.units.timers.iter_mut();
                let timer = timer.into_iter().find(|timer| timer.name.stem() == "fs-sync");
                timer.unwrap().in_health = true;
            },
            "no OnUnitActiveSec such as \"30min\" for fs-sync.timer",
        ),
    ];
    for (name, edit, expected) in cases {
        let mut appliance = common::appliance("gce");
        edit(&mut appliance);
        let error = render(&appliance, &Inputs::default())
            .expect_err(name)
            .to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_text_that_its_file_cannot_hold_is_refused_with_its_cause() {
    let mut appliance = common::appliance("gce");
    appliance.units.services[0].description = "50 %! done".into();
    let error = render(&appliance, &Inputs::default()).expect_err("systemd has no such specifier");
    assert!(matches!(error, RenderError::Template { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "cannot render /etc/systemd/system/webapp.service"
    );
}
