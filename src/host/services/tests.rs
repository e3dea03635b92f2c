//! The init systems' clients are scripts that write down how they were called.

use camino::Utf8Path;

use super::*;

/// Puts a fake client into a directory of its own, which becomes PATH.
fn fake_client(name: &str, script: &str) -> (tempfile::TempDir, HostServices) {
    let dir = tempfile::tempdir().unwrap();
    let base = Utf8Path::from_path(dir.path()).unwrap();
    let file = base.join(name);
    std::fs::write(&file, format!("#!/bin/sh\necho \"$*\" >> {base}/calls\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let services = HostServices::found_in(&base.as_str().into(), Duration::from_secs(2));
    (dir, services)
}

fn calls(dir: &tempfile::TempDir) -> Vec<String> {
    std::fs::read_to_string(dir.path().join("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn restart_reads_changed_units_first() {
    let (dir, services) = fake_client("systemctl", "");
    assert_eq!(services.init_system(), Some("systemd"));
    services.restart("kubelet").await.unwrap();
    services.stop("kubelet").await.unwrap();
    assert_eq!(calls(&dir), ["daemon-reload", "restart kubelet", "stop kubelet"]);
}

#[tokio::test]
async fn tells_what_systemctl_said() {
    let (_dir, services) =
        fake_client("systemctl", "[ $1 = restart ] && { echo 'Job failed.' >&2; exit 1; } || exit 0");
    let error = services.restart("kubelet").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot restart the service `kubelet`: Job failed.");
}

#[tokio::test]
async fn a_client_that_hangs_is_an_error() {
    let (_dir, services) = fake_client("systemctl", "exec sleep 30");
    let error = services.stop("kubelet").await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.ends_with("systemctl stop kubelet` did not end within 2 s"), "{source}");
}

#[tokio::test]
async fn reads_the_state_from_systemd() {
    let state = |exists, enabled, active| ServiceState { exists, enabled, active };
    let cases = [
        ("case $1 in status) exit 4;; *) exit 0;; esac", state(false, false, false)),
        ("case $1 in status) echo 'Loaded: not-found (Reason: …)'; exit 3;; esac", state(false, false, false)),
        (
            "case $1 in status) exit 3;; is-enabled) exit 0;; is-active) echo inactive; exit 3;; esac",
            state(true, true, false),
        ),
        ("case $1 in is-enabled) exit 1;; is-active) echo activating; exit 3;; esac", state(true, false, true)),
        ("case $1 in is-active) echo active;; esac", state(true, true, true)),
    ];
    for (script, expected) in cases {
        let (_dir, services) = fake_client("systemctl", script);
        assert_eq!(services.state("kubelet").await.unwrap(), expected, "{script}");
    }
}

#[tokio::test]
async fn speaks_openrc_where_there_is_no_systemd() {
    let (dir, services) = fake_client("rc-service", "[ $2 != status ] || echo ' * status: started'");
    let update = dir.path().join("rc-update");
    std::fs::write(&update, "#!/bin/sh\necho '              kubelet | default'\n").unwrap();
    std::fs::set_permissions(&update, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let services = HostServices {
        limit: services.limit,
        ..HostServices::found_in(&dir.path().as_os_str().to_owned(), services.limit)
    };
    assert_eq!(services.init_system(), Some("OpenRC"));
    assert_eq!(services.state("kubelet").await.unwrap(), ServiceState { exists: true, enabled: true, active: true });
    services.restart("kubelet").await.unwrap();
    assert_eq!(calls(&dir), ["kubelet status", "kubelet restart"]);

    let (_dir, services) = fake_client("rc-service", "echo \"rc-service: service '$1' does not exist\" >&2; exit 1");
    assert_eq!(services.state("kubelet").await.unwrap(), ServiceState::default());
}

#[tokio::test]
async fn no_init_system_is_told_when_it_is_needed() {
    let services = HostServices::found_in(&"/nonexistent".into(), LIMIT);
    assert_eq!(services.init_system(), None);
    let error = services.restart("kubelet").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no init system that can restart `kubelet`: neither systemctl nor rc-service is in PATH"
    );
}
