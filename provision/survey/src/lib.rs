#![doc = include_str!("../README.md")]

use appliance::Appliance;
use host::{Facts, Host, HostError, Question};
use plan::{Foreign, Ledger, Plan, SecretsError};
use render::{Inputs, RenderError, Tree};

/// Why there is no survey.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The machine could not be looked at.
    #[error("cannot look at the machine")]
    Host(#[from] HostError),
    /// The file of secrets is not as it must be.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The definition cannot be rendered.
    #[error("cannot render the definition")]
    Render(#[from] RenderError),
}

/// What should be, what is, and what lies between.
#[derive(Debug)]
pub struct Survey {
    /// What decided over the rendering beside the definition.
    pub inputs: Inputs,
    /// What the machine should hold.
    pub tree: Tree,
    /// What earlier runs put on it.
    pub ledger: Ledger,
    /// What it holds.
    pub facts: Facts,
    /// What would bring it there.
    pub plan: Plan,
}

/// Looks at a machine and plans. What is in `foreign` is moved away, which is nothing unless an operator says so. `more`
/// may ask for facts beyond those that planning needs.
pub fn take(
    appliance: &Appliance,
    host: &Host,
    foreign: &[Foreign],
    more: impl FnOnce(&Tree, &mut Question),
) -> Result<Survey, SurveyError> {
    let before = host::gather(host, &plan::inputs_question(appliance))?;
    let inputs = plan::read_inputs(appliance, &before)?;
    let tree = render::render(appliance, &inputs)?;
    let ledger = Ledger::of(&before);
    let mut question = plan::question(appliance, &tree, &ledger, foreign);
    more(&tree, &mut question);
    let facts = host::gather(host, &question)?;
    let plan = plan::plan(appliance, &tree, &facts, foreign);
    Ok(Survey {
        inputs,
        tree,
        ledger,
        facts,
        plan,
    })
}
