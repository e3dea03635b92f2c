//! Phases by the names that users give them.

use super::skipped;

#[test]
fn phases_are_skipped_by_any_of_their_names() {
    let tree = crate::workflows::init().tree();
    let skip = |names: &[&str]| skipped(&tree, &names.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(skip(&["Certs/CA", " addon "]), ["certs/ca", "addon"]);
    assert_eq!(skip(&["uploadconfig", "bootstraptoken"]), ["upload-config", "bootstrap-token"]);
    let rotation = "kubelet-finalize/enable-client-cert-rotation";
    assert_eq!(skip(&["kubelet-finalize/experimental-cert-rotation"]), [rotation]);
    // kubeadm takes `all` and does nothing for it; where it has none, the name is wrong and stays so.
    assert_eq!(skip(&["certs/all", "", "etcd/all", "nope"]), ["etcd/all", "nope"]);
}
