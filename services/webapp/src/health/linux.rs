//! The machine that this program runs on.

use std::io;
use std::time::Duration;

use rustix::fs::statvfs;
use rustix::time::{ClockId, clock_gettime};

use super::bus::Bus;
use super::machine::{Answer, DiskFacts, Load, Machine, UnitFacts};
use super::mountinfo::own_filesystem;
use super::watched::Watched;

/// Asks the kernel and, over the system bus, systemd.
#[derive(Debug, Default)]
pub struct Linux {
    bus: Bus,
}

impl Machine for Linux {
    fn disk(&self, partition: &'static str) -> io::Result<DiskFacts> {
        // The mount table first: it comes from the kernel's memory and tells whether a size would
        // be this disk's or the one's underneath.
        let mountinfo = std::fs::read_to_string("/proc/self/mountinfo")?;
        if !own_filesystem(&mountinfo, partition) {
            return Ok(DiskFacts::Missing);
        }
        let size = statvfs(partition)?;
        Ok(DiskFacts::Mounted {
            total: size.f_blocks * size.f_frsize,
            available: size.f_bavail * size.f_frsize,
        })
    }

    fn load(&self) -> io::Result<Load> {
        parse_loadavg(&std::fs::read_to_string("/proc/loadavg")?)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/loadavg reads strangely"))
    }

    async fn units(&self, watched: &Watched) -> Answer<UnitFacts> {
        self.bus.units(watched).await
    }

    fn uptime(&self) -> Duration {
        since_clock_start(ClockId::Boottime)
    }
}

/// What a clock that starts with the machine shows.
pub(super) fn since_clock_start(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or(0))
}

fn parse_loadavg(text: &str) -> Option<Load> {
    let mut numbers = text.split(' ').map(|word| word.parse().ok());
    Some(Load {
        one: numbers.next()??,
        five: numbers.next()??,
        fifteen: numbers.next()??,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_read_from_the_kernels_line() {
        let load = parse_loadavg("0.84 0.46 12.22 3/417 23512\n").unwrap();
        assert_eq!((load.one, load.five, load.fifteen), (0.84, 0.46, 12.22));
        assert!(parse_loadavg("0.84 x\n").is_none());
    }

    #[test]
    fn this_machine_has_a_root() {
        let DiskFacts::Mounted { total, available } = Linux::default().disk("/").unwrap() else {
            panic!("the root is always mounted");
        };
        assert!(total >= available);
    }
}
