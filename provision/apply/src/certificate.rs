//! The self-signed certificate of the first boot.

use appliance::path::TargetPath;
use host::Host;
use host::command::Command;
use host::write::{self, NewFile};

use crate::StepError;

/// Days that the placeholder is valid: longer than any machine waits for a real one.
const DAYS: &str = "3650";

/// Makes key and certificate with openssl, which prints both, so that no half-made file is ever seen.
pub(crate) fn make_placeholder(
    host: &Host,
    certificate: &TargetPath,
    key: &TargetPath,
    domain: &str,
) -> Result<(), StepError> {
    let output = Command::new("/usr/bin/openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-days",
            DAYS,
        ])
        .args([
            "-subj",
            &format!("/CN={domain}"),
            "-addext",
            &format!("subjectAltName=DNS:{domain}"),
        ])
        .args(["-keyout", "-", "-out", "-"])
        .run()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let block = |label: &str| {
        let (begin, end) = (
            format!("-----BEGIN {label}-----"),
            format!("-----END {label}-----"),
        );
        let from = text.find(&begin)?;
        let to = text[from..].find(&end)? + from + end.len();
        Some(format!("{}\n", &text[from..to]))
    };
    let missing = |problem| StepError::Unexpected {
        program: "openssl",
        problem,
    };
    let key_text = block("PRIVATE KEY").ok_or_else(|| missing("no private key"))?;
    let certificate_text = block("CERTIFICATE").ok_or_else(|| missing("no certificate"))?;
    for (path, text, mode) in [(key, key_text, 0o600), (certificate, certificate_text, 0o644)] {
        let file = NewFile::of_root(path, text.as_bytes(), mode);
        write::replace(host, &file)?;
    }
    Ok(())
}
