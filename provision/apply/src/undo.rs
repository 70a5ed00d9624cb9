//! Puts back what a run changed, in reverse, from its journal.

use std::time::Duration;

use appliance::name::UnitName;
use appliance::path::TargetPath;
use host::facts::AccountFiles;
use host::facts::account::Lines;
use host::facts::record::Record;
use host::systemd::{self, Order};
use host::{Host, HostError, before, firewall, kernel, read};
use render::Area;

use crate::images::{AccountFile, Image, Told};
use crate::journal::{RunName, Saved};

/// How long units may take to come back.
const UNIT_LIMIT: Duration = Duration::from_secs(120);
/// Unit files that systemd reads.
const UNITS: &str = "/etc/systemd";

/// What was put back, and what could not be.
#[derive(Debug, Default)]
pub struct Undone {
    /// Things that are as they were.
    pub count: usize,
    /// Things that are not, each with its reason.
    pub failed: Vec<String>,
}

/// Puts back everything in `images` whose area is wanted, the last change first. One that cannot be put back does not
/// keep the others from it.
pub(crate) fn put_back(host: &Host, run: &RunName, images: &[Saved], areas: Option<&[Area]>) -> Undone {
    let mut undone = Undone::default();
    let wanted = |saved: &&Saved| areas.is_none_or(|areas| areas.contains(&saved.area));
    let images: Vec<&Saved> = images.iter().filter(wanted).collect();
    let mut units: Vec<(&UnitName, bool, Told)> = Vec::new();
    let mut unit_files = false;
    for saved in images.iter().rev() {
        let result = match &saved.image {
            Image::Unit { unit, ran, told } => {
                units.push((unit, *ran, *told));
                continue;
            }
            Image::Path { path, was } => {
                unit_files |= path.is_within(&TargetPath::known(UNITS));
                path_back(host, run, path, was)
            }
            Image::Account { file, name, line } => account_back(host, *file, name, line.as_deref()),
            Image::Kernel { name, value } => kernel::set_sysctl(host, name, value).map_err(tell),
            Image::Firewall { table } => firewall::restore(host, table.as_deref()).map_err(tell),
        };
        undone.note(saved, result);
    }
    if host.is_live() && unit_files {
        let result = systemd::daemon_reload(host).map_err(tell);
        undone.failed.extend(result.err());
    }
    // In the order of the run: what was stopped for something else to start is started after that was stopped.
    for (unit, ran, told) in units.into_iter().rev() {
        let result = unit_back(host, unit, ran, told).map_err(tell);
        match result {
            Ok(()) => undone.count += 1,
            Err(reason) => undone.failed.push(format!("{unit}: {reason}")),
        }
    }
    undone
}

impl Undone {
    fn note(&mut self, saved: &Saved, result: Result<(), String>) {
        match result {
            Ok(()) => self.count += 1,
            Err(reason) => self.failed.push(format!("{}: {reason}", target(&saved.image))),
        }
    }
}

fn target(image: &Image) -> String {
    match image {
        Image::Path { path, .. } => path.to_string(),
        Image::Account { name, .. } => name.clone(),
        Image::Kernel { name, .. } => name.clone(),
        Image::Firewall { .. } => "the firewall's table".to_owned(),
        Image::Unit { unit, .. } => unit.to_string(),
    }
}

fn tell(error: HostError) -> String {
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn path_back(host: &Host, run: &RunName, path: &TargetPath, was: &crate::images::Was) -> Result<(), String> {
    let content = read::file(host, &run.kept(path)).map_err(tell)?;
    if matches!(was, crate::images::Was::File { .. }) && content.is_none() {
        return Err("its former content is no longer kept".to_owned());
    }
    let before = was.with(content.unwrap_or_default())?;
    before::put_back(host, path, &before).map_err(tell)
}

fn account_back(host: &Host, file: AccountFile, name: &str, line: Option<&str>) -> Result<(), String> {
    host::accounts::edit(host, |files: &mut AccountFiles| match file {
        AccountFile::Passwd => line_back(&mut files.passwd, name, line, |line| &line.name),
        AccountFile::Group => line_back(&mut files.group, name, line, |line| &line.name),
        AccountFile::Shadow => line_back(&mut files.shadow, name, line, |line| &line.name),
        AccountFile::Gshadow => line_back(&mut files.gshadow, name, line, |line| &line.name),
    })
    .map(drop)
    .map_err(tell)
}

fn line_back<T: Record>(
    lines: &mut Lines<T>,
    name: &str,
    line: Option<&str>,
    name_of: impl Fn(&T) -> &String,
) -> Result<(), String> {
    let Some(line) = line else {
        lines.retain(|entry| name_of(entry) != name);
        return Ok(());
    };
    let former = T::parse(line).ok_or("the line that was kept cannot be understood")?;
    if !lines.entries().any(|entry| name_of(entry) == name) {
        lines.push(former);
        return Ok(());
    }
    // In its place: the order of lines is somebody's choice.
    if let Some(entry) = lines.entries_mut().find(|entry| name_of(entry) == name) {
        *entry = former;
    }
    Ok(())
}

fn unit_back(host: &Host, unit: &UnitName, ran: bool, told: Told) -> Result<(), HostError> {
    let order = match (ran, told) {
        (false, Told::Start | Told::Restart | Told::Reload) => Order::Stop,
        (false, Told::Stop) => return Ok(()),
        (true, Told::Stop | Told::Start) => Order::Start,
        (true, Told::Restart) => Order::Restart,
        (true, Told::Reload) => Order::ReloadOrRestart,
    };
    if order != Order::Stop {
        systemd::reset_failed(host, &[unit])?;
    }
    systemd::order(host, order, &[unit], UNIT_LIMIT)
}
