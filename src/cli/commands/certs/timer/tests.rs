//! What is written for systemd and for cron.

use super::{TIMER_UNIT, crontab, service, words};

#[test]
fn the_service_renews_what_ends_soon_and_may_write_little() {
    let text = service("/usr/bin/kubewright".into(), "30d").unwrap();
    assert!(
        text.contains("\nExecStart=/usr/bin/kubewright certs renew all --if-expires-within 30d --progress plain\n")
    );
    for line in ["ProtectSystem=strict", "NoNewPrivileges=true", "ReadWritePaths=/etc/kubernetes -/var/lib/kubelet/pki"]
    {
        assert!(text.lines().any(|it| it == line), "{line}");
    }
    assert!(!text.contains("PROGRAM") && !text.contains("WITHIN"));
}

#[test]
fn a_path_that_systemd_would_read_otherwise_is_refused() {
    for path in ["kubewright", "/opt/a b", "/opt/%h/kubewright", "/opt/\nExecStart=/bin/sh"] {
        assert!(service(path.into(), "30d").is_err(), "{path}");
    }
}

#[test]
fn the_timer_makes_up_for_what_it_slept_through() {
    for line in ["Persistent=true", "RandomizedDelaySec=3h", "WantedBy=timers.target"] {
        assert!(TIMER_UNIT.lines().any(|it| it == line), "{line}");
    }
}

#[test]
fn crons_line_has_no_bare_percent_sign() {
    let text = crontab("/usr/bin/kubewright".into(), "720h0m0s");
    let line = text.lines().last().unwrap();
    assert!(line.ends_with("/usr/bin/kubewright certs renew all --if-expires-within 720h0m0s"), "{line}");
    assert_eq!(line.matches('%').count(), line.matches("\\%").count(), "{line}");
}

#[test]
fn days_are_told_as_days() {
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(words(hour * 720), "30d");
    assert_eq!(words(hour * 25), "25h0m0s");
}
