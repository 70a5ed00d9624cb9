//! A realistic context for each template.
#![allow(dead_code, reason = "each test program uses its own part")]

use templates::context::*;

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn sshd() -> Sshd {
    Sshd {
        host_keys: owned(&[
            "/etc/ssh/ssh_host_ed25519_key",
            "/etc/ssh/ssh_host_ecdsa_key",
            "/etc/ssh/ssh_host_rsa_key",
        ]),
        allow_groups: owned(&["dataread", "data-ops", "google-sudoers"]),
        authorized_keys_dir: "/etc/ssh/authorized_keys.d".into(),
        admin_group: "sudo".into(),
        deploy_user: "deploy".into(),
        deploy_command: "/usr/local/sbin/appliance-deploy-gate".into(),
    }
}

pub fn sudoers_admins() -> Sudoers {
    Sudoers {
        rules: vec![SudoRule {
            who: Principal::Group("sudo".into()),
            runas: Runas::Everyone,
            commands: vec![SudoCommand::Everything],
        }],
        ..Sudoers::default()
    }
}

fn defaults_of(user: &str) -> Vec<SudoDefaults> {
    vec![SudoDefaults {
        user: user.into(),
        options: owned(&["env_reset", "!setenv", "use_pty"]),
    }]
}

fn run_users(name: &str) -> RunasAlias {
    let deny = |who| RunasMember::Deny(who);
    RunasAlias {
        name: name.into(),
        members: vec![
            RunasMember::Allow(Principal::Group("dataread".into())),
            deny(Principal::Group("sudo".into())),
            deny(Principal::Group("data-ops".into())),
            deny(Principal::User("root".into())),
        ],
    }
}

fn run_script() -> SudoCommand {
    let script = "^run [A-Za-z0-9][A-Za-z0-9_-]{0,63}[.]py$";
    SudoCommand::Matching("/usr/local/bin/notify-scripts".into(), script.into())
}

fn exact(program: &str, argument: &str) -> SudoCommand {
    SudoCommand::Exact(program.into(), vec![argument.into()])
}

pub fn sudoers_deploy() -> Sudoers {
    let scripts = "/usr/local/bin/notify-scripts";
    let deploy = || Principal::User("deploy".into());
    Sudoers {
        defaults: defaults_of("deploy"),
        runas_aliases: vec![run_users("BOT_USERS")],
        rules: vec![
            SudoRule {
                who: deploy(),
                runas: Runas::User("root".into()),
                commands: vec![SudoCommand::Bare("/usr/local/sbin/appliance-deploy".into())],
            },
            SudoRule {
                who: deploy(),
                runas: Runas::Alias("BOT_USERS".into()),
                commands: vec![exact(scripts, "list"), exact(scripts, "sync-status")],
            },
            SudoRule {
                who: deploy(),
                runas: Runas::Alias("BOT_USERS".into()),
                commands: vec![run_script()],
            },
        ],
    }
}

pub fn sudoers_webapp() -> Sudoers {
    let portal = || Principal::User("www-data".into());
    let scripts = "/usr/local/bin/notify-scripts";
    Sudoers {
        defaults: defaults_of("www-data"),
        runas_aliases: vec![
            RunasAlias {
                name: "PORTAL_USERS".into(),
                members: vec![
                    RunasMember::Allow(Principal::Group("dataread".into())),
                    RunasMember::Deny(Principal::User("root".into())),
                ],
            },
            run_users("RUN_USERS"),
        ],
        rules: vec![
            SudoRule {
                who: portal(),
                runas: Runas::User("root".into()),
                commands: vec![exact("/usr/local/bin/add-analyst", "--stdin")],
            },
            SudoRule {
                who: portal(),
                runas: Runas::Alias("PORTAL_USERS".into()),
                commands: vec![
                    exact(scripts, "list"),
                    exact(scripts, "sync-status"),
                    SudoCommand::Bare("/usr/local/bin/user-crontab".into()),
                    exact("/usr/local/bin/install-user-rules", "--stdin"),
                    exact("/usr/local/bin/install-sync-settings", "--stdin"),
                ],
            },
            SudoRule {
                who: portal(),
                runas: Runas::Alias("RUN_USERS".into()),
                commands: vec![run_script()],
            },
        ],
    }
}

pub fn limits() -> Limits {
    let row = |domain: &str, kind: &str, item: &str, value: &str| LimitRow {
        domain: domain.into(),
        kind: kind.into(),
        item: item.into(),
        value: value.into(),
    };
    Limits {
        rows: vec![
            row("*", "soft", "nproc", "100"),
            row("*", "hard", "nproc", "150"),
            row("*", "soft", "as", "4194304"),
            row("*", "hard", "as", "6291456"),
            row("*", "hard", "core", "0"),
            row("@data-ops", "-", "nproc", "unlimited"),
            row("@data-ops", "-", "nofile", "65535"),
        ],
    }
}

pub fn sysctl() -> Sysctl {
    let row = |key: &str, value: &str| SysctlRow {
        key: key.into(),
        value: value.into(),
    };
    Sysctl {
        rows: vec![
            row("vm.swappiness", "10"),
            row("net.ipv4.conf.all.rp_filter", "1"),
        ],
    }
}

