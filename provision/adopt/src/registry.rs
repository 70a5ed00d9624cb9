//! The account registry: who has or had an account on this appliance, with the numbers that lie on their files
//! (spec 10, section 4.4). Without it a rebuilt machine would give one person the files of another.

use std::collections::BTreeMap;

use appliance::name::UserName;
use appliance::ssh_key::SshKey;
use host::facts::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The form that this program reads and writes.
const VERSION: u32 = 1;
/// An account takes about 1 KiB. Far beyond that it is something else.
const LARGEST: usize = 8 << 20;
/// The field that covers the others.
const CHECKSUM: &str = "checksum";
/// The first number that a new person gets.
pub const FIRST_UID: u32 = 3000;

/// Fields of a later program, kept when this one writes the file.
type Unknown = BTreeMap<String, Value>;

/// Why a registry cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Too many bytes to be one.
    #[error("it has {0} bytes, and no registry has more than {LARGEST}")]
    TooLarge(usize),
    /// Not JSON, or not of this form.
    #[error("it cannot be understood: {0}")]
    Malformed(String),
    /// Of a later program.
    #[error("it has the version {0}, and this program reads {VERSION}")]
    Later(u64),
    /// Changed since it was written.
    #[error("its checksum does not cover what it says")]
    Checksum,
    /// It says what cannot be.
    #[error("{0}")]
    Contradiction(String),
}

/// Everybody who has or had an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    version: u32,
    /// One more with each write.
    pub generation: u64,
    /// When, in RFC 3339.
    pub written_at: String,
    /// The number of the next person: above all that were ever given.
    pub next_uid: u32,
    /// Groups of the definition with their numbers here.
    pub groups: BTreeMap<String, u32>,
    /// Sorted by name. Those who left stay, so that nobody gets their number.
    pub accounts: Vec<Account>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// One account, as it stands or stood on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub username: UserName,
    /// Its number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
    /// Its home.
    pub home: String,
    /// Its shell.
    pub shell: String,
    /// Its comment: an e-mail address or nothing on accounts of ours.
    pub gecos: String,
    /// What it is for.
    pub role: Role,
    /// Its groups beside the first.
    pub groups: Vec<String>,
    /// Who may log in as it.
    pub ssh_keys: Vec<Key>,
    /// Whether it is in use.
    pub state: State,
    /// When it got here, in RFC 3339.
    pub created_at: String,
    /// Who made it.
    pub created_by: String,
    /// When it was removed.
    pub removed_at: Option<String>,
    /// Who removed it.
    pub removed_by: Option<String>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its kind, such as `ssh-ed25519`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// As it stands in `authorized_keys`.
    pub line: String,
    #[serde(flatten)]
    unknown: Unknown,
}

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads public data.
    Standard,
    /// Reads private data too.
    Privileged,
    /// Administers the machine.
    Admin,
    /// Is no person.
    Service,
}

/// Whether an account is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In use.
    Active,
    /// Kept, but nobody gets in.
    Locked,
    /// Gone; the number stays taken.
    Removed,
}

impl Role {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Privileged => "privileged",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

impl Key {
    /// Of a key that was read.
    pub fn of(key: &SshKey) -> Self {
        Self {
            kind: key.kind().to_owned(),
            fingerprint: fingerprint(&key.blob()),
            line: key.to_string(),
            unknown: Unknown::new(),
        }
    }
}

impl Account {
    /// One that is found on the machine, with what the account files say about it.
    pub(crate) fn found(username: UserName, line: &host::facts::account::PasswdLine, now: &str) -> Self {
        Self {
            username,
            uid: line.uid,
            gid: line.gid,
            home: line.home.clone(),
            shell: line.shell.clone(),
            gecos: line.comment.clone(),
            role: Role::Standard,
            groups: Vec::new(),
            ssh_keys: Vec::new(),
            state: State::Active,
            created_at: now.to_owned(),
            created_by: "appliance".to_owned(),
            removed_at: None,
            removed_by: None,
            unknown: Unknown::new(),
        }
    }
}

impl Registry {
    /// One without accounts, never written.
    pub fn empty() -> Self {
        Self {
            version: VERSION,
            generation: 0,
            written_at: String::new(),
            next_uid: FIRST_UID,
            groups: BTreeMap::new(),
            accounts: Vec::new(),
            unknown: Unknown::new(),
        }
    }

