//! The base: a stock Debian 12 tree, made once per set of inputs and shared read-only by every machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::cache::{self, Lock};
use crate::command::Call;
use crate::error::{AtPath, Error, Result};

const SETTINGS: &str = include_str!("../base.toml");
const PACKAGES: &str = include_str!("../../appliance/definition/packages.toml");
const FINISH: &str = include_str!("finish-base.sh");

/// Change it when this file builds something else from the same inputs.
const FORMAT: &str = "1";

/// Left out to keep the base small; a stock image differs in nothing else.
const LEFT_OUT: [&str; 5] = [
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
];

/// A slow mirror on a slow machine; it takes about a minute on two cores.
const BUILD_TIME: Duration = Duration::from_secs(30 * 60);

/// The lock file in a base's directory that its users share.
const IN_USE: &str = "in-use";

/// A base that was not used for so long is for a definition of the past.
const KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    suite: String,
    packages: BTreeMap<String, String>,
    kept_archives: KeptArchives,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptArchives {
    names: Vec<String>,
}

/// A built base. It stays at least as long as a value of it.
#[derive(Debug, Clone)]
pub struct Base {
    directory: PathBuf,
    _used: Arc<Lock>,
}

#[derive(Deserialize)]
struct Packages {
    present: BTreeMap<String, String>,
}

impl Base {
    /// The base with the packages that the appliance's own definition wants present.
    pub fn stock() -> Result<Base> {
        let packages: Packages = toml::from_str(PACKAGES).map_err(|source| Error::Settings {
            file: "appliance/definition/packages.toml",
            source,
        })?;
        Base::with_packages(&packages.present.into_keys().collect::<Vec<_>>())
    }

    /// The base with these packages of the appliance's, built when the cache lacks it. Two at once build
    /// it once; a build that was killed leaves nothing that is taken for a base.
    pub fn with_packages(appliance: &[String]) -> Result<Base> {
        let settings: Settings = toml::from_str(SETTINGS).map_err(|source| Error::Settings {
            file: "images/base.toml",
            source,
        })?;
        let names = package_names(&settings, appliance);
        let sources = debian_sources(&settings.suite)?;
        let store = cache::directory().join("base");
        cache::make(&store)?;
        let directory = store.join(digest(&names, &sources));
        let _building = Lock::wait(&store.join(".lock"))?;
        if !directory.join("root").is_dir() {
            build(&directory, &settings, &names, &sources)?;
            prune(&store, &directory)?;
        }
        let used = Lock::shared(&directory.join(IN_USE))?;
        Ok(Base {
            directory,
            _used: Arc::new(used),
        })
    }

    /// The tree itself. Nobody writes here.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// A directory with a few Debian archives, for a `file:` repository.
    pub fn archives(&self) -> PathBuf {
        self.directory.join("archives")
    }

