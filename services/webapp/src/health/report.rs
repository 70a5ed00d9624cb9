//! The judgement: facts in, the `/health` document out. No clock, no I/O.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::machine::{Answer, DiskFacts, Load, ServiceFacts, TimerFacts, UnitFacts, Unknown};
use super::watched::{LoadOf, PARTITIONS, Watched, WatchedTimer};
use crate::clock::rfc3339;

/// A disk this full, in percent, is unwell: log rotation and snapshots need the rest.
const DISK_FULL_PERCENT: f64 = 90.0;
/// Twice the two processors' worth of work waiting.
const LOAD_HIGH: f64 = 4.0;
const GIB: f64 = (1_u64 << 30) as f64;

/// What one round of checks found.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When the round ended.
    pub at: SystemTime,
    /// How long the machine is up.
    pub uptime: Duration,
    /// The units, or why none could be asked.
    pub units: Answer<UnitFacts>,
    /// One for each of [`PARTITIONS`].
    pub disks: Vec<Answer<DiskFacts>>,
    /// The load.
    pub load: Answer<Load>,
}

impl Facts {
    /// Facts that know nothing, for one reason.
    pub fn unknown(reason: Unknown, at: SystemTime, uptime: Duration) -> Self {
        let disks = PARTITIONS.iter().map(|_| Err(reason)).collect();
        Self {
            at,
            uptime,
            units: Err(reason),
            disks,
            load: Err(reason),
        }
    }
}

/// The document; field for field the machine's specification, section 18.
#[derive(Debug, Serialize)]
pub struct Report {
    status: &'static str,
    timestamp: String,
    version: &'static str,
    uptime_seconds: u64,
    services: Vec<Service>,
    timers: Vec<Timer>,
    disk: Vec<Disk>,
    load: LoadItem,
}

