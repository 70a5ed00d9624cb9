//! fail2ban: jails and our own filters.

use appliance::platform::Platform;
use templates::context::{BotsearchFilter, Jails, PortalAuthFilter};

use crate::draft::Draft;
use crate::names::{NGINX_ACCESS_LOG, NGINX_ERROR_LOG, PORTAL};

/// The cloud's proxy for SSH: banning it would ban every administrator who comes through it.
const IDENTITY_AWARE_PROXY: &str = "35.235.240.0/20";
/// What only scanners ask for.
const BAIT: [&str; 12] = [
    ".aws/",
    ".env",
    ".git/",
    "actuator/",
    "boaform/",
    "cgi-bin/",
    "phpmyadmin",
    "solr/",
    "vendor/phpunit",
    "wp-admin",
    "wp-login.php",
    "xmlrpc.php",
];

pub(super) fn jails(draft: &Draft<'_>) -> Jails {
    Jails {
        ignore: match draft.appliance.platform() {
            Platform::Gce => vec![IDENTITY_AWARE_PROXY.to_owned()],
            Platform::Qemu | Platform::Container => Vec::new(),
        },
        nginx_error_log: NGINX_ERROR_LOG.to_owned(),
        nginx_access_log: NGINX_ACCESS_LOG.to_owned(),
    }
}

pub(super) fn portal_auth() -> PortalAuthFilter {
    PortalAuthFilter {
        unit: PORTAL.to_owned(),
        event: "auth.failed".to_owned(),
    }
}

pub(super) fn botsearch() -> BotsearchFilter {
    BotsearchFilter {
        paths: BAIT.map(str::to_owned).to_vec(),
    }
}
