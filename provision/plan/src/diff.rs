//! How a change of text reads.

use similar::TextDiff;

/// Lines of context around a change.
const CONTEXT: usize = 2;

/// A unified difference without file headers; for a new file its size.
pub fn lines(before: &[u8], after: &[u8]) -> String {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    if before.is_empty() {
        let count = after.lines().count();
        return format!("{count} {}", if count == 1 { "line" } else { "lines" });
    }
    let difference = TextDiff::from_lines(before.as_ref(), after.as_ref());
    difference
        .unified_diff()
        .context_radius(CONTEXT)
        .to_string()
        .trim_end()
        .to_owned()
}
