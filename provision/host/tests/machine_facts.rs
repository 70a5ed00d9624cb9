//! What is promised of the facts that only a booted machine has: units above all, and the time that asking takes.

use image::{Base, Container, Machine, Options};
use serde_json::Value;

/// The example program, which cargo builds beside the tests.
fn facts_program() -> std::path::PathBuf {
    let test = std::env::current_exe().expect("this program");
    let built = test.ancestors().nth(2).expect("the target directory");
    let program = built.join("examples/facts");
    assert!(
        program.exists(),
        "build all targets: {} is missing",
        program.display()
    );
    program
}

fn boot() -> Container {
    let machine = Container::boot(Options::new(Base::stock().expect("the base"))).expect("a container");
    machine
        .copy_in(&facts_program(), "/root/facts", 0o755)
        .expect("copied");
    machine
}

/// The facts, and what was said about the time.
fn ask(machine: &Container, words: &[&str]) -> (Value, String) {
    let argv: Vec<&str> = ["/root/facts"].into_iter().chain(words.iter().copied()).collect();
    let output = machine.run(&argv).expect("it ran");
    assert_eq!(output.status, 0, "{output:?}");
    (serde_json::from_str(&output.stdout).expect("json"), output.stderr)
}

const FAILING: &[u8] =
    b"[Service]\nType=oneshot\nExecStart=/bin/false\n[Install]\nWantedBy=multi-user.target\n";

#[test]
fn units_are_known_by_state_file_and_result() {
    let machine = boot();
    machine
        .write_file("/etc/systemd/system/fails.service", FAILING, 0o644)
        .expect("a unit");
    machine.run(&["systemctl", "daemon-reload"]).expect("reloaded");
    machine
        .run(&["systemctl", "start", "fails.service"])
        .expect("it ran");
    machine
        .write_file(
            "/etc/systemd/system/fails.service",
            &[FAILING, b"# newer\n"].concat(),
            0o644,
        )
        .expect("a unit");
    let units = [
        "fails.service",
        "systemd-journald.service",
        "no-such.service",
        "fails@.service",
        "getty@.service",
        "-.mount",
        "multi-user.target",
    ];
    let (facts, _) = ask(&machine, &units);
    let unit = |name: &str| facts["live"]["units"][name].clone();
    let fails = unit("fails.service");
    assert_eq!(
        (&fails["active"], &fails["result"], &fails["enablement"]),
        (&"Failed".into(), &"exit-code".into(), &"Disabled".into())
    );
    assert_eq!(
        (&fails["needs_reload"], &fails["fragment"]),
        (&true.into(), &"/etc/systemd/system/fails.service".into())
    );
    let journald = unit("systemd-journald.service");
    assert_eq!(
        (&journald["load"], &journald["active"], &journald["sub"]),
        (&"Loaded".into(), &"Active".into(), &"running".into())
    );
    assert!(
        journald["main_pid"].as_u64() > Some(1) && journald["started_us"].as_u64() > Some(0),
        "{journald}"
    );
    assert_eq!(unit("no-such.service")["load"], "NotFound");
    assert_eq!(unit("fails@.service")["load"], "NotFound");
    assert_eq!(
        (
            &unit("getty@.service")["load"],
            &unit("getty@.service")["enablement"]
        ),
        (&"Loaded".into(), &"Enabled".into())
    );
    assert_eq!(unit("-.mount")["active"], "Active");
    assert_eq!(facts["os"]["container"], true);
}

#[test]
fn forty_units_are_asked_in_milliseconds() {
    let machine = boot();
    let listed = machine.run(&[
        "systemctl",
        "list-units",
        "--all",
        "--plain",
        "--no-legend",
        "--type=service,timer,socket",
    ]);
    let listed = listed.expect("it ran").stdout;
    let units: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .take(40)
        .collect();
    assert_eq!(units.len(), 40, "{listed}");
    let (facts, said) = ask(&machine, &units);
    assert_eq!(
        facts["live"]["units"].as_object().map(serde_json::Map::len),
        Some(40)
    );
    let (_, without) = ask(&machine, &[]);
    // For whoever reads the run: both times with and without the units.
    println!("with 40 units: {said}without: {without}");
}
