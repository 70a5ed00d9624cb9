//! A machine before and during its first apply: what makes a disk not blank, and power that fails in the middle.
//! Checks are named by their numbers in spec 10, section 24.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use acceptance::container_fixture::here;
use acceptance::virtual_machine::{Appliance, Checks, DATA, HOME, TEMP, digest, timed};
use anyhow::{Context, Result, ensure};
use image::{Attached, Machine};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 64 * MIB;

/// Puts something onto a blank image.
type Content = fn(&Path) -> Result<()>;

/// What lies on the disk that calls itself the data disk, how it gets there, and what the refusal says.
const NOT_BLANK: &[(&str, Content, &str)] = &[
    (
        "another ext4",
        |image| here_on(&["mkfs.ext4", "-q", "-F", "-L", "backup"], image),
        "has the label \"backup\"",
    ),
    ("swap", |image| here_on(&["mkswap", "-q"], image), "it holds swap"),
    ("LVM", lvm, "it holds LVM2_member"),
    ("GPT", gpt, "it holds gpt"),
    (
        "XFS",
        |image| {
            put(image, 0, b"XFSB\x00\x00\x10\x00")?;
            put(image, 100, &[0xb4, 0xb5])
        },
        "its first or last MiB is not all zero",
    ),
    (
        "a byte at the end of the first MiB",
        |image| put(image, MIB - 1, b"\x01"),
        "its first or last MiB is not all zero",
    ),
    (
        "a byte at the end of the disk",
        |image| put(image, SIZE - 1, b"\x01"),
        "its first or last MiB is not all zero",
    ),
];

#[test]
fn check_02_what_holds_anything_is_refused_and_check_03_power_cuts_lose_nothing() -> Result<()> {
    let mut appliance = Appliance::off()?;
    let disks = [DATA, HOME, TEMP]
        .map(|serial| appliance.disk(serial))
        .into_iter();
    let disks = disks.collect::<Result<Vec<_>>>()?;
    appliance.machine.set_disks(disks[1..].to_vec());
    appliance.boot()?;
    let mut checks = Checks::default();
    for (name, content, reason) in NOT_BLANK {
        checks.check(&format!("02 {name}"), || {
            let image = appliance.machine.blank_image("candidate", SIZE)?;
            content(&image)?;
            refused_untouched(&appliance, &[(DATA, &image)], reason)
        });
    }
    checks.check("2.1 no disk of that name, and two with its label", || {
        let (one, two) = (
            appliance.machine.blank_image("one", SIZE)?,
            appliance.machine.blank_image("two", SIZE)?,
        );
        for image in [&one, &two] {
            here_on(&["mkfs.ext4", "-q", "-F", "-L", "appl-data"], image)?;
        }
        refused_untouched(
            &appliance,
            &[("one", &one), ("two", &two)],
            "carry its label appl-data",
        )
    });
    checks.check("2.1 no disk of that name and none with its label", || {
        appliance
            .refused("neither /dev/disk/by-id/virtio-data-disk nor a filesystem with the label appl-data")
    });

    appliance.machine.plug(&disks[0])?;
    appliance.machine.set_disks(disks);
    appliance.sh("printf '# kept\\n' >> /etc/fstab; sync /etc/fstab; udevadm settle")?;
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
    for (index, (instant, until)) in INSTANTS.iter().enumerate() {
        let delay = (seed >> (index * 4)) % 300;
        timed(&format!("03 power fails {delay} ms after {instant}"), || {
            power_fails(&mut appliance, until, delay)
        })?;
        appliance.start()?;
        checks.check(&format!("03 {instant}: fstab is whole"), || {
            fstab_is_whole(&appliance)
        });
    }
    checks.check("03 the next apply converges", || appliance.apply().map(drop));
    checks.check("03 the disks are right", || {
        let roles = appliance.roles()?;
        ensure!(roles == ["data", "home", "temp"], "{roles:?}");
        appliance
            .sh("! test -e /var/lib/data-analyst/format.json")
            .map(drop)
    });
    checks.check("03 what was on a mounted disk is still there", || {
        let kept = appliance.sh("cat /data/kept")?;
        ensure!(kept == "kept\n", "{kept:?}");
        Ok(())
    });
    checks.check("03 fstab kept the lines of others", || {
        let fstab = appliance.sh("cat /etc/fstab")?;
        ensure!(
            fstab.contains("# kept\n") && fstab.matches("/dev/disk/by-id/").count() == 3,
            "{fstab}"
        );
        Ok(())
    });
    checks.check("03 nothing is left to do", || appliance.nothing_to_do());
    checks.done()
}

/// Three moments of a first apply, and the condition that a shell waits for.
const INSTANTS: &[(&str, &str)] = &[
    ("mkfs began", "pidof mkfs.ext4 > /dev/null"),
    ("the first disk was mounted", "grep -q ' /data ' /proc/mounts"),
    ("the last disk was mounted", "grep -q ' /tmp ext4 ' /proc/mounts"),
];

