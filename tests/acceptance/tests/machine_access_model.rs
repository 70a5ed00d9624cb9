//! What `appliance can` answers is what the kernel does: on random trees with access lists, and in every cell of the
//! shipped definition. Root is not asked, nor what a unit's sandbox takes away.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on must stop; the seed is told, so that a failure can be repeated"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use acceptance::container_fixture::{Appliance, nothing_wrong, programs};
use anyhow::{Context, Result, ensure};
use appliance::acl::{Acl, Permissions};
use appliance::layout::NamedAcl;
use appliance::mode::Mode;
use appliance::name::{GroupName, UserName};
use appliance::path::TargetPath;
use appliance::{Appliance as Definition, DefinitionFiles};
use image::{Exec, Machine};
use render::{Access, Area, Content, Entry, Inputs, Node, Ownership, Principal, Tree};

const PROBE: &str = "/root/access-probe";
const SEED: u64 = 0x5eed_0fac_ce55;
/// Sets another seed, in hexadecimal as it is told.
const SEED_VARIABLE: &str = "ACCESS_MODEL_SEED";
const RIGHTS: [Access; 3] = [Access::Read, Access::Write, Access::Execute];
/// As many as the issue asks for; there are more.
const TRIPLES: usize = 2000;

const USERS: [&str; 10] = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"];
const GROUPS: [&str; 6] = ["ga", "gb", "gc", "gd", "ge", "gf"];
const FIRST_UID: u32 = 4001;
const FIRST_GID: u32 = 4501;
const DIRECTORIES: usize = 60;
const DEEPEST: usize = 5;
const TOP: &str = "/srv/model";

/// Somebody in names for the model and in numbers for the kernel.
#[derive(Debug)]
struct Who {
    principal: Principal,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

/// The answers of the kernel, a list for each of those who ask; "yes", "no", or what else went wrong.
fn kernel(machine: &Appliance, asking: &[Who], paths: &[TargetPath]) -> Result<Vec<Vec<String>>> {
    let mut asked = String::new();
    for path in paths {
        for right in RIGHTS {
            writeln!(asked, "{} {path}", right.as_str())?;
        }
    }
    machine.write("/root/asked", asked.as_bytes(), 0o600)?;
    let mut script = String::from("set -e\n");
    for who in asking {
        let groups: Vec<String> = who.groups.iter().map(u32::to_string).collect();
        let groups = groups.join(",");
        writeln!(
            script,
            "{PROBE} try {} {} '{groups}' < /root/asked",
            who.uid, who.gid
        )?;
    }
    let answers = machine.sh(&script)?;
    let answers: Vec<String> = answers.lines().map(str::to_owned).collect();
    let each = paths.len() * RIGHTS.len();
    ensure!(
        answers.len() == asking.len() * each,
        "{} answers to {} questions",
        answers.len(),
        asking.len() * each
    );
    Ok(answers.chunks(each).map(<[String]>::to_vec).collect())
}

fn bring_the_probe(machine: &mut Appliance) -> Result<()> {
    let program = programs()?.join("access-probe");
    ensure!(
        program.is_file(),
        "{} is missing\nnext: cargo build --workspace --bins",
        program.display()
    );
    // Whoever the probe becomes has no need to read it again.
    machine.machine().copy_in(&program, PROBE, 0o755)?;
    Ok(())
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn uid_of(name: &UserName) -> u32 {
    let place = USERS.iter().position(|known| *known == name.as_str());
    place.map_or(0, |place| FIRST_UID + place as u32)
}

fn gid_of(name: &GroupName) -> u32 {
    let place = GROUPS.iter().position(|known| *known == name.as_str());
    // A user's own group has the user's number.
    place.map_or_else(|| uid_of(&user(name.as_str())), |place| FIRST_GID + place as u32)
}

/// Numbers from a seed (xorshift64*), the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn choose<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn permissions(&mut self) -> Permissions {
        Permissions::from_bits(self.below(8) as u32)
    }

    /// Passage is likely, or few would ever reach what lies deep.
    fn mode(&mut self, is_directory: bool) -> u32 {
        const OFTEN: [u32; 8] = [0o755, 0o750, 0o770, 0o711, 0o777, 0o700, 0o775, 0o555];
        let special = [0, 0, 0, 0o1000, 0o2000, 0o3000][self.below(6)];
        match self.below(8) {
            0 => 0,
            1 | 2 => self.below(0o1000) as u32 | special,
            _ if is_directory => OFTEN[self.below(OFTEN.len())] | special,
            _ => self.below(0o1000) as u32,
        }
    }

