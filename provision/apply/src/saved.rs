//! Plans that are kept: what somebody has read is what is carried out, or nothing is.

use std::time::SystemTime;

use appliance::Appliance;
use host::Host;
use host::facts::Digest;
use plan::{Fingerprint, Foreign, Plan, Record, Salt, SavedPlan};
use render::Area;
use rustix::rand::{GetRandomFlags, getrandom};
use survey::Survey;

use crate::ApplyError;

const SALT_BYTES: usize = 32;

/// Looks and plans, for somebody to read and to say yes to later. The plan comes with its saved form.
///
/// # Errors
///
/// When the machine cannot be looked at, or something must be settled first: such a plan is not for keeping.
pub fn plan_to_keep(
    appliance: &Appliance,
    host: &Host,
    foreign: &[Foreign],
    areas: &[Area],
    sources: &str,
) -> Result<(Plan, SavedPlan), ApplyError> {
    let mut survey = survey::take(appliance, host, foreign, |_, _| {})?;
    survey.plan = survey.plan.only(areas);
    if !survey.plan.refusals.is_empty() {
        return Err(ApplyError::Refused(survey.plan.refusals));
    }
    let records = survey.plan.steps.iter().zip(1..);
    let saved = SavedPlan::new(
        humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        areas.to_vec(),
        Digest::of(sources.as_bytes()).to_string(),
        fingerprint(&survey, Salt::new(random()?)),
        records.map(|(step, id)| Record::of_step(id, step)).collect(),
    );
    Ok((survey.plan, saved))
}

fn fingerprint(survey: &Survey, salt: Salt) -> Fingerprint {
    Fingerprint::of(&survey.facts, &survey.plan, &survey.tree, salt)
}

fn random() -> Result<[u8; SALT_BYTES], ApplyError> {
    let mut bytes = [0; SALT_BYTES];
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(SALT_BYTES) => Ok(bytes),
        _ => Err(ApplyError::Step {
            verb: "make".to_owned(),
            target: "a salt for the plan".to_owned(),
            source: Box::new(crate::StepError::Unexpected {
                program: "the kernel",
                problem: "no random bytes",
            }),
        }),
    }
}

/// Refuses a plan that was made for another machine than this one is now.
pub(crate) fn refuse_moved(saved: &SavedPlan, survey: &Survey) -> Result<(), ApplyError> {
    let moved = saved
        .fingerprint
        .difference(&fingerprint(survey, saved.fingerprint.salt));
    if moved.is_empty() {
        Ok(())
    } else {
        Err(ApplyError::Moved {
            made_at: saved.made_at.clone(),
            moved,
        })
    }
}
