//! What the program says about itself: schema, completions, manual page.

use clap::CommandFactory;

use super::CONVERGED;
use crate::args::Arguments;
use crate::output::Output;

/// The JSON schema of the instance file.
const INSTANCE_SCHEMA: &str = appliance::INSTANCE_SCHEMA;

pub fn schema(output: Output) -> anyhow::Result<u8> {
    output.print(INSTANCE_SCHEMA);
    Ok(CONVERGED)
}

pub fn completions(shell: clap_complete::Shell, output: Output) -> anyhow::Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "appliance", &mut text);
    output.print(&String::from_utf8(text)?);
    Ok(CONVERGED)
}

pub fn page(output: Output) -> anyhow::Result<u8> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut text)?;
    output.print(&String::from_utf8(text)?);
    Ok(CONVERGED)
}
