#![allow(clippy::unwrap_used)]

use super::*;
use crate::{v1beta3, v1beta4};

fn read<T: Wire>(text: &str) -> (T, Vec<ConfigError>, Vec<Warning>) {
    let document = yaml::document(text.as_bytes()).unwrap();
    let mut reader = Reader::new(&document);
    let value = T::read(document.value(), &mut reader);
    (value, reader.errors, reader.warnings)
}

#[test]
fn zero_values_are_left_out_but_structs_stand() {
    let text = yaml::to_string(&v1beta4::InitConfiguration::default().write());
    assert_eq!(text, "localAPIEndpoint: {}\nnodeRegistration:\n  taints: null\n");
    let text =
        yaml::to_string(&v1beta4::NodeRegistrationOptions { taints: Some(Vec::new()), ..Default::default() }.write());
    assert_eq!(text, "taints: []\n");
}

#[test]
fn what_is_written_reads_back() {
    let text = "apiServer:\n  certSANs:\n  - a\n  extraArgs:\n  - name: v\n    value: \"4\"\n  extraEnvs:\n  - name: E\n    valueFrom:\n      fieldRef:\n        fieldPath: spec.nodeName\n  extraVolumes:\n  - hostPath: /h\n    mountPath: /m\n    name: vol\n    readOnly: true\ncertificateValidityPeriod: 1h0m0s\ncontrollerManager: {}\ndns:\n  disabled: true\netcd:\n  external:\n    caFile: /ca\n    certFile: \"\"\n    endpoints:\n    - https://e\n    keyFile: \"\"\nfeatureGates:\n  X: false\nnetworking: {}\nproxy: {}\nscheduler: {}\n";
    let (cluster, errors, warnings) = read::<v1beta4::ClusterConfiguration>(text);
    assert_eq!((errors.len(), warnings.len()), (0, 0));
    assert_eq!(yaml::to_string(&cluster.write()), text);
}

#[test]
fn null_leaves_the_zero_value() {
    let (init, errors, warnings) = read::<v1beta4::InitConfiguration>(
        "nodeRegistration: null\nbootstrapTokens: null\ndryRun: null\npatches: null\n",
    );
    assert_eq!(init, v1beta4::InitConfiguration::default());
    assert_eq!((errors.len(), warnings.len()), (0, 0));
}

#[test]
fn secrets_of_the_wrong_type_are_not_repeated() {
    let (_, errors, _) = read::<v1beta4::InitConfiguration>("certificateKey: 4711\n");
    assert!(errors.len() == 1 && !errors[0].to_string().contains("4711"), "{errors:?}");
}

#[test]
fn old_documents_have_their_own_fields() {
    let (cluster, errors, warnings) =
        read::<v1beta3::ClusterConfiguration>("dns: {imageTag: x}\nscheduler: {extraArgs: {v: '1'}}\nproxy: {}\n");
    assert_eq!((errors.len(), warnings.len()), (0, 1));
    assert_eq!(v1beta4::ClusterConfiguration::from(cluster).scheduler.extra_args[0].name, "v");
}

#[test]
fn suggestions_are_close_or_absent() {
    let known = ["podSubnet", "serviceSubnet", "dnsDomain"];
    assert_eq!(closest("podsubnet", &known), Some("podSubnet"));
    assert_eq!(closest("podSubnets", &known), Some("podSubnet"));
    assert_eq!(closest("clusterName", &known), None);
}
