//! Spec 10, section 14: nginx as a client on the network meets it.

use std::collections::BTreeMap;

use acceptance::container_fixture::{Appliance, DOMAIN, nothing_wrong};
use anyhow::{Context, Result};

const HEADERS: [(&str, &str); 6] = [
    ("strict-transport-security", "max-age=63072000"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ("x-xss-protection", "0"),
];

struct Answer {
    status: u16,
    headers: BTreeMap<String, Vec<String>>,
}

/// Asks nginx over the network for a page of the portal's name.
fn ask(appliance: &Appliance, path: &str, more: &[&str]) -> Result<Answer> {
    let url = if path.starts_with("http") {
        path.to_owned()
    } else {
        format!("https://{DOMAIN}{path}")
    };
    let mut arguments = vec!["--http1.1", "-D", "-", "-o", "/dev/null"];
    arguments.extend(more);
    arguments.push(&url);
    let out = appliance.curl(DOMAIN, &arguments)?;
    let mut lines = out.stdout.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|word| word.parse().ok())
        .with_context(|| format!("{url}: {out:?}"))?;
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers
            .entry(name.to_lowercase())
            .or_default()
            .push(value.trim().to_owned());
    }
    Ok(Answer { status, headers })
}

#[test]
fn check_48_headers_stand_on_every_answer_once() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    let styles = appliance.curl(DOMAIN, &[&format!("https://{DOMAIN}/")])?.stdout;
    let sheet = styles
        .split('"')
        .find(|word| word.starts_with("/static/"))
        .context("a static file on the home page")?
        .to_owned();
    let tag = ask(&appliance, &sheet, &[])?
        .headers
        .get("etag")
        .map(|tags| format!("If-None-Match: {}", tags[0]));
    let mut cases = vec![
        ("/".to_owned(), vec![], vec![200]),
        ("/health".to_owned(), vec![], vec![200]),
        (sheet.clone(), vec![], vec![200]),
        ("/no-such-page".to_owned(), vec![], vec![404]),
        ("/ws/notifications".to_owned(), vec![], vec![404]),
        ("/v1/logs".to_owned(), vec!["-d", "{}"], vec![404]),
        ("/slack/interactive".to_owned(), vec!["-d", "{}"], vec![404]),
        (format!("http://{DOMAIN}/somewhere?x=1"), vec![], vec![301]),
        (
            format!("http://{DOMAIN}/.well-known/acme-challenge/none"),
            vec![],
            vec![404],
        ),
    ];
    if let Some(tag) = &tag {
        cases.push((sheet.clone(), vec!["-H", tag], vec![304]));
    }
    let check = |path: &str, answer: &Answer, statuses: &[u16], wrong: &mut Vec<String>| {
        if !statuses.contains(&answer.status) {
            wrong.push(format!("{path}: {}, should be {statuses:?}", answer.status));
        }
        for (name, value) in HEADERS {
            // The portal may be stricter about frames and referrers; then its word counts, and stands alone.
            let found = answer.headers.get(name).map_or(&[][..], Vec::as_slice);
            let stricter = match name {
                "x-frame-options" => found == ["DENY"],
                "referrer-policy" => found == ["no-referrer"] || found == ["same-origin"],
                _ => false,
            };
            if found != [value] && !stricter {
                wrong.push(format!("{path} ({}): {name} is {found:?}", answer.status));
            }
        }
        if answer.headers.get("content-security-policy").map(Vec::len) != Some(1) {
            wrong.push(format!(
                "{path}: {:?}",
                answer.headers.get("content-security-policy")
            ));
        }
        if answer
            .headers
            .get("server")
            .is_some_and(|words| words != &["nginx"])
        {
            wrong.push(format!("{path}: {:?}", answer.headers.get("server")));
        }
    };
    for (path, more, statuses) in &cases {
        check(path, &ask(&appliance, path, more)?, statuses, &mut wrong);
    }
    let caching = ask(&appliance, &sheet, &[])?.headers.remove("cache-control");
    if caching != Some(vec!["public, max-age=86400, immutable".to_owned()]) {
        wrong.push(format!("{sheet}: {caching:?}"));
    }
    let redirect = ask(&appliance, &format!("http://{DOMAIN}/somewhere?x=1"), &[])?
        .headers
        .remove("location");
    assert_eq!(redirect, Some(vec![format!("https://{DOMAIN}/somewhere?x=1")]));
    // An error of nginx's own: the portal does not answer.
    appliance.sh("systemctl stop webapp")?;
    for path in ["/", "/health", "/api/none"] {
        check(path, &ask(&appliance, path, &[])?, &[503], &mut wrong);
    }
    nothing_wrong(&wrong)
}

