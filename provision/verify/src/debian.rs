//! What Debian's packages brought, so that it is not taken for a stranger's.

use std::collections::HashSet;

/// Paths that some package owns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Debian {
    paths: HashSet<String>,
}

impl Debian {
    /// From dpkg's lists, a path on each line. Only settings and programs can matter here; documentation, which is
    /// most of a system, is left out.
    pub fn of<'t>(lists: impl Iterator<Item = &'t [u8]>) -> Self {
        let matters = |path: &&str| !path.starts_with("/usr/share/") && !path.starts_with("/var/");
        let mut paths = HashSet::new();
        for list in lists {
            let text = String::from_utf8_lossy(list);
            paths.extend(text.lines().filter(matters).map(str::to_owned));
        }
        Self { paths }
    }

    /// Whether a package brought this path. Packages still write `/bin/su` for what lies in `/usr/bin`.
    pub fn owns(&self, path: &str) -> bool {
        let before_merge = path.strip_prefix("/usr").unwrap_or(path);
        self.paths.contains(path) || self.paths.contains(before_merge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_under_either_name() {
        let debian = Debian::of([b"/.\n/bin/su\n/etc/cron.d/e2scrub_all\n".as_slice()].into_iter());
        assert!(debian.owns("/usr/bin/su"));
        assert!(debian.owns("/etc/cron.d/e2scrub_all"));
        assert!(!debian.owns("/usr/bin/sudo"));
    }
}
