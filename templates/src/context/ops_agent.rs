//! The cloud's agent for logs, metrics and traces.

use serde::Serialize;

/// `/etc/google-cloud-ops-agent/config.yaml`.
#[derive(Debug, Clone, Serialize)]
pub struct OpsAgent {
    /// Seconds between two readings of the host's metrics.
    pub host_interval_seconds: u32,
    /// Seconds between two readings of our own metrics.
    pub scrape_interval_seconds: u32,
    /// Our metric endpoints.
    pub scrape: Vec<ScrapeJob>,
    /// Loopback port of the OTLP gRPC receiver.
    pub otlp_port: u16,
    /// Log files besides the journal.
    pub log_files: Vec<LogFile>,
    /// Name of this machine, a label on every record.
    pub host: String,
}
template!(OpsAgent, "ops-agent/config.yaml.j2");

/// One metric endpoint on loopback.
#[derive(Debug, Clone, Serialize)]
pub struct ScrapeJob {
    /// Unit name without its suffix.
    pub job: String,
    /// Port on 127.0.0.1.
    pub port: u16,
}

/// Log files with one format.
#[derive(Debug, Clone, Serialize)]
pub struct LogFile {
    /// Identifier of the receiver: lower-case letters, digits, underscore.
    pub id: String,
    /// Paths; `*` matches.
    pub paths: Vec<String>,
    /// Whether each line is a JSON object.
    pub json: bool,
}
