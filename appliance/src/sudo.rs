//! Who may run what as whom. A rule names one program and exactly its arguments; a wildcard cannot be written.

use crate::path::TargetPath;
use crate::reader::Table;

/// What may stand behind the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing.
    None,
    /// Exactly these words.
    Exact(String),
    /// Words that an anchored regular expression matches.
    Matching(String),
}

/// What a rule lets one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Anything; for administrators alone.
    All,
    /// One program.
    Program {
        /// Its path.
        path: TargetPath,
        /// What may stand behind it.
        arguments: Arguments,
    },
}

/// `who ALL=(runas) NOPASSWD: command`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A user, or `%group`.
    pub who: String,
    /// A user, an alias, or `ALL:ALL`.
    pub runas: String,
    /// What.
    pub command: Command,
}

/// One file in `/etc/sudoers.d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SudoFile {
    /// Its name, without dots, for sudo skips names with dots.
    pub name: String,
    /// The user whose environment is always reset.
    pub defaults_for: Option<String>,
    /// Sets of target users: name and members.
    pub aliases: Vec<(String, Vec<String>)>,
    /// What is granted.
    pub rules: Vec<Rule>,
}

impl SudoFile {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required::<String>("name");
        let defaults_for = table.optional("defaults_for");
        let aliases = table.tables("alias", |alias| {
            let name = alias.required("name");
            let members = alias.filled_list("members");
            Some((name?, members))
        });
        let rules = table.tables("rule", read_rule);
        if name
            .as_deref()
            .is_some_and(|name| name.contains(['.', '/', '~']) || name.is_empty())
        {
            table.refuse(
                "name",
                "sudo would skip a file of this name",
                "write a name without '.', '/' and '~'",
            );
        }
        Some(Self {
            name: name?,
            defaults_for,
            aliases: aliases.into_iter().map(|alias| alias.value).collect(),
            rules: rules.into_iter().map(|rule| rule.value).collect(),
        })
    }
}

const NO_WILDCARD: &str = "name one program and exact arguments, or an anchored `matching` expression";

fn read_rule(table: &Table<'_>) -> Option<Rule> {
    let who = table.required::<String>("who");
    let runas = table.required("runas");
    let all = table.or("all", false);
    let path = table.optional::<TargetPath>("program");
    let exact = table.optional::<String>("arguments");
    let matching = table.optional::<String>("matching");
    if all {
        if who.as_deref() != Some("%sudo") {
            table.refuse("all", "only %sudo may run everything", NO_WILDCARD);
        }
        return Some(Rule {
            who: who?,
            runas: runas?,
            command: Command::All,
        });
    }
    let Some(path) = path else {
        if table.place_of("program") == *table.place() {
            table.refuse("program", "a rule without a program grants nothing", NO_WILDCARD);
        }
        return None;
    };
    if path.as_str().contains(['*', '?', '[']) {
        table.refuse("program", format!("{path} contains a wildcard"), NO_WILDCARD);
    }
    let arguments = match (exact, matching) {
        (None, None) => Arguments::None,
        (Some(words), None) => {
            if words.contains(['*', '?', '[', '^', '"', '\\']) || words.trim().is_empty() {
                table.refuse("arguments", format!("{words:?} is not exact"), NO_WILDCARD);
            }
            Arguments::Exact(words)
        }
        (None, Some(expression)) => {
            if !(expression.starts_with('^') && expression.ends_with('$')) {
                table.refuse(
                    "matching",
                    "the expression is not anchored",
                    "begin it with ^ and end it with $",
                );
            }
            Arguments::Matching(expression)
        }
        (Some(_), Some(_)) => {
            table.refuse(
                "matching",
                "`arguments` and `matching` exclude each other",
                "keep one of the two",
            );
            return None;
        }
    };
    Some(Rule {
        who: who?,
        runas: runas?,
        command: Command::Program { path, arguments },
    })
}
