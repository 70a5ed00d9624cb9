#!/usr/bin/env python3
"""Writes the layout as a pyinfra deploy: generate_pyinfra.py DIR > deploy.py

DIR holds layout.json; the deploy stands beside DIR/files and puts each file from there.
"""

import json
import os
import pprint
import sys

BODY = r'''
told = {}


def tells(operation, pairs):
    """Notes which units hear of what an operation changed."""
    for verb, unit in pairs:
        told.setdefault((verb, unit), []).append(operation)
    return operation


apt.packages(name="Packages", packages=PACKAGES["present"], no_recommends=True)
apt.packages(name="No such packages", packages=PACKAGES["absent"], present=False)

for name, gid in GROUPS:
    server.group(name=f"Group {name}", group=name, gid=gid)
for name, uid, group, home, shell, groups in USERS:
    server.user(
        name=f"User {name}", user=name, uid=uid, group=group, home=home, shell=shell, groups=groups, append=True,
        system=uid < 1000, ensure_home=False, create_home=False,
    )

for path, owner, group, mode, access, default in DIRECTORIES:
    files.directory(name=f"Directory {path}", path=path, user=owner, group=group, mode=mode)
    if access:
        wanted = "\n".join(access.split(",") + ["default:" + entry for entry in default.split(",")])
        if (host.get_fact(Command, f"getfacl -cp {path} 2>/dev/null || true") or "").strip() != wanted:
            server.shell(
                name=f"Lists of {path}", commands=[f"setfacl --set {access} {path} && setfacl -d --set {default} {path}"]
            )

units = []
for path, owner, group, mode, pairs in FILES:
    put = files.put(name=f"File {path}", src=f"files{path}", dest=path, user=owner, group=group, mode=mode)
    tells(put, pairs)
    if path.startswith("/etc/systemd/system/"):
        units.append(put)
for path, target in LINKS:
    link = files.link(name=f"Link {path}", path=path, target=target)
    if path.startswith("/etc/systemd/system/"):
        units.append(link)
for path in ABSENT:
    gone = files.link(name=f"No {path}", path=path, present=False)
    if path.startswith("/etc/systemd/system/"):
        units.append(gone)
    else:
        tells(gone, [("reload", "nginx.service")])
for path, line in LINES:
    files.line(name=f"Line of {path}", path=path, line=line)

for key, value in SYSCTLS.items():
    server.sysctl(name=f"Kernel {key}", key=key, value=value)
options = (host.get_fact(Command, "findmnt -no OPTIONS /proc") or "").split(",")
if not set(PROC.split(",")) <= set(options):
    server.shell(name="Options of /proc", commands=[f"mount -o remount,{PROC} /proc"])
if host.get_fact(Command, "nft list table inet appliance >/dev/null 2>&1 && echo there || echo missing") != "there":
    server.shell(name="Firewall", commands=["nft -f /etc/nftables.conf"])

kept, credential = SECRET["kept"], SECRET["credential"]
if not host.get_fact(File, kept):
    server.shell(name="Secret", commands=[f"umask 077; openssl rand -hex 32 | tr -d '\\n' > {kept}"])
if not host.get_fact(File, kept) or host.get_fact(Sha1File, kept) != host.get_fact(Sha1File, credential):
    tells(
        server.shell(name="Credential", commands=[f"install -m 0400 {kept} {credential}"]),
        [("restart", "webapp.service")],
    )
chain, key, domain = CERTIFICATE["chain"], CERTIFICATE["key"], CERTIFICATE["domain"]
if not host.get_fact(File, chain):
    made = server.shell(
        name="Certificate",
        commands=[
            "umask 077; openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 3650"
            f" -subj /CN={domain} -addext subjectAltName=DNS:{domain} -keyout {key} -out {chain} && chmod 0644 {chain}"
        ],
    )
    tells(made, [("reload", "nginx.service")])

systemd.daemon_reload(name="Unit files are read again", _if=any_changed(*units))
changes = [operation for operations in told.values() for operation in operations]
server.shell(name="Configurations are good", commands=["sshd -t", "nginx -tq"], _if=any_changed(*changes))
for unit in RUNNING:
    systemd.service(name=f"Unit {unit}", service=unit, running=True, enabled=True if unit in ENABLED else None)
for (verb, unit), operations in sorted(told.items()):
    if verb == "restart":
        systemd.service(name=f"Restart {unit}", service=unit, restarted=True, _if=any_changed(*operations))
    else:
        systemd.service(name=f"Reload {unit}", service=unit, reloaded=True, _if=any_changed(*operations))
'''

IMPORTS = """from pyinfra import host
from pyinfra.facts.files import File, Sha1File
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, server, systemd
from pyinfra.operations.util import any_changed
"""


def children_first(directories):
    """chmod of a mode in octal leaves a setgid bit, so who must not inherit one is made before the parent has it."""
    setgid = {found["path"] for found in directories if found["mode"].startswith("2")}
    early = [
        found for found in directories if os.path.dirname(found["path"]) in setgid and found["path"] not in setgid
    ]
    return early + [found for found in directories if found not in early]


def main():
    with open(os.path.join(sys.argv[1], "layout.json")) as file:
        layout = json.load(file)
    directories = children_first(layout["directories"])
    tables = {
        "PACKAGES": layout["packages"],
        "GROUPS": [(group["name"], group["gid"]) for group in layout["groups"]],
        "USERS": [
            (user["name"], user["uid"], user["group"], user["home"], user["shell"], user["groups"])
            for user in layout["users"]
        ],
        "DIRECTORIES": [
            (found["path"], found["owner"], found["group"], found["mode"].lstrip("0"))
            + (found.get("access"), found.get("default"))
            for found in directories
        ],
        "FILES": [
            (found["path"], found["owner"], found["group"], found["mode"].lstrip("0"))
            + ([tuple(pair) for pair in found["tells"]],)
            for found in layout["files"]
        ],
        "LINKS": [(found["path"], found["target"]) for found in layout["links"]],
        "ABSENT": layout["absent"],
        "LINES": [(found["path"], found["line"]) for found in layout["lines"]],
        "SYSCTLS": layout["sysctls"],
        "PROC": layout["proc"],
        "SECRET": layout["secret"],
        "CERTIFICATE": layout["certificate"],
        "RUNNING": layout["units"]["running"],
        "ENABLED": layout["units"]["enabled"],
    }
    print('"""The layout as a deploy of pyinfra."""\n')
    print(IMPORTS)
    for name, table in tables.items():
        print(f"{name} = {pprint.pformat(table, width=118, sort_dicts=False)}")
    print(BODY)


main()
