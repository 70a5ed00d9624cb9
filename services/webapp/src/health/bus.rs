//! Unit states from systemd over the system bus.
//!
//! Single properties are read instead of whole interfaces: the service interface has some hundred
//! properties, and systemd reads the control group's files to answer all of them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::ClockId;
use tokio::sync::Mutex;
use zbus::{Connection, OwnedObjectPath, OwnedVariant};

use super::linux::since_clock_start;
use super::machine::{Answer, ServiceFacts, TimerFacts, UnitFacts, Unknown};
use super::watched::Watched;

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const TIMER: &str = "org.freedesktop.systemd1.Timer";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// `ListUnitsByNames`: name, description, load state, active state, sub state, followed unit, path,
/// job number, job type, job path.
type ListedUnit = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

/// The system bus, connected when first needed and again after an error.
#[derive(Debug, Default)]
pub(super) struct Bus {
    connection: Mutex<Option<Connection>>,
}

impl Bus {
    pub(super) async fn units(&self, watched: &Watched) -> Answer<UnitFacts> {
        let mut connection = self.connection.lock().await;
        let answer = match connection.as_ref() {
            Some(open) => ask(open, watched).await,
            None => match Connection::system().await {
                Ok(new) => ask(connection.insert(new), watched).await,
                Err(error) => Err(error),
            },
        };
        if answer.is_err() {
            *connection = None;
        }
        answer.map_err(|_| Unknown::NoBus)
    }
}

async fn ask(bus: &Connection, watched: &Watched) -> zbus::Result<UnitFacts> {
    let enabled = |name: &&str| !watched.is_disabled(name);
    let services: Vec<&str> = watched
        .services
        .iter()
        .map(String::as_str)
        .filter(enabled)
        .collect();
    let timers: Vec<&str> = watched
        .timers
        .iter()
        .map(|timer| timer.name.as_str())
        .filter(enabled)
        .collect();
    if services.is_empty() && timers.is_empty() {
        return Ok(UnitFacts::default());
    }
    let names: Vec<&str> = services.iter().chain(&timers).copied().collect();
    let reply = bus
        .call_method(
            Some(SYSTEMD),
            MANAGER_PATH,
            Some(MANAGER),
            "ListUnitsByNames",
            &names,
        )
        .await?;
    let listed: Vec<ListedUnit> = reply.body().deserialize()?;
    let find = |name: &str| listed.iter().find(|unit| unit.0 == name);

    // systemd leaves a name out only when it cannot be a unit at all.
    let service = |name: &&str| match find(name) {
        Some(unit) => ServiceFacts {
            load_state: unit.2.clone(),
            active_state: unit.3.clone(),
        },
        None => ServiceFacts {
            load_state: "not-found".into(),
            active_state: "inactive".into(),
        },
    };
    let mut facts = UnitFacts {
        services: services.iter().map(service).collect(),
        timers: Vec::new(),
    };
    for name in timers {
        facts.timers.push(match find(name) {
            Some(unit) if unit.2 == "loaded" => {
                timer(bus, &unit.6, &unit.3).await.map_err(|_| Unknown::Failed)
            }
            _ => Ok(TimerFacts {
                active_state: "inactive".into(),
                active_for: Duration::ZERO,
                last_result: String::new(),
                last_run: None,
                next_run: None,
            }),
        });
    }
    Ok(facts)
}

async fn timer(bus: &Connection, path: &OwnedObjectPath, active_state: &str) -> zbus::Result<TimerFacts> {
    let monotonic = since_clock_start(ClockId::Monotonic);
    let since = micros(bus, path, UNIT, "ActiveEnterTimestampMonotonic").await?;
    let triggered = micros(bus, path, TIMER, "LastTriggerUSec").await?;
    let wall = micros(bus, path, TIMER, "NextElapseUSecRealtime").await?;
    let elapsing = micros(bus, path, TIMER, "NextElapseUSecMonotonic").await?;
    let service: String = get(bus, path, TIMER, "Unit").await?.try_into()?;
    let reply = bus
        .call_method(Some(SYSTEMD), MANAGER_PATH, Some(MANAGER), "LoadUnit", &service)
        .await?;
    let service: OwnedObjectPath = reply.body().deserialize()?;
    let last_result = get(bus, &service, SERVICE, "Result").await?.try_into()?;
    // Whoever started the service by hand ran it just as well.
    let executed = micros(bus, &service, SERVICE, "ExecMainStartTimestamp").await?;

    let now = SystemTime::now();
    // What lies behind us is the turn that is running now.
    let next = elapsing
        .and_then(|at| at.checked_sub(monotonic))
        .map(|wait| now + wait);
    let next_run = [wall.map(|at| UNIX_EPOCH + at).filter(|at| *at > now), next]
        .into_iter()
        .flatten()
        .min();
    Ok(TimerFacts {
        active_state: active_state.to_owned(),
        active_for: since.map_or(Duration::ZERO, |since| monotonic.saturating_sub(since)),
        last_result,
        last_run: triggered.max(executed).map(|at| UNIX_EPOCH + at),
        next_run,
    })
}

async fn get(
    bus: &Connection,
    path: &OwnedObjectPath,
    interface: &str,
    name: &str,
) -> zbus::Result<OwnedVariant> {
    let reply = bus
        .call_method(Some(SYSTEMD), path, Some(PROPERTIES), "Get", &(interface, name))
        .await?;
    reply.body().deserialize()
}

/// A time of systemd's: microseconds, where zero and the largest number mean never.
async fn micros(
    bus: &Connection,
    path: &OwnedObjectPath,
    interface: &str,
    name: &str,
) -> zbus::Result<Option<Duration>> {
    let value: u64 = get(bus, path, interface, name).await?.try_into()?;
    Ok((value != 0 && value != u64::MAX).then(|| Duration::from_micros(value)))
}
