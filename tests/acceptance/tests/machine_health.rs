//! Spec 10, section 18: /health through nginx, and what turns it.

use acceptance::container_fixture::{Appliance, DOMAIN};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

struct Health {
    status: u16,
    body: String,
    document: Value,
}

fn health(appliance: &Appliance) -> Result<Health> {
    let out = appliance.curl(
        DOMAIN,
        &[
            "-w",
            "\n%{http_code} %{content_type}",
            &format!("https://{DOMAIN}/health"),
        ],
    )?;
    let (body, last) = out.stdout.rsplit_once('\n').context("a status")?;
    ensure!(last.ends_with("application/json"), "{last}");
    Ok(Health {
        status: last
            .split(' ')
            .next()
            .and_then(|code| code.parse().ok())
            .context("a code")?,
        body: body.to_owned(),
        document: serde_json::from_str(body).with_context(|| body.to_owned())?,
    })
}

/// Waits for the next look of the portal, which takes one every five seconds.
fn until(appliance: &Appliance, status: u16) -> Result<Health> {
    let mut last = health(appliance)?;
    for _ in 0..40 {
        if last.status == status {
            return Ok(last);
        }
        std::thread::sleep(std::time::Duration::from_millis(400));
        last = health(appliance)?;
    }
    ensure!(
        last.status == status,
        "{} instead of {status}: {}",
        last.status,
        last.body
    );
    Ok(last)
}

/// The items of a list that are not healthy.
fn sick<'a>(document: &'a Value, list: &str, name: &str) -> Vec<&'a str> {
    let items = document[list].as_array().into_iter().flatten();
    items
        .filter(|item| item["healthy"] != true)
        .filter_map(|item| item[name].as_str())
        .collect()
}

#[test]
fn check_65_each_cause_alone_turns_the_answer() -> Result<()> {
    let appliance = Appliance::applied()?;
    let well = until(&appliance, 200)?;
    assert!(well.body.contains("\"status\": \"healthy\""), "{}", well.body);
    assert!(
        well.document["timestamp"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z') && time.len() == 27),
        "{}",
        well.body
    );
    let disks: Vec<&str> = well.document["disk"]
        .as_array()
        .context("disk")?
        .iter()
        .filter_map(|disk| disk["partition"].as_str())
        .collect();
    assert_eq!(disks, ["/", "/data", "/home", "/tmp"]);

    // A disk above 90 %.
    appliance.sh("fallocate -l $(( $(df -B1 --output=avail /home | tail -n1) * 95 / 100 )) /home/ballast")?;
    let ill = until(&appliance, 503)?;
    assert_eq!(
        sick(&ill.document, "disk", "partition"),
        ["/home"],
        "{}",
        ill.body
    );
    assert!(ill.body.contains("\"status\": \"degraded\""));
    appliance.sh("rm /home/ballast")?;
    until(&appliance, 200)?;

    // A disk that is not there, measured as itself and not as the system's.
    // The portal's own view of the mounts is from its start.
    appliance.sh("umount -l /home && systemctl restart webapp")?;
    let ill = until(&appliance, 503)?;
    assert_eq!(
        sick(&ill.document, "disk", "partition"),
        ["/home"],
        "{}",
        ill.body
    );
    Ok(())
}

#[test]
fn check_65_a_service_that_stopped_and_no_process_for_a_request() -> Result<()> {
    // Of the services that /health lists the portal is the only one today. A machine whose portal is asked to watch
    // one more, through its settings, shows that another's state counts.
    let appliance = Appliance::applied()?;
    until(&appliance, 200)?;
    appliance.sh("sed -i 's/^\\(HEALTH_SERVICES=.*\\)\\(webapp.service\\)/\\1\\2 cron.service/' /opt/data-analyst/config/webapp.env; systemctl restart webapp")?;
    let well = until(&appliance, 200)?;
    assert!(well.body.contains("cron.service"), "{}", well.body);
    appliance.sh("systemctl stop cron")?;
    let ill = until(&appliance, 503)?;
    assert_eq!(
        sick(&ill.document, "services", "name"),
        ["cron.service"],
        "{}",
        ill.body
    );
    appliance.sh("systemctl start cron")?;
    until(&appliance, 200)?;

    // 100 requests a second for three seconds, over the socket by one process, as nginx limits probes. After each of
    // them the portal's cgroup holds the one process that it held before; a child that came and went within a single
    // request would not be seen here.
    let script = "import http.client, socket, time\n\
class Unix(http.client.HTTPConnection):\n    def connect(self):\n        self.sock = socket.socket(socket.AF_UNIX); self.sock.connect('/run/webapp/webapp.sock')\n\
pid = open('/proc/self/stat').read().split()[0]\n\
def threads():\n    return sorted(open('/sys/fs/cgroup/system.slice/webapp.service/cgroup.procs').read().split())\n\
before = threads(); began = time.time(); slowest = 0\n\
for n in range(300):\n    at = time.time(); c = Unix('data-broker.localhost'); c.request('GET', '/health'); r = c.getresponse(); r.read(); c.close()\n    \
assert r.status == 200, r.status\n    slowest = max(slowest, time.time() - at); assert threads() == before\n    time.sleep(max(0, began + n / 100 - time.time()))\n\
print(len(before), slowest < 1, time.time() - began < 6)\n";
    assert_eq!(
        appliance.exec(&["python3", "-c", script])?.stdout,
        "1 True True\n"
    );
    let head = appliance.curl(
        DOMAIN,
        &[
            "-I",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &format!("https://{DOMAIN}/health"),
        ],
    )?;
    let post = appliance.curl(
        DOMAIN,
        &[
            "-d",
            "x",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &format!("https://{DOMAIN}/health"),
        ],
    )?;
    assert_eq!((head.stdout.as_str(), post.stdout.as_str()), ("200", "405"));
    Ok(())
}
