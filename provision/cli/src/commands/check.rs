//! `appliance check`

use appliance::Problems;
use serde_json::json;

use super::{CONVERGED, definition, exit_code};
use crate::args::{Arguments, Format};
use crate::output::Output;

pub fn run(arguments: &Arguments, format: &Format, output: Output) -> anyhow::Result<u8> {
    match definition(arguments) {
        Ok(appliance) => {
            if format.json {
                output.json(&json!({ "problems": [], "instance": appliance.instance.name.as_str() }))?;
            } else {
                let range = "0.0.0.0/0";
                if appliance
                    .instance
                    .ssh_source_ranges
                    .iter()
                    .any(|open| open == range)
                {
                    output.say(&format!(
                        "warning: SSH is open to {range}; set `ssh_source_ranges` to the addresses that you use\n"
                    ));
                }
                output.print(&format!(
                    "{} is right: {} at https://{}\n",
                    arguments.instance.display(),
                    appliance.instance.name,
                    appliance.instance.domain
                ));
            }
            Ok(CONVERGED)
        }
        Err(error) if format.json => {
            let code = exit_code(&error);
            let problems: Vec<_> = error.downcast_ref::<Problems>().map_or_else(
                || vec![json!({ "what": error.to_string() })],
                |problems| {
                    let record = |problem: &appliance::Problem| {
                        json!({
                            "file": problem.place.file.as_ref(),
                            "line": problem.place.line,
                            "what": problem.what,
                            "instead": problem.instead,
                        })
                    };
                    problems.0.iter().map(record).collect()
                },
            );
            output.json(&json!({ "problems": problems }))?;
            Ok(code)
        }
        Err(error) => Err(error),
    }
}
