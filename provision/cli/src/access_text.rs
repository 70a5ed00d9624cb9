//! How a difference in access reads: for people as lines, for programs as one record for each change.

use std::fmt::Write;

use plan::Style;
use render::difference::{Change, Difference, Direction, Grant, Line, Whom};
use serde_json::{Value, json};

/// Names that are told on the line itself; more of them get a line of their own.
const NAMES_IN_LINE: usize = 3;
const GREEN: &str = "32";
const RED: &str = "31";
const DIM: &str = "2";
const BOLD: &str = "1";

/// One row: who, what happens, to what, and why.
struct Row {
    direction: Direction,
    who: String,
    what: String,
    target: String,
    remarks: Vec<String>,
}

/// The whole difference, empty text where there is none.
pub fn describe(difference: &Difference, style: Style) -> String {
    let mut rows: Vec<Row> = difference.lines().iter().map(of_line).collect();
    rows.extend(difference.grants.iter().map(of_grant));
    if rows.is_empty() {
        return String::new();
    }
    let width = |column: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| column(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (who, what) = (width(|row| &row.who), width(|row| &row.what));
    let mut text = format!("{}\n", paint(style, BOLD, "access"));
    for row in &rows {
        let mark = match row.direction {
            Direction::Gained => paint(style, GREEN, "+"),
            Direction::Lost => paint(style, RED, "-"),
        };
        let _ = writeln!(
            text,
            "  {mark} {:<who$}  {:<what$}  {}",
            row.who, row.what, row.target
        );
        for remark in &row.remarks {
            let _ = writeln!(text, "      {}", paint(style, DIM, remark));
        }
    }
    text
}

fn of_line(line: &Line) -> Row {
    let rights: Vec<&str> = line.rights.iter().map(|right| right.as_str()).collect();
    let more: Vec<String> = [(line.below, "below"), (line.beside, "beside it")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, place)| format!("{count} {place}"))
        .collect();
    let more = match more.join(", ").as_str() {
        "" => String::new(),
        more => format!(" (and {more})"),
    };
    let mut remarks = vec![format!("because {}", line.cause)];
    let who = match &line.whom {
        Whom::Everybody => "everybody".to_owned(),
        Whom::These(names) if names.len() <= NAMES_IN_LINE => names.join(", "),
        Whom::These(names) => {
            remarks.insert(0, format!("who: {}", names.join(", ")));
            format!("{} principals", names.len())
        }
    };
    Row {
        direction: line.direction,
        who,
        what: format!("{} {}", verb(line.direction), rights.join(", ")),
        target: format!("{}{more}", line.subject),
        remarks,
    }
}

fn of_grant((direction, grant): &(Direction, Grant)) -> Row {
    Row {
        direction: *direction,
        who: grant.who.clone(),
        what: format!("{} {}", verb(*direction), grant.kind.as_str()),
        target: grant.what.clone(),
        remarks: Vec::new(),
    }
}

const fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Gained => "gains",
        Direction::Lost => "loses",
    }
}

fn paint(style: Style, code: &str, text: &str) -> String {
    match style {
        Style::Plain => text.to_owned(),
        Style::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
    }
}

/// One record for each right and each grant. They have the keys of a plan's notices, since a plan ends with them.
pub fn records(difference: &Difference) -> Vec<Value> {
    let changes = difference.changes.iter().map(of_change);
    let grants = difference.grants.iter().map(|(direction, grant)| {
        json!({
            "action": "none", "area": "access", "target": grant.what, "who": grant.who,
            "kind": grant.kind.as_str(), "change": direction.as_str(),
            "reason": format!("{} {} {}: {}", grant.who, verb(*direction), grant.kind.as_str(), grant.what),
        })
    });
    changes.chain(grants).collect()
}

fn of_change(change: &Change) -> Value {
    json!({
        "action": "none", "area": "access", "target": change.subject.path.as_str(), "who": change.who,
        "kind": "path", "right": change.right.as_str(), "new_files_in": change.subject.created,
        "change": change.direction.as_str(), "cause": change.cause.as_str(), "reason": change.cause.to_string(),
    })
}

#[cfg(test)]
mod tests;
