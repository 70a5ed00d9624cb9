//! sudoers files: who may run which exact command as whom.

use serde::{Deserialize, Serialize};

/// One file of `/etc/sudoers.d`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sudoers {
    /// `Defaults:USER …` lines.
    pub defaults: Vec<SudoDefaults>,
    /// `Runas_Alias` lines; rules refer to them by name.
    pub runas_aliases: Vec<RunasAlias>,
    /// The rules, in file order (the last match wins).
    pub rules: Vec<SudoRule>,
}
template!(Sudoers, "sudoers/sudoers.j2");

/// `Defaults:deploy env_reset, !setenv`.
#[derive(Debug, Clone, Serialize)]
pub struct SudoDefaults {
    /// Whose calls the options hold for.
    pub user: String,
    /// Flags, each with an optional `!`.
    pub options: Vec<String>,
}

/// `Runas_Alias NAME = %dataread, !root`.
#[derive(Debug, Clone, Serialize)]
pub struct RunasAlias {
    /// Upper-case letters, digits, underscore.
    pub name: String,
    /// In file order; an exclusion must come after what it narrows.
    pub members: Vec<RunasMember>,
}

/// One member of a runas alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum RunasMember {
    /// May be the target.
    Allow(Principal),
    /// May not, whatever came before.
    Deny(Principal),
}

/// A user or a group, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Principal {
    /// `name`
    User(String),
    /// `%name`
    Group(String),
}

/// As whom a rule lets its commands run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Runas {
    /// `(ALL:ALL)`: for administrators only.
    Everyone,
    /// One user.
    User(String),
    /// A runas alias of the same file.
    Alias(String),
}

/// `who ALL=(runas) NOPASSWD: command, command`.
#[derive(Debug, Clone, Serialize)]
pub struct SudoRule {
    /// Who may call.
    pub who: Principal,
    /// The target.
    pub runas: Runas,
    /// What exactly.
    pub commands: Vec<SudoCommand>,
}

/// A command of a rule. There is no form with a wildcard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum SudoCommand {
    /// `ALL`: for administrators only.
    Everything,
    /// The program without any argument.
    Bare(String),
    /// The program with exactly these arguments (at least one).
    Exact(String, Vec<String>),
    /// The program with arguments, joined by spaces, that match an anchored regular expression.
    Matching(String, String),
}
