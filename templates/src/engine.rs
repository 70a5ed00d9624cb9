//! Strict rendering: a missing variable, and a value that passed no escape filter, is an error.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};

use crate::escape::{self, Refused};
use crate::{HEADER, Template};

/// Why a file could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template names something that its context does not have.
    #[error("template {template}, line {line}: no variable `{variable}` in its context")]
    Missing {
        /// The template's path inside this crate.
        template: &'static str,
        /// Line of the template, from 1.
        line: usize,
        /// What the template asked for.
        variable: String,
    },
    /// A value cannot be written in the syntax of the target file.
    #[error("template {template}, line {line}: a value cannot be written")]
    Refused {
        /// The template's path inside this crate.
        template: &'static str,
        /// Line of the template, from 1.
        line: usize,
        /// The value, the place it was meant for, and the reason.
        #[source]
        source: Refused,
    },
    /// The template itself is wrong.
    #[error("template {template}, line {line}: the template is wrong")]
    Broken {
        /// The template's path inside this crate.
        template: &'static str,
        /// Line of the template, from 1.
        line: usize,
        /// What the engine says.
        #[source]
        source: minijinja::Error,
    },
}

/// Renders the one template that belongs to `context`.
///
/// # Errors
///
/// Names the template and the line, and either the missing variable or the value that the target syntax
/// cannot hold.
pub fn render<T: Template>(context: &T) -> Result<String, RenderError> {
    environment()
        .and_then(|environment| {
            environment
                .template_from_named_str(T::NAME, T::SOURCE)?
                .render(Value::from(Serde(context)))
        })
        .map_err(explain::<T>)
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let lines = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()?;
    environment.set_syntax(lines);
    environment.set_debug(true);
    // Text that an escape filter made, and nothing else, counts as safe; see `print`.
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("target".into()));
    environment.set_formatter(print);
    environment.add_global("header", Value::from_safe_string(HEADER.to_owned()));
    escape::register(&mut environment);
    Ok(environment)
}

/// Prints numbers and escaped text; anything else would be a value that no filter has looked at.
fn print(output: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    if value.is_number() || value.is_safe() {
        return write!(output, "{value}").map_err(minijinja::Error::from);
    }
    Err(minijinja::Error::new(
        ErrorKind::BadEscape,
        format!(
            "`{value}` in {} is printed without an escape filter",
            state.name()
        ),
    ))
}

fn explain<T: Template>(error: minijinja::Error) -> RenderError {
    let template = T::NAME;
    let line = error.line().unwrap_or(0);
    if let Some(refused) = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<Refused>())
    {
        return RenderError::Refused {
            template,
            line,
            source: refused.clone(),
        };
    }
    if error.kind() == ErrorKind::UndefinedError {
        return RenderError::Missing {
            template,
            line,
            variable: missing(T::SOURCE, &error),
        };
    }
    RenderError::Broken {
        template,
        line,
        source: error,
    }
}

/// The expression that the engine blames; where it blames a filter, what goes into that filter.
fn missing(source: &str, error: &minijinja::Error) -> String {
    let Some(range) = error.range().filter(|range| source.get(range.clone()).is_some()) else {
        return "?".to_owned();
    };
    let expression = match source[..range.start].trim_end().strip_suffix('|') {
        Some(before) => before
            .rsplit("{{")
            .next()
            .unwrap_or(before)
            .split('|')
            .next()
            .unwrap_or(before),
        None => &source[range],
    };
    expression.trim_start_matches("{{").trim().to_owned()
}