    /// Where things derived from this base are kept.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

fn build(directory: &Path, settings: &Settings, names: &[String], sources: &str) -> Result<()> {
    // Under the lock any temporary name left here belongs to a build that was killed.
    let partial = directory.with_extension("partial");
    cache::remove(&partial)?;
    cache::make(&partial.join("archives"))?;
    cache::write(&partial.join("debian.sources"), sources.as_bytes())?;
    cache::write(&partial.join("finish.sh"), FINISH.as_bytes())?;
    Call::new(&mmdebstrap(settings, names, &partial)?)
        .timeout(BUILD_TIME)
        .checked()?;
    std::fs::rename(&partial, directory).at("rename", &partial)
}

/// Removes bases that nobody uses and nobody has used for days: each takes half a gigabyte.
fn prune(store: &Path, newest: &Path) -> Result<()> {
    for entry in std::fs::read_dir(store).at("list", store)?.flatten() {
        let in_use = entry.path().join(IN_USE);
        let old = in_use
            .metadata()
            .and_then(|facts| facts.modified())
            .is_ok_and(|used| used.elapsed().is_ok_and(|ago| ago > KEPT));
        if entry.path() != newest && old && Lock::attempt(&in_use)?.is_some() {
            cache::remove(&entry.path())?;
        }
    }
    Ok(())
}

fn mmdebstrap(settings: &Settings, names: &[String], partial: &Path) -> Result<Vec<String>> {
    let partial = cache::text(partial)?;
    let mut argv: Vec<String> = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
        .map(String::from)
        .into();
    argv.push("--aptopt=APT::Install-Recommends \"false\"".to_owned());
    argv.push(format!("--include={}", names.join(",")));
    argv.extend(
        LEFT_OUT
            .iter()
            .map(|path| format!("--dpkgopt=path-exclude={path}")),
    );
    argv.push(format!(
        "--customize-hook=sh {partial}/finish.sh \"$1\" {partial}/archives {}",
        settings.kept_archives.names.join(" ")
    ));
    argv.extend([
        settings.suite.clone(),
        format!("{partial}/root"),
        format!("{partial}/debian.sources"),
    ]);
    Ok(argv)
}

fn package_names(settings: &Settings, appliance: &[String]) -> Vec<String> {
    let mut names: Vec<String> = settings.packages.keys().chain(appliance).cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// The host's own apt sources for this suite: we name no mirror, and whoever works behind one has
/// configured it already. Sources of other vendors stay out of the base.
fn debian_sources(suite: &str) -> Result<String> {
    let directory = Path::new("/etc/apt/sources.list.d");
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = std::fs::read_dir(directory) {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.sort();
    let texts: Vec<(bool, String)> = files
        .iter()
        .filter(|file| {
            file.extension()
                .is_some_and(|end| end == "list" || end == "sources")
        })
        .filter_map(|file| {
            Some((
                file.extension()? == "sources",
                std::fs::read_to_string(file).ok()?,
            ))
        })
        .collect();
    let deb822: String = texts
        .iter()
        .filter(|(new, _)| *new)
        .map(|(_, text)| stanzas_of(text, suite))
        .collect();
    let lines: String = texts
        .iter()
        .filter(|(new, _)| !*new)
        .map(|(_, text)| lines_of(text, suite))
        .collect();
    match (deb822.is_empty(), lines.is_empty()) {
        (false, _) => Ok(deb822),
        (true, false) => Ok(lines),
        (true, true) => Err(Error::Host(format!(
            "this host's apt sources name no Debian {suite}\nnext: add one to /etc/apt/sources.list.d"
        ))),
    }
}

fn is_of(word: &str, suite: &str) -> bool {
    word == suite || word.strip_prefix(suite).is_some_and(|rest| rest.starts_with('-'))
}

fn stanzas_of(text: &str, suite: &str) -> String {
    text.split("\n\n")
        .filter(|stanza| {
            stanza
                .lines()
                .filter_map(|line| line.strip_prefix("Suites:"))
                .any(|suites| suites.split_whitespace().all(|word| is_of(word, suite)))
        })
        .map(|stanza| format!("{}\n\n", stanza.trim()))
        .collect()
}

fn lines_of(text: &str, suite: &str) -> String {
    text.lines()
        .filter(|line| line.starts_with("deb ") && line.split_whitespace().any(|word| is_of(word, suite)))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn digest(names: &[String], sources: &str) -> String {
    let mut hash = Sha256::new();
    for part in [FORMAT, SETTINGS, FINISH, sources]
        .into_iter()
        .chain(names.iter().map(String::as_str))
    {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "# ours\nTypes: deb\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\n\n\
                          Types: deb\nURIs: http://vendor.test\nSuites: stable\n";

    #[test]
    fn sources_of_other_vendors_stay_out() {
        let kept = stanzas_of(DEB822, "bookworm");
        assert!(
            kept.contains("mirror.test") && !kept.contains("vendor.test"),
            "{kept}"
        );
    }

    #[test]
    fn old_style_lines_are_picked_by_their_suite() {
        let text = "# no\ndeb http://m.test/debian bookworm main\ndeb http://v.test nodistro main\n";
        assert_eq!(
            lines_of(text, "bookworm"),
            "deb http://m.test/debian bookworm main\n"
        );
    }

    #[test]
    fn a_base_is_named_for_all_that_goes_into_it() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_ne!(digest(&names(&["a", "b"]), "x"), digest(&names(&["ab"]), "x"));
        assert_ne!(digest(&names(&["a"]), "x"), digest(&names(&["a"]), "y"));
        assert_eq!(digest(&names(&["a"]), "x"), digest(&names(&["a"]), "x"));
    }

    #[test]
    fn the_shipped_settings_are_valid() {
        let settings: Settings = toml::from_str(SETTINGS).unwrap();
        assert_eq!(settings.suite, "bookworm");
        assert!(
            package_names(&settings, &["udev".to_owned()])
                .windows(2)
                .all(|pair| pair[0] < pair[1])
        );
    }
}
