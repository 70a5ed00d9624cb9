//! What the environment tells the portal, checked once and all at once.
//!
//! Which units `/health` watches is written here by whoever rendered the unit file: the portal has
//! no list of its own, because a second list would drift from the machine's definition.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::health::watched::{LoadOf, Watched, WatchedTimer};
use crate::log::Level;
use crate::secret::Secret;

/// A unix socket's path has 108 bytes; five are kept for the temporary name and the end mark.
const SOCKET_PATH_BYTES: usize = 103;
/// No credential is larger; a wrong file must not be read whole.
const CREDENTIAL_BYTES: u64 = 64 * 1024;
/// A timer that missed three turns is not late but dead (`/health` of the machine's specification).
const TURNS_UNTIL_OVERDUE: u32 = 3;

/// Everything the portal must know to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name in the browser's address bar, without a port.
    pub hostname: String,
    /// Where nginx finds the portal.
    pub socket: PathBuf,
    /// What is written to the journal.
    pub log_level: Level,
    /// What `/health` looks at.
    pub watched: Watched,
    /// Signs sessions. Without it the portal runs and nobody can sign in.
    pub secret_key: Result<Secret, String>,
}

/// One variable that cannot be used: what is wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadVariable {
    /// The variable's name.
    pub name: &'static str,
    /// What is wrong with its value.
    pub wrong: String,
    /// A line that would be right.
    pub write: String,
}

/// Every variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<BadVariable>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for bad in &self.0 {
            writeln!(f, "{}: {}", bad.name, bad.wrong)?;
            writeln!(f, "next: write {}", bad.write)?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads this process's environment and credentials.
    pub fn from_process() -> Result<Self, ConfigErrors> {
        // A value that is not UTF-8 becomes one that no rule below lets through.
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads settings through `lookup`, so that a test needs no environment of its own.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut bad = Vec::new();
        let hostname = match lookup("SERVER_HOSTNAME") {
            Some(name) if is_hostname(&name) => name.to_ascii_lowercase(),
            given => {
                bad.push(BadVariable {
                    name: "SERVER_HOSTNAME",
                    wrong: match given {
                        None => "is not set".into(),
                        Some(name) => format!("{name:?} is not a host name"),
                    },
                    write: "SERVER_HOSTNAME=broker.example.com".into(),
                });
                String::new()
            }
        };
        let socket = lookup("WEBAPP_SOCKET").unwrap_or_else(|| "/run/webapp/webapp.sock".into());
        if !Path::new(&socket).is_absolute() || socket.ends_with('/') || socket.len() > SOCKET_PATH_BYTES {
            bad.push(BadVariable {
                name: "WEBAPP_SOCKET",
                wrong: format!("{socket:?} is not an absolute path of at most {SOCKET_PATH_BYTES} bytes"),
                write: "WEBAPP_SOCKET=/run/webapp/webapp.sock".into(),
            });
        }
        let log_level = lookup("LOG_LEVEL").map_or(Ok(Level::Info), |word| {
            word.parse().map_err(|()| {
                bad.push(BadVariable {
                    name: "LOG_LEVEL",
                    wrong: format!("{word:?} is not a level"),
                    write: "LOG_LEVEL=info (or error, warning, debug)".into(),
                });
            })
        });
        let watched = read_watched(&lookup, &mut bad);
        let secret_key = read_key("WEBAPP_SECRET_KEY", &lookup);
        match log_level {
            Ok(log_level) if bad.is_empty() => Ok(Self {
                hostname,
                socket: socket.into(),
                log_level,
                watched,
                secret_key,
            }),
            _ => Err(ConfigErrors(bad)),
        }
    }
}

