//! Limits of login sessions.

use appliance::limit::Limit;
use templates::context::{LimitRow, Limits};

use crate::draft::Draft;

pub(super) fn limits(draft: &Draft<'_>) -> Limits {
    let rows = draft
        .appliance
        .limits
        .iter()
        .map(|limit| (order(limit), row(limit)));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|left, right| left.0.cmp(&right.0));
    Limits {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}

/// Soft above hard, as a person reads them; pam_limits does not care.
fn order(limit: &Limit) -> (&str, &str, bool, &str) {
    (&limit.domain, &limit.item, limit.kind == "hard", &limit.value)
}

fn row(limit: &Limit) -> LimitRow {
    LimitRow {
        domain: limit.domain.clone(),
        kind: limit.kind.clone(),
        item: limit.item.clone(),
        value: limit.value.clone(),
    }
}
