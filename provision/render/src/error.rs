//! Why a definition could not be rendered.

use appliance::path::{PathError, TargetPath};

/// Why a definition could not be rendered. Each names the thing that stands in the way.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The definition names a template that does not exist.
    #[error(
        "cannot render {path}: there is no template {template:?}\nnext: in layout.toml, name one of {known}"
    )]
    UnknownTemplate {
        /// The file that it should make.
        path: TargetPath,
        /// What the definition calls it.
        template: String,
        /// The templates that exist.
        known: String,
    },
    /// The definition puts a template's file where no area owns it.
    #[error("cannot render {path}: no area of the machine owns this place\nnext: move it in layout.toml")]
    NoArea {
        /// The file.
        path: TargetPath,
    },
    /// A template refused a value, or lacks one.
    #[error("cannot render {path}")]
    Template {
        /// The file that it should make.
        path: TargetPath,
        /// Template, line and value.
        #[source]
        source: templates::RenderError,
    },
    /// Something that the definition must hold for a file to be written.
    #[error("cannot render {path}: the definition has no {what}\nnext: add it to {file}")]
    Missing {
        /// The file.
        path: TargetPath,
        /// What is missing.
        what: String,
        /// Where it belongs.
        file: &'static str,
    },
    /// A text of the definition that its file cannot hold.
    #[error("cannot render {path}: {text:?} {problem}")]
    Text {
        /// The file.
        path: TargetPath,
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A name that makes no path.
    #[error("a name of the definition makes no path")]
    Path(#[from] PathError),
    /// Two rules claim one path.
    #[error("cannot render {path}: two rules of the definition make it\nnext: remove one of the two")]
    TwoOwners {
        /// The path.
        path: TargetPath,
    },
}
