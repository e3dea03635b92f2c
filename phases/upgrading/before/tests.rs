#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn annotated(data: &Json, hash: &str) -> Json {
    json!({"metadata": {"annotations": {HASH: hash}}, "data": data})
}

#[test]
fn a_document_is_the_users_when_its_digest_is_not_the_one_that_was_noted() {
    let hash = kubewright_config::component::config_hash([b"a: b\n".as_slice()]);
    assert!(!user_supplied(&annotated(&json!({"kubelet": "a: b\n"}), &hash)));
    assert!(user_supplied(&annotated(&json!({"kubelet": "a: c\n"}), &hash)));
    assert!(user_supplied(&json!({"data": {"kubelet": "a: b\n"}})));
}

#[test]
fn the_old_default_registry_becomes_the_new_one_and_the_users_stays() {
    let version = |text: &str| text.parse::<KubernetesVersion>().unwrap();
    let (old, new) = (facts_for(&version("v1.24.1")).unwrap(), facts_for(&version("v1.25.0")).unwrap());
    for (given, wanted) in [("k8s.gcr.io", "registry.k8s.io"), ("mirror.example/k8s", "mirror.example/k8s")] {
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.24.1\nimageRepository: {given}\n"
        );
        let (mut cluster, _) = stored_cluster(text.as_bytes()).unwrap();
        set_version(&mut cluster, &version("v1.25.0"), &old, &new);
        assert_eq!(
            (cluster.image_repository.as_str(), cluster.kubernetes_version.to_string()),
            (wanted, "v1.25.0".into())
        );
    }
}

#[test]
fn the_manifest_says_where_the_api_server_listens() {
    let manifest = format!("metadata:\n  annotations:\n    {ADVERTISED}: 10.0.0.1:6443\n");
    let read = |path: &Utf8Path| {
        assert_eq!(path, "/etc/kubernetes/manifests/kube-apiserver.yaml");
        Ok(Some(Contents::public(manifest.clone())))
    };
    assert_eq!(local_endpoint(&read).unwrap(), Some("10.0.0.1:6443".parse().unwrap()));
}
