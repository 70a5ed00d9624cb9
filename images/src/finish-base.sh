# Last step of a base, run by mmdebstrap: finish.sh ROOT ARCHIVES PACKAGE...
# Keeps a few archives and takes out what the building host left in the tree, so that the base looks
# like a stock cloud image that has never been started.
set -eu
root=$1
archives=$2
shift 2

# Sandboxed as _apt, the download could not write into our directory.
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
(cd "$archives" && apt-get -q -o APT::Sandbox::User=root download "$@")

rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/apt/apt.conf.d/99mmdebstrap"
# The name that the cloud gives to the instance.
echo data-broker > "$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 data-broker\n::1 localhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"
: > "$root/etc/resolv.conf"
# Empty and present: systemd then makes an id of its own at the first start.
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
rm -rf "$root"/var/lib/apt/lists/*
