//! What each template renders; a change shows as a reviewable diff.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod contexts;

use templates::{HEADER, Template, render};

fn shown<T: Template>(context: &T) -> String {
    let text = render(context).unwrap();
    let first = text.lines().next().unwrap_or_default();
    assert!(
        ["# ", "// "]
            .iter()
            .any(|sign| first == format!("{sign}{HEADER}")),
        "{}: {first}",
        T::NAME
    );
    assert!(
        text.ends_with('\n') && !text.ends_with("\n\n"),
        "{}: ends with one newline",
        T::NAME
    );
    assert!(
        !text.lines().any(|line| line.ends_with([' ', '\t'])),
        "{}: trailing space",
        T::NAME
    );
    assert!(
        T::SOURCE.starts_with("{# context: "),
        "{}: names its context first",
        T::NAME
    );
    text
}

macro_rules! snapshots {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), shown(&contexts::$name()));
        })*
    };
}

snapshots! {
    apt_options apt_periodic audit_rules auditd botsearch chrony env_file jails journald limits logrotate nftables
    nginx_drop_in nginx_http nginx_site nginx_site_bare ops_agent portal_auth sshd sudoers_admins sudoers_deploy
    sudoers_webapp sysctl tmpfiles unit upgrades
}
