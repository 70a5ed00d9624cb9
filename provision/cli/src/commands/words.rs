//! The words of a command line, told apart by what clap knows of them: so that a command can be handed on to another
//! machine without a list here of all that it takes.

use clap::{Arg, Command};

/// One option with its value, or one positional word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The name of the argument in `args.rs`; nothing for the command itself and for what clap has no name for.
    pub argument: Option<String>,
    /// The option as it was typed, without its value; nothing for a positional word.
    pub option: Option<String>,
    /// The value, or the positional word.
    pub value: Option<String>,
}

impl Given {
    /// Whether it is this argument of `args.rs`.
    pub fn is(&self, argument: &str) -> bool {
        self.argument.as_deref() == Some(argument)
    }

    /// Whether it is this command.
    pub fn is_command(&self, name: &str) -> bool {
        self.argument.is_none() && self.option.is_none() && self.value.as_deref() == Some(name)
    }
}

/// Takes a command line apart that clap has accepted; `words` does not hold the program's own name.
pub fn told_apart(command: &Command, words: &[String]) -> Vec<Given> {
    let mut all = Vec::new();
    let mut command = command;
    let mut positions = 0;
    let mut only_positions = false;
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" && !only_positions {
            only_positions = true;
        } else if let Some(option) = word.strip_prefix("--").filter(|_| !only_positions) {
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option, None),
            };
            let argument = command
                .get_arguments()
                .find(|argument| argument.get_long() == Some(name));
            let value = value.or_else(|| words.next_if(|next| takes(argument, next)).cloned());
            all.push(given(argument, Some(format!("--{name}")), value));
        } else if word.len() > 1 && word.starts_with('-') && !only_positions {
            // Our short options take no value.
            let name = word.chars().nth(1);
            let argument = command
                .get_arguments()
                .find(|argument| argument.get_short() == name);
            all.push(given(argument, Some(word.clone()), None));
        } else if let Some(found) = command
            .find_subcommand(word)
            .filter(|_| !only_positions && positions == 0)
        {
            command = found;
            all.push(given(None, None, Some(word.clone())));
        } else {
            positions += 1;
            let argument = command.get_positionals().nth(positions - 1);
            all.push(given(argument, None, Some(word.clone())));
        }
    }
    all
}

/// Whether the next word is an option's value. One that may go without takes no word that looks like an option.
fn takes(argument: Option<&Arg>, next: &str) -> bool {
    let range =
        argument.filter(|argument| argument.get_action().takes_values() && !argument.is_require_equals_set());
    range
        .and_then(Arg::get_num_args)
        .is_some_and(|range| range.min_values() > 0 || (range.max_values() > 0 && !next.starts_with('-')))
}

fn given(argument: Option<&Arg>, option: Option<String>, value: Option<String>) -> Given {
    Given {
        argument: argument.map(|argument| argument.get_id().to_string()),
        option,
        value,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::args::Arguments;

    /// As `argument option value`, one a word.
    fn apart(words: &[&str]) -> Vec<String> {
        let typed: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Arguments::try_parse_from(std::iter::once("appliance".to_owned()).chain(typed.clone()))
            .expect("clap accepts it");
        let mut command = Arguments::command();
        command.build();
        told_apart(&command, &typed)
            .into_iter()
            .map(|given| {
                let part = |part: Option<String>| part.unwrap_or_else(|| "·".to_owned());
                format!(
                    "{} {} {}",
                    part(given.argument),
                    part(given.option),
                    part(given.value)
                )
            })
            .collect()
    }

    #[test]
    fn every_way_to_write_an_option_is_understood() {
        assert_eq!(
            apart(&[
                "--instance",
                "a b",
                "apply",
                "--on=root@x",
                "--only",
                "ssh,sudoers",
                "-y",
                "--json",
                "--color=never"
            ]),
            [
                "instance --instance a b",
                "· · apply",
                "on --on root@x",
                "only --only ssh,sudoers",
                "yes -y ·",
                "json --json ·",
                "color --color never",
            ]
        );
        assert_eq!(
            apart(&["verify", "--instance=$(id)\n'\"", "--scheduled"]),
            [
                "· · verify",
                "instance --instance $(id)\n'\"",
                "scheduled --scheduled ·"
            ]
        );
        assert_eq!(
            apart(&["can", "apply", "read", "--", "/data/x"]),
            ["· · can", "who · apply", "right · read", "path · /data/x"]
        );
    }
}
