//! Kernel settings.

use templates::context::{Sysctl, SysctlRow};

use crate::draft::Draft;

pub(super) fn sysctl(draft: &Draft<'_>) -> Sysctl {
    let row = |(key, value): (&String, &String)| SysctlRow {
        key: key.clone(),
        value: value.clone(),
    };
    Sysctl {
        rows: draft.appliance.operating_system.sysctl.iter().map(row).collect(),
    }
}
