//! `--on HOST`, `appliance attach`, and what this program does on the machine that it was copied to.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use ::remote::far::{self, Store};
use ::remote::{Destination, Errand, FileName, Heard, Kind, Request, RunId, RunRecord, Word};
use anyhow::Context;
use clap::CommandFactory;

use super::words::{Given, told_apart};
use super::{BadInput, CONVERGED, PENDING, read_input};
use crate::args::{Arguments, Command, Format, INSTANCE_FILE, RemoteSide, Way};
use crate::output::Output;
use crate::sources::{INSTANCE, Sources};

/// Where the definition's files go, below what is sent.
const DEFINITION: &str = "definition";
/// Requests are read whole; a definition has a few hundred KiB.
const MOST_REQUEST_BYTES: u64 = 64 << 20;

/// The command on another machine, when the arguments name one.
pub fn elsewhere(arguments: &Arguments, output: Output) -> anyhow::Result<Option<u8>> {
    let target = match &arguments.command {
        Command::Plan { target, .. } | Command::Apply { target, .. } | Command::Verify { target, .. } => {
            target
        }
        _ => return Ok(None),
    };
    let Some(on) = &target.on else { return Ok(None) };
    let sending = Sending::gather(arguments)?;
    let mut tell = |heard: Heard<'_>| tell(&heard, output);
    let mut errand = Errand::open(way(on, &target.way), &mut tell)?;
    if let Command::Apply { yes: false, .. } = &arguments.command {
        let planned = errand.run(&sending.as_plan(output), &mut tell)?;
        if planned != PENDING {
            return Ok(Some(planned));
        }
        if !super::apply::confirmed(output, || Ok(errand.await_answer()?))? {
            output.say("Nothing was changed.\n");
            return Ok(Some(CONVERGED));
        }
    }
    Ok(Some(errand.run(&sending.as_asked(output), &mut tell)?))
}

/// `appliance attach`
pub fn attach(
    on: &Destination,
    of: &Way,
    id: Option<&RunId>,
    format: &Format,
    output: Output,
) -> anyhow::Result<u8> {
    let mut tell = |heard: Heard<'_>| tell(&heard, output);
    let mut errand = Errand::open(way(on, of), &mut tell)?;
    if let Some(id) = id {
        return Ok(errand.attach(id.clone(), &mut tell)?);
    }
    let runs = errand.runs(&mut tell)?;
    if format.json {
        for run in &runs {
            output.json(run)?;
        }
    } else if runs.is_empty() {
        output.print("No runs.\n");
    }
    for run in runs.iter().filter(|_| !format.json) {
        output.print(&line(run));
    }
    Ok(CONVERGED)
}

/// The hidden part: what an errand calls on the other machine.
pub fn side(part: &RemoteSide, output: Output) -> anyhow::Result<u8> {
    let store = Store::of_this_machine()?;
    match part {
        RemoteSide::Start { id } => {
            let mut request = Vec::new();
            std::io::stdin()
                .take(MOST_REQUEST_BYTES)
                .read_to_end(&mut request)
                .context("cannot read the request")?;
            far::start(&store, id, &request)?;
        }
        RemoteSide::Run { id } => far::run(&store, id)?,
        RemoteSide::Follow { id, from } => {
            let attended = std::io::stdin().as_fd().try_clone_to_owned()?;
            let out = std::io::stdout().as_fd().try_clone_to_owned()?;
            far::follow(&store, id, *from, &attended.into(), &out.into())?;
        }
        RemoteSide::Stop { id } => far::stop(&store, id)?,
        RemoteSide::Administrators { id } => output.json(&administrators(&store, id)?)?,
        RemoteSide::List => output.json(&far::list(&store)?)?,
    }
    Ok(CONVERGED)
}

/// Of the instance file that was sent with a run, or of the machine's own.
fn administrators(store: &Store, id: &RunId) -> anyhow::Result<Vec<String>> {
    let sent = far::sent(store, id, &FileName::new(INSTANCE)?)?;
    let text = match sent {
        Some(text) => text,
        None => read_input(Path::new(INSTANCE_FILE))?,
    };
    let appliance = appliance::Appliance::parse(&appliance::DefinitionFiles::shipped(), INSTANCE, &text)?;
    let admins = appliance.instance.admins.iter();
    Ok(admins.map(|admin| admin.username.to_string()).collect())
}

