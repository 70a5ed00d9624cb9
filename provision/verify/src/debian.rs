//! What Debian's packages brought, so that it is not taken for a stranger's, and what it looked like then.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use appliance::path::TargetPath;
use host::facts::Timestamp;
use host::facts::package::PackageStatus;
use host::scan::{self, Next, Sort};
use host::{Facts, Host, HostError, read};

/// Where dpkg keeps a list of the paths of each package, and the sums of its files.
pub(crate) const INFO: &str = "/var/lib/dpkg/info";
const STATUS: &str = "/var/lib/dpkg/status";
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";
/// Settings that packages write through ucf, which keeps their sums as dpkg does for its own.
const UCF: &str = "/var/lib/ucf/hashfile";

/// Directories that are links into `/usr` since Debian merged them; packages still write their old names.
const MERGED: [&str; 4] = ["/bin/", "/sbin/", "/lib/", "/lib64/"];
/// Documentation is most of a system and decides nothing.
const PASSED: [&str; 2] = ["/usr/share/", "/var/"];
/// What decides something although it lies there.
const KEPT: [&str; 2] = ["/usr/share/dbus-1", "/usr/share/polkit-1"];

/// Paths that some package owns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Debian {
    owners: HashMap<Box<str>, u32>,
    packages: Vec<Package>,
    /// Settings by path, with the sum that they had when they came.
    pub settings: BTreeMap<String, String>,
    /// Paths at which another package's file was put than the one that the lists name.
    diverted: BTreeSet<String>,
    /// Names of what lies beside the lists, for packages that are not there.
    pub orphans: Vec<String>,
}

/// A package that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// The name of its lists, such as `libc6:amd64`.
    pub name: String,
    /// When its files were unpacked.
    pub unpacked: Timestamp,
}

impl Debian {
    /// Reads dpkg's lists. Those of packages that dpkg does not know count for nothing: anybody who can write there
    /// could make a stranger a package's.
    pub fn read(host: &Host, facts: &Facts) -> Result<Self, HostError> {
        let mut names = Vec::new();
        let info = TargetPath::known(INFO);
        scan::walk(host, &info, &BTreeSet::new(), &mut |found| {
            if found.sort == Sort::File
                && let Some(path) = found.target()
            {
                names.push((path, found.changed()));
            }
            Ok(Next::Pass)
        })?;
        let mut debian = Self::default();
        for (path, changed) in names {
            let (package, kind) = path.name().rsplit_once('.').unwrap_or((path.name(), ""));
            if !is_there(facts, package) {
                // dpkg notes there which kind of lists it keeps.
                if path.name() != "format" {
                    debian.orphans.push(path.as_str().to_owned());
                }
            } else if kind == "list"
                && let Some(text) = read::file(host, &path)?
            {
                debian.add(package, changed, &text);
            }
        }
        let text = |path| {
            read::file(host, &TargetPath::known(path))
                .map(|bytes| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
        };
        debian.settings = settings(&text(STATUS)?);
        debian.settings.extend(sums(&text(UCF)?));
        debian.divert(&text(DIVERSIONS)?);
        Ok(debian)
    }

    fn add(&mut self, package: &str, unpacked: Timestamp, list: &[u8]) {
        let number = u32::try_from(self.packages.len()).unwrap_or(u32::MAX);
        self.packages.push(Package {
            name: package.to_owned(),
            unpacked,
        });
        for path in String::from_utf8_lossy(list).lines() {
            let passed = PASSED.iter().any(|top| path.starts_with(top))
                && !KEPT.iter().any(|top| path.starts_with(top));
            if !passed {
                self.owners.insert(merged(path).into_boxed_str(), number);
            }
        }
    }

    /// Three lines each: where the file belongs, where it was put, who wanted it so.
    fn divert(&mut self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        for entry in lines.chunks_exact(3) {
            let (from, to) = (merged(entry[0]), merged(entry[1]));
            if let Some(owner) = self.owners.get(from.as_str()).copied() {
                self.owners.insert(to.clone().into_boxed_str(), owner);
            }
            self.diverted.extend([from, to]);
        }
    }

    /// Whether a package brought this path. Packages still write `/bin/su` for what lies in `/usr/bin`.
    pub fn owns(&self, path: &str) -> bool {
        self.owners.contains_key(path)
    }

    /// Who brought a path whose content dpkg knows a sum of.
    pub fn owner(&self, path: &str) -> Option<&Package> {
        let number = *self.owners.get(path)?;
        if self.diverted.contains(path) {
            return None;
        }
        self.packages.get(usize::try_from(number).ok()?)
    }

    /// The sums of a package's files, by path.
    pub fn sums_of(host: &Host, package: &str) -> Result<BTreeMap<String, String>, HostError> {
        let Ok(path) = TargetPath::new(&format!("{INFO}/{package}.md5sums")) else {
            return Ok(BTreeMap::new());
        };
        let bytes = read::file(host, &path)?.unwrap_or_default();
        let sums = sums(&String::from_utf8_lossy(&bytes));
        Ok(sums
            .into_iter()
            .map(|(path, sum)| (merged(&format!("/{}", path.trim_start_matches('/'))), sum))
            .collect())
    }
}

/// A package that was removed keeps its settings, and its list, until it is purged.
fn is_there(facts: &Facts, package: &str) -> bool {
    let name = package.split(':').next().unwrap_or(package);
    appliance::name::PackageName::new(name).is_ok_and(|name| {
        facts
            .packages
            .get(&name)
            .is_some_and(|state| state.status != PackageStatus::NotInstalled)
    })
}

/// The path as it lies in `/usr`.
fn merged(path: &str) -> String {
    if MERGED.iter().any(|top| path.starts_with(top)) {
        format!("/usr{path}")
    } else {
        path.to_owned()
    }
}

/// `5d41402abc4b2a76b9719d911017c592  usr/bin/x`
fn sums(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once("  "))
        .filter(|(sum, _)| sum.len() == 32)
        .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        .collect()
}

