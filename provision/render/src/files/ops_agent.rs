//! The cloud's agent for logs, metrics and traces.

use appliance::layout::FileRule;
use appliance::network::Listener;
use templates::context::{LogFile, OpsAgent, ScrapeJob};

use crate::RenderError;
use crate::draft::Draft;
use crate::names::{NGINX_ACCESS_LOG, NGINX_ERROR_LOG};

/// Ports of metric endpoints.
const METRIC_PORTS: std::ops::RangeInclusive<u16> = 9101..=9199;
/// The agent's receiver of metrics and traces, as the kernel names it; gRPC is the lower of its two ports.
const RECEIVER: &str = "otelopscol";
/// Often enough for an alert, and what the cloud stores anyway.
const INTERVAL_SECONDS: u32 = 60;

pub(super) fn config(draft: &Draft<'_>, rule: &FileRule) -> Result<OpsAgent, RenderError> {
    let log = |id: &str, path: &str, json: bool| LogFile {
        id: id.to_owned(),
        paths: vec![path.to_owned()],
        json,
    };
    let listeners = draft.appliance.listeners.iter();
    let receiver = listeners.filter(|listener| listener.program == RECEIVER);
    let otlp_port = receiver.map(|listener| listener.port).min();
    Ok(OpsAgent {
        host_interval_seconds: INTERVAL_SECONDS,
        scrape_interval_seconds: INTERVAL_SECONDS,
        scrape: scrape_jobs(draft),
        otlp_port: otlp_port.ok_or_else(|| RenderError::Missing {
            path: rule.path.clone(),
            what: format!("port of {RECEIVER}"),
            file: "network.toml",
        })?,
        log_files: vec![
            log("nginx_access", NGINX_ACCESS_LOG, true),
            log("nginx_error", NGINX_ERROR_LOG, false),
        ],
        host: draft.appliance.instance.name.to_string(),
    })
}

/// Endpoints of enabled services alone: one that nobody serves would fail every minute.
fn scrape_jobs(draft: &Draft<'_>) -> Vec<ScrapeJob> {
    let appliance = draft.appliance;
    let served = |listener: &&Listener| {
        METRIC_PORTS.contains(&listener.port)
            && appliance.units.services.iter().any(|service| {
                service.name.stem() == listener.program && draft.inputs.enables(appliance, service)
            })
    };
    let mut jobs: Vec<ScrapeJob> = appliance
        .listeners
        .iter()
        .filter(served)
        .map(|listener| ScrapeJob {
            job: listener.program.clone(),
            port: listener.port,
        })
        .collect();
    jobs.sort_by_key(|job| job.port);
    jobs
}
