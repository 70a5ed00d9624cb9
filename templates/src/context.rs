//! One context per template, grouped by the program that reads the file.
//!
//! The fields are plain text and numbers: what they mean was checked where they come from. What they must
//! not contain is decided by the syntax of the file, in [`crate::escape`].

/// Ties a context to the template file of the given path.
macro_rules! template {
    ($context:ty, $path:literal) => {
        impl crate::Template for $context {
            const NAME: &'static str = $path;
            const SOURCE: &'static str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path));
        }
    };
}

mod apt;
mod audit;
mod env;
mod fail2ban;
mod limits;
mod logs;
mod nftables;
mod nginx;
mod ops_agent;
mod ssh;
mod sudoers;
mod time;
mod tmpfiles;
mod unit;

pub use apt::{AptOptions, AptPeriodic, UnattendedUpgrades};
pub use audit::{AuditRules, AuditWatch, AuditdConfig};
pub use env::{EnvFile, EnvVariable};
pub use fail2ban::{BotsearchFilter, Jails, PortalAuthFilter};
pub use limits::{LimitRow, Limits, Sysctl, SysctlRow};
pub use logs::{Journald, Logrotate, LogrotateEntry, LogrotateSchedule, OwnedBy};
pub use nftables::{InternalPort, Nftables, Protocol};
pub use nginx::{NginxHttp, NginxSite, Stapling};
pub use ops_agent::{LogFile, OpsAgent, ScrapeJob};
pub use ssh::Sshd;
pub use sudoers::{Principal, Runas, RunasAlias, RunasMember, SudoCommand, SudoDefaults, SudoRule, Sudoers};
pub use time::{Chrony, TimeSource, TimeSourceKind};
pub use tmpfiles::{Tmpfiles, TmpfilesRow};
pub use unit::{Directive, Section, Unit, UnitValue};
