#![allow(clippy::unwrap_used)]

use super::*;
use crate::versions;

fn facts(version: &str) -> VersionFacts {
    versions::facts_for(&version.parse().unwrap()).unwrap()
}

/// What kubeadm 1.36.2 and 1.20.2 print, on a machine called `vm`.
#[test]
fn defaults_are_kubeadms_to_the_byte() {
    let components = ComponentKind::ALL.map(|kind| kind.as_str().parse().unwrap());
    let cases = [
        ("1.36.2", Defaults::Init, include_str!("../../../tests/fixtures/kubeadm-1.36.2/print/init-defaults.yaml")),
        ("1.36.2", Defaults::Join, include_str!("../../../tests/fixtures/kubeadm-1.36.2/print/join-defaults.yaml")),
        ("1.36.2", Defaults::Reset, include_str!("../../../tests/fixtures/kubeadm-1.36.2/print/reset-defaults.yaml")),
        (
            "1.36.2",
            Defaults::Upgrade,
            include_str!("../../../tests/fixtures/kubeadm-1.36.2/print/upgrade-defaults.yaml"),
        ),
        ("1.20.2", Defaults::Init, include_str!("../../../tests/fixtures/kubeadm-1.20.2/print/init-defaults.yaml")),
        ("1.20.2", Defaults::Join, include_str!("../../../tests/fixtures/kubeadm-1.20.2/print/join-defaults.yaml")),
    ];
    for (version, of, expected) in cases {
        let facts = facts(version);
        let text = print_defaults(of, &components, "vm", &facts);
        assert_eq!(text, expected, "{version} {of:?}");
    }
}

#[test]
fn every_version_has_defaults_that_read_back() {
    for minor in versions::known_minors() {
        let facts = versions::facts_for(&KubernetesVersion::new(1, minor, 0)).unwrap();
        for of in [Defaults::Init, Defaults::Join, Defaults::Reset, Defaults::Upgrade] {
            let text = print_defaults(of, &ComponentKind::ALL, "vm", &facts);
            let reading = crate::Reading { strict: true, allow_deprecated: true };
            let host = HostFacts::with_address("vm", "192.0.2.2".parse().unwrap());
            let warnings = crate::check_file(("d.yaml", text.as_bytes()), reading, &host).unwrap();
            // Only a ClusterConfiguration says that its version is old enough for a socket without a scheme.
            let told = warnings.iter().find(|warning| !warning.field.ends_with("criSocket"));
            assert_eq!(told, None, "1.{minor} {of:?}");
        }
    }
}

#[test]
fn the_machine_is_called_by_its_lower_case_name() {
    let text = print_defaults(Defaults::Join, &[], "Node1", &facts("1.36.2"));
    assert!(text.contains("  name: node1\n"), "{text}");
    assert_eq!("Kubelet".parse::<ComponentKind>().unwrap_err().name, "Kubelet");
}
