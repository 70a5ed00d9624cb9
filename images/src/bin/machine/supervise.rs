//! The process that owns the development machine. When it ends, however it ends, the machine ends.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use image::{Base, Container, GIB, Machine, Options, Sizes};

use crate::forward::forward;
use crate::state::{self, NAME, State};

/// The base may have to be built first, from a slow mirror.
const START: Duration = Duration::from_secs(35 * 60);

const CONTROL: &str = "control.socket";
const LOG: &str = "supervisor.log";

/// Boots the machine, forwards its ports and waits to be told to end.
pub fn supervise() -> anyhow::Result<()> {
    let base = Base::stock().context("build the base")?;
    let sizes = Sizes {
        data: 30 * GIB,
        home: 30 * GIB,
        tmp: 10 * GIB,
    };
    let mut machine = Container::boot(Options {
        sizes,
        keep: Some(NAME.to_owned()),
        ..Options::new(base)
    })
    .context("boot the machine")?;
    let control = state::file(CONTROL)?;
    drop(std::fs::remove_file(&control));
    let listener = UnixListener::bind(&control).context("listen for the other commands")?;
    let state = State {
        inside: machine.inside()?,
        address: machine.address(),
        supervisor: std::process::id(),
        https: forward(8443, machine.endpoint(443)?).context("listen on port 8443")?,
        http: forward(8080, machine.endpoint(80)?).context("listen on port 8080")?,
    };
    let partial = state::file("state.json.new")?;
    let mut file = std::fs::File::create(&partial).context("write the state")?;
    file.write_all(&serde_json::to_vec(&state)?)
        .context("write the state")?;
    std::fs::rename(&partial, state::path()?).context("write the state")?;

    let (mut asking, _) = listener.accept().context("wait for the other commands")?;
    let ended = machine.power_off();
    drop(machine);
    drop(std::fs::remove_file(state::path()?));
    drop(std::fs::remove_file(control));
    ended.context("shut the machine down")?;
    asking.write_all(b"ok").context("answer")
}

/// Starts a supervisor in the background, unless somebody just did, and waits until its machine is up.
pub fn start() -> anyhow::Result<State> {
    let mut supervisor = match image::place::is_running(NAME)? {
        true => None,
        false => Some(spawn()?),
    };
    let deadline = Instant::now() + START;
    loop {
        if let Some(state) = State::of_running()? {
            return Ok(state);
        }
        let ended = match &mut supervisor {
            Some(child) => child.try_wait().context("look after the supervisor")?.is_some(),
            None => !image::place::is_running(NAME)?,
        };
        if ended {
            bail!(
                "{}",
                std::fs::read_to_string(state::file(LOG)?)
                    .unwrap_or_default()
                    .trim()
            );
        }
        if Instant::now() > deadline {
            bail!("the machine did not start within {START:?}\nnext: ./dev down");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn spawn() -> anyhow::Result<Child> {
    drop(std::fs::remove_file(state::path()?));
    let log = state::file(LOG)?;
    std::fs::create_dir_all(log.parent().unwrap_or(&log)).context("make the machine's directory")?;
    let output = std::fs::File::create(log).context("open the supervisor's log")?;
    Command::new(std::env::current_exe().context("find this program")?)
        .arg("supervise")
        .stdin(Stdio::null())
        .stdout(output.try_clone().context("share the supervisor's log")?)
        .stderr(output)
        .current_dir("/")
        // An interrupt on our terminal is not for the machine.
        .process_group(0)
        .spawn()
        .context("start the supervisor")
}

/// Has the machine shut down, and waits until it is; a machine that is just starting starts first.
pub fn end() -> anyhow::Result<()> {
    if !image::place::is_running(NAME)? {
        return Ok(());
    }
    start().context("wait for the machine, to stop it")?;
    let mut stream = UnixStream::connect(state::file(CONTROL)?).context("reach the supervisor")?;
    stream.set_read_timeout(Some(Duration::from_secs(150)))?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .context("wait for the machine's end")?;
    if answer != "ok" {
        bail!(
            "{}",
            std::fs::read_to_string(state::file(LOG)?)
                .unwrap_or_default()
                .trim()
        );
    }
    Ok(())
}
