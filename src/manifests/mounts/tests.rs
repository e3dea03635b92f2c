//! Which paths of the host a pod gets.

use camino::Utf8PathBuf;
use kubewright_config::model::{ExternalEtcd, ExtraVolume};

use super::*;

fn external(ca: &str, certificate: &str, key: &str) -> Vec<String> {
    let path = |text: &str| (!text.is_empty()).then(|| Utf8PathBuf::from(text));
    let etcd = ExternalEtcd {
        ca_file: path(ca),
        cert_file: path(certificate),
        key_file: path(key),
        ..ExternalEtcd::default()
    };
    let candidates = [Utf8PathBuf::from("/usr/share/ca-certificates")];
    let mounts = Mounts::default().external_etcd(&etcd, "/etc/kubernetes/pki".into(), &candidates);
    mounts.into_sorted().into_iter().map(|mount| format!("{} {}", mount.name, mount.host_path)).collect()
}

#[test]
fn external_etcd_needs_only_the_topmost_directories() {
    assert_eq!(
        external("/srv/a/ca.crt", "/srv/a/deep/c.crt", "/opt/k.key"),
        ["etcd-certs-0 /opt", "etcd-certs-1 /srv/a"]
    );
    assert_eq!(external("/srv/a/deep/ca.crt", "/srv/a/c.crt", "/srv/a/c.key"), ["etcd-certs-0 /srv/a"]);
}

#[test]
fn external_etcd_needs_no_directory_that_is_mounted_anyway() {
    let mounted =
        external("/etc/kubernetes/pki/etcd/ca.crt", "/etc/ssl/certs/c.crt", "/usr/share/ca-certificates/k.key");
    assert_eq!(mounted, [] as [&str; 0]);
    assert_eq!(external("", "", ""), [] as [&str; 0]);
}

#[test]
fn a_users_volume_replaces_the_one_of_its_name() {
    let volume = ExtraVolume {
        name: "ca-certs".into(),
        host_path: "/srv/ca".into(),
        mount_path: "/etc/ssl/certs".into(),
        read_only: false,
        path_type: String::new(),
    };
    let mounts = Mounts::default().certificates("/pki".into(), &["/etc/pki/tls/certs".into()]).extra(&[volume]);
    let names: Vec<(String, String)> =
        mounts.into_sorted().into_iter().map(|mount| (mount.name, mount.host_path)).collect();
    let expected = [("ca-certs", "/srv/ca"), ("etc-pki-tls-certs", "/etc/pki/tls/certs"), ("k8s-certs", "/pki")];
    assert_eq!(names, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
}
