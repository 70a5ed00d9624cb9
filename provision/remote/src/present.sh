# Runs as root. $1 is a digest: is the program there, is it right, and if not, is there space? No single quotes in here.
d=/var/lib/data-analyst/remote/bin/$1
p=$d/appliance
if [ -e "$d" ] && echo "$1  $p" | sha256sum --check --status 2>/dev/null; then
    echo "program=there"
elif [ -e "$d" ]; then
    echo "program=tampered"
else
    echo "program=absent"
    while [ ! -d "$d" ]; do d=${d%/*}; [ -n "$d" ] || d=/; done
    echo "free=$(df -Pk "$d" | tail -n 1 | tr -s " " | cut -d " " -f 4)"
fi
