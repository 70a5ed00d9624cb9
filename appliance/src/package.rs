//! Debian packages that must be there, and those that must not.

use crate::name::PackageName;
use crate::reader::Table;

/// A package and why it is named.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Package {
    /// Its name in Debian.
    pub name: PackageName,
    /// Why it must be there, or must not.
    pub because: String,
}

/// The sets of packages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Packages {
    /// On every machine.
    pub present: Vec<Package>,
    /// On a cloud machine only; the image brings their repository.
    pub cloud: Vec<Package>,
    /// On no machine.
    pub absent: Vec<Package>,
}

impl Packages {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let set = |key: &str| table.table(key, read_set).unwrap_or_default();
        Self {
            present: set("present"),
            cloud: set("cloud"),
            absent: set("absent"),
        }
    }
}

fn read_set(table: &Table<'_>) -> Vec<Package> {
    let mut packages = Vec::new();
    for (name, because) in table.pairs::<String>() {
        match PackageName::new(&name.value) {
            Ok(name) => packages.push(Package { name, because }),
            Err(error) => table.refuse_at(
                &name.place,
                error.to_string(),
                "write the name of a Debian package",
            ),
        }
    }
    packages
}