fn read_watched(lookup: &impl Fn(&str) -> Option<String>, bad: &mut Vec<BadVariable>) -> Watched {
    // Unset is an error and empty is not: a health check that lost its list would be green for ever.
    let mut required = |name: &'static str, example: &str| match lookup(name) {
        Some(text) => words(&text),
        None => {
            bad.push(BadVariable {
                name,
                wrong: "is not set, so nothing would be watched".into(),
                write: format!("{name}={example} (or {name}= to watch none)"),
            });
            Vec::new()
        }
    };
    let services = required("HEALTH_SERVICES", SERVICES_EXAMPLE);
    let timer_words = required("HEALTH_TIMERS", TIMERS_EXAMPLE);
    let disabled = words(&lookup("HEALTH_DISABLED").unwrap_or_default());

    let mut refuse = |name: &'static str, wrong: String, example: &str| {
        bad.push(BadVariable {
            name,
            wrong,
            write: format!("{name}={example}"),
        });
    };
    for unit in &services {
        if !is_unit(unit, &["service", "socket"]) {
            refuse(
                "HEALTH_SERVICES",
                format!("{unit:?} is not a service or socket unit"),
                SERVICES_EXAMPLE,
            );
        }
    }
    let mut timers = Vec::new();
    for word in &timer_words {
        match timer(word) {
            Ok(timer) => timers.push(timer),
            Err(wrong) => refuse("HEALTH_TIMERS", wrong, TIMERS_EXAMPLE),
        }
    }
    for unit in &disabled {
        let watched = services.contains(unit) || timer_words.iter().any(|word| name_of(word) == unit);
        if !watched {
            let wrong = format!("{unit:?} stands neither in HEALTH_SERVICES nor in HEALTH_TIMERS");
            refuse(
                "HEALTH_DISABLED",
                wrong,
                "notify-bot.service (only units that are watched)",
            );
        }
    }
    let names: Vec<&str> = services
        .iter()
        .map(String::as_str)
        .chain(timer_words.iter().map(|w| name_of(w)))
        .collect();
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            let variable = if index < services.len() {
                "HEALTH_SERVICES"
            } else {
                "HEALTH_TIMERS"
            };
            refuse(variable, format!("{name:?} is named twice"), "each unit once");
        }
    }
    let load = match lookup("HEALTH_LOAD").as_deref() {
        None | Some("machine") => LoadOf::Machine,
        Some("shared-kernel") => LoadOf::SharedKernel,
        Some(other) => {
            bad.push(BadVariable {
                name: "HEALTH_LOAD",
                wrong: format!("{other:?} is neither machine nor shared-kernel"),
                write: "HEALTH_LOAD=machine".into(),
            });
            LoadOf::Machine
        }
    };
    Watched {
        services,
        timers,
        disabled,
        load,
    }
}

const SERVICES_EXAMPLE: &str = "webapp.service,obs-store.service";
const TIMERS_EXAMPLE: &str = "data-sync.timer=11h/13h,session-collector.timer=6h";