fn way(on: &Destination, of: &Way) -> ::remote::Way {
    ::remote::Way {
        there: on.clone(),
        identity: of.identity.clone(),
        ssh_config: of.ssh_config.clone(),
        patience: of.patience,
    }
}

fn tell(heard: &Heard<'_>, output: Output) {
    match heard {
        Heard::Output(bytes) => output.pass(Kind::Output, bytes),
        Heard::Errors(bytes) => output.pass(Kind::Errors, bytes),
        Heard::Progress(line) => output.say(&format!("{line}\n")),
    }
}

fn line(run: &RunRecord) -> String {
    let asked = std::time::UNIX_EPOCH + std::time::Duration::from_secs(run.asked);
    let state = match (run.running, run.exit) {
        (true, _) => "running".to_owned(),
        (false, Some(code)) => format!("exit {code}"),
        (false, None) => "no exit".to_owned(),
    };
    let asked = humantime::format_rfc3339_seconds(asked);
    format!("{}  {asked}  {state:<8}  {}\n", run.id, run.command)
}

/// What goes to the other machine: the words of this call, and the files that they name.
#[derive(Debug)]
struct Sending {
    words: Vec<Given>,
    files: BTreeMap<FileName, String>,
}

impl Sending {
    /// Mistakes in what the operator brings are told here, before anything is connected.
    fn gather(arguments: &Arguments) -> anyhow::Result<Self> {
        let typed: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|word| {
                word.into_string().map_err(|word| {
                    BadInput(format!(
                        "{word:?} is not UTF-8 and cannot be handed on\n    next: rename it"
                    ))
                })
            })
            .collect::<Result<_, _>>()?;
        let mut command = Arguments::command();
        command.build();
        let words = told_apart(&command, &typed);
        let mut files = BTreeMap::new();
        if words.iter().any(|given| given.is("instance")) {
            let sources = Sources::named(arguments)?;
            sources.parse()?;
            files.insert(FileName::new(INSTANCE)?, sources.instance);
        }
        if let Some(directory) = &arguments.definition {
            let sources = Sources::in_directory(directory, String::new(), String::new())?;
            for (name, text) in sources.files {
                files.insert(FileName::new(&format!("{DEFINITION}/{name}"))?, text);
            }
        }
        Ok(Self { words, files })
    }

    /// The command as it was typed, and without a question: that is asked here.
    fn as_asked(&self, output: Output) -> Request {
        let mut words: Vec<Word> = self.words.iter().flat_map(handed_on).collect();
        let asks = self.words.iter().any(|given| given.is_command("apply"));
        if asks && !self.words.iter().any(|given| given.is("yes")) {
            words.push(Word::Plain("--yes".to_owned()));
        }
        if asks && !self.words.iter().any(|given| given.is("await_confirmation")) {
            words.push(Word::Plain("--await-confirmation".to_owned()));
        }
        self.request(words, output)
    }

    /// What `apply` shows before it asks.
    fn as_plan(&self, output: Output) -> Request {
        let command = Word::Plain("plan".to_owned());
        let shared = self.words.iter().filter(|given| {
            ["instance", "definition", "only"]
                .iter()
                .any(|name| given.is(name))
        });
        self.request(
            std::iter::once(command)
                .chain(shared.flat_map(handed_on))
                .collect(),
            output,
        )
    }

    fn request(&self, words: Vec<Word>, output: Output) -> Request {
        Request {
            coloured: output.for_another().to_owned(),
            words,
            files: self.files.clone(),
        }
    }
}

/// The words that take the place of one that was typed: this side's own business stays here, and a file has another
/// path there.
fn handed_on(given: &Given) -> Vec<Word> {
    let plain = |text: &Option<String>| text.clone().map(Word::Plain);
    let sent = |name: &str| FileName::new(name).ok().map(Word::File);
    let value = match given.argument.as_deref() {
        Some("on" | "identity" | "ssh_config" | "patience" | "color" | "framed") => return Vec::new(),
        Some("instance") => sent(INSTANCE),
        Some("definition") => sent(DEFINITION),
        _ => plain(&given.value),
    };
    plain(&given.option).into_iter().chain(value).collect()
}
