#![allow(clippy::unwrap_used)]

use super::*;
use crate::load::tests::{defaults, from_file};
use crate::stored_cluster;

#[test]
fn the_newest_api_has_every_default() {
    let (init, _) = defaults("v1.36.2", |_| {});
    let expected = "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\ncaCertificateValidityPeriod: 87600h0m0s\ncertificateValidityPeriod: 8760h0m0s\ncertificatesDir: /etc/kubernetes/pki\nclusterName: kubernetes\ncontrollerManager: {}\ndns: {}\nencryptionAlgorithm: RSA-2048\netcd:\n  local:\n    dataDir: /var/lib/etcd\nimageRepository: registry.k8s.io\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\nnetworking:\n  dnsDomain: cluster.local\n  serviceSubnet: 10.96.0.0/12\nproxy: {}\nscheduler: {}\n";
    assert_eq!(
        cluster_configuration_yaml(&init.cluster, &init.facts, init.init.timeouts.control_plane_component_health_check,),
        expected
    );
    assert_eq!(cluster_status_yaml(&BTreeMap::new(), &init.facts), None);
}

#[test]
fn the_oldest_api_has_what_its_kubeadm_reads() {
    let (init, _) = defaults("v1.20.2", |_| {});
    let expected = "apiServer:\n  extraArgs:\n    authorization-mode: Node,RBAC\n  timeoutForControlPlane: 4m0s\napiVersion: kubeadm.k8s.io/v1beta2\ncertificatesDir: /etc/kubernetes/pki\nclusterName: kubernetes\ncontrollerManager: {}\ndns:\n  type: CoreDNS\netcd:\n  local:\n    dataDir: /var/lib/etcd\nimageRepository: k8s.gcr.io\nkind: ClusterConfiguration\nkubernetesVersion: v1.20.2\nnetworking:\n  dnsDomain: cluster.local\n  serviceSubnet: 10.96.0.0/12\nscheduler: {}\n";
    assert_eq!(
        cluster_configuration_yaml(&init.cluster, &init.facts, init.init.timeouts.control_plane_component_health_check,),
        expected
    );
    let endpoints = BTreeMap::from([("node1".to_owned(), init.init.local_api_endpoint)]);
    let status = "apiEndpoints:\n  node1:\n    advertiseAddress: 192.0.2.2\n    bindPort: 6443\napiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n";
    assert_eq!(cluster_status_yaml(&endpoints, &init.facts).unwrap(), status);
}

#[test]
fn what_is_stored_reads_back_the_same() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: VERSION\nclusterName: c\ncontrolPlaneEndpoint: lb.example.com\nnetworking: {podSubnet: 10.244.0.0/16, dnsDomain: d}\napiServer: {certSANs: [a.b], extraArgs: [{name: authorization-mode, value: RBAC}], extraVolumes: [{name: v, hostPath: /h, mountPath: /m, pathType: File}]}\nscheduler: {extraArgs: [{name: v, value: '4'}]}\netcd: {external: {endpoints: ['http://e:2379']}}\ndns: {imageTag: t}\n";
    for version in ["v1.20.2", "v1.21.0", "v1.25.0", "v1.30.2", "v1.36.2"] {
        let (init, _) = from_file(&text.replace("VERSION", version)).unwrap();
        let stored = cluster_configuration_yaml(
            &init.cluster,
            &init.facts,
            init.init.timeouts.control_plane_component_health_check,
        );
        let (read, facts) = stored_cluster(stored.as_bytes()).unwrap();
        assert_eq!(read, init.cluster, "{stored}");
        assert_eq!(facts, init.facts);
        assert_eq!(read.control_plane_endpoint.unwrap().to_string(), "lb.example.com:6443");
    }
}
