//! Files with the documents of several commands, of old versions, and with gaps.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::load::tests::{from_file, machine};
use crate::{
    HostFacts, UpgradeFlags, Warning, check_file, default_version, facts_for, load_images, load_init, load_join,
    load_reset, load_upgrade,
};

/// As kinder writes it: every kind at once, a socket without a scheme, empty values and entries.
const KINDER: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
clusterName: kinder
controlPlaneEndpoint: 172.17.0.3:6443
apiServer:
  certSANs: [localhost, 172.17.0.3]
  extraArgs:
controllerManager:
  extraArgs:
networking:
  podSubnet: 192.168.0.0/16
  serviceSubnet: \"\"
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: abcdef.0123456789abcdef
localAPIEndpoint: {advertiseAddress: 172.17.0.2, bindPort: 6443}
nodeRegistration:
  criSocket: /run/containerd/containerd.sock
  kubeletExtraArgs:
  - name: node-ip
    value: 172.17.0.2
  ignorePreflightErrors:
  - Swap
  -
  - SystemVerification
patches:
  directory: /kinder/patches
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: UpgradeConfiguration
apply:
  kubernetesVersion: v1.37.0
  allowRCUpgrades: true
  ignorePreflightErrors: [Swap, ]
  patches: {directory: /kinder/patches}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ResetConfiguration
force: true
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
imageGCHighThresholdPercent: 100
failSwapOn: false
evictionHard: {nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
cgroupDriver: systemd
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0}
";

