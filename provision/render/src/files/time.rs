//! The clock.

use appliance::platform::Platform;
use templates::context::{Chrony, TimeSource, TimeSourceKind};

use crate::draft::Draft;

/// The cloud smears leap seconds, so its own server must win there; elsewhere Debian's pool, which Debian's
/// chrony.conf names, is enough.
pub(super) fn chrony(draft: &Draft<'_>) -> Chrony {
    let cloud = || TimeSource {
        kind: TimeSourceKind::Server,
        address: "metadata.google.internal".to_owned(),
        prefer: true,
    };
    Chrony {
        sources: match draft.appliance.platform() {
            Platform::Gce => vec![cloud()],
            Platform::Qemu | Platform::Container => Vec::new(),
        },
    }
}
