//! What the command line may say.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The development machine: a Debian 12 container with the appliance on it.
#[derive(Parser)]
#[command(name = "machine", version)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Start the machine and bring the appliance onto it; changes nothing when all is there
    Up {
        /// Directory with the programs `appliance` and `webapp` [default: that of this program]
        #[arg(long)]
        programs: Option<PathBuf>,
        /// Print one JSON object at the end
        #[arg(long)]
        json: bool,
    },
    /// Stop the machine in order; its disks stay
    Down,
    /// Say whether it is up, and where; exit status 3 when it is down
    #[command(alias = "ps")]
    Status {
        /// Print one JSON object, or null
        #[arg(long)]
        json: bool,
    },
    /// Show the machine's journal
    Logs {
        /// Go on as lines come
        #[arg(short, long)]
        follow: bool,
        /// Only this unit
        unit: Option<String>,
    },
    /// A root shell in the machine
    Shell,
    /// Run one command in the machine as root
    Run {
        /// The command, after `--`
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Stop the machine and remove its root and its disks
    Clean {
        /// Remove the root alone
        #[arg(long)]
        keep_disks: bool,
    },
    /// Build the base that machines start from, and print where it is
    Base,
    /// Own the machine until `down`; started by `up`
    #[command(hide = true)]
    Supervise,
}