/// The lines below `Conffiles:`, each with a path and a sum; what a later version gave up is left out.
fn settings(status: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut inside = false;
    for line in status.lines() {
        if !line.starts_with(' ') {
            inside = line == "Conffiles:";
            continue;
        }
        let mut words = line.split_ascii_whitespace();
        if let (true, Some(path), Some(sum), None) = (inside, words.next(), words.next(), words.next())
            && sum.len() == 32
        {
            settings.insert(path.to_owned(), sum.to_owned());
        }
    }
    settings
}

#[cfg(test)]
impl Debian {
    /// A machine on which one package brought these paths.
    pub fn of<'t>(lists: impl Iterator<Item = &'t [u8]>) -> Self {
        let mut debian = Self::default();
        for list in lists {
            debian.add("some", Timestamp::default(), list);
        }
        debian
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_where_it_lies() {
        let debian =
            Debian::of([b"/.\n/bin/su\n/etc/cron.d/e2scrub_all\n/usr/share/doc/x\n".as_slice()].into_iter());
        assert!(debian.owns("/usr/bin/su"));
        assert!(debian.owns("/etc/cron.d/e2scrub_all"));
        assert!(!debian.owns("/usr/bin/sudo"));
        assert!(!debian.owns("/usr/share/doc/x"));
    }

    #[test]
    fn what_was_diverted_is_known_under_both_names_and_has_no_sum() {
        let mut debian = Debian::of([b"/bin/sh\n/bin/dash\n".as_slice()].into_iter());
        debian.divert("/bin/sh\n/bin/sh.distrib\ndash\n");
        assert!(debian.owns("/usr/bin/sh.distrib") && debian.owns("/usr/bin/sh"));
        assert!(debian.owner("/usr/bin/sh").is_none());
        assert!(debian.owner("/usr/bin/dash").is_some());
    }

    #[test]
    fn settings_are_those_that_a_package_still_has() {
        let text = "Package: x\nConffiles:\n /etc/x aa0cfd0c49b3610f7bc5035f28a9f1d5\n \
                    /etc/old aa0cfd0c49b3610f7bc5035f28a9f1d5 obsolete\n /etc/new newconffile\nDescription: y\n /etc/z aa0cfd0c49b3610f7bc5035f28a9f1d5\n";
        assert_eq!(settings(text).into_keys().collect::<Vec<_>>(), ["/etc/x"]);
    }
}
