//! Resource limits of login sessions (`limits.conf`).

use crate::reader::Table;

/// One row of the limits file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Limit {
    /// `*` or `@group`.
    pub domain: String,
    /// `soft`, `hard` or `-` for both.
    pub kind: String,
    /// What is limited.
    pub item: String,
    /// The bound, in the unit of the item, or `unlimited`.
    pub value: String,
}

const ITEMS: [&str; 17] = [
    "core",
    "data",
    "fsize",
    "memlock",
    "nofile",
    "rss",
    "stack",
    "cpu",
    "nproc",
    "as",
    "maxlogins",
    "maxsyslogins",
    "priority",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
];

impl Limit {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let domain = table.required::<String>("domain");
        let kind = table.required::<String>("kind");
        let item = table.required::<String>("item");
        let value = table.required::<String>("value");
        if kind
            .as_deref()
            .is_some_and(|kind| !["soft", "hard", "-"].contains(&kind))
        {
            table.refuse("kind", "a limit is soft, hard or -", "write `kind = \"hard\"`");
        }
        if item.as_deref().is_some_and(|item| !ITEMS.contains(&item)) {
            table.refuse(
                "item",
                "this is nothing that limits.conf limits",
                format!("write one of {}", ITEMS.join(", ")),
            );
        }
        if value
            .as_deref()
            .is_some_and(|value| value != "unlimited" && value.parse::<u64>().is_err())
        {
            table.refuse(
                "value",
                "a limit is a whole number or unlimited",
                "write `value = \"unlimited\"`",
            );
        }
        Some(Self {
            domain: domain?,
            kind: kind?,
            item: item?,
            value: value?,
        })
    }
}
