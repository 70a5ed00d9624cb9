#!/usr/bin/env python3
"""Writes the layout as a playbook: generate_ansible.py DIR > playbook.yml

DIR holds layout.json; the playbook stands beside DIR/files and copies each file from there. Modules of ansible-core
alone; each task loops over what is alike, as people write it.
"""

import json
import os
import sys

HEAD = """---
- name: The layout of the appliance
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: /usr/bin/python3
  tasks:
"""

FIRST = """
    - name: Packages
      ansible.builtin.apt:
        name: {present}
        install_recommends: false

    - name: No such packages
      ansible.builtin.apt:
        name: {absent}
        state: absent

    - name: Groups
      ansible.builtin.group:
        name: "{{{{ item.name }}}}"
        gid: "{{{{ item.gid }}}}"
      loop:
{groups}

    - name: Accounts
      ansible.builtin.user:
        name: "{{{{ item.name }}}}"
        uid: "{{{{ item.uid }}}}"
        group: "{{{{ item.group }}}}"
        groups: "{{{{ item.groups }}}}"
        append: true
        home: "{{{{ item.home }}}}"
        shell: "{{{{ item.shell }}}}"
        system: "{{{{ item.system }}}}"
        create_home: false
      loop:
{users}

    - name: Directories
      ansible.builtin.file:
        path: "{{{{ item.path }}}}"
        owner: "{{{{ item.owner }}}}"
        group: "{{{{ item.group }}}}"
        mode: "{{{{ item.mode }}}}"
        state: directory
      loop:
{directories}

    - name: Access control lists, as they are
      ansible.builtin.command: getfacl -cp {{{{ item.path }}}}
      loop:
{lists}
      register: lists
      changed_when: false

    - name: Access control lists
      ansible.builtin.shell: >-
        setfacl --set {{{{ item.item.access }}}} {{{{ item.item.path }}}}
        && setfacl -d --set {{{{ item.item.default }}}} {{{{ item.item.path }}}}
      loop: "{{{{ lists.results }}}}"
      loop_control:
        label: "{{{{ item.item.path }}}}"
      when: >-
        item.stdout_lines | reject('equalto', '') | list
        != item.item.access.split(',')
        + item.item.default.split(',') | map('regex_replace', '^', 'default:') | list
"""

FILES = """
    - name: Files{told}
      ansible.builtin.copy:
        src: "files{{{{ item.path }}}}"
        dest: "{{{{ item.path }}}}"
        owner: "{{{{ item.owner }}}}"
        group: "{{{{ item.group }}}}"
        mode: "{{{{ item.mode }}}}"{more}
      loop:
{files}{notify}
"""

LAST = """
    - name: Links
      ansible.builtin.file:
        path: "{{{{ item.path }}}}"
        src: "{{{{ item.target }}}}"
        state: link
        follow: false
      loop:
{links}
      notify: Unit files are read again

    - name: What must not be there
      ansible.builtin.file:
        path: "{{{{ item }}}}"
        state: absent
      loop:
{absent}
      notify: [Unit files are read again, reload nginx.service]

    - name: Lines
      ansible.builtin.lineinfile:
        path: "{{{{ item.path }}}}"
        line: "{{{{ item.line }}}}"
      loop:
{lines}

    - name: Kernel settings, as they are
      ansible.builtin.command: sysctl -n {sysctl_names}
      register: kernel
      changed_when: false

    - name: Kernel settings
      ansible.builtin.command: sysctl -qw {sysctls}
      when: kernel.stdout_lines != {sysctl_values}

    - name: Options of /proc, as they are
      ansible.builtin.command: findmnt -no OPTIONS /proc
      register: proc
      changed_when: false

    - name: Options of /proc
      ansible.builtin.command: mount -o remount,{proc} /proc
      when: "'{proc}'.split(',') | difference(proc.stdout.split(',')) | length > 0"

    - name: The firewall, as it is
      ansible.builtin.command: nft list table inet appliance
      register: firewall
      changed_when: false
      failed_when: false

    - name: The firewall
      ansible.builtin.command: nft -f /etc/nftables.conf
      when: firewall.rc != 0

    - name: Secret
      ansible.builtin.shell:
        cmd: umask 077; openssl rand -hex 32 | tr -d '\\n' > {kept}
        creates: {kept}

    - name: Credential
      ansible.builtin.copy:
        src: {kept}
        dest: {credential}
        mode: "0400"
        remote_src: true
      notify: restart webapp.service

    - name: Certificate
      ansible.builtin.shell:
        cmd: >-
          umask 077; openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 3650
          -subj /CN={domain} -addext subjectAltName=DNS:{domain} -keyout {key} -out {chain} && chmod 0644 {chain}
        creates: {chain}
      notify: reload nginx.service

    - name: What changed is heard of before anything is started
      ansible.builtin.meta: flush_handlers

    - name: Units that start at boot
      ansible.builtin.systemd_service:
        name: "{{{{ item }}}}"
        enabled: true
        state: started
      loop: {enabled}

    - name: Units
      ansible.builtin.systemd_service:
        name: "{{{{ item }}}}"
        state: started
      loop: {running}

  handlers:
    - name: Unit files are read again
      ansible.builtin.systemd_service:
        daemon_reload: true

    - name: Configuration of sshd
      ansible.builtin.command: sshd -t
      listen: [restart ssh.service, reload ssh.service]

    - name: Configuration of nginx
      ansible.builtin.command: nginx -tq
      listen: [restart nginx.service, reload nginx.service]
"""