pub fn nftables() -> Nftables {
    let port = |name: &str, protocol, port, uids: &[u32]| InternalPort {
        name: name.into(),
        protocol,
        port,
        uids: uids.to_vec(),
    };
    Nftables {
        public_ports: vec![443, 22, 80],
        metadata_uids: vec![892, 0],
        smtp_uids: vec![33, 0],
        internal_ports: vec![
            port("ws-gateway", Protocol::Tcp, 8765, &[33]),
            port(
                "log-ingest",
                Protocol::Tcp,
                8080,
                &[894, 33, 885, 0, 884, 886, 70000, 888],
            ),
            port("runbooks", Protocol::Tcp, 8081, &[33, 891, 892, 0]),
            port("appliance-exporter metrics", Protocol::Tcp, 9101, &[892, 891, 0]),
            port("Prometheus, not enabled", Protocol::Tcp, 9090, &[]),
            port("chrony", Protocol::Udp, 323, &[0]),
        ],
    }
}

pub fn nginx_http() -> NginxHttp {
    NginxHttp {}
}

pub fn nginx_site() -> NginxSite {
    NginxSite {
        domain: "data.example.com".into(),
        access_log: "/var/log/nginx/access.log".into(),
        certificate: "/etc/letsencrypt/live/data.example.com/fullchain.pem".into(),
        certificate_key: "/etc/letsencrypt/live/data.example.com/privkey.pem".into(),
        stapling: Some(Stapling {
            chain: "/etc/letsencrypt/live/data.example.com/chain.pem".into(),
            resolver: "169.254.169.254".into(),
        }),
        acme_root: "/var/www/html".into(),
        portal_socket: "/run/webapp/webapp.sock".into(),
        desktop_scheme: "data-analyst".into(),
        ws_gateway_port: Some(8765),
        jira_socket: Some("/run/jira/webhook.sock".into()),
        log_ingest_port: Some(8080),
        approvals_port: Some(8081),
    }
}

/// The first boot: a placeholder certificate, and nothing enabled.
pub fn nginx_site_bare() -> NginxSite {
    NginxSite {
        certificate: "/etc/data-analyst/tls/fullchain.pem".into(),
        certificate_key: "/etc/data-analyst/tls/privkey.pem".into(),
        stapling: None,
        ws_gateway_port: None,
        jira_socket: None,
        log_ingest_port: None,
        approvals_port: None,
        ..nginx_site()
    }
}

pub fn jails() -> Jails {
    Jails {
        ignore: owned(&["35.235.240.0/20"]),
        nginx_error_log: "/var/log/nginx/error.log".into(),
        nginx_access_log: "/var/log/nginx/access.log".into(),
    }
}

pub fn portal_auth() -> PortalAuthFilter {
    PortalAuthFilter {
        unit: "webapp.service".into(),
        event: "auth.failed".into(),
    }
}

pub fn botsearch() -> BotsearchFilter {
    BotsearchFilter {
        paths: owned(&[
            "wp-login.php",
            "wp-admin",
            ".env",
            ".git/",
            "phpmyadmin",
            "cgi-bin/",
        ]),
    }
}

pub fn audit_rules() -> AuditRules {
    let watch = |path: &str, permissions: &str, key: &str| AuditWatch {
        path: path.into(),
        permissions: permissions.into(),
        key: key.into(),
    };
    AuditRules {
        watches: vec![
            watch("/etc/passwd", "wa", "appliance"),
            watch("/etc/sudoers.d", "wa", "appliance"),
            watch("/data/.appliance", "rwa", "registry"),
        ],
        private_directory: "/data/src_data/parquet/private".into(),
        private_key: "private-read".into(),
        root_command_key: "root-cmd".into(),
        system_key: "system".into(),
        first_person_uid: 1000,
    }
}

pub fn auditd() -> AuditdConfig {
    AuditdConfig {
        logs: 8,
        log_size_mib: 32,
    }
}

pub fn journald() -> Journald {
    Journald {
        max_use: "500M".into(),
        keep_free: "1G".into(),
        retention: "30day".into(),
        rate_interval: "30s".into(),
        rate_burst: 10_000,
    }
}

pub fn apt_periodic() -> AptPeriodic {
    AptPeriodic {
        every_days: 1,
        clean_days: 7,
    }
}

pub fn upgrades() -> UnattendedUpgrades {
    UnattendedUpgrades {
        origins: owned(&[
            "origin=Debian,codename=${distro_codename},label=Debian",
            "origin=Debian,codename=${distro_codename}-updates,label=Debian",
            "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
        ]),
        reboot_time: "03:30".into(),
    }
}

pub fn apt_options() -> AptOptions {
    AptOptions {
        keep_downloads: false,
    }
}

pub fn chrony() -> Chrony {
    Chrony {
        sources: vec![
            TimeSource {
                kind: TimeSourceKind::Server,
                address: "metadata.google.internal".into(),
                prefer: true,
            },
            TimeSource {
                kind: TimeSourceKind::Pool,
                address: "2.debian.pool.ntp.org".into(),
                prefer: false,
            },
        ],
    }
}

