//! Files that templates make: the definition says which and where, a function of this module says with what.

mod audit;
mod fail2ban;
mod firewall;
mod kernel;
mod limits;
mod logs;
mod nginx;
mod ops_agent;
mod ssh;
mod time;
mod tmpfiles;
mod upgrades;

use appliance::layout::FileRule;
use appliance::path::TargetPath;
use templates::Template;
use templates::context as template;

use crate::draft::{Draft, sorted, text};
use crate::{Area, Content, Ownership, RenderError};

/// Makes the text of a file.
type Build = fn(&Draft<'_>, &FileRule) -> Result<String, RenderError>;

/// Every template that a row of the layout may name, by its path without `.j2`.
const TEMPLATES: [(&str, Build); 19] = [
    (template::AptOptions::NAME, |_, rule| {
        text(&rule.path, &upgrades::options())
    }),
    (template::AptPeriodic::NAME, |_, rule| {
        text(&rule.path, &upgrades::periodic())
    }),
    (template::UnattendedUpgrades::NAME, |_, rule| {
        text(&rule.path, &upgrades::unattended())
    }),
    (template::AuditRules::NAME, |draft, rule| {
        text(&rule.path, &audit::rules(draft, rule)?)
    }),
    (template::AuditdConfig::NAME, |_, rule| {
        text(&rule.path, &audit::daemon())
    }),
    (template::Chrony::NAME, |draft, rule| {
        text(&rule.path, &time::chrony(draft))
    }),
    (template::BotsearchFilter::NAME, |_, rule| {
        text(&rule.path, &fail2ban::botsearch())
    }),
    (template::Jails::NAME, |draft, rule| {
        text(&rule.path, &fail2ban::jails(draft))
    }),
    (template::PortalAuthFilter::NAME, |_, rule| {
        text(&rule.path, &fail2ban::portal_auth())
    }),
    (template::Limits::NAME, |draft, rule| {
        text(&rule.path, &limits::limits(draft))
    }),
    (template::Sysctl::NAME, |draft, rule| {
        text(&rule.path, &kernel::sysctl(draft))
    }),
    (template::Journald::NAME, |_, rule| {
        text(&rule.path, &logs::journald())
    }),
    (template::Logrotate::NAME, |draft, rule| {
        text(&rule.path, &logs::logrotate(draft, rule)?)
    }),
    (template::Nftables::NAME, |draft, rule| {
        text(&rule.path, &firewall::nftables(draft, rule)?)
    }),
    (template::NginxHttp::NAME, |_, rule| {
        text(&rule.path, &nginx::http())
    }),
    (template::NginxSite::NAME, |draft, rule| {
        text(&rule.path, &nginx::site(draft, rule)?)
    }),
    (template::OpsAgent::NAME, |draft, rule| {
        text(&rule.path, &ops_agent::config(draft, rule)?)
    }),
    (template::Sshd::NAME, |draft, rule| {
        text(&rule.path, &ssh::sshd(draft))
    }),
    (template::Tmpfiles::NAME, |draft, rule| {
        text(&rule.path, &tmpfiles::rows(draft, rule))
    }),
];

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for rule in &draft.appliance.files {
        if !draft.appliance.is_on(&rule.platforms) {
            continue;
        }
        let area = area_of(&rule.path).ok_or_else(|| RenderError::NoArea {
            path: rule.path.clone(),
        })?;
        let content = Content::Plain(build(&rule.template, rule)?(draft, rule)?);
        let ownership = Ownership {
            owner: rule.owner.clone(),
            group: rule.group.clone(),
            mode: rule.mode,
        };
        let because = format!("the template {} makes it", rule.template);
        draft.add_file(rule.path.clone(), area, ownership, content, rule.judge, because)?;
    }
    Ok(())
}

fn build(name: &str, rule: &FileRule) -> Result<Build, RenderError> {
    let mut templates = TEMPLATES.iter();
    match templates.find(|(template, _)| short(template) == name) {
        Some((_, build)) => Ok(*build),
        None => Err(RenderError::UnknownTemplate {
            path: rule.path.clone(),
            template: name.to_owned(),
            known: sorted(TEMPLATES.map(|(template, _)| short(template))).join(", "),
        }),
    }
}

fn short(template: &'static str) -> &'static str {
    template.trim_end_matches(".j2")
}

/// The area that owns a place. The order matters: a place comes before what holds it.
const PLACES: [(&str, Area); 19] = [
    ("/etc/apt", Area::Security),
    ("/etc/audit", Area::Security),
    ("/etc/chrony", Area::Security),
    ("/etc/fail2ban", Area::Security),
    ("/etc/google-cloud-ops-agent", Area::Security),
    ("/etc/localtime", Area::Kernel),
    ("/etc/logrotate.d", Area::Security),
    ("/etc/nftables.conf", Area::Firewall),
    ("/etc/nginx", Area::Nginx),
    ("/etc/security/limits.d", Area::Limits),
    ("/etc/ssh", Area::Ssh),
    ("/etc/sudoers.d", Area::Sudoers),
    ("/etc/sysctl.d", Area::Kernel),
    ("/etc/systemd/journald.conf.d", Area::Security),
    ("/etc/systemd/system", Area::Units),
    ("/etc/tmpfiles.d", Area::Directories),
    ("/opt/data-analyst/current", Area::Release),
    ("/usr/local/bin", Area::Release),
    ("/usr/local/sbin", Area::Release),
];

/// The area that brings a file about, by where it lies.
pub fn area_of(path: &TargetPath) -> Option<Area> {
    let holds = |place: &str| TargetPath::new(place).is_ok_and(|place| path.is_within(&place));
    PLACES
        .iter()
        .find(|(place, _)| holds(place))
        .map(|(_, area)| *area)
}
