//! What the operator may type. Help, completions and the manual page all come from here.

use std::path::PathBuf;
use std::time::Duration;

use appliance::path::TargetPath;
use apply::RunName;
use clap::{Args, Parser, Subcommand, ValueEnum};
use remote::{Destination, RunId};
use render::Area;

/// Where the instance file of a machine lies.
pub const INSTANCE_FILE: &str = "/etc/data-analyst/appliance.toml";

/// Bring a Debian 12 machine to its definition, and prove that it is there.
#[derive(Debug, Parser)]
#[command(
    name = "appliance",
    version,
    about,
    after_help = EXAMPLES,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Arguments {
    /// The instance file, which says what this appliance is called and where it stands
    #[arg(long, global = true, value_name = "FILE", default_value = INSTANCE_FILE)]
    pub instance: PathBuf,
    /// A directory with a definition of your own; the shipped one is compiled in
    #[arg(long, global = true, value_name = "DIR")]
    pub definition: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Pieces instead of text, for the program on the operator's side; which of them are coloured
    #[arg(long, global = true, hide = true, value_name = "COLOURED")]
    pub framed: Option<Framed>,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  appliance check --instance appliance.toml     is the instance file right?
  appliance plan                                what would change on this machine?
  appliance apply --yes                         bring this machine to its definition
  appliance apply --only firewall,ssh           two areas of it
  appliance apply --on alice@broker             bring another machine to it, over SSH
  appliance verify --json                       is it as defined? (exit 10 when not)
  appliance can alice read /data/src_data       may she?
  appliance diff applied main                   who may do more, who less?

Exit codes: 0 as defined, 1 failed, 2 bad input, 3 refused for safety, 4 precondition, 10 changes pending or drift,
75 another run is at work, 130 stopped by Ctrl-C.";

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which streams are coloured when output is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Framed {
    /// Neither
    Neither,
    /// Standard output
    Output,
    /// Standard error
    Errors,
    /// Both
    Both,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the definition and the instance file; tells every mistake with its line
    #[command(after_help = "Example:\n  appliance check --instance appliance.toml")]
    Check(Format),
    /// Write every file that would be installed, below a directory; needs no root
    #[command(after_help = "Example:\n  appliance render --instance appliance.toml --out /tmp/tree")]
    Render {
        /// Where to; made when it is not there, must be empty otherwise
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Show what would change, in order, each with its reason (exit 10 when anything would)
    #[command(
        after_help = "Examples:\n  appliance plan\n  appliance plan --json | jq .target\n  appliance plan --out /root/plan && appliance apply /root/plan"
    )]
    Plan {
        #[command(flatten)]
        target: Target,
        /// Keep the plan in a file, for `appliance apply FILE`
        #[arg(long, value_name = "FILE", conflicts_with = "on")]
        out: Option<PathBuf>,
        #[command(flatten)]
        areas: Areas,
        #[command(flatten)]
        format: Format,
    },
    /// Bring the machine to its definition
    #[command(
        after_help = "Examples:\n  appliance apply\n  appliance apply --yes --only sudoers\n  appliance apply --quarantine\n  appliance apply --yes --root /mnt/image"
    )]
    Apply {
        /// A plan that was kept with `appliance plan --out`: it is carried out as it was read, without a question, or
        /// not at all when the machine has changed since
        #[arg(value_name = "PLAN", conflicts_with_all = ["only", "quarantine", "on"])]
        plan: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        areas: Areas,
        /// Do not ask before changing anything
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        care: Care,
        /// Say at the end how long it took and which programs were started
        #[arg(long)]
        stats: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Take over a machine that was built by hand or by another system: its people with their numbers and keys, and
    /// what stands there as the definition has it; changes nothing else
    #[command(
        after_help = "Examples:\n  appliance adopt\n  appliance adopt --yes --json | jq -r '.accounts[]?.username'\n\nThen `appliance plan`, read it, and `appliance apply`."
    )]
    Adopt {
        /// An offline tree instead of this machine
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
        /// Do not ask before anything is written
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Ask the machine whether it is as defined; changes nothing (exit 10 when it is not)
    #[command(
        after_help = "Examples:\n  appliance verify\n  appliance verify --json | jq '.checks[] | select(.outcome != \"passed\")'"
    )]
    Verify {
        #[command(flatten)]
        target: Target,
        /// Also keep the report where `/health` and the exporter find it; what the timer does
        #[arg(long)]
        scheduled: bool,
        #[command(flatten)]
        format: Format,
    },
    /// May somebody read, write or execute a path? Answered from the definition alone (exit 0 yes, 10 no)
    #[command(
        after_help = "Examples:\n  appliance can deploy write /data/scripts\n  appliance can standard read /data/src_data/parquet/private"
    )]
    Can {
        /// An account of the definition, or nobody, or one of the roles standard, privileged, admin
        who: String,
        /// What they want to do
        right: Right,
        /// With what
        path: TargetPath,
        #[command(flatten)]
        format: Format,
    },
    /// Who may do more or less between two revisions of the definition (exit 0 nobody, 10 somebody)
    #[command(
        after_help = "A revision is a commit of the repository that the current directory is in, a directory with definition\n\
                      files, `shipped` for what is compiled in, or `applied` for what this machine was last brought to.\n\n\
                      Examples:\n  appliance diff HEAD~1 HEAD\n  appliance diff applied appliance/definition\n  \
                      appliance diff --json shipped main | jq -r '.who + \" \" + .target'"
    )]
    Diff {
        /// The older revision
        #[arg(value_name = "REV1")]
        before: String,
        /// The newer one
        #[arg(value_name = "REV2")]
        after: String,
        #[command(flatten)]
        format: Format,
    },
    /// Say that you can still get in, to an apply that waits for that
    #[command(after_help = "Example, in a session that was opened after the change:\n  appliance confirm")]
    Confirm,
    /// Put back what an apply changed, the last one when none is named
    #[command(
        after_help = "Examples:\n  appliance revert\n  appliance revert 20261121T124500.123456Z\n\nThe runs that can be put back lie in /var/lib/data-analyst/backup."
    )]
    Revert {
        /// Which run
        run: Option<RunName>,
        /// Only what could lock people out, and only if nobody confirmed the run; what the timer of an apply does
        #[arg(long, hide = true, requires = "run")]
        unconfirmed: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Print the JSON schema of the instance file
    Schema,
    /// Print shell completions
    #[command(after_help = "Example:\n  appliance completions bash > /etc/bash_completion.d/appliance")]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  appliance manual | man -l -")]
    Manual,
    /// Follow a run on another machine to its end, or list its runs
    #[command(
        after_help = "Examples:\n  appliance attach --on alice@broker\n  appliance attach --on alice@broker 0123456789abcdef"
    )]
    Attach {
        /// On which machine
        #[arg(long, value_name = ON)]
        on: Destination,
        #[command(flatten)]
        way: Way,
        /// Which run; without it the runs that the machine knows are listed
        id: Option<RunId>,
        #[command(flatten)]
        format: Format,
    },
    /// What this program does on a machine that it was copied to
    #[command(hide = true, subcommand)]
    RemoteSide(RemoteSide),
    /// Report that a unit failed; what systemd starts when one of ours does
    #[command(hide = true)]
    UnitFailed {
        /// Which unit
        unit: appliance::name::UnitName,
    },
}