#[derive(Debug, Serialize)]
struct Service {
    name: String,
    status: String,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Timer {
    name: String,
    status: String,
    healthy: bool,
    last_result: Option<String>,
    last_run: Option<String>,
    next_run: Option<String>,
}

#[derive(Debug, Serialize)]
struct Disk {
    partition: &'static str,
    used_percent: Option<f64>,
    free_gb: Option<f64>,
    total_gb: Option<f64>,
    mounted: Option<bool>,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct LoadItem {
    load_1min: Option<f64>,
    load_5min: Option<f64>,
    load_15min: Option<f64>,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl Report {
    /// Judges every item; one that is unwell or unknown makes the whole degraded.
    pub fn judge(watched: &Watched, facts: &Facts) -> Self {
        let mut report = Self {
            status: "healthy",
            timestamp: rfc3339(facts.at),
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: facts.uptime.as_secs(),
            services: services(watched, facts),
            timers: timers(watched, facts),
            disk: PARTITIONS
                .iter()
                .zip(&facts.disks)
                .map(|(path, disk_facts)| disk(path, disk_facts))
                .collect(),
            load: load(watched.load, &facts.load),
        };
        if !report.unwell().is_empty() {
            report.status = "degraded";
        }
        report
    }

    /// The items that are not well, by name.
    pub fn unwell(&self) -> Vec<&str> {
        let services = self
            .services
            .iter()
            .map(|item| (item.name.as_str(), item.healthy));
        let timers = self.timers.iter().map(|item| (item.name.as_str(), item.healthy));
        let disks = self.disk.iter().map(|item| (item.partition, item.healthy));
        let load = [("load", self.load.healthy)];
        let items = services.chain(timers).chain(disks).chain(load);
        items
            .filter(|(_, healthy)| !healthy)
            .map(|(name, _)| name)
            .collect()
    }

    /// The bytes sent to the reader. Pretty, because the uptime check looks for
    /// `"status": "healthy"` with the space.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and lists only: nothing here can fail to serialise, and an empty body
        // would be read as unhealthy.
        let mut body = serde_json::to_vec_pretty(self).unwrap_or_default();
        body.push(b'\n');
        body
    }
}

fn services(watched: &Watched, facts: &Facts) -> Vec<Service> {
    let mut answers = facts.units.as_ref().map(|units| units.services.iter());
    let mut next = || match &mut answers {
        Ok(answers) => answers.next().ok_or(Unknown::Failed),
        Err(reason) => Err(**reason),
    };
    let judge = |name: &String| {
        if watched.is_disabled(name) {
            return Service {
                name: name.clone(),
                status: "disabled".into(),
                healthy: true,
                error: None,
            };
        }
        match next() {
            Ok(answer) => service(name, answer),
            Err(reason) => Service {
                name: name.clone(),
                status: "unknown".into(),
                healthy: false,
                error: Some(reason.to_string()),
            },
        }
    };
    watched.services.iter().map(judge).collect()
}

fn service(name: &str, facts: &ServiceFacts) -> Service {
    let loaded = facts.load_state == "loaded";
    Service {
        name: name.to_owned(),
        status: facts.active_state.clone(),
        healthy: facts.active_state == "active",
        error: (!loaded).then(|| format!("the unit is {}", facts.load_state)),
    }
}

fn timers(watched: &Watched, facts: &Facts) -> Vec<Timer> {
    let mut answers = facts.units.as_ref().map(|units| units.timers.iter());
    let mut next = || match &mut answers {
        Ok(answers) => answers
            .next()
            .map_or(Err(Unknown::Failed), |answer| answer.as_ref().map_err(|e| *e)),
        Err(reason) => Err(**reason),
    };
    let judge = |timer: &WatchedTimer| {
        let silent = |status: &str, healthy| Timer {
            name: timer.name.clone(),
            status: status.into(),
            healthy,
            last_result: None,
            last_run: None,
            next_run: None,
        };
        if watched.is_disabled(&timer.name) {
            return silent("disabled", true);
        }
        next().map_or_else(
            |_| silent("unknown", false),
            |answer| judge_timer(timer, answer, facts.at),
        )
    };
    watched.timers.iter().map(judge).collect()
}

fn judge_timer(timer: &WatchedTimer, facts: &TimerFacts, now: SystemTime) -> Timer {
    let ran_well = match facts.last_run {
        // Measured from when the timer started, not from boot: a timer that was enabled an hour ago
        // on a machine that is up for a month has not missed anything.
        None => facts.active_for < timer.interval * 2,
        Some(last_run) => {
            // A run in the future is a clock that was set back, not an old run.
            let age = now.duration_since(last_run).unwrap_or(Duration::ZERO);
            facts.last_result == "success" && age <= timer.oldest
        }
    };
    Timer {
        name: timer.name.clone(),
        status: facts.active_state.clone(),
        healthy: facts.active_state == "active" && ran_well,
        last_result: facts.last_run.map(|_| facts.last_result.clone()),
        last_run: facts.last_run.map(rfc3339),
        next_run: facts.next_run.map(rfc3339),
    }
}

fn disk(partition: &'static str, facts: &Answer<DiskFacts>) -> Disk {
    let silent = Disk {
        partition,
        used_percent: None,
        free_gb: None,
        total_gb: None,
        mounted: None,
        healthy: false,
        status: None,
    };
    match *facts {
        Err(_) => Disk {
            status: Some("unknown"),
            ..silent
        },
        Ok(DiskFacts::Missing) => Disk {
            mounted: Some(false),
            ..silent
        },
        Ok(DiskFacts::Mounted { total, available }) => {
            let used = total.saturating_sub(available) as f64 / total.max(1) as f64 * 100.0;
            // Judged as it is shown, so that nobody reads "90.0 and healthy".
            let used_percent = round(used, 10.0);
            Disk {
                used_percent: Some(used_percent),
                free_gb: Some(round(available as f64 / GIB, 100.0)),
                total_gb: Some(round(total as f64 / GIB, 100.0)),
                mounted: Some(true),
                healthy: total > 0 && used_percent < DISK_FULL_PERCENT,
                ..silent
            }
        }
    }
}

fn load(of: LoadOf, facts: &Answer<Load>) -> LoadItem {
    match *facts {
        Err(_) => LoadItem {
            load_1min: None,
            load_5min: None,
            load_15min: None,
            healthy: false,
            status: Some("unknown"),
        },
        Ok(load) => LoadItem {
            load_1min: Some(round(load.one, 100.0)),
            load_5min: Some(round(load.five, 100.0)),
            load_15min: Some(round(load.fifteen, 100.0)),
            healthy: of == LoadOf::SharedKernel || (load.one < LOAD_HIGH && load.five < LOAD_HIGH),
            status: (of == LoadOf::SharedKernel).then_some("shared"),
        },
    }
}

fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
