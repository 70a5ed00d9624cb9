//! nginx reads the site, and, in a network of its own, answers as the site promises.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod contexts;
mod judge;

use judge::{Judge, judge};
use templates::context::NginxSite;
use templates::render;

/// Writes a whole configuration around the two files, with everything that nginx writes inside `dir`.
fn configuration(dir: &tempfile::TempDir, mut site: NginxSite) -> String {
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let openssl = judge("/usr/bin/openssl").unwrap();
    openssl.run([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=data.example.com",
        "-keyout",
        &at("key.pem"),
        "-out",
        &at("cert.pem"),
    ]);
    site.certificate = at("cert.pem");
    site.certificate_key = at("key.pem");
    if let Some(stapling) = &mut site.stapling {
        stapling.chain = at("cert.pem");
    }
    site.portal_socket = at("portal.sock");
    site.access_log = at("access.log");
    let http = judge::file(dir, "http.conf", &render(&contexts::nginx_http()).unwrap());
    let site = judge::file(dir, "site.conf", &render(&site).unwrap());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};", dir.path().display()))
        .concat();
    let main = format!(
        "user root;\nworker_processes 1;\npid {};\nerror_log {};\nevents {{}}\nhttp {{\n{temporary}\ninclude {http};\ninclude {site};\n}}\n",
        at("nginx.pid"),
        at("error.log"),
    );
    judge::file(dir, "nginx.conf", &main)
}

fn ready() -> Option<Judge> {
    judge("/usr/sbin/nginx")?;
    judge("/usr/bin/openssl")?;
    if !judge::is_root() {
        return None;
    }
    judge("/usr/bin/unshare")
}

#[test]
fn nginx_accepts_the_site_with_everything_and_with_nothing_enabled() {
    let Some(unshare) = ready() else { return };
    for site in [contexts::nginx_site(), contexts::nginx_site_bare()] {
        let dir = tempfile::tempdir().unwrap();
        let file = configuration(&dir, site);
        // Ports are bound even for a check, so it happens in a network of its own.
        let said = unshare.run(["--net", "/usr/sbin/nginx", "-t", "-q", "-c", &file]);
        assert!(!said.contains("[emerg]") && !said.contains("[error]"), "{said}");
    }
}

