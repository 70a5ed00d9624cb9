#!/usr/bin/env python3
"""Writes the layout as the script of a careful administrator: generate_bash.py DIR > apply.sh

DIR holds layout.json; the script stands beside DIR/files and takes each file from there.
"""

import json
import os
import shlex
import sys

HEAD = r"""#!/bin/bash
# Brings a machine to its layout. Looks before it changes anything, so a second run changes nothing.
set -euo pipefail
cd "$(dirname "$0")"
export LC_ALL=C.UTF-8

declare -A restart=() reload=()
reread=0

# What stands at a path, in one line. A mode says nothing of the lists behind it: see ensure_acl.
looks=(stat -c '%F %U:%G %a' --)

ensure_group() { # NAME GID
    getent group "$1" >/dev/null || groupadd -g "$2" "$1"
}

ensure_user() { # NAME UID GROUP HOME SHELL GROUPS [OPTION...]
    local name=$1 uid=$2 group=$3 home=$4 shell=$5 groups=$6 row has is_home is_shell want missing=
    shift 6
    if ! row=$(getent passwd "$name"); then
        useradd -M -u "$uid" -g "$group" -d "$home" -s "$shell" ${groups:+-G "$groups"} "$@" "$name"
        return
    fi
    IFS=: read -r _ _ has _ _ is_home is_shell <<<"$row"
    [ "$has" = "$uid" ] || { echo "$name has the number $has" >&2; exit 1; }
    [ "$is_home:$is_shell" = "$home:$shell" ] || usermod -d "$home" -s "$shell" "$name"
    [ -n "$groups" ] || return 0
    has=" $(id -Gn "$name") "
    for want in ${groups//,/ }; do
        case $has in *" $want "*) ;; *) missing=$missing,$want ;; esac
    done
    [ -z "$missing" ] || usermod -aG "${missing#,}" "$name"
}

ensure_directory() { # OWNER GROUP MODE PATH
    [ "$("${looks[@]}" "$4" 2>/dev/null)" = "directory $1:$2 ${3#0}" ] && return
    install -d -o "$1" -g "$2" -m "$3" -- "$4"
    # install leaves a setgid bit that the parent gave.
    [ "${3:0:1}" != 0 ] || chmod g-s -- "$4"
}

ensure_acl() { # LIST DEFAULT PATH
    [ "$(getfacl -cp -- "$3")" = "${1//,/$'\n'}"$'\n'"default:${2//,/$'\n'default:}" ] && return
    setfacl --set "$1" -- "$3"
    setfacl -d --set "$2" -- "$3"
}

ensure_file() { # OWNER GROUP MODE PATH [VERB:UNIT...]
    local path=$4 told verb=
    if [ "$("${looks[@]}" "$path" 2>/dev/null)" = "regular file $1:$2 ${3#0}" ] && cmp -s "files$path" "$path"; then return; fi
    case $path in /etc/sudoers.d/*) visudo -cqf "files$path" ;; esac
    install -o "$1" -g "$2" -m "$3" -- "files$path" "$path.new"
    mv -f -- "$path.new" "$path"
    case $path in /etc/systemd/system/*) reread=1 ;; esac
    for told in "${@:5}"; do
        verb=${told%%:*}
        if [ "$verb" = reload ]; then reload[${told#*:}]=1; else restart[${told#*:}]=1; fi
    done
}

ensure_link() { # TARGET PATH
    [ "$(readlink -- "$2")" != "$1" ] || return 0
    ln -sfn -- "$1" "$2"
    case $2 in /etc/systemd/system/*) reread=1 ;; /etc/nginx/*) reload[nginx.service]=1 ;; esac
}

ensure_absent() { # PATH
    if [ -e "$1" ] || [ -L "$1" ]; then rm -f -- "$1"; else return 0; fi
    case $1 in /etc/systemd/system/*) reread=1 ;; /etc/nginx/*) reload[nginx.service]=1 ;; esac
}

ensure_line() { # LINE PATH
    grep -qxF -- "$1" "$2" || printf '%s\n' "$1" >>"$2"
}
"""

PACKAGES = r"""
# Packages. A removed one whose files stayed is not `installed`.
installed=" $(dpkg-query -Wf '${{db:Status-Status}}:${{Package}} ') "
for package in {present}; do
    case $installed in *" installed:$package "*) ;; *) missing+=" $package" ;; esac
done
for package in {absent}; do
    case $installed in *" installed:$package "*) extra+=" $package" ;; esac
done
[ -z "${{missing:-}}" ] || DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $missing
[ -z "${{extra:-}}" ] || DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge $extra
"""

