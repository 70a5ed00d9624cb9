#!/usr/bin/env python3
"""Turns what `appliance apply` made of a bare machine into a layout that the peers' generators understand.

layout.py DIR, where DIR holds
    bare.json, ours.json      facts.py before and after
    plan.json                 `appliance plan --json` before
    MANIFEST                  of `appliance render`: every path that is managed, changed or not
    packages.toml services.toml     of the definition
Run in the machine after the apply. Writes DIR/layout.json, and DIR/files with the content of each file.
"""

import json
import os
import shutil
import sys
import tomllib

from equality import left_out, random

PLATFORM = "container"
# Files of Debian's in which we own a line.
LINES = ["/etc/fstab", "/etc/login.defs"]
SYSTEM = "/etc/systemd/system/"
SECRET = "/etc/data-analyst/credentials/WEBAPP_SECRET_KEY"
KEPT_SECRET = "/data/.appliance/generated/WEBAPP_SECRET_KEY"
TLS = "/etc/data-analyst/tls/"


def load(place, name):
    with open(os.path.join(place, name)) as file:
        return json.load(file)


def definition(place, name):
    with open(os.path.join(place, name), "rb") as file:
        return tomllib.load(file)


def plan_of(place):
    with open(os.path.join(place, "plan.json")) as file:
        return [json.loads(line) for line in file if line.strip()]


def managed(place, bare, ours):
    """Every path that the definition speaks of, and every one that apply changed."""
    with open(os.path.join(place, "MANIFEST")) as file:
        named = {line.split()[0] for line in file if line.strip()}
    either = bare["paths"].keys() | ours["paths"].keys()
    changed = {path for path in either if bare["paths"].get(path) != ours["paths"].get(path)}
    return sorted(path for path in named | changed if not left_out(path) and path not in LINES)


def is_enablement(path, found):
    """What `systemctl enable` makes of a unit of Debian's. Ours have no [Install]: their links are the layout's."""
    return found["type"] == "link" and ".wants/" in path and not found["target"].startswith(SYSTEM)


def accounts(bare, ours):
    groups = [
        {"name": name, "gid": group["gid"]} for name, group in ours["groups"].items() if name not in bare["groups"]
    ]
    users = []
    for name, user in ours["users"].items():
        if name not in bare["users"]:
            memberships = [group for group, row in ours["groups"].items() if name in row["members"]]
            group = next(group for group, row in ours["groups"].items() if row["gid"] == user["gid"])
            users.append({"name": name, "group": group, "groups": sorted(memberships)} | user)
    return groups, users


def unit_lists(services, ours):
    debian = services.get("debian", [])
    here = [unit for unit in debian if PLATFORM in unit.get("platforms", [PLATFORM])]
    own = [unit for unit in services["service"] if unit.get("wanted_by") and not unit.get("needs")]
    timers = [unit["name"] for unit in services["timer"]]
    running = [unit["name"] for unit in here + own] + timers
    return {
        "running": [unit for unit in running if ours["units"].get(unit, {}).get("active") == "active"],
        "enabled": [unit["name"] for unit in here if "wanted_by" in unit],
    }


def told(path, services, running):
    """Which units hear of a changed file, and how: pairs of a verb and a unit."""
    found = []
    for unit in services.get("debian", []):
        below = any(path == place or path.startswith(place + "/") for place in unit.get("inputs", []))
        if below and not path.startswith(SYSTEM):
            found.append((unit.get("on_change", "restart"), unit["name"]))
        elif below or path.startswith(f"{SYSTEM}{unit['name']}.d/"):
            found.append(("restart", unit["name"]))
    for unit in services["service"]:
        name = unit["name"]
        setting = f"/opt/data-analyst/config/{name.removesuffix('.service')}.env"
        credentials = [SECRET] if "WEBAPP_SECRET_KEY" in unit.get("credentials", []) else []
        if path in (SYSTEM + name, setting, *credentials):
            found.append(("restart", name))
    found += [("restart", unit["name"]) for unit in services["timer"] if path == SYSTEM + unit["name"]]
    return sorted({pair for pair in found if pair[1] in running})


def keep(place, path):
    copy = os.path.join(place, "files", path.lstrip("/"))
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copyfile(path, copy)


def main():
    place = sys.argv[1]
    bare, ours, plan = load(place, "bare.json"), load(place, "ours.json"), plan_of(place)
    packages, services = definition(place, "packages.toml"), definition(place, "services.toml")
    units = unit_lists(services, ours)
    layout = {
        "directories": [], "files": [], "links": [], "absent": [], "lines": [], "units": units,
        # The others belong to the kernel, which a container shares.
        "sysctls": {key: value for key, value in ours["sysctls"].items() if key.startswith("net.")},
        "packages": {"present": sorted(packages["present"]), "absent": sorted(packages["absent"])},
        "secret": {"kept": KEPT_SECRET, "credential": SECRET},
        "certificate": {"chain": TLS + "fullchain.pem", "key": TLS + "privkey.pem", "domain": sys.argv[2]},
        "proc": next(record["after"] for record in plan if record["target"] == "/proc"),
    }
    layout["groups"], layout["users"] = accounts(bare, ours)
    for path in managed(place, bare, ours):
        found = ours["paths"].get(path)
        if found is None:
            layout["absent"].append(path)
        elif found["type"] == "link" and not is_enablement(path, found):
            layout["links"].append({"path": path, "target": found["target"]})
        elif found["type"] == "directory" and not path.endswith(".wants"):
            layout["directories"].append({"path": path} | found)
        elif found["type"] == "file" and not random(path):
            layout["files"].append({"path": path, "tells": told(path, services, units["running"])} | found)
            keep(place, path)
    for path in LINES:
        record = next((record for record in plan if record["target"] == path), None)
        if record:
            added = [line[1:] for line in record["after"].splitlines() if line.startswith("+")]
            layout["lines"] += [{"path": path, "line": line} for line in added]
    with open(os.path.join(place, "layout.json"), "w") as file:
        json.dump(layout, file, indent=1)


main()