    fn owner(&mut self) -> UserName {
        if self.one_in(4) {
            user("root")
        } else {
            user(self.choose(&USERS))
        }
    }

    fn list(&mut self) -> NamedAcl {
        let mut list: NamedAcl = Acl::from_mode(self.mode(true));
        for _ in 0..self.below(3) {
            list.users.insert(user(self.choose(&USERS)), self.permissions());
        }
        for _ in 0..=self.below(3) {
            list.groups
                .insert(group(self.choose(&GROUPS)), self.permissions());
        }
        list.mask = Some(match self.below(4) {
            0 => Permissions::NONE,
            1 => self.permissions(),
            _ => Permissions::ALL,
        });
        list
    }

    fn ownership(&mut self, mode: u32) -> Ownership {
        Ownership {
            owner: self.owner(),
            group: group(self.choose(&GROUPS)),
            mode: Mode::from_bits(mode),
        }
    }

    fn who(&mut self, name: &str) -> Who {
        let chosen: BTreeSet<&str> = (0..self.below(4)).map(|_| self.choose(&GROUPS)).collect();
        let names = chosen.iter().copied().chain([name]).map(group);
        Who {
            uid: uid_of(&user(name)),
            gid: uid_of(&user(name)),
            groups: chosen.iter().map(|name| gid_of(&group(name))).collect(),
            principal: Principal {
                user: user(name),
                groups: names.collect(),
                is_root: false,
            },
        }
    }
}

/// A random tree for the model, and what the probe makes of it on the machine.
#[derive(Default)]
struct Forest {
    tree: Tree,
    made: String,
    paths: Vec<TargetPath>,
}

impl Forest {
    fn grow(random: &mut Random) -> Self {
        let mut forest = Self::default();
        let top = TargetPath::known(TOP);
        let open = Ownership {
            owner: user("root"),
            group: group("ga"),
            mode: Mode::from_bits(0o755),
        };
        forest.directory(top.clone(), open, None, None);
        let mut directories = vec![(top, 0)];
        for number in 0..DIRECTORIES {
            // Some of them right at the top, or one closed door would close nearly all.
            let place = if random.one_in(3) {
                0
            } else {
                random.below(directories.len())
            };
            let (above, depth) = directories[place].clone();
            let path = above.join(&format!("d{number}")).unwrap();
            let access = random.one_in(2).then(|| random.list());
            let default = random.one_in(3).then(|| random.list());
            let mode = random.mode(true);
            let mode = access
                .as_ref()
                .map_or(mode, |list| mode & 0o7000 | list.mode_bits());
            let ownership = random.ownership(mode);
            forest.directory(path.clone(), ownership.clone(), access, default.clone());
            if random.one_in(2) {
                let mode = random.mode(false) & 0o777;
                let ownership = random.ownership(mode);
                forest.file(path.join("known").unwrap(), ownership);
            }
            if random.one_in(2) {
                forest.created(path.join("created").unwrap(), &ownership, default.as_ref());
            }
            if depth + 1 < DEEPEST {
                directories.push((path, depth + 1));
            }
        }
        forest
    }

    fn insert(&mut self, path: TargetPath, node: Node) {
        let entry = Entry {
            area: Area::Directories,
            node,
            because: "a test".to_owned(),
        };
        self.tree.insert(path, entry);
    }

    fn directory(
        &mut self,
        path: TargetPath,
        ownership: Ownership,
        access: Option<NamedAcl>,
        default: Option<NamedAcl>,
    ) {
        self.make("directory", &ownership, access.as_ref(), default.as_ref(), &path);
        let node = Node::Directory {
            ownership,
            access,
            default,
            closed: false,
            exact: false,
        };
        self.insert(path, node);
    }

    fn file(&mut self, path: TargetPath, ownership: Ownership) {
        self.make("file", &ownership, None, None, &path);
        let node = Node::File {
            ownership,
            content: Content::Plain(String::new()),
            judge: None,
        };
        self.insert(path, node);
    }

    /// What the directory's owner just created in it, which the tree does not hold: with the default list and 0666 as
    /// open(2) gives it, or with the directory's mode.
    fn created(&mut self, path: TargetPath, above: &Ownership, default: Option<&NamedAcl>) {
        let mut list = default.cloned();
        if let Some(list) = &mut list {
            let both = Permissions::READ.or(Permissions::WRITE);
            list.owner = list.owner.and(both);
            list.mask = list.mask.map(|mask| mask.and(both));
            list.other = list.other.and(both);
        }
        let mode = list
            .as_ref()
            .map_or(above.mode.bits() & 0o666, NamedAcl::mode_bits);
        let ownership = Ownership {
            mode: Mode::from_bits(mode),
            ..above.clone()
        };
        self.make("file", &ownership, list.as_ref(), None, &path);
    }

