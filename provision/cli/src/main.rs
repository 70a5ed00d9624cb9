#![doc = include_str!("../README.md")]

mod access_text;
mod applied;
mod args;
mod commands;
mod output;
mod revision;
mod sources;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;
use output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.color, arguments.framed);
    match commands::run(&arguments, output) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output.failure(&error);
            ExitCode::from(commands::exit_code(&error))
        }
    }
}
