//! Swap in use, from `/proc/swaps`.

use serde::Serialize;

use crate::HostError;
use crate::facts::mount::unescape;
use crate::facts::proc;

/// One swap file or partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// Its path.
    pub path: String,
    /// `file` or `partition`.
    pub kind: String,
    /// Usable bytes, one page less than the file.
    pub bytes: u64,
    /// Bytes in use.
    pub used: u64,
    /// The kernel's priority.
    pub priority: i32,
}

const TABLE: &str = "/proc/swaps";

/// Swap in use; a kernel without swap has none.
pub fn read() -> Result<Vec<Swap>, HostError> {
    let Some(text) = proc::read(TABLE)? else {
        return Ok(Vec::new());
    };
    parse(&text).ok_or_else(|| HostError::Malformed {
        path: TABLE.to_owned(),
        problem: "a line is not as the kernel writes it".to_owned(),
    })
}

/// Reads the text of `/proc/swaps`; `None` when a line is not as the kernel writes it.
pub fn parse(text: &[u8]) -> Option<Vec<Swap>> {
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    lines.filter(|line| !line.is_empty()).map(parse_line).collect()
}

/// `/mnt/swapfile  file  2097148  0  -2`, sizes in KiB. A deleted file is marked by one word more.
fn parse_line(line: &[u8]) -> Option<Swap> {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let mut words = line
        .split(blank)
        .filter(|word| !word.is_empty())
        .map(unescape)
        .peekable();
    let path = words.next()?;
    words.next_if(|word| word.starts_with("(deleted)"));
    let (kind, size, used, priority) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let kib = |text: String| text.parse::<u64>().ok()?.checked_mul(1024);
    Some(Swap {
        path,
        kind,
        bytes: kib(size)?,
        used: kib(used)?,
        priority: priority.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let text = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/mnt/swapfile                           file\t\t2097148\t\t12\t\t-2\n";
        let swaps = parse(text).expect("one line");
        assert_eq!(
            (
                swaps[0].path.as_str(),
                swaps[0].bytes,
                swaps[0].used,
                swaps[0].priority
            ),
            ("/mnt/swapfile", 2_147_479_552, 12_288, -2)
        );
        assert_eq!(parse(b"Filename\n"), Some(vec![]));
        assert_eq!(parse(b"Filename\n/x file\n"), None);
    }
}
