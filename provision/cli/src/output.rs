//! Words for people and for programs.

use std::io::{IsTerminal, Write};

use plan::Style;

use remote::Kind;

use crate::args::{Color, Framed};

/// Where output goes and how it looks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    style: Style,
    error_style: Style,
    /// Both streams as pieces on standard output, in the order in which they were said.
    framed: bool,
}

impl Output {
    /// Colour on a terminal, unless the operator or `NO_COLOR` says otherwise.
    pub fn new(color: Color, framed: Option<Framed>) -> Self {
        if let Some(framed) = framed {
            return Self::framed(framed);
        }
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
            framed: false,
        }
    }

    /// What colour is decided by the program that shows it.
    fn framed(coloured: Framed) -> Self {
        let style = |coloured: bool| if coloured { Style::Colour } else { Style::Plain };
        Self {
            style: style(matches!(coloured, Framed::Output | Framed::Both)),
            error_style: style(matches!(coloured, Framed::Errors | Framed::Both)),
            framed: true,
        }
    }

    /// How a program elsewhere must colour for this one.
    pub fn for_another(self) -> &'static str {
        match (self.style, self.error_style) {
            (Style::Plain, Style::Plain) => "neither",
            (Style::Colour, Style::Plain) => "output",
            (Style::Plain, Style::Colour) => "errors",
            (Style::Colour, Style::Colour) => "both",
        }
    }

    /// Bytes as they are, to standard output or standard error.
    pub fn pass(self, kind: Kind, bytes: &[u8]) {
        let mut stdout = std::io::stdout().lock();
        let _ = match (self.framed, kind) {
            (true, _) => stdout.write_all(&kind.encode(bytes)),
            (false, Kind::Output) => stdout.write_all(bytes),
            (false, Kind::Errors) => std::io::stderr().write_all(bytes),
            (false, Kind::Event | Kind::Exit) => Ok(()),
        };
        let _ = stdout.flush();
    }

    /// Colours for standard output.
    pub fn style(self) -> Style {
        self.style
    }

    /// Prints to standard output. A reader that went away, as `head` does, is no error.
    pub fn print(self, text: &str) {
        self.pass(Kind::Output, text.as_bytes());
    }

    /// One JSON document on a line.
    pub fn json(self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.print(&format!("{}\n", serde_json::to_string(value)?));
        Ok(())
    }

    /// Prints to standard error: progress and questions.
    pub fn say(self, text: &str) {
        self.pass(Kind::Errors, text.as_bytes());
    }

    /// Something that the program on the operator's side acts on; nobody else sees it.
    pub fn signal(self, value: &serde_json::Value) {
        if self.framed {
            self.pass(Kind::Event, value.to_string().as_bytes());
        }
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
            let of_host = cause.downcast_ref().and_then(host::HostError::hint);
            let of_remote = cause.downcast_ref().and_then(remote::RemoteError::hint);
            of_host.map(str::to_owned).or(of_remote)
        });
        if let Some(hint) = hint {
            self.say(&format!("    next: {hint}\n"));
        }
    }
}
