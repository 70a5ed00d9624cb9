#!/usr/bin/env python3
"""What a machine is, as JSON: every path below the places that the appliance writes to, accounts, units, kernel.

Called in a machine without arguments. The layout for the peers is made from it, and the outcomes are compared by it.
"""

import hashlib
import json
import os
import pwd
import grp
import stat
import struct
import subprocess

ROOTS = [
    "/etc", "/data", "/home", "/tmp", "/mnt", "/opt", "/run/lock/data-analyst", "/usr/local", "/var/lib/data-analyst",
    "/var/www",
]
SYSCTLS = "/etc/sysctl.d/60-appliance.conf"

TAGS = {0x01: "user", 0x02: "user", 0x04: "group", 0x08: "group", 0x10: "mask", 0x20: "other"}


def said(*argv):
    return subprocess.run(argv, capture_output=True, text=True).stdout


def name_of(number, table):
    try:
        return table(number)[0]
    except KeyError:
        return str(number)


def acl(path, which):
    """An access control list as getfacl prints it, or None where the mode says all."""
    try:
        raw = os.getxattr(path, f"system.posix_acl_{which}", follow_symlinks=False)
    except OSError:
        return None
    entries = []
    for tag, bits, number in struct.iter_unpack("<HHI", raw[4:]):
        table = {0x02: pwd.getpwuid, 0x08: grp.getgrgid}.get(tag)
        qualifier = name_of(number, table) if table else ""
        rights = "".join(letter if bits & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        entries.append(f"{TAGS[tag]}:{qualifier}:{rights}")
    return ",".join(entries)


def describe(path):
    seen = os.lstat(path)
    kind = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "link"}.get(stat.S_IFMT(seen.st_mode), "other")
    if kind == "link":
        return {"type": kind, "target": os.readlink(path)}
    found = {
        "type": kind,
        "owner": name_of(seen.st_uid, pwd.getpwuid),
        "group": name_of(seen.st_gid, grp.getgrgid),
        "mode": f"{stat.S_IMODE(seen.st_mode):04o}",
    }
    lists = {which: acl(path, which) for which in ("access", "default")}
    found |= {which: text for which, text in lists.items() if text}
    if kind == "file":
        with open(path, "rb") as file:
            found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def paths():
    found = {}
    for root in ROOTS:
        if os.path.lexists(root):
            found[root] = describe(root)
        for directory, directories, files in os.walk(root):
            for name in directories + files:
                path = os.path.join(directory, name)
                found[path] = describe(path)
    return found


def users():
    found = {}
    with open("/etc/shadow") as file:
        # `!` and `!*` both are no password at all.
        locked = {line.split(":")[0]: line.split(":")[1].startswith(("!", "*")) for line in file}
    for user in pwd.getpwall():
        found[user.pw_name] = {
            "uid": user.pw_uid,
            "gid": user.pw_gid,
            "gecos": user.pw_gecos,
            "home": user.pw_dir,
            "shell": user.pw_shell,
            "locked": locked.get(user.pw_name),
        }
    return found


def units():
    found = {}
    for line in said("systemctl", "list-unit-files", "--no-legend", "--no-pager", "--plain").splitlines():
        words = line.split()
        found[words[0]] = {"file": words[1]}
    for line in said("systemctl", "list-units", "--all", "--no-legend", "--no-pager", "--plain").splitlines():
        words = line.split()
        found.setdefault(words[0], {})["active"] = words[2]
    return found


def sysctls():
    """Those that the layout sets, as they are now."""
    found = {}
    if os.path.exists(SYSCTLS):
        with open(SYSCTLS) as file:
            keys = [line.split("=")[0].strip() for line in file if "=" in line and not line.startswith("#")]
        for key in keys:
            place = "/proc/sys/" + key.replace(".", "/")
            if os.path.exists(place):
                with open(place) as file:
                    found[key] = file.read().strip()
    return found


def firewall():
    """The ruleset in nft's own words, without the numbers that count packets."""
    return said("nft", "--stateless", "list", "ruleset")


def main():
    with open("/proc/mounts") as file:
        proc = next(line.split()[3] for line in file if line.split()[1] == "/proc")
    facts = {
        "paths": paths(),
        "users": users(),
        "groups": {group.gr_name: {"gid": group.gr_gid, "members": sorted(group.gr_mem)} for group in grp.getgrall()},
        "units": units(),
        "sysctls": sysctls(),
        "firewall": firewall(),
        "proc": sorted(proc.split(",")),
    }
    print(json.dumps(facts))


main()
