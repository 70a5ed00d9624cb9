//! Prints what this machine, or the tree that is named, is: `facts [--tree DIRECTORY] [PATH...] [UNIT.service...]`.
//! Does it ten times and tells on standard error how
//! long each took.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

use std::time::Instant;

use host::{Host, Look, Question};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut question = Question::default();
    let mut host = Host::live()?;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--tree" => host = Host::offline(words.next().ok_or("--tree needs a directory")?.as_ref())?,
            "--walk" => question
                .trees
                .push(words.next().ok_or("--walk needs a directory")?.parse()?),
            "--listeners" => question.listeners = true,
            "--disk" => {
                let id = words.next().ok_or("--disk needs a path")?;
                question.disks.push(host::DiskQuestion {
                    role: id.clone(),
                    by_id: id.parse()?,
                    label: words.next().ok_or("--disk needs a label")?,
                    mount_point: "/data".parse()?,
                    probe_blank: true,
                });
            }
            path if path.starts_with('/') => drop(question.paths.insert(path.parse()?, Look::Listing)),
            key if key.starts_with("sysctl:") => drop(question.sysctl.insert(key[7..].to_owned())),
            unit => drop(question.units.insert(unit.parse()?)),
        }
    }
    // The first time includes what the kernel and the service manager have to fetch.
    let mut times = Vec::new();
    let mut look = || {
        let before = Instant::now();
        let facts = host::gather(&host, &question);
        times.push(format!("{:.1}", before.elapsed().as_secs_f64() * 1000.0));
        facts
    };
    let facts = look()?;
    for _ in 0..9 {
        look()?;
    }
    eprintln!("{} ms", times.join(" "));
    println!("{}", serde_json::to_string_pretty(&facts)?);
    Ok(())
}