    fn make(
        &mut self,
        kind: &str,
        ownership: &Ownership,
        access: Option<&NamedAcl>,
        default: Option<&NamedAcl>,
        path: &TargetPath,
    ) {
        let list = |list: Option<&NamedAcl>| list.map_or_else(|| "-".to_owned(), hexadecimal);
        let (uid, gid) = (uid_of(&ownership.owner), gid_of(&ownership.group));
        let mode = ownership.mode;
        let (access, default) = (list(access), list(default));
        writeln!(self.made, "{kind} {mode} {uid} {gid} {access} {default} {path}").unwrap();
        self.paths.push(path.clone());
    }

    /// All that decides over one path, and nothing else of the tree.
    fn describe(&self, path: &TargetPath) -> String {
        let mut text = String::new();
        let above = path.ancestors().into_iter().chain([path.clone()]);
        for path in above.filter(|path| path.is_within(&TargetPath::known(TOP))) {
            let told = match self.tree.get(&path).map(|entry| &entry.node) {
                Some(Node::Directory {
                    ownership,
                    access,
                    default,
                    ..
                }) => {
                    let list =
                        |list: &Option<NamedAcl>| list.as_ref().map_or("-".to_owned(), ToString::to_string);
                    format!(
                        "{}:{} {} list {} default {}",
                        ownership.owner,
                        ownership.group,
                        ownership.mode,
                        list(access),
                        list(default)
                    )
                }
                Some(Node::File { ownership, .. }) => {
                    format!("{}:{} {}", ownership.owner, ownership.group, ownership.mode)
                }
                _ => "created there".to_owned(),
            };
            writeln!(text, "    {path}  {told}").unwrap();
        }
        text
    }
}

fn hexadecimal(list: &NamedAcl) -> String {
    let number = |name: &UserName| Ok::<_, std::convert::Infallible>(uid_of(name));
    let Ok(list) = list.translate(number, |name| Ok(gid_of(name)));
    list.to_attribute()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_model_and_the_kernel_agree_on_random_trees() -> Result<()> {
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(text) => u64::from_str_radix(text.trim_start_matches("0x"), 16).context(SEED_VARIABLE)?,
        Err(_) => SEED,
    };
    let mut random = Random(seed | 1);
    let forest = Forest::grow(&mut random);
    let asking: Vec<Who> = USERS.iter().map(|name| random.who(name)).collect();

    let mut machine = Appliance::unapplied()?;
    bring_the_probe(&mut machine)?;
    let mut accounts = String::from("set -e\n");
    for (place, name) in GROUPS.iter().enumerate() {
        writeln!(accounts, "groupadd -g {} {name}", FIRST_GID as usize + place)?;
    }
    for who in &asking {
        let (name, uid) = (&who.principal.user, who.uid);
        let more: Vec<&str> = who
            .principal
            .groups
            .iter()
            .map(GroupName::as_str)
            .filter(|group| *group != name.as_str())
            .collect();
        let more = if more.is_empty() {
            String::new()
        } else {
            format!("-G {}", more.join(","))
        };
        writeln!(
            accounts,
            "groupadd -g {uid} {name}; useradd -M -u {uid} -g {uid} {more} {name}"
        )?;
    }
    machine.sh(&accounts)?;
    let make = Exec {
        stdin: forest.made.as_bytes(),
        ..Exec::new(&[PROBE, "make"])
    };
    machine.machine().exec(&make)?.checked(&[PROBE, "make"])?;

    let answers = kernel(&machine, &asking, &forest.paths)?;
    let (mut wrong, mut triples, mut allowed) = (Vec::new(), 0, 0);
    for (who, answers) in asking.iter().zip(&answers) {
        let asked = forest
            .paths
            .iter()
            .flat_map(|path| RIGHTS.map(|right| (path, right)));
        for ((path, right), answer) in asked.zip(answers) {
            let verdict = render::can(&forest.tree, &who.principal, right, path);
            assert!(render::describes(&forest.tree, path), "{path}");
            triples += 1;
            allowed += usize::from(verdict.allowed);
            if (if verdict.allowed { "yes" } else { "no" }) != answer {
                let groups: Vec<&str> = who.principal.groups.iter().map(GroupName::as_str).collect();
                wrong.push(format!(
                    "seed {seed:#x}: {} with {}, {} {path}: the kernel says {answer}, the model {}: {} on {}\n{}",
                    who.principal.user,
                    groups.join(","),
                    right.as_str(),
                    verdict.allowed,
                    verdict.because,
                    verdict.decided_by,
                    forest.describe(path)
                ));
            }
        }
    }
    eprintln!("seed {seed:#x}: {triples} triples, {allowed} allowed");
    assert!(triples >= TRIPLES, "{triples}");
    assert!(
        allowed * 20 > triples && allowed * 2 < triples,
        "{allowed} of {triples} allowed: too one-sided"
    );
    // The shortest description first: it is the one to look at.
    wrong.sort_by_key(String::len);
    nothing_wrong(&wrong)
}