pub fn logrotate() -> Logrotate {
    let by = |user: &str, group: &str| {
        Some(OwnedBy {
            user: user.into(),
            group: group.into(),
        })
    };
    Logrotate {
        entries: vec![
            LogrotateEntry {
                paths: owned(&["/var/log/nginx/*.log"]),
                schedule: LogrotateSchedule::Daily,
                keep: 14,
                rotate_as: None,
                create_as: by("www-data", "adm"),
                create_mode: "0640".into(),
                afterwards: owned(&["/usr/sbin/invoke-rc.d", "nginx", "rotate"]),
            },
            LogrotateEntry {
                paths: owned(&["/data/notifications/bot.log"]),
                schedule: LogrotateSchedule::Size("10M".into()),
                keep: 8,
                rotate_as: by("deploy", "data-ops"),
                create_as: None,
                create_mode: "0640".into(),
                afterwards: Vec::new(),
            },
        ],
    }
}

pub fn tmpfiles() -> Tmpfiles {
    let row = |kind: &str, path: &str, mode: &str, group: &str, age: &str| TmpfilesRow {
        kind: kind.into(),
        path: path.into(),
        mode: mode.into(),
        user: "root".into(),
        group: group.into(),
        age: age.into(),
        argument: None,
        reason: None,
    };
    Tmpfiles {
        rows: vec![
            TmpfilesRow {
                reason: Some("Staging for data loads; /tmp is emptied at every boot.".into()),
                ..row("d", "/tmp/data_analyst_staging", "2770", "data-ops", "1d")
            },
            row("d", "/run/lock/data-analyst", "0755", "root", "-"),
            TmpfilesRow {
                argument: Some(r#"{"role":"temp","note":"100% \\"}"#.into()),
                ..row("f", "/tmp/.appliance-disk", "0600", "root", "-")
            },
        ],
    }
}

pub fn env_file() -> EnvFile {
    let variable = |name: &str, value: &str| EnvVariable {
        name: name.into(),
        value: value.into(),
    };
    EnvFile {
        unit: "webapp.service".into(),
        variables: vec![
            variable("DATA_DIR", "/data"),
            variable("EMAIL_FROM_NAME", "Data \"Team\" $5 `now` \\ 100%"),
            variable("ALLOWED_EMAILS", ""),
        ],
    }
}

pub fn ops_agent() -> OpsAgent {
    OpsAgent {
        host_interval_seconds: 60,
        scrape_interval_seconds: 60,
        scrape: vec![
            ScrapeJob {
                job: "appliance-exporter".into(),
                port: 9101,
            },
            ScrapeJob {
                job: "webapp".into(),
                port: 9103,
            },
        ],
        otlp_port: 4317,
        log_files: vec![
            LogFile {
                id: "nginx_access".into(),
                paths: owned(&["/var/log/nginx/access.log"]),
                json: true,
            },
            LogFile {
                id: "nginx_error".into(),
                paths: owned(&["/var/log/nginx/error.log"]),
                json: false,
            },
        ],
        host: "data-broker".into(),
    }
}

/// The portal's unit, with a value of every kind.
pub fn unit() -> Unit {
    let section = |name: &str, directives| Section {
        name: name.into(),
        directives,
    };
    Unit {
        sections: vec![
            section(
                "Unit",
                vec![
                    Directive::new("Description", UnitValue::text("Portal, 100% Rust")),
                    Directive::new(
                        "RequiresMountsFor",
                        UnitValue::words(["/data", "/data/with space"]),
                    ),
                    Directive::new("OnFailure", UnitValue::specifiers("unit-failed@%n.service")),
                ],
            ),
            section(
                "Service",
                vec![
                    Directive::new("Type", UnitValue::text("notify")),
                    Directive::new("User", UnitValue::text("root")),
                    Directive::new(
                        "ExecStart",
                        UnitValue::command(["/bin/echo", "a b", "$HOME", "50%", ";", "\"\\"]),
                    ),
                    Directive::new("CapabilityBoundingSet", UnitValue::Reset),
                    Directive::new("NoNewPrivileges", UnitValue::Flag(true)),
                    Directive::new("ProtectHome", UnitValue::text("read-only"))
                        .because("/health measures /home, and `yes` would put a tmpfs there"),
                    Directive::new("TasksMax", UnitValue::Number(128)),
                ],
            ),
            section(
                "Install",
                vec![Directive::new("WantedBy", UnitValue::text("multi-user.target"))],
            ),
        ],
    }
}

/// nginx's drop-in: resets and refills a list.
pub fn nginx_drop_in() -> Unit {
    Unit {
        sections: vec![Section {
            name: "Service".into(),
            directives: vec![
                Directive::new("NoNewPrivileges", UnitValue::Flag(true)),
                Directive::new(
                    "InaccessiblePaths",
                    UnitValue::words([
                        "/data",
                        "/opt/data-analyst/incoming",
                        "/etc/data-analyst/credentials",
                    ]),
                ),
                Directive::new("Restart", UnitValue::text("on-failure")),
            ],
        }],
    }
}
