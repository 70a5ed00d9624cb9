//! Check 75 of spec 10, section 24, for the whole machine: its power fails at random instants of an apply. Each time it
//! boots again, and before anything mends it every file is whole and the administrator gets in and becomes root. Then
//! the next apply ends the work.
//!
//! Two settings of the environment: `POWER_CUTS` is how often the power fails, and `POWER_SEED` repeats the instants of
//! an earlier run.

use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use acceptance::container_fixture::ADMIN;
use acceptance::virtual_machine::{Appliance, Checks, timed};
use anyhow::{Context, Result, bail, ensure};
use image::Machine;

/// As many as the suite has time for, since each boots the machine.
const CUTS: u32 = 2;

/// Within a step, and between two that take long: an event comes about every 50 ms.
const MOST_DELAY: u64 = 500;

/// The load of a minute falls by two thirds in one.
const LOAD_PASSES: Duration = Duration::from_secs(180);

/// Files that stay and that apply has to write again. People get in and nginx starts as long as each is old or new.
const EDITED: &str = "/etc/ssh/sshd_config.d/10-appliance.conf /etc/ssh/authorized_keys.d/alice /etc/sudoers.d/10-appliance-admins \
    /etc/sudoers.d/runbooks /etc/nginx/conf.d/10-appliance.conf /etc/nginx/sites-available/webapp /etc/nftables.conf \
    /etc/systemd/system/fs-sync.service /etc/audit/rules.d/50-appliance.rules /etc/chrony/conf.d/10-appliance.conf";

