//! What the machine was last brought to: the sources of the last apply that converged, kept beside its journal, so that
//! a plan can say what its changes mean for people.

use appliance::DefinitionFiles;
use appliance::path::TargetPath;
use host::directory::{self, Metadata};
use host::write::{self, NewFile};
use host::{Host, HostError};
use render::Area;

use crate::sources::{INSTANCE, Sources};

/// Root's alone: an instance file names people and their keys.
const DIRECTORY: &str = "/var/lib/data-analyst/applied";
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Keeps the sources of an apply that converged. What is there already is not written again, and an apply of some
/// areas alone did not bring the machine to all that they say.
pub fn keep(host: &Host, sources: &Sources, only: &[Area]) -> Result<(), HostError> {
    if !only.is_empty() {
        return Ok(());
    }
    let texts = sources.files.iter().map(|(name, text)| (*name, text.as_str()));
    let texts: Vec<(TargetPath, &str)> = texts
        .chain([(INSTANCE, sources.instance.as_str())])
        .map(|(name, text)| (place(name), text))
        .collect();
    directory::ensure(
        host,
        &TargetPath::known(DIRECTORY),
        &Metadata::of_root(DIRECTORY_MODE),
    )?;
    let mut staged = Vec::new();
    for (path, text) in &texts {
        if host::read::file(host, path)?.as_deref() != Some(text.as_bytes()) {
            staged.push(write::stage(
                host,
                &NewFile::of_root(path, text.as_bytes(), FILE_MODE),
            )?);
        }
    }
    if staged.is_empty() {
        return Ok(());
    }
    write::put_all(host, staged)
}

/// What was kept; none on a machine that no apply brought anywhere yet. A file that is missing is empty, and the
/// check says what it lacks.
pub fn read(host: &Host) -> Result<Option<Sources>, HostError> {
    let text = |name: &str| -> Result<Option<String>, HostError> {
        let bytes = host::read::file(host, &place(name))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let Some(instance) = text(INSTANCE)? else {
        return Ok(None);
    };
    let files = DefinitionFiles::NAMES
        .iter()
        .map(|name| Ok((*name, text(name)?.unwrap_or_default())))
        .collect::<Result<_, HostError>>()?;
    Ok(Some(Sources {
        directory: DIRECTORY.to_owned(),
        files,
        instance_name: place(INSTANCE).to_string(),
        instance,
    }))
}

fn place(name: &str) -> TargetPath {
    TargetPath::known(&format!("{DIRECTORY}/{name}"))
}
