//! The files of a definition and its instance file as they were read, before anything is made of them.

use std::path::Path;

use appliance::{Appliance, DefinitionFiles, Problems};

use crate::args::Arguments;
use crate::commands::{BadInput, read_input};

/// The name of an instance file that lies beside a definition.
pub const INSTANCE: &str = "appliance.toml";

/// Texts with the names that messages give them.
#[derive(Debug, Clone)]
pub struct Sources {
    /// What messages put before the names of the definition's files.
    pub directory: String,
    /// Name and text of each file of the definition.
    pub files: Vec<(&'static str, String)>,
    /// What messages call the instance file.
    pub instance_name: String,
    /// Its text.
    pub instance: String,
}

impl Sources {
    /// What the arguments name.
    pub fn named(arguments: &Arguments) -> Result<Self, BadInput> {
        let (instance_name, instance) = instance(arguments)?;
        match &arguments.definition {
            None => Ok(Self::shipped(instance_name, instance)),
            Some(directory) => Self::in_directory(directory, instance_name, instance),
        }
    }

    /// All of it in one text, for a digest.
    pub fn text(&self) -> String {
        let files = self.files.iter().map(|(name, text)| format!("{name}\n{text}\n"));
        files.chain([self.instance.clone()]).collect()
    }

    /// The definition that is compiled in, for an instance.
    pub fn shipped(instance_name: String, instance: String) -> Self {
        let shipped = DefinitionFiles::shipped();
        let texts = shipped.texts().into_iter();
        Self {
            directory: shipped.directory.to_string(),
            files: texts.map(|(name, text)| (name, text.to_owned())).collect(),
            instance_name,
            instance,
        }
    }

    /// The definition of a directory, for an instance.
    pub fn in_directory(directory: &Path, instance_name: String, instance: String) -> Result<Self, BadInput> {
        let files = DefinitionFiles::NAMES
            .iter()
            .map(|name| {
                let text = read_input(&directory.join(name)).map_err(|BadInput(text)| {
                    BadInput(format!(
                        "{text}\n    next: name a directory with every file of a definition"
                    ))
                })?;
                Ok((*name, text))
            })
            .collect::<Result<_, BadInput>>()?;
        Ok(Self {
            directory: directory.display().to_string(),
            files,
            instance_name,
            instance,
        })
    }

    /// Reads and checks it, and tells every mistake.
    pub fn parse(&self) -> Result<Appliance, Problems> {
        let text = |name: &str| {
            let found = self.files.iter().find(|(file, _)| *file == name);
            Ok::<_, std::convert::Infallible>(found.map(|(_, text)| text.clone()).unwrap_or_default())
        };
        let Ok(files) = DefinitionFiles::from_directory(&self.directory, text);
        Appliance::parse(&files, &self.instance_name, &self.instance)
    }
}

/// The instance file that the arguments name: what messages call it, and its text.
pub fn instance(arguments: &Arguments) -> Result<(String, String), BadInput> {
    let text = read_input(&arguments.instance).map_err(|BadInput(text)| {
        BadInput(format!(
            "{text}\n    next: write one (`appliance schema` has its keys), or name it with --instance"
        ))
    })?;
    Ok((arguments.instance.display().to_string(), text))
}
