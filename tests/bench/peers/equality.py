#!/usr/bin/env python3
"""Says in what a peer's machine differs from ours: equality.py OURS.json PEER.json LAYOUT.json.

Prints a line for each difference and ends with 1 if there is any.
"""

import json
import re
import sys

# Not of the layout: bookkeeping of programs, and what says when rather than what.
NOT_COMPARED = [
    r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?",  # compared as accounts; useradd adds ranges of its own
    r"/etc/\.pwd\.lock",
    r"/etc/rc.\.d(/.*)?",  # systemctl disable keeps the links of System V in step
    r"/(data|home|tmp)/\.appliance-disk",  # which disk this is: our guard, a peer has none
    r"/tmp/systemd-private-.*",
    r"/(data|home|tmp)/lost\+found",
    r"/var/lib/data-analyst/.*",  # journal, ledger, before-images
    r"/run/lock/data-analyst/.*",
    r"/etc/machine-id",
    r"/tmp/ansible.*|/tmp/pyinfra.*",
]

# Random or dated by nature: that they are there, whose and how is compared.
RANDOM = [
    r"/data/\.appliance/generated/.*",
    r"/etc/data-analyst/credentials/.*",
    r"/etc/data-analyst/tls/.*",
    r"/etc/ssh/ssh_host_.*",
    r"/home/\.appliance/.*",
]


def left_out(path):
    return any(re.fullmatch(pattern, path) for pattern in NOT_COMPARED)


def random(path):
    return any(re.fullmatch(pattern, path) for pattern in RANDOM)


def lasting(unit):
    """A transient unit is how a command is run in the machine."""
    return unit.get("file", "transient") != "transient"


def without(table, *keys):
    return {key: value for key, value in table.items() if key not in keys}


def paths(facts):
    return {
        path: without(found, "sha256") if random(path) else found
        for path, found in facts["paths"].items()
        if not left_out(path)
    }


def compared(facts, layout):
    """Everything that must be equal, flat: what it is → its value."""
    flat = {}
    for kind, table in (
        ("path", paths(facts)),
        ("user", facts["users"]),
        ("group", facts["groups"]),
        ("kernel", facts["sysctls"]),
        ("unit file", {name: unit["file"] for name, unit in facts["units"].items() if lasting(unit)}),
    ):
        flat |= {f"{kind} {name}": value for name, value in table.items()}
    units = facts["units"]
    flat |= {f"unit {name}": units.get(name, {}).get("active") for name in layout["units"]["running"]}
    flat["failed units"] = sorted(name for name, unit in units.items() if unit.get("active") == "failed")
    flat["/proc"] = facts["proc"]
    flat["firewall"] = facts["firewall"]
    return flat


def differences(ours, peer, layout):
    ours, peer = compared(ours, layout), compared(peer, layout)
    for name in sorted(ours.keys() | peer.keys()):
        if ours.get(name) != peer.get(name):
            yield f"{name}: ours {ours.get(name)}, theirs {peer.get(name)}"


def main():
    loaded = []
    for name in sys.argv[1:4]:
        with open(name) as file:
            loaded.append(json.load(file))
    found = list(differences(*loaded))
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