    /// Reads the bytes of the file.
    ///
    /// # Errors
    ///
    /// When they are too many, no registry, changed since they were written, or contradict themselves.
    pub fn parse(bytes: &[u8]) -> Result<Self, RegistryError> {
        if bytes.len() > LARGEST {
            return Err(RegistryError::TooLarge(bytes.len()));
        }
        let malformed = |error: serde_json::Error| RegistryError::Malformed(error.to_string());
        let mut fields: serde_json::Map<String, Value> = serde_json::from_slice(bytes).map_err(malformed)?;
        // The version first: what a later program writes may differ in everything else.
        match fields.get("version").and_then(Value::as_u64) {
            Some(later) if later > u64::from(VERSION) => return Err(RegistryError::Later(later)),
            Some(1) => {}
            _ => return Err(RegistryError::Malformed("it has no version of ours".to_owned())),
        }
        let said = fields.remove(CHECKSUM);
        let fields = Value::Object(fields);
        if said != Some(Value::String(checksum(&fields))) {
            return Err(RegistryError::Checksum);
        }
        let registry: Self = serde_json::from_value(fields).map_err(malformed)?;
        registry.check()?;
        Ok(registry)
    }

    /// The bytes of the file; the same registry gives the same bytes.
    pub fn print(&self) -> Vec<u8> {
        // Every key of its maps is text, and nothing else can fail.
        let mut fields = serde_json::to_value(self).unwrap_or_default();
        let checksum = checksum(&fields);
        if let Value::Object(fields) = &mut fields {
            fields.insert(CHECKSUM.to_owned(), Value::String(checksum));
        }
        let mut bytes = serde_json::to_vec_pretty(&fields).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    fn check(&self) -> Result<(), RegistryError> {
        let refuse = |text: String| Err(RegistryError::Contradiction(text));
        if humantime::parse_rfc3339(&self.written_at).is_err() {
            return refuse(format!("`written_at` is no time: {:?}", self.written_at));
        }
        if self.generation == 0 {
            return refuse("there was never a generation 0".to_owned());
        }
        for pair in self.accounts.windows(2) {
            if pair[0].username >= pair[1].username {
                return refuse(format!(
                    "`{}` stands there twice, or not in its order",
                    pair[1].username
                ));
            }
        }
        for account in &self.accounts {
            if account.uid >= self.next_uid {
                let uid = account.uid;
                return refuse(format!(
                    "`next_uid` is {}, and `{}` has {uid}",
                    self.next_uid, account.username
                ));
            }
            for key in &account.ssh_keys {
                let read = key.line.parse::<SshKey>().map(|read| Key::of(&read));
                if !read.is_ok_and(|read| read.kind == key.kind && read.fingerprint == key.fingerprint) {
                    return refuse(format!(
                        "a key of `{}` is not what it says: {:?}",
                        account.username, key.fingerprint
                    ));
                }
            }
        }
        Ok(())
    }

    /// The account with a name, those that are gone included.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|account| account.username.as_str() == name)
    }

    /// The next generation, with these accounts more. `highest` is the highest number that is known to have been used.
    pub fn with(&self, newcomers: Vec<Account>, highest: u32, now: &str) -> Self {
        let mut registry = self.clone();
        registry.accounts.extend(newcomers);
        registry
            .accounts
            .sort_by(|left, right| left.username.cmp(&right.username));
        let used = registry.accounts.iter().map(|account| account.uid);
        let highest = used.chain([highest]).max().unwrap_or_default();
        registry.next_uid = registry.next_uid.max(highest.saturating_add(1));
        registry.generation += 1;
        registry.written_at = now.to_owned();
        registry
    }
}

/// Over the fields sorted by name and without a blank between them.
fn checksum(fields: &Value) -> String {
    format!(
        "sha256:{}",
        Digest::of(&serde_json::to_vec(fields).unwrap_or_default())
    )
}

/// `SHA256:` and the digest in base64 without padding.
fn fingerprint(blob: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "SHA256:".to_owned();
    for group in Digest::of(blob).0.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=group.len() {
            let letter = bits >> (18 - 6 * place) & 63;
            text.push(char::from(ALPHABET[letter as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests;
