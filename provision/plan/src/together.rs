//! Which steps change what one program reads as a whole.

use appliance::path::TargetPath;
use render::Area;

use crate::step::{Change, Step};

/// Files that one program reads together, so that they are judged together: one alone may name what stands in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Together {
    /// Everything below `/etc/nginx`: `nginx -t`.
    Nginx,
    /// Everything below `/etc/sudoers.d`: `visudo -c`.
    Sudoers,
    /// Everything below `/etc/ssh`: `sshd -t`.
    Ssh,
    /// Unit files, drop-ins and the links that enable them: `systemd-analyze verify`.
    Units,
    /// The rules and the order to load them: `nft -c`.
    Firewall,
}

impl Step {
    /// The files that a step's file is judged together with; none for a step that changes no such file. Steps of a
    /// group stand side by side in a plan, but for the rules of the firewall, whose loading follows them.
    pub fn group(&self) -> Option<Together> {
        match &self.change {
            Change::WriteFile { .. }
            | Change::Link { .. }
            | Change::Remove(_)
            | Change::Quarantine { .. } => of_area(self.area),
            Change::LoadFirewall(_) => Some(Together::Firewall),
            _ => None,
        }
    }

    /// The file or link that a step writes, turns, removes or moves away.
    pub fn changed_path(&self) -> Option<&TargetPath> {
        crate::units::changed_path(&self.change)
    }
}

fn of_area(area: Area) -> Option<Together> {
    match area {
        Area::Nginx => Some(Together::Nginx),
        Area::Sudoers => Some(Together::Sudoers),
        Area::Ssh => Some(Together::Ssh),
        Area::Units => Some(Together::Units),
        Area::Firewall => Some(Together::Firewall),
        Area::Packages
        | Area::Accounts
        | Area::Disks
        | Area::Swap
        | Area::Directories
        | Area::Settings
        | Area::Limits
        | Area::Kernel
        | Area::Security
        | Area::Homes
        | Area::Release
        | Area::Services => None,
    }
}
