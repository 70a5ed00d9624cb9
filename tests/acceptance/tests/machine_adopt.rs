//! Spec 10, sections 4.4 and 24 (check 77): a machine that the old system built is taken over, and nobody loses
//! anything.

use acceptance::container_fixture::{ADMIN, Appliance, lines_of_json, nothing_wrong};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The machine as the old system's scripts leave it: accounts in the order in which they came, rights by wildcards and
/// by a group that may write everything, keys in homes, services in /etc/systemd/system.
const OLD_SYSTEM: &str = r#"
set -e
groupadd data-ops; groupadd dataread; groupadd data-private
useradd -r -m -d /home/deploy -s /usr/sbin/nologin -G data-ops,dataread deploy
for name in ann bob carl; do
    useradd -m -s /bin/bash -c "$name@example.com" -G dataread $name
    install -d -m 0700 -o $name -g $name /home/$name/.ssh
    ssh-keygen -q -t ed25519 -N '' -C $name -f /root/$name
    install -m 0600 -o $name -g $name /root/$name.pub /home/$name/.ssh/authorized_keys
    ln -s /data /home/$name/server
    echo "notes of $name" > /home/$name/notes
    chown $name:$name /home/$name/notes
    touch -d '2024-05-06 07:08:09' /home/$name/notes
done
gpasswd -a bob data-private
gpasswd -a carl sudo; gpasswd -a carl data-ops; gpasswd -a carl data-private
echo 'command="/bin/date" ssh-ed25519 AAAA' >> /home/ann/.ssh/authorized_keys
mkdir /home/gone; chown 1234 /home/gone; mkdir -p /home/lost+found
mkdir -p /data/src_data/parquet/private /data/scripts /data/docs /data/old_things
chgrp -R data-ops /data; chmod -R 2770 /data
setfacl -R -m g:dataread:rX -m d:g:dataread:rX /data/src_data
setfacl -R -x g:dataread -m g:data-private:rX /data/src_data/parquet/private
for file in src_data/parquet/orders.parquet src_data/parquet/private/pay.parquet old_things/list.csv; do
    head -c 5000 /dev/urandom > /data/$file
    touch -d '2023-02-03 04:05:06' /data/$file
done
chown bob:data-ops /data/old_things/list.csv
echo 'deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart *, /data/scripts/*' > /etc/sudoers.d/old-portal
chmod 0440 /etc/sudoers.d/old-portal
printf '[Service]\nExecStart=/usr/bin/sleep infinity\nUser=deploy\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/old-portal.service
systemctl daemon-reload; systemctl enable -q --now old-portal.service
"#;

/// What people have: accounts, keys, homes and data, with owners, bytes and times of files.
const HELD: &str = "for name in ann bob carl; do getent passwd $name; id -G $name | tr ' ' '\\n' | sort -n | xargs; \
     cat /home/$name/.ssh/authorized_keys; readlink /home/$name/server; done; \
     find /data /home -path '*/.appliance*' -prune -o -type f -printf '%p %U:%G %T@ %s %i\\n' \
     | grep -E '^/data/(src_data|old_things)/|^/home/(ann|bob|carl)/' | sort; \
     find /data/src_data /data/old_things /home/ann /home/bob /home/carl -type f | sort | xargs sha256sum";

/// Everything that is on the machine and could be deleted.
const NAMES: &str = "find /etc /data /home /opt /usr/local -xdev ! -type s | sort";

struct Old {
    appliance: Appliance,
}

impl Old {
    fn built() -> Result<Self> {
        let appliance = Appliance::unapplied()?;
        appliance.sh(OLD_SYSTEM)?;
        Ok(Self { appliance })
    }

    /// The lines of `adopt --yes --json`.
    fn adopt(&self) -> Result<Vec<Value>> {
        let done = self.appliance.appliance(&["adopt", "--yes", "--json"])?;
        ensure!(
            done.success(),
            "adopt ended with {}: {}{}",
            done.status,
            done.stderr,
            done.stdout
        );
        Ok(lines_of_json(&done.stdout))
    }