#[test]
fn check_48_strangers_limits_and_the_log() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    let closed =
        |host: &str, url: &str| appliance.curl(host, &["-o", "/dev/null", "-w", "%{http_code}", url]);
    for (host, url) in [
        ("other.test", "http://other.test/"),
        ("other.test", "https://other.test/"),
        ("sub.data-broker.localhost", "https://sub.data-broker.localhost/"),
    ] {
        let out = closed(host, url)?;
        if out.success() || out.stdout != "000" {
            wrong.push(format!("{url}: {out:?}"));
        }
    }
    // A known name in the handshake and another in the request is no way around.
    let out = appliance.curl(DOMAIN, &["-H", "Host: other.test", &format!("https://{DOMAIN}/")])?;
    if out.success() && !out.stdout.is_empty() && !out.stdout.contains("421") {
        wrong.push(format!("another Host: {out:?}"));
    }
    for version in ["--tls-max 1.1", "--tls-max 1.0"] {
        let arguments: Vec<&str> = version.split(' ').collect();
        let url = format!("https://{DOMAIN}/");
        let mut all = arguments;
        all.extend(["-o", "/dev/null", "--ciphers", "DEFAULT@SECLEVEL=0", &url]);
        if appliance.curl(DOMAIN, &all)?.success() {
            wrong.push(version.to_owned());
        }
    }

    // Bodies: 1 MB on the portal, before it sees any of it.
    let body = appliance.private_key("body");
    let file = std::fs::File::create(&body)?;
    file.set_len(1_100_000)?;
    let upload = format!("@{}", body.display());
    let answer = ask(
        &appliance,
        "/anything",
        &["--data-binary", &upload, "-H", "Expect:"],
    )?;
    if answer.status != 413 {
        wrong.push(format!("1.1 MB: {}", answer.status));
    }

    // Rates: the sixth sign-in within a minute, telegram codes, and a flood of probes.
    for path in ["/login/email", "/api/telegram/verify"] {
        let statuses: Vec<u16> = (0..6)
            .map(|_| Ok(ask(&appliance, path, &["-d", "x=1"])?.status))
            .collect::<Result<_>>()?;
        if statuses[..5].contains(&429) || statuses[5] != 429 {
            wrong.push(format!("{path}: {statuses:?}"));
        }
        if ask(&appliance, path, &[])?.status == 429 {
            wrong.push(format!(
                "{path}: a page that is only looked at counts as an attempt"
            ));
        }
    }
    let range = format!("https://{DOMAIN}/health?[1-30]");
    let flood = appliance.curl(
        DOMAIN,
        &[
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}\\n",
            "--parallel",
            "--parallel-max",
            "30",
            &range,
        ],
    )?;
    let count = |code: &str| flood.stdout.lines().filter(|line| *line == code).count();
    if !(11..=16).contains(&count("200")) || count("429") < 10 {
        wrong.push(format!(
            "30 probes at once: {} answered, {} refused",
            count("200"),
            count("429")
        ));
    }

    // The log: one JSON object a line, no query, nothing of probes.
    appliance.sh("truncate -s0 /var/log/nginx/access.log 2>/dev/null; ls /var/log/nginx > /dev/null")?;
    ask(&appliance, "/health", &[])?;
    ask(&appliance, "/livez", &[])?;
    ask(
        &appliance,
        "/some/page?token=planted-marker",
        &["-A", "a \"quoted\" agent"],
    )?;
    let log = appliance.sh("sleep 0.3; cat /var/log/nginx/*access*.log | grep -v '^$' | tail -n 50")?;
    if log.contains("planted-marker") || log.contains("/health") || log.contains("/livez") {
        wrong.push(format!("the access log: {log}"));
    }
    let line: serde_json::Value = serde_json::from_str(
        log.lines()
            .find(|line| line.contains("/some/page"))
            .context("a line")?,
    )?;
    for field in [
        "time",
        "request_id",
        "method",
        "path",
        "status",
        "bytes",
        "duration",
        "upstream_duration",
        "remote_address",
        "user_agent",
    ] {
        if line.get(field).is_none() {
            wrong.push(format!("the access log lacks {field}: {line}"));
        }
    }
    assert_eq!(
        (line["path"].as_str(), line["user_agent"].as_str()),
        (Some("/some/page"), Some("a \"quoted\" agent"))
    );
    nothing_wrong(&wrong)
}

