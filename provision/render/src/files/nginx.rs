//! nginx: what holds for every server, and the portal's site.

use appliance::layout::FileRule;
use appliance::name::{CredentialName, UserName};
use appliance::network::Reach;
use templates::context::{NginxHttp, NginxSite};

use crate::RenderError;
use crate::draft::Draft;
use crate::names::NGINX_ACCESS_LOG;

/// Where the portal listens.
const PORTAL_SOCKET: &str = "/run/webapp/webapp.sock";
/// Where the Jira worker takes webhooks.
const JIRA_SOCKET: &str = "/run/jira/webhook.sock";
/// Where certbot leaves its answers.
const ACME_ROOT: &str = "/var/www/html";
/// The self-signed certificate until the first one is issued.
const PLACEHOLDER: &str = "/etc/data-analyst/tls";
/// URL scheme of the desktop program.
const DESKTOP_SCHEME: &str = "data-analyst";
/// A person's answer to an approval is only taken with one of these.
const APPROVAL_SECRETS: [&str; 2] = ["RUNBOOK_APPROVAL_SECRET", "SLACK_SIGNING_SECRET"];

pub(super) fn http() -> NginxHttp {
    NginxHttp {}
}

pub(super) fn site(draft: &Draft<'_>, rule: &FileRule) -> Result<NginxSite, RenderError> {
    let domain = &draft.appliance.instance.domain;
    let certificates = if draft.inputs.certificate_issued {
        format!("/etc/letsencrypt/live/{domain}")
    } else {
        PLACEHOLDER.to_owned()
    };
    let route = |program: &str, open: bool| match open {
        true => port(draft, rule, program).map(Some),
        false => Ok(None),
    };
    Ok(NginxSite {
        domain: domain.to_string(),
        access_log: NGINX_ACCESS_LOG.to_owned(),
        certificate: format!("{certificates}/fullchain.pem"),
        certificate_key: format!("{certificates}/privkey.pem"),
        // Let's Encrypt's certificates name no responder any more.
        stapling: None,
        acme_root: ACME_ROOT.to_owned(),
        portal_socket: PORTAL_SOCKET.to_owned(),
        desktop_scheme: DESKTOP_SCHEME.to_owned(),
        ws_gateway_port: route("ws-gateway", runs(draft, "ws-gateway"))?,
        jira_socket: runs(draft, "jira-worker").then(|| JIRA_SOCKET.to_owned()),
        log_ingest_port: route(
            "log-ingest",
            runs(draft, "log-ingest") && takes_logs_from_outside(draft),
        )?,
        approvals_port: route("runbooks", runs(draft, "runbooks") && has_approvals(draft))?,
    })
}

/// A service of ours that is enabled.
fn runs(draft: &Draft<'_>, stem: &str) -> bool {
    let mut services = draft.appliance.units.services.iter();
    services.any(|service| service.name.stem() == stem && draft.inputs.enables(draft.appliance, service))
}

fn takes_logs_from_outside(draft: &Draft<'_>) -> bool {
    let mut settings = draft.appliance.instance.settings.iter();
    settings.any(|(name, value)| name.as_str() == "LOGOPS_PUBLIC" && value == "true")
}

fn has_approvals(draft: &Draft<'_>) -> bool {
    let mut names = APPROVAL_SECRETS
        .iter()
        .filter_map(|name| CredentialName::new(name).ok());
    names.any(|name| draft.inputs.has(draft.appliance, &name))
}

/// The lowest port of a program that nginx may reach.
fn port(draft: &Draft<'_>, rule: &FileRule, program: &str) -> Result<u16, RenderError> {
    let is_nginx = |user: &UserName| user.as_str() == "www-data";
    let listeners = draft.appliance.listeners.iter();
    let ports = listeners.filter(|listener| match &listener.reach {
        Reach::Internet => false,
        Reach::Users(users) => listener.program == program && users.iter().any(is_nginx),
    });
    ports
        .map(|listener| listener.port)
        .min()
        .ok_or_else(|| RenderError::Missing {
            path: rule.path.clone(),
            what: format!("port of {program} that www-data may reach"),
            file: "network.toml",
        })
}
