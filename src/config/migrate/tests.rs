#![allow(clippy::unwrap_used)]

use serde::Deserialize;

use super::*;
use crate::load::tests::machine;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    old: String,
    new: String,
}

const READING: Reading = Reading { strict: true, allow_deprecated: true };

fn migrated(text: &str) -> Result<String, ConfigErrors> {
    let result = migrate(("old.yaml", text.as_bytes()), READING, &machine(), &mut |bytes| bytes.fill(1));
    result.map(|(text, _)| text.to_string())
}

#[test]
fn files_become_what_kubeadm_makes_of_them() {
    let recorded = include_str!("../../../tests/fixtures/kubeadm-1.36.2/migrate.yaml");
    let cases: Vec<Case> = serde_json::from_value(yaml::embedded(recorded)).unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let text = migrated(&case.old).unwrap_or_else(|errors| errors.to_string());
        // kubeadm copies a field of v1beta3 here, and writes 0s where there was none.
        let new = case.new.replace("controlPlaneComponentHealthCheck: 0s", "controlPlaneComponentHealthCheck: 4m0s");
        assert_eq!(text, new, "{}", case.name);
    }
}

#[test]
fn what_kubeadm_drops_or_refuses_is_kept() {
    let upgrade =
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\nplan: {printConfig: true, dryRun: false}\n";
    let text = migrated(upgrade).unwrap();
    assert!(
        text.contains("kind: UpgradeConfiguration\n")
            && text.contains("plan:\n  etcdUpgrade: true\n  printConfig: true\n"),
        "{text}"
    );

    let cluster = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n";
    let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\nkind: KubeletConfiguration\n";
    let proxy = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n";
    let text = migrated(&format!("{proxy}---\n{cluster}---\n{kubelet}")).unwrap();
    assert!(text.ends_with(&format!("---\n{kubelet}---\n{proxy}")), "{text}");
    assert_eq!(migrated(kubelet).unwrap(), kubelet, "no cluster is made up for a component alone");
}

#[test]
fn a_machine_without_an_address_can_migrate() {
    let host = HostFacts { hostname: "n".to_owned(), ..HostFacts::default() };
    let text = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\n";
    let (text, warnings) = migrate(("f", text.as_bytes()), READING, &host, &mut |bytes| bytes.fill(1)).unwrap();
    assert!(text.contains("advertiseAddress: 0.0.0.0\n"));
    assert_eq!(warnings[0].field, "localAPIEndpoint.advertiseAddress");
}

#[test]
fn empty_entries_are_left_out() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  ignorePreflightErrors: [Swap, null, ]\n";
    assert!(migrated(text).unwrap().contains("  ignorePreflightErrors:\n  - Swap\n  imagePull"));
}
