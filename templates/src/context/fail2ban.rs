//! fail2ban: jails and our own filters.

use serde::Serialize;

/// `/etc/fail2ban/jail.d/10-appliance.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct Jails {
    /// Addresses and ranges that are never banned, besides loopback.
    pub ignore: Vec<String>,
    /// nginx's error log, where refused request rates appear.
    pub nginx_error_log: String,
    /// nginx's JSON access log.
    pub nginx_access_log: String,
}
template!(Jails, "fail2ban/jail.conf.j2");

/// `/etc/fail2ban/filter.d/portal-auth.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct PortalAuthFilter {
    /// Unit whose journal is read.
    pub unit: String,
    /// The event of a refused sign-in; the record's text is `<event> client_ip=<address>` and more.
    pub event: String,
}
template!(PortalAuthFilter, "fail2ban/portal-auth.conf.j2");

/// `/etc/fail2ban/filter.d/appliance-botsearch.conf`: the vendor's filter cannot read JSON.
#[derive(Debug, Clone, Serialize)]
pub struct BotsearchFilter {
    /// Beginnings of paths that only scanners ask for, without the leading slash.
    pub paths: Vec<String>,
}
template!(BotsearchFilter, "fail2ban/appliance-botsearch.conf.j2");