#[test]
fn the_model_and_the_kernel_agree_in_every_cell_of_the_definition() -> Result<()> {
    let mut machine = Appliance::applied()?;
    bring_the_probe(&mut machine)?;
    let instance = machine.sh("cat /etc/data-analyst/appliance.toml")?;
    let definition = Definition::parse(&DefinitionFiles::shipped(), "appliance.toml", &instance)
        .map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let tree = render::render(&definition, &Inputs::default())?;
    let stands = |node: &Node| matches!(node, Node::Directory { .. } | Node::File { .. });
    let paths: Vec<TargetPath> = tree
        .iter()
        .filter(|(_, entry)| stands(&entry.node))
        .map(|(path, _)| path.clone())
        .collect();

    let asking = everybody(&machine, &definition)?;
    let answers = kernel(&machine, &asking, &paths)?;
    let (mut wrong, mut cells) = (Vec::new(), 0);
    for (who, answers) in asking.iter().zip(&answers) {
        let asked = paths.iter().flat_map(|path| RIGHTS.map(|right| (path, right)));
        for ((path, right), answer) in asked.zip(answers) {
            let verdict = render::can(&tree, &who.principal, right, path);
            cells += 1;
            if (if verdict.allowed { "yes" } else { "no" }) != answer {
                wrong.push(format!(
                    "{} {} {path}: the kernel says {answer}, the model {}: {} on {}",
                    who.principal.user,
                    right.as_str(),
                    verdict.allowed,
                    verdict.because,
                    verdict.decided_by
                ));
            }
        }
    }
    eprintln!(
        "{} principals, {} paths, {cells} cells",
        asking.len(),
        paths.len()
    );
    nothing_wrong(&wrong)
}

/// Accounts, administrators, roles, nobody, and services with the groups that their units add: but for root.
fn everybody(machine: &Appliance, definition: &Definition) -> Result<Vec<Who>> {
    let numbers = |file: &str| -> Result<BTreeMap<String, u32>> {
        let text = machine.sh(&format!("cut -d: -f1,3 {file}"))?;
        text.lines()
            .map(|line| {
                let (name, number) = line.split_once(':').context("name:number")?;
                Ok((name.to_owned(), number.parse()?))
            })
            .collect()
    };
    let (uids, gids) = (numbers("/etc/passwd")?, numbers("/etc/group")?);
    let accounts = definition.accounts.iter().map(|account| account.name.to_string());
    let admins = definition
        .instance
        .admins
        .iter()
        .map(|admin| admin.username.to_string());
    let services = definition
        .units
        .services
        .iter()
        .map(|service| service.name.to_string());
    let roles = ["standard", "privileged", "admin", "nobody"].map(str::to_owned);
    let names = roles.into_iter().chain(accounts).chain(admins).chain(services);
    // Roles are people who need not exist: a number each that nobody has.
    let mut strangers = 60_900..;
    let mut asking = Vec::new();
    for name in names {
        let principal = Principal::named(definition, &name).with_context(|| format!("{name} is nobody"))?;
        if principal.is_root {
            continue;
        }
        let user = principal.user.as_str();
        let uid = match uids.get(user) {
            Some(uid) => *uid,
            None => strangers.next().context("a number")?,
        };
        let own = |group: &GroupName| (group.as_str() == user && !gids.contains_key(user)).then_some(uid);
        let groups = principal
            .groups
            .iter()
            .map(|group| own(group).or_else(|| gids.get(group.as_str()).copied()))
            .collect::<Option<Vec<u32>>>()
            .with_context(|| format!("a group of {name} is missing on the machine"))?;
        asking.push(Who {
            uid,
            gid: *groups.first().context("a group")?,
            groups,
            principal,
        });
    }
    Ok(asking)
}
