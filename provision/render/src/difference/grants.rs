//! Who may run what as whom, join which group, log in with which key, listen on and connect to which port.

use std::collections::BTreeSet;

use appliance::Appliance;
use appliance::network::{Listener, Protocol, Reach};
use appliance::ssh_key::SshKey;
use appliance::sudo::{Arguments, Command, Rule, SudoFile};
use appliance::unit::{Directives, Service};

/// Directives that give a unit rights of root's.
const CAPABILITIES: [&str; 2] = ["AmbientCapabilities", "CapabilityBoundingSet"];
/// Characters of a key by which people tell it from others.
const KEY_END: usize = 12;

/// What kind of grant it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantKind {
    /// A command as somebody else.
    Sudo,
    /// Membership in a group.
    Group,
    /// A login over SSH.
    Login,
    /// A key that a release may be signed with.
    Signature,
    /// A unit and whom it runs as.
    RunsAs,
    /// A capability of a unit.
    Capability,
    /// A port that a program may listen on.
    Listen,
    /// A port that somebody may connect to.
    Connect,
}

impl GrantKind {
    /// The word for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Group => "group",
            Self::Login => "login",
            Self::Signature => "signature",
            Self::RunsAs => "runs-as",
            Self::Capability => "capability",
            Self::Listen => "listen",
            Self::Connect => "connect",
        }
    }
}

/// Something that somebody may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// What kind of thing.
    pub kind: GrantKind,
    /// Who may.
    pub who: String,
    /// What.
    pub what: String,
}

/// Every grant of a definition.
pub(super) fn of(appliance: &Appliance) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    let mut add = |kind, who: String, what: String| {
        grants.insert(Grant { kind, who, what });
    };
    for file in &appliance.sudo {
        for rule in &file.rules {
            add(GrantKind::Sudo, rule.who.clone(), sudo(file, rule));
        }
    }
    for account in &appliance.accounts {
        for group in &account.groups {
            add(GrantKind::Group, account.name.to_string(), group.to_string());
        }
    }
    for group in &appliance.people.admin_groups {
        add(GrantKind::Group, "admin".to_owned(), group.to_string());
    }
    for admin in &appliance.instance.admins {
        for group in &appliance.people.admin_groups {
            add(GrantKind::Group, admin.username.to_string(), group.to_string());
        }
        for key in &admin.ssh_keys {
            add(GrantKind::Login, admin.username.to_string(), brief(key));
        }
    }
    for key in &appliance.instance.ci_ssh_keys {
        add(GrantKind::Login, "deploy".to_owned(), brief(key));
    }
    for key in &appliance.instance.release_keys {
        add(GrantKind::Signature, "releases".to_owned(), brief(key));
    }
    for group in &appliance.egress.ssh_groups {
        add(GrantKind::Login, format!("%{group}"), "over SSH".to_owned());
    }
    for service in &appliance.units.services {
        of_service(&appliance.units.baseline, service, &mut add);
    }
    for drop_in in &appliance.units.drop_ins {
        capabilities(&drop_in.unit.to_string(), [&drop_in.directives], &mut add);
    }
    for listener in &appliance.listeners {
        of_listener(listener, &mut add);
    }
    for (users, what) in [
        (&appliance.egress.mail_users, "mail servers"),
        (&appliance.egress.metadata_users, "the cloud's metadata address"),
    ] {
        for user in users {
            add(GrantKind::Connect, user.to_string(), what.to_owned());
        }
    }
    grants
}

fn of_service(baseline: &Directives, service: &Service, add: &mut impl FnMut(GrantKind, String, String)) {
    let name = service.name.to_string();
    let runs = format!("{}:{}: {}", service.user, service.group, service.command);
    add(GrantKind::RunsAs, name.clone(), runs);
    for group in &service.supplementary {
        add(GrantKind::Group, name.clone(), group.to_string());
    }
    capabilities(&name, [&service.directives, baseline], add);
}

/// The first set of directives that has a key counts.
fn capabilities<const COUNT: usize>(
    unit: &str,
    directives: [&Directives; COUNT],
    add: &mut impl FnMut(GrantKind, String, String),
) {
    for key in CAPABILITIES {
        let Some(values) = directives.iter().find_map(|directives| directives.get(key)) else {
            continue;
        };
        let how = if key == "AmbientCapabilities" {
            " (ambient)"
        } else {
            ""
        };
        for capability in values.0.iter().flat_map(|value| value.split_ascii_whitespace()) {
            add(
                GrantKind::Capability,
                unit.to_owned(),
                format!("{capability}{how}"),
            );
        }
    }
}

fn of_listener(listener: &Listener, add: &mut impl FnMut(GrantKind, String, String)) {
    let protocol = match listener.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let port = format!("{protocol} {}", listener.port);
    let connect = format!("{port} ({})", listener.program);
    let place = match &listener.reach {
        Reach::Internet => {
            add(GrantKind::Connect, "the internet".to_owned(), connect);
            "every address"
        }
        Reach::Users(users) => {
            for user in users {
                add(GrantKind::Connect, user.to_string(), connect.clone());
            }
            "the loopback address"
        }
    };
    add(
        GrantKind::Listen,
        listener.program.clone(),
        format!("{port} on {place}"),
    );
}

/// `as deploy: /usr/bin/x list`; the members of an alias stand in its place, for they are what decides.
fn sudo(file: &SudoFile, rule: &Rule) -> String {
    let alias = file.aliases.iter().find(|(name, _)| *name == rule.runas);
    let runas = alias.map_or_else(|| rule.runas.clone(), |(_, members)| members.join(", "));
    let command = match &rule.command {
        Command::All => "anything".to_owned(),
        Command::Program { path, arguments } => match arguments {
            Arguments::None => path.to_string(),
            Arguments::Exact(words) => format!("{path} {words}"),
            Arguments::Matching(expression) => format!("{path} {expression}"),
        },
    };
    format!("as {runas}: {command}")
}

fn brief(key: &SshKey) -> String {
    let text = key.to_string();
    let mut words = text.splitn(3, ' ');
    let (kind, base64) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // Base 64 is ASCII; two keys of one kind share their first letters and never their last.
    let end = &base64[base64.len().saturating_sub(KEY_END)..];
    let comment = words
        .next()
        .map(|comment| format!(" {comment}"))
        .unwrap_or_default();
    format!("key {kind} …{end}{comment}")
}
