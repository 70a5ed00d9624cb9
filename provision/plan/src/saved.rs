//! A plan that is kept, to be carried out when somebody has read it.

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, Record};

/// The form that this program reads and writes.
const VERSION: u32 = 1;
/// A plan of a bare machine takes some 300 KiB.
const LARGEST: usize = 32 << 20;
/// What makes a file one of these and no other JSON.
const KIND: &str = "appliance-plan";

/// Why a file is no saved plan that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// Too many bytes to be one.
    #[error(
        "it has {0} bytes, and no saved plan has more than {LARGEST}\n    next: make one with `appliance plan --out FILE`"
    )]
    TooLarge(usize),
    /// Something else.
    #[error("it is no saved plan\n    next: make one with `appliance plan --out FILE`")]
    Foreign,
    /// Cut off, or changed by hand.
    #[error("it is damaged: {0}\n    next: make it again with `appliance plan --out FILE`")]
    Damaged(String),
    /// Of another program.
    #[error(
        "it has the version {0}, and this program reads {VERSION}\n    next: make it again with this program"
    )]
    Version(u64),
}

/// What was planned, and what the machine was then. Kept root's alone, for the salt of its digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    kind: String,
    version: u32,
    /// When, for people.
    pub made_at: String,
    /// The areas that it is about; empty for all.
    pub areas: Vec<render::Area>,
    /// Digest of the instance file and the definition, as whoever saves it makes it.
    pub definition: String,
    /// What the machine was.
    pub fingerprint: Fingerprint,
    /// What is to be done, for people. The steps themselves are planned again, and must come out the same.
    pub records: Vec<Record>,
}

impl SavedPlan {
    /// A plan as it is kept.
    pub fn new(
        made_at: String,
        areas: Vec<render::Area>,
        definition: String,
        fingerprint: Fingerprint,
        records: Vec<Record>,
    ) -> Self {
        Self {
            kind: KIND.to_owned(),
            version: VERSION,
            made_at,
            areas,
            definition,
            fingerprint,
            records,
        }
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// When it is something else, damaged, or of another version; the error says what to do.
    pub fn parse(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            version: u64,
        }
        if bytes.len() > LARGEST {
            return Err(SavedPlanError::TooLarge(bytes.len()));
        }
        let head: Head = match serde_json::from_slice(bytes) {
            Ok(head) => head,
            // The first line of ours names the kind, also in a file that was cut off.
            Err(error) if bytes.starts_with(b"{\n  \"kind\": \"appliance-plan\"") => {
                return Err(SavedPlanError::Damaged(error.to_string()));
            }
            Err(_) => return Err(SavedPlanError::Foreign),
        };
        if head.kind != KIND {
            return Err(SavedPlanError::Foreign);
        }
        if head.version != u64::from(VERSION) {
            return Err(SavedPlanError::Version(head.version));
        }
        serde_json::from_slice(bytes).map_err(|error| SavedPlanError::Damaged(error.to_string()))
    }

    /// The bytes of its file; the same plan gives the same bytes.
    pub fn print(&self) -> Vec<u8> {
        // Every key of its maps is text, and nothing else can fail.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
