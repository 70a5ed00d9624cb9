//! The two copies of the registry: which of them counts, and how both are written.

use appliance::path::TargetPath;
use host::facts::Kind;
use host::write::{self, NewFile};
use host::{Facts, Host, HostError, Look, Question, directory};

use crate::registry::Registry;
use crate::{AdoptError, Warning};

/// On the data disk.
pub const PRIMARY: &str = "/data/.appliance/accounts.json";
/// On the home disk, so that the loss of one disk is not the loss of the numbers on the other.
pub const SECOND: &str = "/home/.appliance/accounts.json";

/// What stands at one of the two places.
#[derive(Debug)]
enum Found {
    Nothing,
    Good(Box<Registry>),
    Damaged(String),
}

/// The registry that counts.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// None on a machine that has none.
    pub registry: Option<Registry>,
    /// The places that do not hold it.
    pub stale: Vec<&'static str>,
}

/// What must be known for [`choose`].
pub(crate) fn ask(question: &mut Question) {
    for path in [PRIMARY, SECOND] {
        question.paths.insert(TargetPath::known(path), Look::Content);
    }
}

fn find(facts: &Facts, path: &str) -> Found {
    let path = TargetPath::known(path);
    if let Some(obstacle) = facts.obstructed.get(&path) {
        return Found::Damaged(format!("{obstacle} stands in its way"));
    }
    let Some(inode) = facts.inodes.get(&path) else {
        return Found::Nothing;
    };
    let is_roots =
        inode.kind == Kind::File && inode.uid == 0 && inode.mode.bits() & 0o022 == 0 && inode.acl.is_none();
    if !is_roots {
        return Found::Damaged("others than root may have written it".to_owned());
    }
    match Registry::parse(facts.contents.get(&path).map_or(&[][..], Vec::as_slice)) {
        Ok(registry) => Found::Good(Box::new(registry)),
        Err(error) => Found::Damaged(error.to_string()),
    }
}

/// The copy with the highest generation.
///
/// # Errors
///
/// When one is damaged, or when two of one generation differ: then a person must say which is right.
pub(crate) fn choose(facts: &Facts) -> Result<Chosen, AdoptError> {
    let damaged = |path, problem, other: Option<(&'static str, Box<Registry>)>| AdoptError::Damaged {
        path,
        problem,
        good: other.map(|(path, registry)| (path, registry.generation)),
    };
    let registry = match (find(facts, PRIMARY), find(facts, SECOND)) {
        (Found::Damaged(problem), Found::Good(good)) => {
            return Err(damaged(PRIMARY, problem, Some((SECOND, good))));
        }
        (Found::Good(good), Found::Damaged(problem)) => {
            return Err(damaged(SECOND, problem, Some((PRIMARY, good))));
        }
        (Found::Damaged(problem), Found::Nothing | Found::Damaged(_)) => {
            return Err(damaged(PRIMARY, problem, None));
        }
        (Found::Nothing, Found::Damaged(problem)) => return Err(damaged(SECOND, problem, None)),
        (Found::Nothing, Found::Nothing) => None,
        (Found::Good(one), Found::Nothing) | (Found::Nothing, Found::Good(one)) => Some(*one),
        (Found::Good(one), Found::Good(other)) => {
            if one.generation == other.generation && one != other {
                return Err(AdoptError::Conflict(one.generation));
            }
            Some(if one.generation < other.generation {
                *other
            } else {
                *one
            })
        }
    };
    let holds = |path: &&str| match find(facts, path) {
        Found::Good(found) => registry.as_ref() == Some(&*found),
        Found::Nothing | Found::Damaged(_) => false,
    };
    let stale = [PRIMARY, SECOND]
        .into_iter()
        .filter(|path| !holds(path))
        .collect();
    Ok(Chosen { registry, stale })
}

/// Writes the registry to these places, the primary first. A copy that cannot be written is a warning: it comes with
/// the next write.
pub(crate) fn write(host: &Host, registry: &Registry, places: &[&str]) -> Result<Vec<Warning>, HostError> {
    let bytes = registry.print();
    let mut warnings = Vec::new();
    for place in places {
        match put(host, &TargetPath::known(place), &bytes) {
            Ok(()) => {}
            Err(error) if *place == PRIMARY => return Err(error),
            Err(error) => warnings.push(Warning {
                target: (*place).to_owned(),
                what: format!("the second copy could not be written: {error}"),
                next: "mend what keeps it from being written, and run `appliance adopt` again".to_owned(),
            }),
        }
    }
    Ok(warnings)
}

fn put(host: &Host, path: &TargetPath, bytes: &[u8]) -> Result<(), HostError> {
    if let Some(parent) = path.parent() {
        directory::ensure(host, &parent, &directory::Metadata::of_root(0o700))?;
    }
    write::replace(host, &NewFile::of_root(path, bytes, 0o600))
}
