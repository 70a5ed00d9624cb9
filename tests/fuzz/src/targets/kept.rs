//! Files that the program keeps for itself, and that anybody with root may have edited since.

use plan::{Ledger, SavedPlan};

/// The ledger of what was created: what was read is printed, and read again, without a loss.
pub(crate) fn ledger(bytes: &[u8]) {
    match Ledger::parse(bytes) {
        Ok(ledger) => {
            let printed = ledger.print();
            let again = Ledger::parse(&printed).map(|again| again.print());
            assert!(again.is_ok_and(|again| again == printed));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A plan that was saved to be carried out later.
pub(crate) fn saved_plan(bytes: &[u8]) {
    match SavedPlan::parse(bytes) {
        Ok(plan) => {
            let printed = plan.print();
            let again = SavedPlan::parse(&printed).map(|again| again.print());
            assert!(again.is_ok_and(|again| again == printed));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