fn told(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn one_file_serves_every_command() {
    let (init, warnings) = from_file(KINDER).unwrap();
    assert_eq!(init.cluster.networking.service_subnet.as_str(), "10.96.0.0/12");
    assert_eq!(init.init.node_registration.cri_socket, "unix:///run/containerd/containerd.sock");
    assert_eq!(init.init.node_registration.ignore_preflight_errors, ["swap", "systemverification"]);
    assert!(init.kubelet.user_supplied && init.kube_proxy.user_supplied);
    let warnings = told(&warnings);
    for part in
        ["kind UpgradeConfiguration", "kind ResetConfiguration", "nodeRegistration.criSocket: a URL is expected"]
    {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }

    let file = ("kinder.yaml", KINDER.as_bytes());
    let (upgrade, warnings) = load_upgrade(Some(file), &UpgradeFlags::default()).unwrap();
    assert_eq!(upgrade.apply.kubernetes_version.as_deref(), Some("v1.37.0"));
    assert_eq!(upgrade.apply.node.ignore_preflight_errors, ["swap"]);
    assert!(upgrade.apply.allow_rc_upgrades && upgrade.apply.node.etcd_upgrade && !upgrade.apply.force_upgrade);
    assert_eq!(warnings.len(), 5, "the others: {:?}", told(&warnings));

    let (reset, warnings) = load_reset(Some(file), &crate::ResetFlags::default(), &machine()).unwrap();
    assert!(reset.force && !reset.dry_run);
    assert_eq!(reset.certificates_dir, "/etc/kubernetes/pki");
    assert_eq!(warnings.len(), 5);

    let facts = facts_for(&default_version()).unwrap();
    let missing = load_join(Some(file), &crate::JoinFlags::default(), &machine(), &facts).unwrap_err().to_string();
    assert_eq!(missing, "kinder.yaml: no JoinConfiguration in the file (its apiVersion is kubeadm.k8s.io/v1beta4)");

    let strict = Reading { strict: true, ..Reading::default() };
    let warnings = check_file(file, strict, &machine()).unwrap();
    assert!(!told(&warnings).iter().any(|warning| warning.contains("ignored a document")));
}

/// kubeadm 1.20's own API, with what only it has.
const V1BETA2: &str = "apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
apiServer:
  timeoutForControlPlane: 7m
  extraArgs: {w: '1', a: '2'}
dns: {type: CoreDNS, imageTag: 1.7.1}
useHyperKubeImage: false
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration:
  criSocket: /run/containerd/containerd.sock
  kubeletExtraArgs: {v: '3'}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterStatus
apiEndpoints: {node1: {advertiseAddress: 192.0.2.2, bindPort: 6443}}
";

#[test]
fn v1beta2_is_read_with_a_warning() {
    let (init, warnings) = from_file(V1BETA2).unwrap();
    assert_eq!(init.facts.version.to_string(), "v1.20.2");
    assert_eq!(init.init.node_registration.cri_socket, "/run/containerd/containerd.sock");
    assert_eq!(init.init.node_registration.kubelet_extra_args[0].value, "3");
    assert_eq!(init.init.timeouts.control_plane_component_health_check.as_secs(), 420);
    assert_eq!(init.cluster.api_server.component.extra_args[0].name, "a");
    assert_eq!(init.cluster.dns.image.tag.as_deref(), Some("1.7.1"));
    let warnings = told(&warnings);
    let deprecated = |warning: &&String| warning.contains("uses a deprecated API spec: \"kubeadm.k8s.io/v1beta2\"");
    assert_eq!(warnings.iter().filter(deprecated).count(), 2, "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("kind ClusterStatus")), "{warnings:?}");
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    let strict = Reading { strict: true, ..Reading::default() };
    assert!(check_file(("f", V1BETA2.as_bytes()), strict, &machine()).is_ok());
}

#[test]
fn what_v1beta2_had_and_nobody_has_any_more_is_refused() {
    for (old, new, expected) in [
        ("useHyperKubeImage: false", "useHyperKubeImage: true", "f:8: useHyperKubeImage: Invalid value: \"true\""),
        (
            "type: CoreDNS",
            "type: kube-dns",
            "f:7: dns.type: Invalid value: \"kube-dns\": the only DNS addon is CoreDNS",
        ),
    ] {
        let text = V1BETA2.replace(old, new);
        let error = check_file(("f", text.as_bytes()), Reading::default(), &machine()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let stored = V1BETA2.split("---\n").next().unwrap().replace("Image: false", "Image: true");
    assert!(crate::stored_cluster(stored.as_bytes()).is_ok(), "a cluster that is there is read all the same");
}

#[test]
fn old_versions_have_no_new_kinds() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ResetConfiguration\n";
    let error =
        load_reset(Some(("f", text.as_bytes())), &crate::ResetFlags::default(), &machine()).unwrap_err().to_string();
    assert!(error.contains("the version has no kind ResetConfiguration (write kubeadm.k8s.io/v1beta4)"), "{error}");
}

#[test]
fn faults_of_all_documents_are_told_at_once() {
    let text = KINDER
        .replace("advertiseAddress: 172.17.0.2", "advertiseAddress: here")
        .replace("  allowRCUpgrades: true", "  allowRCUpgrade: true")
        .replace("directory: /kinder/patches}", "directory: kinder}")
        .replace("force: true", "force: true\ncertificatesDir: pki");
    let strict = Reading { strict: true, ..Reading::default() };
    let errors = check_file(("f", text.as_bytes()), strict, &machine()).unwrap_err();
    let fields: Vec<(Option<usize>, &str)> =
        errors.errors.iter().map(|error| (error.line, error.field.as_str())).collect();
    let expected = [
        (Some(19), "localAPIEndpoint.advertiseAddress"),
        (Some(36), "apply.allowRCUpgrade"),
        (Some(38), "apply.patches.directory"),
        (Some(43), "certificatesDir"),
    ];
    assert_eq!(fields, expected, "{errors}");
}

#[test]
fn images_come_from_the_file_or_from_flags() {
    let flags = InitFlags {
        kubernetes_version: Some("v1.30.0".into()),
        image_repository: Some("example.com/k8s".into()),
        ..InitFlags::default()
    };
    // A machine without name and address will do.
    let host = HostFacts::default();
    let (list, warnings) = load_images(None, &flags, &host).unwrap();
    assert_eq!(list.images[0], "example.com/k8s/kube-apiserver:v1.30.0");
    assert_eq!((list.images.len(), warnings.len()), (7, 0));
    let (list, warnings) = load_images(Some(("f", KINDER.as_bytes())), &flags, &host).unwrap();
    assert_eq!(list.images[0], "registry.k8s.io/kube-apiserver:v1.36.2");
    assert_eq!(list.cri_socket, "unix:///run/containerd/containerd.sock");
    let warnings = told(&warnings);
    assert!(
        warnings.contains(&"--kubernetes-version: not looked at, since the file decides".to_owned()),
        "{warnings:?}"
    );
}

#[test]
fn strict_init_refuses_what_it_only_warns_of() {
    let text = KINDER.replace("clusterName: kinder", "clusterNam: kinder\nfoo: 1\nfoo: 2");
    let load = |strict| {
        let flags = InitFlags { strict, ..InitFlags::default() };
        load_init(Some(("f", text.as_bytes())), &flags, &machine(), &mut |bytes| bytes.fill(1))
    };
    assert!(load(false).is_ok());
    let errors = load(true).unwrap_err().to_string();
    assert_eq!(
        errors,
        "f:4: clusterNam: unknown field (did you mean `clusterName`?)\nf:6: foo: the field stands twice, first at line 5 (remove one of them)\nf:6: foo: unknown field (remove it)"
    );
}
