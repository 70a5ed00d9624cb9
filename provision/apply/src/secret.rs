//! Secrets that are made here.

use appliance::path::TargetPath;
use host::write::{self, NewFile};
use host::{Host, read};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::StepError;

/// Bytes of randomness in a generated secret (spec 10, section 16).
const SECRET_BYTES: usize = 32;

/// Makes a secret and puts it where it is kept and where services read it, in this order: a crash in between leaves
/// one that the next run copies. One that is kept already is copied and never replaced: on a new system disk it shows
/// only once the data disk is mounted, which may have been a moment ago.
pub(crate) fn generate(host: &Host, kept: &TargetPath, credential: &TargetPath) -> Result<(), StepError> {
    let secret = match read::file(host, kept)? {
        Some(bytes) => bytes,
        None => {
            let bytes = random()?;
            write::replace(host, &NewFile::of_root(kept, &bytes, 0o600))?;
            bytes
        }
    };
    Ok(write::replace(
        host,
        &NewFile::of_root(credential, &secret, 0o400),
    )?)
}

fn random() -> Result<Vec<u8>, StepError> {
    let mut bytes = [0u8; SECRET_BYTES];
    let length = getrandom(&mut bytes, GetRandomFlags::empty()).unwrap_or(0);
    if length != SECRET_BYTES {
        return Err(StepError::Unexpected {
            program: "the kernel",
            problem: "no random bytes",
        });
    }
    Ok(bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_kept_is_never_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let host = Host::offline(directory.path()).expect("a host");
        let (kept, credential) = (TargetPath::known("/kept"), TargetPath::known("/credential"));
        let text = |path: &TargetPath| read::file(&host, path).expect("readable").expect("there");
        generate(&host, &kept, &credential).expect("a new one");
        let first = text(&kept);
        assert_eq!((first.len(), &first), (2 * SECRET_BYTES, &text(&credential)));
        write::replace(&host, &NewFile::of_root(&credential, b"another machine's", 0o400)).expect("written");
        generate(&host, &kept, &credential).expect("the same");
        assert_eq!((text(&kept), text(&credential)), (first.clone(), first));
    }
}