TAIL = r"""
# Kernel
[ "$(sysctl -n {sysctl_names})" = $'{sysctl_values}' ] || sysctl -qw {sysctls}
have=,$(findmnt -no OPTIONS /proc),
for option in {proc_words}; do
    case $have in *",$option,"*) ;; *) mount -o remount,{proc} /proc; break ;; esac
done

# Firewall
nft list table inet appliance >/dev/null 2>&1 || nft -f /etc/nftables.conf

# Secret and certificate
if ! [ -s {kept} ]; then (umask 077; openssl rand -hex 32 | tr -d '\n' >{kept}); fi
if ! cmp -s {kept} {credential}; then
    install -m 0400 {kept} {credential}
    restart[webapp.service]=1
fi
if ! [ -s {chain} ]; then
    (umask 077; openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 3650 -subj /CN={domain} \
        -addext subjectAltName=DNS:{domain} -keyout {key} -out {chain} 2>/dev/null)
    chmod 0644 {chain}
    reload[nginx.service]=1
fi

# Units: files are read again once, then each kind of change in one call.
[ $reread = 0 ] || systemctl daemon-reload
units=({enabled})
mapfile -t states < <(systemctl is-enabled "${{units[@]}}")
for index in "${{!units[@]}}"; do
    # enable is slow where System V has a script of the same name, so it is told of no unit that needs it not.
    case ${{states[index]}} in disabled | masked) systemctl -q enable "${{units[index]}}" ;; esac
done
declare -A down=()
for unit in {running}; do down[$unit]=1; done
for unit in $(systemctl list-units --no-legend --plain --state=active {running} | cut -d' ' -f1); do
    unset "down[$unit]"
done
# Who is about to start reads everything anyway.
for unit in "${{!restart[@]}}" "${{!down[@]}}"; do unset "reload[$unit]"; done
if [ ${{#restart[@]}}${{#reload[@]}} != 00 ]; then sshd -t; nginx -tq; fi
[ ${{#restart[@]}} = 0 ] || systemctl restart "${{!restart[@]}}"
[ ${{#down[@]}} = 0 ] || systemctl start "${{!down[@]}}"
[ ${{#reload[@]}} = 0 ] || systemctl reload "${{!reload[@]}}"
"""


def call(*words):
    return " ".join(shlex.quote(word) for word in words)


def main():
    with open(os.path.join(sys.argv[1], "layout.json")) as file:
        layout = json.load(file)
    out = [HEAD]
    packages = {kind: " ".join(names) for kind, names in layout["packages"].items()}
    out.append(PACKAGES.format(**packages))
    out.append("# Groups and accounts")
    out += [call("ensure_group", group["name"], str(group["gid"])) for group in layout["groups"]]
    for user in layout["users"]:
        system = [] if user["uid"] >= 1000 else ["-r"]
        words = [user["name"], str(user["uid"]), user["group"], user["home"], user["shell"], ",".join(user["groups"])]
        out.append(call("ensure_user", *words, *system))
    out.append("\n# Directories")
    for found in layout["directories"]:
        out.append(call("ensure_directory", found["owner"], found["group"], found["mode"], found["path"]))
        if "access" in found:
            out.append(call("ensure_acl", found["access"], found["default"], found["path"]))
    out.append("\n# Files")
    for found in layout["files"]:
        tells = [f"{verb}:{unit}" for verb, unit in found["tells"]]
        out.append(call("ensure_file", found["owner"], found["group"], found["mode"], found["path"], *tells))
    out += [call("ensure_link", found["target"], found["path"]) for found in layout["links"]]
    out += [call("ensure_absent", path) for path in layout["absent"]]
    out += [call("ensure_line", found["line"], found["path"]) for found in layout["lines"]]
    units = {kind: " ".join(names) for kind, names in layout["units"].items()}
    proc, kernel = layout["proc"], layout["sysctls"]
    out.append(
        TAIL.format(
            sysctl_names=" ".join(kernel),
            sysctl_values="\\n".join(kernel.values()),
            sysctls=" ".join(f"{key}={value}" for key, value in kernel.items()),
            proc=proc,
            proc_words=proc.replace(",", " "),
            **layout["secret"],
            **layout["certificate"],
            **units,
        )
    )
    print("\n".join(out))


main()
