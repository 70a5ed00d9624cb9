//! `verify INSTANCE [--apply]`: compares this machine with the shipped definition, after bringing it there if
//! wanted, and prints the report as JSON. The time that it took goes to standard error.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use appliance::{Appliance, DefinitionFiles};
use host::Host;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let instance = arguments.first().ok_or("verify INSTANCE [--apply]")?;
    let text = std::fs::read_to_string(instance)?;
    let appliance = Appliance::parse(&DefinitionFiles::shipped(), instance, &text)?;
    let host = Host::live()?;
    if arguments.iter().any(|argument| argument == "--apply") {
        apply::apply(&appliance, &host, &apply::Options::default(), &mut |_| {})?;
    }
    let begun = Instant::now();
    let report = verify::verify(&appliance, &host)?;
    let took = begun.elapsed();
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
    writeln!(
        std::io::stderr(),
        "{}{} ms, {} programs",
        report.text(false),
        took.as_millis(),
        host::command::started().values().sum::<usize>()
    )?;
    Ok(())
}
