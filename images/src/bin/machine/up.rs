//! `machine up`: from nothing, or from whatever is there, to a verified appliance.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use image::install::{DEVELOPMENT_INSTANCE, OPERATOR_PROGRAM};
use image::{Base, Exec, Release};
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

/// Where `up` notes which base the machine's root lies over.
const BASE_NOTE: &str = "base";

/// Brings machine and appliance up.
pub fn up(programs: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let release = match programs {
        Some(directory) => Release::from_directory(directory, DEVELOPMENT_INSTANCE),
        None => Release::of_this_build(DEVELOPMENT_INSTANCE),
    };
    let release = release.context("find the programs")?;
    let note = state::file(NOTE)?;
    renew_root(&mut progress)?;
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

/// A root over an old base would miss packages that the definition has since come to need, and has no network to get
/// them from. The disks are what a machine is rebuilt around, so they stay.
fn renew_root(progress: &mut Progress) -> anyhow::Result<()> {
    let base = progress.step("look for the base", || {
        Ok(Base::stock().context("build the base")?.root())
    })?;
    let base = base.display().to_string();
    let note = state::file(BASE_NOTE)?;
    if std::fs::read_to_string(&note).is_ok_and(|known| known != base) {
        say("the base has changed: the machine gets a new root, on the disks that are there");
        supervise::end().context("stop the machine")?;
        image::place::remove_kept(state::NAME, true).context("remove the machine's root")?;
    }
    let directory = image::place::kept_directory(state::NAME)?;
    std::fs::create_dir_all(&directory).context("make the machine's directory")?;
    let mut file = std::fs::File::create(&note).context("note the base")?;
    file.write_all(base.as_bytes()).context("note the base")
}

fn bring(progress: &mut Progress, state: &State, release: &Release) -> anyhow::Result<()> {
    progress.step("install the programs", || Ok(release.install(&state.inside)?))?;
    progress.step("appliance apply", || appliance(state, &["apply", "--yes"]))?;
    let report = progress.step("appliance verify", || appliance(state, &["verify"]))?;
    say(report.trim_end());
    let plan = progress.step("appliance plan", || appliance(state, &["plan"]))?;
    say(plan.trim_end());
    Ok(())
}

fn appliance(state: &State, arguments: &[&str]) -> anyhow::Result<String> {
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
    Ok(out.stdout)
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