    fn registry(&self) -> Result<Value> {
        let text = self.appliance.sh("cat /data/.appliance/accounts.json")?;
        let second = self.appliance.sh("cat /home/.appliance/accounts.json")?;
        ensure!(text == second, "the copies differ");
        Ok(serde_json::from_str(&text)?)
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(self.appliance.sh(NAMES)?.lines().map(str::to_owned).collect())
    }
}

#[test]
fn a_machine_of_the_old_system_is_taken_over_and_nobody_loses_anything() -> Result<()> {
    let old = Old::built()?;
    let appliance = &old.appliance;
    let (held, names) = (appliance.sh(HELD)?, old.names()?);
    let mut wrong = Vec::new();
    let mut expect = |what: &str, holds: bool| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };

    // Nobody is there to say yes: the table is printed and nothing is changed.
    let asked = appliance.appliance(&["adopt"])?;
    expect("the question needs somebody", asked.status == 2);
    expect("the question changes nothing", old.names()? == names);
    for words in [
        "What `appliance apply` would change:",
        "/etc/sudoers.d/old-portal",
        "/data/old_things",
        "+ account bob: uid ",
        ", privileged, data-private dataread, home /home/bob, 1 key",
    ] {
        expect(
            &format!("{words} in {}", asked.stdout),
            asked.stdout.contains(words),
        );
    }
    for words in [
        "/home/gone is the home of no account",
        "ann/.ssh/authorized_keys line 2",
    ] {
        expect(
            &format!("{words} in {}", asked.stderr),
            asked.stderr.contains(words),
        );
    }
    expect(
        "lost+found is nobody's home",
        !asked.stderr.contains("lost+found"),
    );

    let said = old.adopt()?;
    let adopted = said.last().context("a last line")?;
    expect(
        &format!("three people: {adopted}"),
        adopted["event"] == "adopted" && adopted["generation"] == 1 && adopted["accounts"] == 3,
    );
    expect("adopt keeps what people hold", appliance.sh(HELD)? == held);
    let more: Vec<String> = old
        .names()?
        .into_iter()
        .filter(|name| !names.contains(name))
        .collect();
    expect(
        &format!("only the registry is new: {more:?}"),
        more.iter().all(|name| name.contains("/.appliance")),
    );
    let registry = old.registry()?;
    for (name, role) in [("ann", "standard"), ("bob", "privileged"), ("carl", "admin")] {
        let accounts = registry["accounts"].as_array().context("accounts")?;
        let account = accounts.iter().find(|account| account["username"] == name);
        let account = account.with_context(|| format!("{name} in {registry}"))?;
        let uid = appliance.sh(&format!("id -u {name}"))?;
        let fingerprint = appliance.sh(&format!("ssh-keygen -lf /root/{name}.pub | cut -d' ' -f2"))?;
        expect(
            &format!("{account}"),
            account["role"] == role
                && account["uid"].as_u64() == uid.trim().parse().ok()
                && account["state"] == "active"
                && account["gecos"] == format!("{name}@example.com")
                && account["ssh_keys"][0]["fingerprint"] == fingerprint.trim(),
        );
    }
    expect(&format!("{registry}"), registry["next_uid"] == 3000);
    let modes = appliance.sh("stat -c '%a %U:%G' /data/.appliance /data/.appliance/accounts.json /home/.appliance /home/.appliance/accounts.json")?;
    expect(
        &modes,
        modes == "700 root:root\n600 root:root\n700 root:root\n600 root:root\n",
    );
    let again = old.adopt()?;
    expect(
        "a second adopt finds nothing",
        again.last().is_some_and(|line| line["event"] == "nothing"),
    );

    appliance.apply()?;
    expect("apply keeps what people hold", appliance.sh(HELD)? == held);
    let now = old.names()?;
    // Debian's own site, and links of packages that the definition does not start in a container.
    let of_debian = |name: &str| {
        name == "/etc/nginx/sites-enabled/default"
            || (name.starts_with("/etc/systemd/system/multi-user.target.wants/")
                && !name.contains("old-portal"))
    };
    let gone: Vec<&String> = names
        .iter()
        .filter(|name| !now.contains(name) && !of_debian(name))
        .collect();
    expect(&format!("gone: {gone:?}"), gone.is_empty());
    expect("nothing is left to do", appliance.planned()?.is_empty());
    for name in ["ann", "bob", "carl"] {
        let login = format!(
            "ssh -F none -i /root/{name} -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             {name}@localhost cat notes"
        );
        let said = appliance.try_sh(&login)?;
        expect(
            &format!("{name} logs in: {}", said.stderr),
            said.stdout == format!("notes of {name}\n"),
        );
    }
    let strangers = appliance.drift_of("unmanaged-account")?;
    expect(&format!("strangers {strangers:?}"), strangers.is_empty());
    let drift = appliance.drift()?;
    let about_people = drift
        .iter()
        .filter(|finding| ["ann", "bob", "carl"].contains(&finding.target.as_str()));
    let about_people: Vec<_> = about_people.collect();
    expect(&format!("{about_people:?}"), about_people.is_empty());
    expect(
        &format!("the wildcard is named: {drift:?}"),
        drift.iter().any(|finding| {
            finding.class == "unmanaged-sudoers" && finding.target.contains("/etc/sudoers.d/old-portal")
        }),
    );
    expect(
        "the old service runs",
        appliance.sh("systemctl is-active old-portal")? == "active\n",
    );
    // The administrator came with apply, and is the only one whom the registry does not know yet.
    let after = old.adopt()?;
    let last = after.last().context("a last line")?;
    expect(
        &format!("one more: {last}"),
        last["accounts"] == 1 && last["ledger"] == 0 && last["generation"] == 2,
    );
    let after = old.adopt()?;
    expect(
        "then there is nothing to take over",
        after.last().is_some_and(|line| line["event"] == "nothing"),
    );
    nothing_wrong(&wrong)
}

