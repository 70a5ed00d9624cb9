//! `appliance adopt`

use std::fmt::Write;
use std::path::Path;

use ::adopt::registry::Account;
use ::adopt::{Adoption, Taken, Warning};
use plan::{Plan, Record};
use serde_json::json;

use super::{CONVERGED, definition, machine};
use crate::args::{Arguments, Format};
use crate::output::Output;

/// Beyond so many of one kind nobody reads on; `--json` has them all.
const MOST_OF_A_KIND: usize = 40;

pub fn run(
    arguments: &Arguments,
    root: Option<&Path>,
    yes: bool,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let appliance = definition(arguments)?;
    let host = machine(root)?;
    let adoption = ::adopt::look(&appliance, &host)?;
    if format.json {
        output.json(&differences(&adoption))?;
    } else {
        output.print(&table(&adoption, output));
        say_warnings(&adoption.warnings, output);
    }
    if adoption.is_empty() {
        if format.json {
            output.json(&json!({ "event": "nothing" }))?;
        } else {
            output.print("Nothing to take over: the registry and the ledger know what is there.\n");
        }
        return Ok(CONVERGED);
    }
    if !yes && !super::apply::confirmed(output, || Ok(()))? {
        output.say("Nothing was changed.\n");
        return Ok(CONVERGED);
    }
    let taken = adoption.take_over()?;
    finish(&taken, format, output)
}

fn finish(taken: &Taken, format: &Format, output: Output) -> anyhow::Result<u8> {
    if format.json {
        output.json(&json!({
            "event": "adopted", "generation": taken.generation, "accounts": taken.accounts,
            "ledger": taken.ledger, "warnings": taken.warnings,
        }))?;
    } else {
        say_warnings(&taken.warnings, output);
        output.print(&format!(
            "Taken over: {} and {}. The registry is in {}, generation {}.\n\
             Read `appliance plan`, then run `appliance apply`.\n",
            counted(taken.accounts, "account"),
            counted(taken.ledger, "other thing"),
            ::adopt::PRIMARY,
            taken.generation,
        ));
    }
    Ok(CONVERGED)
}

fn differences(adoption: &Adoption<'_>) -> serde_json::Value {
    json!({
        "event": "differences", "plan": records(&adoption.plan), "undeclared": adoption.undeclared,
        "accounts": adoption.accounts, "ledger": adoption.ledger, "warnings": adoption.warnings,
    })
}

fn records(plan: &Plan) -> Vec<Record> {
    let refusals = plan
        .refusals
        .iter()
        .zip(1..)
        .map(|(refusal, id)| Record::of_refusal(id, refusal));
    let first = plan.refusals.len() + 1;
    let steps = plan
        .steps
        .iter()
        .zip(first..)
        .map(|(step, id)| Record::of_step(id, step));
    refusals.chain(steps).collect()
}

fn table(adoption: &Adoption<'_>, output: Output) -> String {
    let mut text = "What `appliance apply` would change:\n\n".to_owned();
    text.push_str(&plan::describe(&adoption.plan, output.style()));
    text.push_str("\nWhat is there and nobody declared; it stays:\n\n");
    let undeclared = adoption.undeclared.iter();
    let lines = undeclared.map(|finding| {
        format!(
            "{} {}: {}",
            finding.severity.as_str(),
            finding.target,
            finding.what
        )
    });
    list(&mut text, "!", lines);
    text.push_str("\nWhat is taken over, as it is:\n\n");
    list(&mut text, "+", adoption.accounts.iter().map(account));
    list(&mut text, "+", adoption.ledger.iter().cloned());
    text.push('\n');
    text
}

fn list(text: &mut String, mark: &str, lines: impl ExactSizeIterator<Item = String>) {
    let more = lines.len().saturating_sub(MOST_OF_A_KIND);
    for line in lines.take(MOST_OF_A_KIND) {
        let _ = writeln!(text, "  {mark} {line}");
    }
    if more > 0 {
        let _ = writeln!(text, "  {mark} and {more} more, which --json tells");
    }
}

fn account(account: &Account) -> String {
    let groups = match account.groups.as_slice() {
        [] => "no other group".to_owned(),
        groups => groups.join(" "),
    };
    format!(
        "account {}: uid {}, {}, {groups}, home {}, {}",
        account.username,
        account.uid,
        account.role.as_str(),
        account.home,
        counted(account.ssh_keys.len(), "key")
    )
}

fn say_warnings(warnings: &[Warning], output: Output) {
    for warning in warnings {
        output.say(&format!(
            "warning: {} {}\n    next: {}\n",
            warning.target, warning.what, warning.next
        ));
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("{count} {what}")
    } else {
        format!("{count} {what}s")
    }
}
