//! What static pods of old and new versions say.

use super::{Component, Managed, Serving, cri_socket, running};
use crate::prelude::Contents;
use kubewright_pki::CertificateKind;

fn serving(address: &str, file: &str, kind: CertificateKind) -> Serving {
    Serving { address: address.into(), file: file.into(), managed: Managed::Pki(kind) }
}

#[test]
fn etcd_tells_of_itself_on_one_port_and_shows_certificates_on_two() {
    let manifest = b"spec:\n  containers:\n  - command:\n    - etcd\n    - --cert-file=/p/server.crt\n    \
        - --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379\n    \
        - --listen-peer-urls=https://10.0.0.1:2380\n    - --peer-cert-file=/p/peer.crt\n    \
        livenessProbe: {httpGet: {host: 127.0.0.1, path: /health, port: 2381, scheme: HTTP}}\n";
    let found = running(Component::Etcd, manifest).unwrap();
    assert_eq!(found.health.as_deref(), Some("http://127.0.0.1:2381/health"));
    let expected = [
        serving("127.0.0.1:2379", "/p/server.crt", CertificateKind::EtcdServer),
        serving("10.0.0.1:2380", "/p/peer.crt", CertificateKind::EtcdPeer),
    ];
    assert_eq!(found.serving, expected);
}

#[test]
fn the_api_server_may_name_its_port_and_its_address_may_be_of_ipv6() {
    let manifest = b"spec:\n  containers:\n  - command: [kube-apiserver, --tls-cert-file=/p/apiserver.crt]\n    \
        ports: [{name: probe-port, containerPort: 6443}]\n    \
        livenessProbe: {httpGet: {host: 'fd00::1', path: /livez, port: probe-port, scheme: HTTPS}}\n    \
        readinessProbe: {httpGet: {host: 'fd00::1', path: /readyz, port: probe-port, scheme: HTTPS}}\n";
    let found = running(Component::ApiServer, manifest).unwrap();
    assert_eq!(found.health.as_deref(), Some("https://[fd00::1]:6443/readyz"));
    assert_eq!(found.serving, [serving("[fd00::1]:6443", "/p/apiserver.crt", CertificateKind::Apiserver)]);
}

#[test]
fn what_is_no_pod_is_an_error_and_what_says_nothing_is_none() {
    assert!(running(Component::Scheduler, b"{").is_err());
    assert_eq!(running(Component::Scheduler, b"spec: {}").unwrap(), super::Running::default());
}

#[test]
fn the_runtimes_socket_is_the_kubelets() {
    let socket = |name: &'static str, text: &'static str| {
        cri_socket("unix:///default.sock", |path| Ok((path.file_name() == Some(name)).then(|| Contents::public(text))))
            .unwrap()
    };
    let flags = "KUBELET_KUBEADM_ARGS=\"--a=b --container-runtime-endpoint=unix:///f.sock --c\"\n";
    assert_eq!(socket("kubeadm-flags.env", flags), "unix:///f.sock");
    assert_eq!(socket("config.yaml", "containerRuntimeEndpoint: unix:///c.sock\n"), "unix:///c.sock");
    assert_eq!(socket("kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"\"\n"), "unix:///default.sock");
}
