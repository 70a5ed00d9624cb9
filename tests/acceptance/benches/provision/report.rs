//! Medians, ratios, and how they are shown.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::machines::{OURS, Turn};
use crate::measure::Cost;

/// Everything that was measured, by the name of who did it.
#[derive(Debug, Default)]
pub struct Runs {
    turns: BTreeMap<&'static str, Vec<Turn>>,
    /// Calls that wait for a disk in a first and in a second apply, counted apart from the timed runs.
    pub fsyncs: BTreeMap<&'static str, (f64, f64)>,
}

/// What is shown and what is kept.
#[derive(Debug)]
pub struct Report {
    /// For people.
    pub table: String,
    /// For programs.
    pub json: Value,
}

struct Figure {
    what: &'static str,
    unit: &'static str,
    scale: f64,
    of: fn(&Cost) -> f64,
}

const FIGURES: [Figure; 6] = [
    Figure {
        what: "wall",
        unit: "ms",
        scale: 1000.0,
        of: |cost| cost.wall,
    },
    Figure {
        what: "CPU of the tool and all that it started",
        unit: "ms",
        scale: 1000.0,
        of: |cost| cost.cpu,
    },
    Figure {
        what: "CPU of the whole machine meanwhile",
        unit: "ms",
        scale: 1000.0,
        of: |cost| cost.machine_cpu,
    },
    Figure {
        what: "peak memory of the largest process",
        unit: "MiB",
        scale: 1.0,
        of: |cost| cost.peak,
    },
    Figure {
        what: "processes, the tool included",
        unit: "count",
        scale: 1.0,
        of: |cost| cost.processes,
    },
    Figure {
        what: "processes and threads begun in the machine",
        unit: "count",
        scale: 1.0,
        of: |cost| cost.tasks,
    },
];

/// Everybody's median of one figure.
type Medians = BTreeMap<&'static str, f64>;

impl Runs {
    /// One more turn.
    pub fn add(&mut self, name: &'static str, turn: Turn) {
        self.turns.entry(name).or_default().push(turn);
    }

    /// Medians of all turns, with what the host was like.
    pub fn report(&self, host: &Value) -> Report {
        let mut rows = Vec::new();
        for (phase, second) in [("first apply", false), ("no-op apply", true)] {
            for figure in &FIGURES {
                let medians = self.medians(|turn| {
                    let costs = if second {
                        turn.again.clone()
                    } else {
                        vec![turn.first]
                    };
                    costs
                        .iter()
                        .map(|cost| (figure.of)(cost) * figure.scale)
                        .collect()
                });
                rows.push((format!("{phase}: {}", figure.what), figure.unit, medians));
            }
            if !self.fsyncs.is_empty() {
                let counts = self.fsyncs.iter();
                let medians = counts
                    .map(|(name, count)| (*name, if second { count.1 } else { count.0 }))
                    .collect();
                rows.push((format!("{phase}: calls that wait for a disk"), "count", medians));
            }
        }
        let records: Vec<Value> = rows
            .iter()
            .map(|(what, unit, medians)| record(what, unit, medians))
            .collect();
        let count = |of: fn(&Turn) -> usize| -> BTreeMap<_, _> {
            let turns = self.turns.iter();
            turns
                .map(|(name, turns)| (*name, turns.iter().map(of).sum::<usize>()))
                .collect()
        };
        let runs = json!({ "first apply": count(|_| 1), "no-op apply": count(|turn| turn.again.len()) });
        let json = json!({ "bench": "provision", "people": 12, "host": host, "runs": runs, "rows": records });
        Report {
            table: self.table(&rows),
            json,
        }
    }

    fn medians(&self, of: impl Fn(&Turn) -> Vec<f64>) -> Medians {
        let turns = self.turns.iter();
        turns
            .map(|(name, turns)| (*name, median(turns.iter().flat_map(&of).collect())))
            .collect()
    }

    fn table(&self, rows: &[(String, &'static str, Medians)]) -> String {
        let mut peers: Vec<&str> = self.turns.keys().copied().filter(|name| *name != OURS).collect();
        peers.sort_unstable();
        let mut text = format!("{:<58} {:>12}", "median", OURS);
        for peer in &peers {
            let _ = write!(text, " {peer:>12} {:>8}", "ratio");
        }
        for (what, unit, medians) in rows {
            let ours = medians.get(OURS).copied().unwrap_or(f64::NAN);
            let _ = write!(text, "\n{:<58} {ours:>12.1}", format!("{what} ({unit})"));
            for peer in &peers {
                match medians.get(peer) {
                    Some(theirs) if ours > 0.0 => {
                        let _ = write!(text, " {theirs:>12.1} {:>8.1}", theirs / ours);
                    }
                    Some(theirs) => {
                        let _ = write!(text, " {theirs:>12.1} {:>8}", "-");
                    }
                    None => {
                        let _ = write!(text, " {:>12} {:>8}", "-", "-");
                    }
                }
            }
        }
        text
    }
}

fn record(what: &str, unit: &str, medians: &Medians) -> Value {
    let ours = medians.get(OURS).copied().unwrap_or(f64::NAN);
    let peers: BTreeMap<_, _> = medians
        .iter()
        .filter(|(name, _)| **name != OURS)
        .map(|(name, theirs)| (*name, *theirs))
        .collect();
    // Of nothing there is no ratio.
    let some = peers.iter().filter(|_| ours > 0.0);
    let ratio: BTreeMap<_, _> = some.map(|(name, theirs)| (*name, theirs / ours)).collect();
    json!({ "what": what, "unit": unit, "ours": ours, "peers": peers, "ratio": ratio })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
