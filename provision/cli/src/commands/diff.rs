//! `appliance diff`, and the difference that a plan ends with.

use anyhow::Context;
use appliance::Appliance;
use host::Host;
use render::difference::{Difference, Side, difference};
use render::{Inputs, Tree};

use super::{CONVERGED, PENDING};
use crate::args::{Arguments, Format};
use crate::output::Output;
use crate::sources::Sources;
use crate::{access_text, applied, revision};

pub fn run(
    arguments: &Arguments,
    before: &str,
    after: &str,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let (before, after) = (
        revision::sources(arguments, before)?,
        revision::sources(arguments, after)?,
    );
    let (old, new) = (before.parse()?, after.parse()?);
    let inputs = Inputs::default();
    let difference = between(&old, &new, &render::render(&new, &inputs)?, &inputs)
        .with_context(|| format!("cannot render the definition of {}", before.directory))?;
    print(&difference, format, output)?;
    if difference.is_empty() {
        output.say("Nobody may more or less than before.\n");
    }
    Ok(if difference.is_empty() { CONVERGED } else { PENDING })
}

/// What a plan ends with: who may more or less once it is carried out. Nothing on a machine that was brought to no
/// definition yet; words in place of a difference where what was kept cannot be read any more.
pub fn since_applied(
    host: &Host,
    new: &Appliance,
    tree: &Tree,
    inputs: &Inputs,
    format: &Format,
    output: Output,
) -> anyhow::Result<()> {
    let Some(kept) = applied::read(host)? else {
        return Ok(());
    };
    match parsed(&kept).and_then(|old| Ok(between(&old, new, tree, inputs)?)) {
        Ok(difference) => print(&difference, format, output),
        Err(error) => notice(&kept, &error, format, output),
    }
}

fn parsed(kept: &Sources) -> anyhow::Result<Appliance> {
    Ok(kept.parse()?)
}

fn notice(kept: &Sources, error: &anyhow::Error, format: &Format, output: Output) -> anyhow::Result<()> {
    let text = "what was last applied cannot be read any more, so how access changes is not known";
    if format.json {
        return output.json(&serde_json::json!({
            "action": "none", "area": "access", "target": kept.directory, "reason": text, "error": error.to_string(),
        }));
    }
    output.print(&format!(
        "note {}: {text}\n    next: `appliance apply` keeps the definition at hand\n",
        kept.directory
    ));
    Ok(())
}

fn between(
    old: &Appliance,
    new: &Appliance,
    tree: &Tree,
    inputs: &Inputs,
) -> Result<Difference, render::RenderError> {
    let before = render::render(old, inputs)?;
    Ok(difference(
        Side {
            appliance: old,
            tree: &before,
        },
        Side { appliance: new, tree },
    ))
}

fn print(difference: &Difference, format: &Format, output: Output) -> anyhow::Result<()> {
    if format.json {
        return access_text::records(difference)
            .iter()
            .try_for_each(|record| output.json(record));
    }
    output.print(&access_text::describe(difference, output.style()));
    Ok(())
}
