//! Words for people and for programs.

use std::io::{IsTerminal, Write};

use plan::Style;

use crate::args::Color;

/// Where output goes and how it looks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    style: Style,
    error_style: Style,
}

impl Output {
    /// Colour on a terminal, unless the operator or `NO_COLOR` says otherwise.
    pub fn new(color: Color) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let style = |is_terminal: bool| match color {
            Color::Always => Style::Colour,
            Color::Never => Style::Plain,
            Color::Auto if is_terminal && !plain => Style::Colour,
            Color::Auto => Style::Plain,
        };
        Self {
            style: style(std::io::stdout().is_terminal()),
            error_style: style(std::io::stderr().is_terminal()),
        }
    }

    /// Colours for standard output.
    pub fn style(self) -> Style {
        self.style
    }

    /// Prints to standard output. A reader that went away, as `head` does, is no error.
    pub fn print(self, text: &str) {
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    /// One JSON document on a line.
    pub fn json(self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.print(&format!("{}\n", serde_json::to_string(value)?));
        Ok(())
    }

    /// Prints to standard error: progress and questions.
    pub fn say(self, text: &str) {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// A failure: the whole chain on one line, outermost first, and what to do next.
    pub fn failure(self, error: &anyhow::Error) {
        let label = match self.error_style {
            Style::Plain => "error".to_owned(),
            Style::Colour => "\x1b[31merror\x1b[0m".to_owned(),
        };
        let mut chain: Vec<String> = Vec::new();
        for cause in error.chain().map(ToString::to_string) {
            if chain.last() != Some(&cause) {
                chain.push(cause);
            }
        }
        self.say(&format!("{label}: {}\n", chain.join(": ")));
        let hint = error.chain().find_map(|cause| {
            cause
                .downcast_ref::<host::HostError>()
                .and_then(host::HostError::hint)
        });
        if let Some(hint) = hint {
            self.say(&format!("    next: {hint}\n"));
        }
    }
}
