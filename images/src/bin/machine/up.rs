//! `machine up`: from nothing, or from whatever is there, to a verified appliance.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use image::install::{DEVELOPMENT_INSTANCE, OPERATOR_PROGRAM};
use image::{Exec, Release};
use serde_json::json;

use crate::progress::{Progress, say};
use crate::state::{self, State};
use crate::supervise;

/// Where `up` notes what it brought to the machine.
const NOTE: &str = "installed";

/// A first apply on a slow machine.
const APPLY: Duration = Duration::from_secs(15 * 60);

/// How long the portal may take from its unit being started to its first good answer.
const HEALTHY: Duration = Duration::from_secs(30);

/// Services keep running the program that they were started with; those of another release start anew.
const RESTART: &str = "for unit in $(systemctl list-units --type=service --state=active --plain --no-legend | cut -d' ' -f1); do
    pid=$(systemctl show --property=MainPID --value \"$unit\")
    case $(readlink \"/proc/$pid/exe\") in
        \"/opt/data-analyst/releases/$0/\"*) ;;
        /opt/data-analyst/releases/*) systemctl restart \"$unit\" ;;
    esac
done";

/// Brings machine and appliance up.
pub fn up(programs: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let release = match programs {
        Some(directory) => Release::from_directory(directory, DEVELOPMENT_INSTANCE),
        None => Release::of_this_build(DEVELOPMENT_INSTANCE),
    };
    let release = release.context("find the programs")?;
    let note = state::file(NOTE)?;
    let (state, running) = match State::of_running()? {
        Some(state) => (state, true),
        None => (progress.step("boot Debian 12", supervise::start)?, false),
    };
    let same = std::fs::read_to_string(&note).is_ok_and(|known| known == release.fingerprint());
    if !(running && same) {
        drop(std::fs::remove_file(&note));
        bring(&mut progress, &state, &release)?;
    }
    progress.step("GET /health through nginx", || healthy(&state))?;
    if !(running && same) {
        let mut file = std::fs::File::create(&note).context("note what was installed")?;
        file.write_all(release.fingerprint().as_bytes())
            .context("note what was installed")?;
    }
    if json {
        let report = json!({ "url": state.url(), "address": state.address, "version": release.version,
            "changed": !(running && same), "total_ms": progress.total_ms(), "steps_ms": progress.steps_ms });
        writeln!(std::io::stdout(), "{report}")?;
    } else {
        writeln!(std::io::stdout(), "{}", state.url())?;
    }
    Ok(())
}

fn bring(progress: &mut Progress, state: &State, release: &Release) -> anyhow::Result<()> {
    let machine = state.inside;
    progress.step("install the programs", || Ok(release.install(&machine)?))?;
    progress.step("appliance apply", || appliance(state, &["apply", "--yes"]))?;
    progress.step("restart of older programs", || {
        let argv = ["sh", "-c", RESTART, &release.version];
        machine
            .exec(&Exec::new(&argv))?
            .checked(&["restart", "services"])?;
        Ok(())
    })?;
    progress.step("appliance verify", || appliance(state, &["verify"]))?;
    progress.step("appliance plan", || appliance(state, &["plan"]))
}

fn appliance(state: &State, arguments: &[&str]) -> anyhow::Result<()> {
    let mut argv = vec![OPERATOR_PROGRAM];
    argv.extend(arguments);
    let out = state.inside.exec(&Exec {
        timeout: APPLY,
        ..Exec::new(&argv)
    })?;
    if !out.success() {
        // The whole of it: this is what the person has to read.
        say(out.stdout.trim_end());
        say(out.stderr.trim_end());
        bail!(
            "`appliance {}` ended with status {}\nnext: ./dev logs, ./dev shell",
            arguments.join(" "),
            out.status
        );
    }
    Ok(())
}

fn healthy(state: &State) -> anyhow::Result<()> {
    let deadline = Instant::now() + HEALTHY;
    let url = format!("{}health", state.url());
    loop {
        // The development machine's certificate is the placeholder of the first boot: nobody vouches for it.
        let out = std::process::Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--insecure",
                "--noproxy",
                "*",
                "--fail-with-body",
                "--max-time",
                "5",
                &url,
            ])
            .output()
            .context("start curl")?;
        if out.status.success() {
            return Ok(());
        }
        if Instant::now() > deadline {
            say(String::from_utf8_lossy(&out.stdout).trim_end());
            say(String::from_utf8_lossy(&out.stderr).trim_end());
            bail!("{url} is not healthy\nnext: ./dev logs");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
