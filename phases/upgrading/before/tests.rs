#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_manifest_says_where_the_api_server_listens() {
    let manifest = format!("metadata:\n  annotations:\n    {ADVERTISED}: 10.0.0.1:6443\n");
    let read = |path: &Utf8Path| {
        assert_eq!(path, "/etc/kubernetes/manifests/kube-apiserver.yaml");
        Ok(Some(Contents::public(manifest.clone())))
    };
    assert_eq!(local_endpoint(&read).unwrap(), Some("10.0.0.1:6443".parse().unwrap()));
}