/// Much to do again: files of every kind, directories, links, modes, owners, lists, units, accounts, the firewall.
const SPOIL: &str = "
rm -rf /etc/sudoers.d/webapp /etc/sudoers.d/deploy /etc/systemd/system/webapp.service /etc/systemd/system/*.d/10-appliance.conf \
    /data/src_data /data/notifications /etc/security/limits.d/99-users.conf /etc/sysctl.d/60-appliance.conf \
    /etc/fail2ban/jail.d/10-appliance.conf /etc/tmpfiles.d/appliance.conf /etc/data-analyst/credentials \
    /etc/data-analyst/release-keys.d /opt/data-analyst/config
for f in $(cat /root/edited); do echo '# by hand' >> $f; done
chmod 0666 /etc/logrotate.d/appliance; chown 65534 /data/docs; setfacl -m u:65534:rwx /data/corporate-memory
gpasswd -d alice data-ops >/dev/null; groupdel log-writers; userdel monitor
systemctl --quiet disable --now fs-sync.timer; systemctl stop webapp fail2ban; systemctl reset-failed; systemctl daemon-reload
nft delete table inet appliance
sh /root/known; sync
";

/// Adds what every managed file and every row of an account is now to what it may be after a cut.
const KNOWN: &str = r#"
cat > /root/state <<'END'
there=$(ls -d $(cat /root/managed) 2>/dev/null)
sha256sum $there
stat -c '%a %u:%g %n' $there
sed 's/^/row /' /etc/passwd /etc/group /etc/gshadow
cut -d: -f1,2 /etc/shadow
END
cat > /root/known <<'END'
sh /root/state | sort -u - /root/whole -o /root/whole
END
: > /root/whole
appliance render --out /root/tree >/dev/null
cd /root/tree && find . -type f ! -path ./MANIFEST | cut -c2- > /root/managed
test $(wc -l < /root/managed) -gt 30
sh /root/known; sync
"#;

/// Nothing is half written, and every program takes its configuration.
const SOUND: &str = "
sh /root/state | grep -vxFf /root/whole | sed 's/^/neither old nor new: /'
for f in /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/fstab; do
    test -s $f && test -z \"$(tail -c1 $f)\" || echo half: $f
done
for name in root alice www-data; do getent shadow $name >/dev/null || echo lost: $name; done
test ! -e /var/lib/data-analyst/manifest.json || tail -n1 /var/lib/data-analyst/manifest.json | grep -qx '}' || echo half a ledger
visudo -cq || echo sudo; sshd -t || echo sshd; nginx -t -q || echo nginx; nft -c -f /etc/nftables.conf || echo nft
";

/// What a cut may leave lying about and an apply must clear away.
const LEFT_OVER: &str = "
find /etc /opt /data /home /var/lib/data-analyst -xdev -name '.*.appliance-????????????????*' -not -path '*/backup/*'
systemctl list-units --all --plain --no-legend 'appliance-revert-*.timer'
";

#[test]
fn check_75_power_fails_at_random_instants_of_an_apply() -> Result<()> {
    let count = setting("POWER_CUTS")?.unwrap_or(CUTS);
    let seed = match setting("POWER_SEED")? {
        Some(seed) => seed,
        None => u64::from(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos()),
    };
    let mut appliance = Appliance::off()?;
    appliance.boot()?;
    appliance.apply()?;
    appliance.sh(&format!("echo {EDITED} > /root/edited; {KNOWN}"))?;
    let events = timed("an apply without a cut", || events_of_an_apply(&appliance))?;

    let mut checks = Checks::default();
    let mut interrupted = 0;
    for (number, cut) in cuts(seed, count, events).into_iter().enumerate() {
        let name = format!(
            "75 cut {} of {count}, seed {seed}, {} ms after event {} of {events}",
            number + 1,
            cut.delay.as_millis(),
            cut.event
        );
        timed(&name, || power_fails(&mut appliance, &cut))?;
        appliance.start()?;
        checks.check(&format!("{name}: everything is whole"), || is_sound(&appliance));
        checks.check(&format!("{name}: the administrator gets in"), || {
            the_administrator_gets_in(&appliance)
        });
        checks.check(&format!("{name}: the next apply ends the work"), || {
            let changes = appliance.apply()?.len();
            interrupted += u32::from(changes > 0);
            timed(&format!("{changes} changes were left"), || Ok(()))
        });
        checks.check(&format!("{name}: nothing differs then"), || {
            nothing_differs(&appliance)
        });
    }
    checks.check(
        "75 an apply was cut short, and not always over before the cut",
        || {
            ensure!(interrupted > 0, "each cut came too late");
            Ok(())
        },
    );
    checks.done()
}

/// A setting of the environment, if it is there.
fn setting<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(name: &str) -> Result<Option<T>> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text.parse().with_context(|| format!("{name}={text}"))?)),
        Err(_) => Ok(None),
    }
}

/// When the power fails: so long after an apply has told so many events. How long an apply takes depends on what else
/// the host does, and what it tells does not.
struct Cut {
    event: usize,
    delay: Duration,
}

/// A random one, and from there each in the widest gap that is left, so that no stretch of an apply stays untried however
/// many there are: these are the fractions of the golden ratio's multiples.
fn cuts(seed: u64, count: u32, events: usize) -> Vec<Cut> {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    const MIX: u64 = 0xbf58_476d_1ce4_e5b9;
    // The word is taken for a part of one.
    let scaled = |word: u64, most: usize| usize::try_from((u128::from(word) * most as u128) >> 64);
    let mut state = seed.wrapping_mul(MIX);
    (0..count)
        .map(|_| {
            state = state.wrapping_add(GOLDEN);
            let jitter = (state ^ (state >> 31)).wrapping_mul(MIX);
            Cut {
                event: scaled(state, events + 1).unwrap_or(events),
                delay: Duration::from_millis(jitter % MOST_DELAY),
            }
        })
        .collect()
}

/// How many events an apply tells that mends all that [`SPOIL`] spoils.
fn events_of_an_apply(appliance: &Appliance) -> Result<usize> {
    appliance.sh(SPOIL)?;
    let told = appliance.appliance(&["apply", "--yes", "--json"])?;
    ensure!(told.success(), "{}{}", told.stdout, told.stderr);
    let events = told.stdout.lines().count();
    ensure!(events > 100, "only {events} events: {}", told.stdout);
    Ok(events)
}

/// What was spoilt is on the disks; what the apply wrote and did not sync is lost with the machine's memory.
fn power_fails(appliance: &mut Appliance, cut: &Cut) -> Result<()> {
    appliance.sh(SPOIL)?;
    let script = format!(
        "appliance apply --yes --json 2>/root/apply.log | \
         {{ head -n {} >/dev/null; sleep {:.3}; echo b > /proc/sysrq-trigger; sleep 60; }}",
        cut.event,
        cut.delay.as_secs_f64()
    );
    match appliance.try_sh(&script) {
        // The answer went with the machine.
        Err(_) => Ok(appliance.machine.power_cut()?),
        Ok(out) => bail!("the power did not fail: {out:?}"),
    }
}

fn is_sound(appliance: &Appliance) -> Result<()> {
    let said = appliance.try_sh(SOUND)?;
    ensure!(said.stdout.is_empty(), "{}{}", said.stdout, said.stderr);
    Ok(())
}

fn the_administrator_gets_in(appliance: &Appliance) -> Result<()> {
    let id = appliance.ssh("id -un && sudo -n true && sudo -n id -u")?;
    ensure!(id.stdout == format!("{ADMIN}\n0\n"), "{id:?}");
    Ok(())
}

fn nothing_differs(appliance: &Appliance) -> Result<()> {
    appliance.nothing_to_do()?;
    verify_is_clean(appliance)?;
    let left = appliance.sh(LEFT_OVER)?;
    ensure!(left.is_empty(), "was left: {left}");
    Ok(())
}

/// The load of a machine that has just booted and applied, emulated on a busy host, is the portal's to report and passes
/// within minutes. Nothing else is waited for.
fn verify_is_clean(appliance: &Appliance) -> Result<()> {
    let begun = Instant::now();
    loop {
        let verify = appliance.appliance(&["verify"])?;
        if verify.status == 0 {
            return Ok(());
        }
        let said = format!("{}{}", verify.stdout, verify.stderr);
        let only_load =
            said.contains("error [health] load:") && said.contains("; 1 error") && !said.contains(" warning");
        ensure!(only_load && begun.elapsed() < LOAD_PASSES, "{said}");
        std::thread::sleep(Duration::from_secs(5));
    }
}