HANDLER = """
    - name: {name}
      ansible.builtin.systemd_service:
        name: {unit}
        state: {state}
      listen: {verb} {unit}
"""


def items(table, *keys):
    """Rows of a loop, a line each."""
    rows = [row if not keys else {key: row[key] for key in keys} for row in table]
    return "\n".join(f"        - {json.dumps(row)}" for row in rows)


def file_tasks(files):
    """Files that tell the same units are one task; sudoers are checked before they are in place."""
    tasks = {}
    for found in files:
        notify = [f"{verb} {unit}" for verb, unit in found["tells"]]
        if found["path"].startswith("/etc/systemd/system/"):
            notify.insert(0, "Unit files are read again")
        tasks.setdefault((tuple(notify), found["path"].startswith("/etc/sudoers.d/")), []).append(found)
    for (notify, sudoers), group in sorted(tasks.items()):
        yield FILES.format(
            told=" of sudo" if sudoers else f", then {' and '.join(notify)}" if notify else "",
            more="\n        validate: visudo -cqf %s" if sudoers else "",
            files=items(group, "path", "owner", "group", "mode"),
            notify=f"\n      notify: {json.dumps(notify)}" if notify else "",
        )


def handlers(files):
    told = {tuple(pair) for found in files for pair in found["tells"]} | {("restart", "webapp.service")}
    # A restart goes before a reload of the same unit, which then finds everything read.
    for verb, unit in sorted(told | {("reload", "nginx.service")}, reverse=True):
        yield HANDLER.format(name=f"{verb.capitalize()} {unit}", unit=unit, verb=verb, state=f"{verb}ed")


def main():
    with open(os.path.join(sys.argv[1], "layout.json")) as file:
        layout = json.load(file)
    for user in layout["users"]:
        user["system"] = user["uid"] < 1000
    units, kernel = layout["units"], layout["sysctls"]
    print(HEAD, end="")
    print(
        FIRST.format(
            present=json.dumps(layout["packages"]["present"]),
            absent=json.dumps(layout["packages"]["absent"]),
            groups=items(layout["groups"], "name", "gid"),
            users=items(layout["users"], "name", "uid", "group", "groups", "home", "shell", "system"),
            directories=items(layout["directories"], "path", "owner", "group", "mode"),
            lists=items([found for found in layout["directories"] if "access" in found], "path", "access", "default"),
        )
    )
    print("".join(file_tasks(layout["files"])))
    print(
        LAST.format(
            links=items(layout["links"], "path", "target"),
            absent=items(layout["absent"]),
            lines=items(layout["lines"], "path", "line"),
            sysctl_names=" ".join(kernel),
            sysctls=" ".join(f"{key}={value}" for key, value in kernel.items()),
            sysctl_values=json.dumps(list(kernel.values())),
            proc=layout["proc"],
            enabled=json.dumps(units["enabled"]),
            running=json.dumps([unit for unit in units["running"] if unit not in units["enabled"]]),
            **layout["secret"],
            **layout["certificate"],
        )
    )
    print("".join(handlers(layout["files"])))


main()