fn words(text: &str) -> Vec<String> {
    text.split([',', ' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn name_of(word: &str) -> &str {
    word.split_once('=').map_or(word, |(name, _)| name)
}

/// `NAME.timer=INTERVAL` or `NAME.timer=INTERVAL/OLDEST`.
fn timer(word: &str) -> Result<WatchedTimer, String> {
    let (name, times) = word
        .split_once('=')
        .ok_or_else(|| format!("{word:?} has no interval"))?;
    if !is_unit(name, &["timer"]) {
        return Err(format!("{name:?} is not a timer unit"));
    }
    let (interval, oldest) = match times.split_once('/') {
        Some((interval, oldest)) => (duration(interval), duration(oldest)),
        None => (
            duration(times),
            duration(times).and_then(|t| t.checked_mul(TURNS_UNTIL_OVERDUE)),
        ),
    };
    match (interval, oldest) {
        (Some(interval), Some(oldest)) => Ok(WatchedTimer {
            name: name.to_owned(),
            interval,
            oldest,
        }),
        _ => Err(format!(
            "{times:?} of {name} is not a time such as 30min, 6h or 11h/13h"
        )),
    }
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let count: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    count
        .checked_mul(unit)
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
}

/// The characters systemd allows in a unit's name, and the kinds that are watched here.
fn is_unit(name: &str, kinds: &[&str]) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    name.len() <= 255
        && name.chars().all(allowed)
        && name
            .rsplit_once('.')
            .is_some_and(|(stem, kind)| !stem.is_empty() && kinds.contains(&kind))
}

fn is_hostname(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A credential file first, then the variable of the same name, which is for development.
fn read_key(name: &str, lookup: &impl Fn(&str) -> Option<String>) -> Result<Secret, String> {
    let from_file = match lookup("CREDENTIALS_DIRECTORY") {
        Some(directory) => read_credential(&Path::new(&directory).join(name))
            .map_err(|error| format!("{name}: the credential cannot be read: {error}"))?,
        None => None,
    };
    let value = from_file
        .or_else(|| lookup(name))
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("{name} is absent"))?;
    Secret::key(value).map_err(|weak| format!("{name} {weak}"))
}

fn read_credential(path: &Path) -> std::io::Result<Option<String>> {
    use std::io::Read as _;
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(CREDENTIAL_BYTES).read_to_string(&mut text)?;
    // Whoever wrote the file with an editor ended it with a line end that is no part of the key.
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(name: &str) -> Option<String> {
        let value = match name {
            "SERVER_HOSTNAME" => "Broker.Example.com",
            "HEALTH_SERVICES" => "webapp.service, notify-bot.service appliance-broker.socket",
            "HEALTH_TIMERS" => "data-sync.timer=11h/13h,session-collector.timer=6h",
            "HEALTH_DISABLED" => "notify-bot.service",
            _ => return None,
        };
        Some(value.into())
    }

    #[test]
    fn a_whole_environment_is_understood() {
        let config = Config::read(good).unwrap();
        assert_eq!(config.hostname, "broker.example.com");
        assert_eq!(config.watched.services.len(), 3);
        assert_eq!(config.watched.timers[0].oldest, Duration::from_secs(13 * 3600));
        assert_eq!(config.watched.timers[1].oldest, Duration::from_secs(18 * 3600));
        assert_eq!(config.watched.disabled, ["notify-bot.service"]);
        assert_eq!(config.secret_key.unwrap_err(), "WEBAPP_SECRET_KEY is absent");
    }

    #[test]
    fn every_wrong_variable_is_named_in_one_answer() {
        let errors = Config::read(|name| {
            let value = match name {
                "SERVER_HOSTNAME" => "two words",
                "WEBAPP_SOCKET" => "run/webapp.sock",
                "LOG_LEVEL" => "loud",
                "HEALTH_TIMERS" => "a.timer=6x,b.timer,c.service=1h,d.timer=1h,d.timer=1h",
                "HEALTH_DISABLED" => "other.service",
                _ => return None,
            };
            Some(value.into())
        })
        .unwrap_err();
        insta::assert_snapshot!(errors.to_string());
    }

    #[test]
    fn an_empty_list_is_a_decision_and_a_lost_one_is_not() {
        let empty = |name: &str| match name {
            "HEALTH_SERVICES" | "HEALTH_TIMERS" | "HEALTH_DISABLED" => Some(String::new()),
            other => good(other),
        };
        assert!(Config::read(empty).unwrap().watched.services.is_empty());
        let lost = Config::read(|name| good(name).filter(|_| name == "SERVER_HOSTNAME")).unwrap_err();
        let named: Vec<_> = lost.0.iter().map(|bad| bad.name).collect();
        assert_eq!(named, ["HEALTH_SERVICES", "HEALTH_TIMERS"]);
    }

    #[test]
    fn the_credential_goes_before_the_variable() {
        let directory = tempfile::tempdir().unwrap();
        let with = |name: &str| match name {
            "CREDENTIALS_DIRECTORY" => Some(directory.path().to_str().unwrap().to_owned()),
            "WEBAPP_SECRET_KEY" => Some("e".repeat(40)),
            other => good(other),
        };
        assert_eq!(
            Config::read(with).unwrap().secret_key.unwrap().expose(),
            "e".repeat(40)
        );
        let path = directory.path().join("WEBAPP_SECRET_KEY");
        std::io::Write::write_all(
            &mut std::fs::File::create(&path).unwrap(),
            b"0123456789abcdef0123456789abcdef\n",
        )
        .unwrap();
        let key = Config::read(with).unwrap().secret_key.unwrap();
        assert_eq!(key.expose(), "0123456789abcdef0123456789abcdef");
    }
}
