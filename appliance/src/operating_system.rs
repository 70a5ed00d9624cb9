//! Which operating system the definition is for, and the kernel settings that it wants.

use std::collections::BTreeMap;

use crate::reader::Table;

/// The one system that the appliance runs on.
pub const SUPPORTED: (&str, &str) = ("debian", "12");

/// What the definition says about the system under it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OperatingSystem {
    /// `ID` of os-release.
    pub id: String,
    /// `VERSION_ID` of os-release.
    pub version: String,
    /// Link target of `/etc/localtime`, without the zone database's directory.
    pub time_zone: String,
    /// `LANG` of `/etc/default/locale`.
    pub locale: String,
    /// Bytes that must be free on `/` before anything is changed.
    pub free_bytes: u64,
    /// Kernel settings by name, with dots.
    pub sysctl: BTreeMap<String, String>,
}

impl OperatingSystem {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let id = table.required::<String>("id");
        let version = table.required::<String>("version");
        let time_zone = table.required("time_zone");
        let locale = table.required("locale");
        let free_bytes = table.required("free_bytes");
        let sysctl = table
            .table("sysctl", |rows| {
                rows.pairs::<String>()
                    .into_iter()
                    .map(|(key, value)| (key.value, value))
                    .collect()
            })
            .unwrap_or_default();
        if let (Some(id), Some(version)) = (&id, &version)
            && (id.as_str(), version.as_str()) != SUPPORTED
        {
            table.refuse(
                "id",
                format!("the definition is for {id} {version}, and this program knows Debian 12 alone"),
                "write `id = \"debian\"` and `version = \"12\"`",
            );
        }
        Some(Self {
            id: id?,
            version: version?,
            time_zone: time_zone?,
            locale: locale?,
            free_bytes: free_bytes?,
            sysctl,
        })
    }
}
