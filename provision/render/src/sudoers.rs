//! One file of `/etc/sudoers.d` for each set of grants.

use appliance::layout::Judge;
use appliance::sudo::{Arguments, Command, Rule, SudoFile};
use templates::context::{
    Principal, Runas, RunasAlias, RunasMember, SudoCommand, SudoDefaults, SudoRule, Sudoers,
};

use crate::draft::{Draft, root_owned, text};
use crate::names::{SUDOERS, below};
use crate::{Area, Content, RenderError};

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for file in &draft.appliance.sudo {
        let path = below(SUDOERS, &file.name)?;
        let content = Content::Plain(text(&path, &sudoers(file))?);
        let because = "its rules are all that may be run as another user".to_owned();
        draft.add_file(
            path,
            Area::Sudoers,
            root_owned(0o440),
            content,
            Some(Judge::Sudoers),
            because,
        )?;
    }
    Ok(())
}

/// The order within a file is the definition's: the last match wins in sudo, so it carries meaning.
fn sudoers(file: &SudoFile) -> Sudoers {
    Sudoers {
        defaults: file.defaults_for.iter().map(|user| defaults(user)).collect(),
        runas_aliases: file.aliases.iter().map(alias).collect(),
        rules: rules(file),
    }
}

fn defaults(user: &str) -> SudoDefaults {
    SudoDefaults {
        user: user.to_owned(),
        options: ["env_reset", "!setenv", "use_pty"].map(str::to_owned).to_vec(),
    }
}

fn alias((name, members): &(String, Vec<String>)) -> RunasAlias {
    let member = |member: &String| match member.strip_prefix('!') {
        Some(denied) => RunasMember::Deny(principal(denied)),
        None => RunasMember::Allow(principal(member)),
    };
    RunasAlias {
        name: name.clone(),
        members: members.iter().map(member).collect(),
    }
}

fn principal(name: &str) -> Principal {
    match name.strip_prefix('%') {
        Some(group) => Principal::Group(group.to_owned()),
        None => Principal::User(name.to_owned()),
    }
}

/// Plain commands for the same set of people share a line. What runs as root has one line each, so that a diff
/// shows every grant of root by itself; so has a regular expression.
fn rules(file: &SudoFile) -> Vec<SudoRule> {
    let mut rules: Vec<SudoRule> = Vec::new();
    for rule in &file.rules {
        let (who, runas, command) = (principal(&rule.who), runas(file, rule), command(rule));
        let joins = |before: &SudoRule| {
            matches!(runas, Runas::Alias(_))
                && before.who == who
                && before.runas == runas
                && !before.commands.iter().chain([&command]).any(is_expression)
        };
        match rules.last_mut().filter(|before| joins(before)) {
            Some(before) => before.commands.push(command),
            None => rules.push(SudoRule {
                who,
                runas,
                commands: vec![command],
            }),
        }
    }
    rules
}

const fn is_expression(command: &SudoCommand) -> bool {
    matches!(command, SudoCommand::Matching(..))
}

fn runas(file: &SudoFile, rule: &Rule) -> Runas {
    if rule.runas == "ALL:ALL" {
        Runas::Everyone
    } else if file.aliases.iter().any(|(name, _)| *name == rule.runas) {
        Runas::Alias(rule.runas.clone())
    } else {
        Runas::User(rule.runas.clone())
    }
}

fn command(rule: &Rule) -> SudoCommand {
    match &rule.command {
        Command::All => SudoCommand::Everything,
        Command::Program { path, arguments } => {
            let path = path.to_string();
            match arguments {
                Arguments::None => SudoCommand::Bare(path),
                Arguments::Exact(words) => {
                    SudoCommand::Exact(path, words.split_ascii_whitespace().map(str::to_owned).collect())
                }
                Arguments::Matching(expression) => SudoCommand::Matching(path, expression.clone()),
            }
        }
    }
}