/// Which machine.
#[derive(Debug, Args)]
pub struct Target {
    /// An offline tree instead of this machine, for building images
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Another machine instead of this one, over SSH; copies this program there and runs it
    #[arg(long, value_name = ON, conflicts_with = "root")]
    pub on: Option<Destination>,
    #[command(flatten)]
    pub way: Way,
}

/// How a machine is written.
const ON: &str = "[USER@]HOST[:PORT]";

/// The way to another machine.
#[derive(Debug, Args)]
pub struct Way {
    /// With --on: a private key, instead of what ssh would try
    #[arg(long, value_name = "FILE", requires = "on")]
    pub identity: Option<PathBuf>,
    /// With --on: ssh's configuration, instead of ~/.ssh/config
    #[arg(long, value_name = "FILE", requires = "on")]
    pub ssh_config: Option<PathBuf>,
    /// With --on: how long a lost connection is tried again, such as 30s or 5m
    #[arg(long, value_name = "TIME", requires = "on", default_value = "5m", value_parser = humantime::parse_duration)]
    pub patience: Duration,
}

/// Parts of a run that was asked for from another machine. What they are given comes on standard input.
#[derive(Debug, Subcommand)]
pub enum RemoteSide {
    /// Keep the request that comes on standard input, and start it once
    Start {
        /// Which run
        id: RunId,
    },
    /// Carry it out
    Run {
        /// Which run
        id: RunId,
    },
    /// Print what it says
    Follow {
        /// Which run
        id: RunId,
        /// From this byte on
        #[arg(long)]
        from: u64,
    },
    /// Ask it to stop
    Stop {
        /// Which run
        id: RunId,
    },
    /// Print who may log in once the machine is as this run wants it
    Administrators {
        /// Which run
        id: RunId,
    },
    /// Print which there are
    List,
}

/// Which parts of it.
#[derive(Debug, Args)]
pub struct Areas {
    /// These areas alone, with commas between them: packages, accounts, disks, swap, directories, settings, sudoers,
    /// limits, ssh, kernel, firewall, security, units, nginx, homes, release, services
    #[arg(long, value_name = "AREA", value_delimiter = ',')]
    pub only: Vec<Area>,
    /// Also move aside what nobody declared and what weakens the machine where it lies; it is kept in
    /// /var/lib/data-analyst/quarantine
    #[arg(long)]
    pub quarantine: bool,
}

/// How careful to be.
#[derive(Debug, Clone, Copy, Args)]
pub struct Care {
    /// Do not put back what was done when the run fails
    #[arg(long)]
    pub keep: bool,
    /// After a change of sshd, sudo or the firewall, wait so many seconds for `appliance confirm` from a new session,
    /// and put the run back when nobody does
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600), num_args = 0..=1, default_missing_value = "60")]
    pub await_confirmation: Option<u64>,
}

/// How to print.
#[derive(Debug, Args)]
pub struct Format {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Right {
    /// Read a file, list a directory
    Read,
    /// Write a file, create and remove in a directory
    Write,
    /// Execute a file, enter a directory
    Execute,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
