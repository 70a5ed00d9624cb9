//! The private network between this host and one container: a cable with two ends, four addresses.

use std::path::PathBuf;

use crate::cache::{self, Lock};
use crate::command::{Call, run};
use crate::error::{Error, Result};

/// The machine's end of the cable, named as the cloud names its first network card.
pub(crate) const INTERFACE: &str = "ens4";

/// A network of four addresses that nobody else on this host uses, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Network {
    number: u8,
    _reserved: Lock,
}

impl Network {
    pub fn reserve() -> Result<Network> {
        let directory = PathBuf::from("/run/data-broker");
        cache::make(&directory)?;
        for number in 1..=250 {
            let lock = Lock::attempt(&directory.join(format!("network-{number}.lock")))?;
            if let Some(lock) = lock {
                return Ok(Network {
                    number,
                    _reserved: lock,
                });
            }
        }
        Err(Error::Host(
            "250 machines are running: no network is free".to_owned(),
        ))
    }

    pub fn host_address(&self) -> String {
        format!("10.77.{}.1", self.number)
    }

    pub fn machine_address(&self) -> String {
        format!("10.77.{}.2", self.number)
    }

    /// Lays the cable into the network namespace of a process. It goes with that namespace.
    pub fn connect(&self, process: u32) -> Result<()> {
        let here = self.name();
        self.disconnect()?;
        let process = process.to_string();
        run(&[
            "ip", "link", "add", &here, "type", "veth", "peer", "name", INTERFACE, "netns", &process,
        ])?;
        run(&[
            "ip",
            "address",
            "add",
            &format!("{}/30", self.host_address()),
            "dev",
            &here,
        ])?;
        run(&["ip", "link", "set", &here, "up"])?;
        Ok(())
    }

    /// Takes up a cable that a killed machine left; its number is ours now.
    pub fn disconnect(&self) -> Result<()> {
        Call::new(&["ip", "link", "delete", &self.name()])
            .output()
            .map(drop)
    }

    /// The name of the host's end, and of all else that is this machine's alone.
    pub fn name(&self) -> String {
        format!("appl{}", self.number)
    }
}