/// An apply in the background, and a reset without a word to any disk as soon as the moment has come. A file is left
/// on the data disk once that is mounted. The instance file is the operator's and was only just put there: it is synced,
/// for a cut must not lose what apply never wrote.
fn power_fails(appliance: &mut Appliance, until: &str, delay_ms: u32) -> Result<()> {
    let script = format!(
        "sync; appliance apply --yes > /root/apply.log 2>&1 &\n\
         until {until}; do kill -0 $! 2> /dev/null || exit 9; done\n\
         ! mountpoint -q /data || {{ echo kept > /data/kept; sync /data/kept /data; }}\n\
         sleep {}.{:03}; echo b > /proc/sysrq-trigger; sleep 60",
        delay_ms / 1000,
        delay_ms % 1000
    );
    match appliance.try_sh(&script) {
        // The answer went with the machine.
        Err(_) => Ok(appliance.machine.power_cut()?),
        Ok(out) => {
            let log = appliance.sh("cat /root/apply.log")?;
            anyhow::bail!("the apply ended before the power did: {out:?}\n{log}")
        }
    }
}

fn fstab_is_whole(appliance: &Appliance) -> Result<()> {
    let fstab = appliance.sh("cat /etc/fstab")?;
    let ours = fstab.matches("/dev/disk/by-id/").count();
    ensure!(
        fstab.contains("# kept\n") && (ours == 0 || ours == 3),
        "{fstab:?}"
    );
    Ok(())
}

/// Plugs disks in, tries to apply, pulls them out again, and compares every byte.
fn refused_untouched(appliance: &Appliance, disks: &[(&str, &Path)], reason: &str) -> Result<()> {
    let before = disks
        .iter()
        .map(|(_, image)| digest(image))
        .collect::<Result<Vec<_>>>()?;
    for (serial, image) in disks {
        appliance.machine.plug(&Attached {
            serial: (*serial).to_owned(),
            image: image.to_path_buf(),
        })?;
        appliance.sh(&format!(
            "n=0; until [ -e /dev/disk/by-id/virtio-{serial} ] || [ $n = 100 ]; do n=$((n+1)); sleep 0.1; done; udevadm settle"
        ))?;
    }
    let refused = appliance.refused(reason);
    for (serial, _) in disks {
        appliance.machine.unplug(serial)?;
    }
    refused?;
    let after = disks
        .iter()
        .map(|(_, image)| digest(image))
        .collect::<Result<Vec<_>>>()?;
    ensure!(before == after, "a byte was changed");
    Ok(())
}

fn here_on(words: &[&str], image: &Path) -> Result<()> {
    let path = image.display().to_string();
    let words: Vec<&str> = words.iter().copied().chain([path.as_str()]).collect();
    here(&words)?.checked(&words)?;
    Ok(())
}

fn put(image: &Path, at: u64, bytes: &[u8]) -> Result<()> {
    let file = OpenOptions::new().write(true).open(image).context("the image")?;
    Ok(file.write_all_at(bytes, at)?)
}

/// The label of a physical volume: in the second sector, with the CRC that LVM computes over its end.
fn lvm(image: &Path) -> Result<()> {
    let mut label = [0; 512];
    label[..8].copy_from_slice(b"LABELONE");
    label[8..16].copy_from_slice(&1u64.to_le_bytes());
    label[20..24].copy_from_slice(&32u32.to_le_bytes());
    label[24..32].copy_from_slice(b"LVM2 001");
    label[32..64].copy_from_slice(b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    label[64..72].copy_from_slice(&SIZE.to_le_bytes());
    let sum = crc32(0xf597_a6cf, &label[20..]);
    label[16..20].copy_from_slice(&sum.to_le_bytes());
    put(image, 512, &label)
}

/// An empty table of partitions: the protective record, and the header at both ends.
fn gpt(image: &Path) -> Result<()> {
    let mut record = [0; 512];
    record[446..462].copy_from_slice(&[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 1, 0]);
    record[510..].copy_from_slice(&[0x55, 0xaa]);
    put(image, 0, &record)?;
    let last = SIZE / 512 - 1;
    let entries = !crc32(!0, &[0; 128 * 128]);
    for (own, other, table) in [(1, last, 2), (last, 1, last - 32)] {
        let mut header = [0; 92];
        header[..8].copy_from_slice(b"EFI PART");
        header[8..16].copy_from_slice(&[0, 0, 1, 0, 92, 0, 0, 0]);
        for (at, value) in [(24, own), (32, other), (40, 34), (48, last - 33), (72, table)] {
            header[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        }
        header[56..72].copy_from_slice(b"an empty table !");
        header[80..88].copy_from_slice(&[128, 0, 0, 0, 128, 0, 0, 0]);
        header[88..].copy_from_slice(&entries.to_le_bytes());
        let sum = !crc32(!0, &header);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        put(image, own * 512, &header)?;
    }
    Ok(())
}

/// The CRC of Ethernet, without the inversions at begin and end.
fn crc32(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let carry = if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
            (sum >> 1) ^ carry
        })
    })
}
