//! Manifests as kubeadm and kubewright write them.

use super::*;

const JOINED: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: etcd, namespace: kube-system}
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://10.0.0.2:2379
    - --cert-file=/etc/kubernetes/pki/etcd/server.crt
    - --initial-advertise-peer-urls=https://10.0.0.2:2380
    - --initial-cluster=node1=https://10.0.0.1:2380,node2=https://10.0.0.2:2380
    - --key-file=/etc/kubernetes/pki/etcd/server.key
    - --name=node2
    - --peer-trusted-ca-file=/etc/kubernetes/pki/etcd/other.crt
    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    image: registry.k8s.io/etcd:3.6.6-0
    name: etcd
  securityContext: {runAsUser: 998}
  volumes:
  - {name: etcd-certs, hostPath: {path: /etc/kubernetes/pki/etcd}}
  - {name: etcd-data, hostPath: {path: /data/etcd}}
";

#[test]
fn says_where_the_member_is_and_with_whose_credentials() {
    let pod = EtcdPod::read(&Contents::public(JOINED)).unwrap();
    assert_eq!((pod.name.as_str(), pod.image.as_str()), ("node2", "registry.k8s.io/etcd:3.6.6-0"));
    assert_eq!((pod.data_dir.as_str(), pod.wal_dir.as_deref()), ("/data/etcd", None));
    assert_eq!(pod.peer_url, "https://10.0.0.2:2380");
    assert_eq!(pod.authority, "/etc/kubernetes/pki/etcd/ca.crt");
    assert_eq!(pod.endpoints(), ["https://10.0.0.1:2379", "https://10.0.0.2:2379"]);
    assert_eq!(pod.others().collect::<Vec<_>>(), ["https://10.0.0.1:2380"]);
    assert_eq!(user_of(&Contents::public(JOINED)), Some(998));
}

#[test]
fn who_joined_is_told_from_who_began_the_cluster() {
    let existing = JOINED.replace("    - --key-file", "    - --initial-cluster-state=existing\n    - --key-file");
    let members = members_joined(&Contents::public(existing.as_str()));
    assert_eq!(members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["node1", "node2"]);
    assert_eq!(members[1].peer_url, "https://10.0.0.2:2380");
    for text in
        [JOINED, &existing.replace("=existing", "=new"), &existing.replace("--initial-cluster=", "--x="), "[", ""]
    {
        assert_eq!(members_joined(&Contents::public(text)), [], "{text}");
    }
}

#[test]
fn what_is_no_manifest_of_etcd_is_told_as_such() {
    for (text, why) in [
        ("", "document"),
        ("{}", "etcd-data"),
        ("\u{0}", ""),
        (&JOINED.replace("path: /data/etcd", "path: data"), "etcd-data"),
        (&JOINED.replace("--initial-cluster=", "--cluster="), "--initial-cluster"),
    ] {
        let error = EtcdPod::read(&Contents::public(text)).unwrap_err();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}
