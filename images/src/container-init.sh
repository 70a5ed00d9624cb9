# First process of a container's own process, mount and network namespaces. Whatever is mounted here
# is seen by nobody else, and when this process ends the kernel takes it all apart: the machine's
# processes, its mounts, its loop devices, its network. That is why nothing is left behind, however
# the owner ends. Expects NAME, LOWER, DIR, NETWORK, ADDRESS, GATEWAY,
# INTERFACE in the environment.
set -eu

# One cgroup tree, as on a real Debian 12, also where the host still has the old layout; and a
# cgroup of our own in it, or two machines would share the names of their units. It is named for
# the network, which no other machine on this host has, whoever started it.
umount -R -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cgroup=/sys/fs/cgroup/data-broker/$NETWORK
leave_cgroup() {
    # 0 stands for whoever writes.
    echo 0 > /sys/fs/cgroup/cgroup.procs
    tries=0
    while [ -d "$cgroup" ] && [ "$tries" -lt 100 ]; do
        # After a power cut its processes are still on their way out.
        echo 1 > "$cgroup/cgroup.kill" 2>/dev/null || true
        find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.02
        tries=$((tries + 1))
    done
    rmdir /sys/fs/cgroup/data-broker 2>/dev/null || true
}
# A machine that had this network and was killed may have left its empty groups.
if [ -d "$cgroup" ]; then leave_cgroup; fi
mkdir -p "$cgroup"
echo 0 > "$cgroup/cgroup.procs"

mount -t overlay overlay \
    -o "lowerdir=$LOWER,upperdir=$DIR/upper,workdir=$DIR/work" "$DIR/root"

# A container has no udev and no /dev/disk, so whoever starts it attaches the disks.
set --
for disk in data home tmp; do
    if [ -e "$DIR/disks/$disk.img" ]; then
        mkdir -p "$DIR/mounts/$disk"
        mount -o loop,nodev,nosuid,discard "$DIR/disks/$disk.img" "$DIR/mounts/$disk"
        set -- "$@" "--bind=$DIR/mounts/$disk:/$disk"
    fi
done

# The owner puts our end of the cable into this namespace.
ip link set lo up
tries=0
until ip link set "$INTERFACE" up 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 500 ]; then echo "no network interface came" >&2; exit 1; fi
    sleep 0.01
done
ip address add "$ADDRESS/30" dev "$INTERFACE"
ip route add default via "$GATEWAY"

# All capabilities, as on a real machine, but for those that reach through to the host: its clock,
# its modules, its memory, its disks. net.* sysctls are the machine's own; bpf carries IPAddressDeny= of units.
exec 3<&0
SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn \
    --quiet --directory="$DIR/root" --machine="$NAME" --hostname=data-broker \
    --register=no --keep-unit --boot --console=pipe \
    --network-namespace-path=/proc/self/ns/net \
    --capability=all --drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,CAP_SYS_RAWIO,CAP_SYSLOG,CAP_MKNOD \
    --system-call-filter=bpf \
    --resolv-conf=off --timezone=off --link-journal=no \
    "$@" < /dev/null > "$DIR/console.log" 2>&1 &
nspawn=$!
# Our input is a pipe from the owner. When it ends the owner is gone, killed perhaps, and so are we.
(
    echo 0 > /sys/fs/cgroup/cgroup.procs
    cat <&3 > /dev/null
    kill -KILL "$nspawn" 2>/dev/null
) &
status=0
wait "$nspawn" || status=$?
leave_cgroup
exit "$status"