/// Starts nginx in a network of its own, runs `script` there with `$d` as the directory, and stops it.
fn answers(site: NginxSite, script: &str) -> Option<String> {
    let unshare = ready()?;
    judge("/usr/bin/curl")?;
    let dir = tempfile::tempdir().unwrap();
    let file = configuration(&dir, site);
    let around = format!(
        "d=$1; ip link set lo up; /usr/sbin/nginx -c $2 2>/dev/null || exit 9
         get() {{ curl -sk --max-time 5 --resolve data.example.com:443:127.0.0.1 \"$@\"; }}
         code() {{ get -o /dev/null -w '%{{http_code}} ' \"$@\"; }}
         {script}
         kill $(cat $d/nginx.pid)"
    );
    Some(unshare.run([
        "--net",
        "/bin/sh",
        "-c",
        &around,
        "sh",
        dir.path().to_str().unwrap(),
        &file,
    ]))
}

#[test]
fn a_page_of_nginx_carries_every_header() {
    let script = "get -i https://data.example.com/; get -i http://data.example.com/x --resolve data.example.com:80:127.0.0.1";
    let Some(said) = answers(contexts::nginx_site(), script) else {
        return;
    };
    let said = said.to_lowercase();
    assert!(
        said.contains("http/2 503") && said.contains("http/1.1 301"),
        "{said}"
    );
    assert!(said.contains("location: https://data.example.com/x"), "{said}");
    for header in [
        "strict-transport-security: max-age=63072000",
        "x-frame-options: sameorigin",
        "x-content-type-options: nosniff",
        "referrer-policy: strict-origin-when-cross-origin",
        "permissions-policy: camera=(), microphone=(), geolocation=()",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "x-xss-protection: 0",
    ] {
        assert_eq!(said.matches(header).count(), 2, "{header}: {said}");
    }
    assert!(!said.contains("nginx/1"), "no version: {said}");
}

#[test]
fn a_header_of_the_portal_wins_and_comes_once() {
    let script = "printf 'server { listen unix:%s/portal.sock; add_header X-Frame-Options DENY; return 200 ok; }' $d > $d/portal.conf
         sed -i \"s#include $d/site.conf;#include $d/site.conf; include $d/portal.conf;#\" $d/nginx.conf
         /usr/sbin/nginx -c $d/nginx.conf -s reload 2>/dev/null; sleep 0.5
         get -i https://data.example.com/";
    let Some(said) = answers(contexts::nginx_site(), script) else {
        return;
    };
    let said = said.to_lowercase();
    assert!(said.contains("http/2 200"), "{said}");
    assert_eq!(said.matches("x-frame-options: ").count(), 1, "{said}");
    assert!(said.contains("x-frame-options: deny"), "{said}");
}

#[test]
fn an_unknown_name_gets_no_answer() {
    let script = "curl -s --max-time 5 http://127.0.0.1/; echo $?
         curl -sk --max-time 5 https://127.0.0.1/; echo $?";
    let Some(said) = answers(contexts::nginx_site(), script) else {
        return;
    };
    // 52: empty reply; 35: the handshake failed.
    assert_eq!(said, "52\n35\n");
}

#[test]
fn what_is_not_enabled_is_not_found() {
    let script = "for path in ws/notifications webhooks/jira v1/logs slack/interactive approve reject; do
           code https://data.example.com/$path; done";
    let Some(said) = answers(contexts::nginx_site_bare(), script) else {
        return;
    };
    assert_eq!(said.trim(), "404 404 404 404 404 404");
}

#[test]
fn limits_hold_and_probes_leave_no_line() {
    let script = "for attempt in 1 2 3 4 5 6; do code -X POST -d a=b https://data.example.com/login/email; done; echo
         for page in 1 2 3 4 5 6 7; do code https://data.example.com/login/email; done; echo
         head -c 1100000 /dev/zero > $d/big
         code --data-binary @$d/big https://data.example.com/x; code --data-binary @$d/big https://data.example.com/webhooks/jira; echo
         code -H 'Origin: https://evil.example' https://data.example.com/ws/notifications
         code -H 'Origin: https://data.example.com' https://data.example.com/ws/notifications
         code -H 'Origin: https://data.example.com.evil' https://data.example.com/ws/notifications; echo
         code https://data.example.com/v1/logs; code -H 'X-Api-Key: k' https://data.example.com/v1/logs; echo
         code https://data.example.com/health; code https://data.example.com/livez
         code 'https://data.example.com/auth/setup/s3cret?q=s3cret'; echo
         cat $d/access.log";
    let Some(said) = answers(contexts::nginx_site(), script) else {
        return;
    };
    let mut lines = said.lines().map(str::trim);
    let mut next = || lines.next().unwrap_or_default();
    assert_eq!(next(), "503 503 503 503 503 429", "login attempts");
    assert_eq!(next(), "503 503 503 503 503 503 503", "login pages");
    assert_eq!(next(), "413 503", "bodies of 1.1 MB");
    assert_eq!(next(), "403 503 403", "origins");
    assert_eq!(next(), "401 503", "log tokens");
    assert_eq!(next(), "503 503 503", "probes");
    let log: Vec<_> = lines.collect();
    assert!(
        !log.is_empty()
            && !log
                .iter()
                .any(|line| line.contains("/health") || line.contains("/livez")),
        "{log:?}"
    );
    for line in &log {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            record["status"].is_u64() && record["duration"].is_number(),
            "{line}"
        );
    }
    assert!(
        log.iter()
            .any(|line| line.contains(r#""path":"/auth/setup/[token]""#)),
        "{log:?}"
    );
    assert!(!said.contains("s3cret"), "{log:?}");
}
