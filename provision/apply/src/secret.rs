//! Secrets that are made here.

use appliance::path::TargetPath;
use host::Host;
use host::write::{self, NewFile};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::StepError;

/// Bytes of randomness in a generated secret (spec 10, section 16).
const SECRET_BYTES: usize = 32;

/// Makes a secret and puts it where it is kept and where services read it, in this order: a crash in between leaves
/// one that the next run copies.
pub(crate) fn generate(host: &Host, kept: &TargetPath, credential: &TargetPath) -> Result<(), StepError> {
    let mut bytes = [0u8; SECRET_BYTES];
    let length = getrandom(&mut bytes, GetRandomFlags::empty()).unwrap_or(0);
    if length != SECRET_BYTES {
        return Err(StepError::Unexpected {
            program: "the kernel",
            problem: "no random bytes",
        });
    }
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for (path, mode) in [(kept, 0o600), (credential, 0o400)] {
        let file = NewFile::of_root(path, text.as_bytes(), mode);
        write::replace(host, &file)?;
    }
    Ok(())
}