#[test]
fn a_machine_of_ours_that_lost_its_ledger_knows_again_what_is_its_own() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.sh("mv /var/lib/data-analyst/manifest.json /root/manifest.json")?;
    let old = Old { appliance };
    old.adopt()?;
    let appliance = &old.appliance;
    let lost: Value = serde_json::from_str(&appliance.sh("cat /root/manifest.json")?)?;
    let found: Value = serde_json::from_str(&appliance.sh("cat /var/lib/data-analyst/manifest.json")?)?;
    let keys = |ledger: &Value, field: &str| -> Vec<String> {
        let fields = ledger[field].as_object().into_iter().flatten();
        fields.map(|(name, _)| name.clone()).collect()
    };
    let mut wrong = Vec::new();
    for path in keys(&lost, "paths") {
        // What leads to a file of Debian's counts as Debian's: its packages leave such links too.
        if found["paths"][&path].is_null() && lost["paths"][&path]["kind"] != "link" {
            wrong.push(format!("{path} was ours"));
        }
    }
    for path in keys(&found, "paths") {
        // Directories that Debian's maintainer scripts make stand in no list of theirs; they go only when they are
        // empty. The secret was generated by us, and the file of apt has our bytes.
        let is_known = found["paths"][&path]["kind"] == "directory"
            || path.starts_with("/etc/data-analyst/credentials/")
            || path == "/etc/apt/apt.conf.d/20auto-upgrades";
        if lost["paths"][&path].is_null() && !is_known {
            wrong.push(format!("{path} was there before us"));
        }
    }
    for field in ["users", "members"] {
        if keys(&lost, field) != keys(&found, field) {
            wrong.push(format!("{field}: {} and {}", lost[field], found[field]));
        }
    }
    nothing_wrong(&wrong)?;
    assert!(found["users"][ADMIN].is_object());
    Ok(())
}