/// What a client claims about itself does not reach the portal: the address is the connection's own.
#[test]
fn section_14_headers_to_the_portal_and_challenges() -> Result<()> {
    let appliance = Appliance::applied()?;
    // In the portal's place one that answers with what it was sent.
    appliance.sh(
        "systemctl stop webapp; cat > /opt/echo.py <<'END'\nimport socketserver, os\n\
         from http.server import BaseHTTPRequestHandler\n\
         class Echo(BaseHTTPRequestHandler):\n    def do_GET(self):\n        body = str(self.headers).encode()\n        self.send_response(200)\n        \
         self.send_header('Content-Length', str(len(body)))\n        self.send_header('Set-Cookie', 'a=b')\n        self.end_headers()\n        self.wfile.write(body)\n    \
         def address_string(self):\n        return 'local'\n\
         class Server(socketserver.UnixStreamServer):\n    def get_request(self):\n        return (super().get_request()[0], ('local', 0))\n\
         os.makedirs('/run/webapp', exist_ok=True)\n\
         server = Server('/run/webapp/webapp.sock', Echo)\nos.chmod('/run/webapp/webapp.sock', 0o666)\nserver.serve_forever()\nEND\n\
         rm -f /run/webapp/webapp.sock; systemd-run --quiet --unit=echo python3 /opt/echo.py; \
         for i in $(seq 100); do test -S /run/webapp/webapp.sock && break; sleep 0.05; done",
    )?;
    let url = format!("https://{DOMAIN}/page");
    let forged = [
        "-H",
        "X-Forwarded-For: 192.0.2.66",
        "-H",
        "X-Real-IP: 192.0.2.66",
        "-H",
        "X-Forwarded-Proto: gopher",
        "-H",
        "Upgrade: websocket",
        "-H",
        "Connection: Upgrade",
        "--http1.1",
    ];
    let mut arguments = forged.to_vec();
    arguments.push(&url);
    let seen = appliance.curl(DOMAIN, &arguments)?.stdout;
    let host = appliance
        .address()
        .rsplit_once('.')
        .map(|(net, _)| format!("{net}.1"))
        .context("an address")?;
    for line in [
        format!("X-Forwarded-For: {host}"),
        format!("X-Real-IP: {host}"),
        "X-Forwarded-Proto: https".to_owned(),
        format!("Host: {DOMAIN}"),
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line} in {seen}");
    }
    assert!(
        seen.contains("X-Request-ID: ") && !seen.contains("192.0.2.66") && !seen.contains("websocket"),
        "{seen}"
    );
    let probe = ask(
        &appliance,
        "/health",
        &["-H", "Cookie: session=secret", "-D", "-"],
    )?;
    assert!(!probe.headers.contains_key("set-cookie"), "{:?}", probe.headers);
    let seen = appliance
        .curl(
            DOMAIN,
            &[
                "-H",
                "Cookie: session=secret",
                &format!("https://{DOMAIN}/health"),
            ],
        )?
        .stdout;
    assert!(!seen.contains("session=secret"), "{seen}");

    // 49: without a certificate nginx serves the challenge and a placeholder; with one it switches, and back.
    appliance.sh("mkdir -p /var/www/html/.well-known/acme-challenge && echo proof > /var/www/html/.well-known/acme-challenge/token")?;
    assert_eq!(
        appliance
            .curl(
                DOMAIN,
                &[&format!("http://{DOMAIN}/.well-known/acme-challenge/token")]
            )?
            .stdout,
        "proof\n"
    );
    let shown = format!(
        "echo | openssl s_client -connect 127.0.0.1:443 -servername {DOMAIN} 2>/dev/null | openssl x509 -noout -issuer -subject -ext subjectAltName"
    );
    let placeholder = appliance.sh(&shown)?;
    assert!(
        placeholder.contains(&format!("DNS:{DOMAIN}"))
            && placeholder.contains(&format!("issuer=CN = {DOMAIN}")),
        "{placeholder}"
    );
    appliance.sh(&format!(
        "systemctl stop echo; rm -f /run/webapp/webapp.sock; systemctl start webapp; d=/etc/letsencrypt/live/{DOMAIN}; mkdir -p $d && \
         openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 90 -subj '/CN=issued' \
         -addext subjectAltName=DNS:{DOMAIN} -keyout $d/privkey.pem -out $d/fullchain.pem 2>/dev/null && cp $d/fullchain.pem $d/chain.pem && chmod 600 $d/privkey.pem"
    ))?;
    let master = appliance.sh("systemctl show -P MainPID nginx")?;
    appliance.apply()?;
    // The old workers answer until the new ones are up.
    let issued = format!(
        "for i in $(seq 50); do {{ {shown}; }} | grep -q 'issuer=CN = issued' && exit 0; sleep 0.1; done; {shown}; false"
    );
    appliance.sh(&issued)?;
    assert_eq!(
        appliance.sh("systemctl show -P MainPID nginx")?,
        master,
        "switched without a restart"
    );
    assert_eq!(appliance.apply()?, 0);
    Ok(())
}
