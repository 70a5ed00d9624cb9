//! nginx: what holds for every server, and the portal's site.

use serde::Serialize;

/// `/etc/nginx/conf.d/10-appliance.conf`: log format, rate zones, maps, headers.
#[derive(Debug, Clone, Serialize)]
pub struct NginxHttp {}
template!(NginxHttp, "nginx/http.conf.j2");

/// `/etc/nginx/sites-available/webapp`.
#[derive(Debug, Clone, Serialize)]
pub struct NginxSite {
    /// The one name that is served.
    pub domain: String,
    /// Where the JSON access log goes.
    pub access_log: String,
    /// Certificate with its chain.
    pub certificate: String,
    /// Its private key.
    pub certificate_key: String,
    /// OCSP stapling, when the chain names a responder.
    pub stapling: Option<Stapling>,
    /// Directory in which certbot leaves its challenges.
    pub acme_root: String,
    /// Socket of the portal.
    pub portal_socket: String,
    /// URL scheme of the desktop program, a permitted WebSocket origin.
    pub desktop_scheme: String,
    /// Port of the WebSocket gateway, when it is enabled.
    pub ws_gateway_port: Option<u16>,
    /// Socket of the Jira webhook receiver, when it is enabled.
    pub jira_socket: Option<String>,
    /// Port of the log gateway, when it takes logs from outside.
    pub log_ingest_port: Option<u16>,
    /// Port of the runbooks webhook, when approvals are configured.
    pub approvals_port: Option<u16>,
}
template!(NginxSite, "nginx/webapp.j2");

/// What OCSP stapling needs.
#[derive(Debug, Clone, Serialize)]
pub struct Stapling {
    /// Certificates of the issuer.
    pub chain: String,
    /// DNS server that finds the responder.
    pub resolver: String,
}
