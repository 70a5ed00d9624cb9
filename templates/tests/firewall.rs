//! The packet filter in a network namespace of its own: what nft prints is what we rendered.

mod contexts;
mod judge;

use judge::judge;
use templates::render;

#[test]
fn the_loaded_table_prints_as_it_was_rendered() {
    let Some(unshare) = judge("/usr/bin/unshare") else {
        return;
    };
    if judge("/usr/sbin/nft").is_none() || !judge::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let text = render(&contexts::nftables()).unwrap();
    let file = judge::file(&dir, "nftables.conf", &text);
    // Twice: with no table there, and with ours there. Another table survives both.
    let script = "set -e; nft add table inet foreign; nft -c -f \"$0\"; nft -f \"$0\"; nft -f \"$0\"; \
                  nft list tables | grep -q 'inet foreign'; nft -s -t list table inet appliance";
    let printed = unshare.run(["--net", "/bin/sh", "-c", script, &file]);
    let table = text.find("table inet appliance {").unwrap();
    assert_eq!(printed, &text[table..]);
}

#[test]
fn an_empty_list_of_users_refuses_everybody() {
    let Some(unshare) = judge("/usr/bin/unshare") else {
        return;
    };
    if judge("/usr/sbin/nft").is_none() || !judge::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut context = contexts::nftables();
    context.metadata_uids.clear();
    context.smtp_uids.clear();
    context.public_ports = vec![22];
    let text = render(&context).unwrap();
    let file = judge::file(&dir, "nftables.conf", &text);
    let script = "set -e; nft -f \"$0\"; nft -s -t list table inet appliance";
    let printed = unshare.run(["--net", "/bin/sh", "-c", script, &file]);
    let table = text.find("table inet appliance {").unwrap();
    assert_eq!(printed, &text[table..]);
}

/// Who gets through, by connecting: `address port uid` a line, answered with yes or no.
const PROBE: &str = r#"
import os, socket, sys
listening = []
for address, port in {("127.0.0.1", 8765), ("127.0.0.1", 9090), ("169.254.169.254", 80), ("169.254.169.254", 53),
                      ("127.0.0.1", 25), ("127.0.0.1", 9999)}:
    listening.append(socket.create_server((address, port)))
for line in sys.argv[1].split("/"):
    address, port, uid = line.split()
    if os.fork() == 0:
        os.setuid(int(uid))
        try:
            socket.create_connection((address, int(port)), 2, ("127.0.0.1", 0)).close()
            os._exit(0)
        except ConnectionRefusedError:
            os._exit(1)
    print(line, "yes" if os.wait()[1] == 0 else "no")
"#;

#[test]
fn the_uid_of_the_sender_decides() {
    let Some(unshare) = judge("/usr/bin/unshare") else {
        return;
    };
    if judge("/usr/sbin/nft").is_none() || judge("/usr/bin/python3").is_none() || !judge::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = judge::file(&dir, "nftables.conf", &render(&contexts::nftables()).unwrap());
    // The metadata address stands on loopback here, so that there is something to reach; the client keeps another
    // address, or the refusal would itself go to the metadata address and be refused.
    let script = "set -e; ip link set lo up; ip addr add 169.254.169.254/32 dev lo; nft -f \"$0\"
        exec /usr/bin/python3 -c \"$1\" \"$2\"";
    let cases = [
        ("127.0.0.1 8765 33", "yes"),
        ("127.0.0.1 8765 0", "no"),
        ("127.0.0.1 8765 2000", "no"),
        ("127.0.0.1 9090 0", "no"),
        ("127.0.0.1 9999 2000", "yes"),
        ("127.0.0.1 25 33", "yes"),
        ("127.0.0.1 25 2000", "no"),
        ("169.254.169.254 80 0", "yes"),
        ("169.254.169.254 80 892", "yes"),
        ("169.254.169.254 80 33", "no"),
        ("169.254.169.254 80 2000", "no"),
        ("169.254.169.254 53 2000", "yes"),
    ];
    let asked = cases.map(|(case, _)| case).join("/");
    let said = unshare.run(["--net", "/bin/sh", "-c", script, &file, PROBE, &asked]);
    let meant = cases.map(|(case, answer)| format!("{case} {answer}\n")).concat();
    assert_eq!(said, meant);
}
