//! The control plane without root: who reads which file, and whom its pods run as.

use std::collections::BTreeMap;

use kubewright_config::yaml;
use serde_json::{Value as Json, json};

use super::case::{Case, Command, Shape, is_root};
use super::machine::{Ask, Machine};
use super::snapshot::{Entry, files};

/// Ids by name, from `/etc/passwd` or `/etc/group`.
fn ids(files: &BTreeMap<String, Entry>, path: &str) -> BTreeMap<String, u32> {
    let text = String::from_utf8(files[path].bytes().unwrap().to_vec()).unwrap();
    let line = |line: &str| {
        let fields: Vec<_> = line.split(':').collect();
        (fields[0].to_owned(), fields[2].parse().unwrap())
    };
    text.lines().map(line).collect()
}

#[test]
fn each_component_owns_what_it_reads_and_runs_as_its_user() {
    if !is_root() {
        return; // only root can give files away
    }
    let machine = Machine::finished(&Case::shaped(Shape::Rootless));
    let files = files(&machine.node);
    let (users, groups) = (ids(&files, "/etc/passwd"), ids(&files, "/etc/group"));
    let [etcd, kas, kcm, ks] = ["etcd", "kas", "kcm", "ks"].map(|name| format!("kubeadm-{name}"));
    let readers = "kubeadm-sa-key-readers";
    for (path, user, group, mode) in [
        ("pki/sa.pub", &*kas, &*kas, 0o600),
        ("pki/apiserver.key", &kas, &kas, 0o600),
        ("pki/apiserver-kubelet-client.key", &kas, &kas, 0o600),
        ("pki/front-proxy-client.key", &kas, &kas, 0o600),
        ("pki/apiserver-etcd-client.key", &kas, &kas, 0o600),
        ("pki/sa.key", "root", readers, 0o640),
        ("controller-manager.conf", &kcm, &kcm, 0o600),
        ("pki/ca.key", &kcm, &kcm, 0o600),
        ("scheduler.conf", &ks, &ks, 0o600),
        ("pki/etcd/server.key", &etcd, &etcd, 0o600),
        ("pki/etcd/peer.key", &etcd, &etcd, 0o600),
        ("pki/etcd/ca.key", "root", "root", 0o600),
        ("admin.conf", "root", "root", 0o600),
    ] {
        let Entry::File { mode: found, owner, .. } = &files[&format!("/etc/kubernetes/{path}")] else {
            panic!("{path}")
        };
        assert_eq!((*owner, *found), ((users[user], groups[group]), mode), "{path}");
    }
    let data = &files["/var/lib/etcd"];
    assert_eq!(*data, Entry::Directory { mode: 0o700, owner: (users[&etcd], groups[&etcd]) });

    for (component, name) in
        [("etcd", &etcd), ("kube-apiserver", &kas), ("kube-controller-manager", &kcm), ("kube-scheduler", &ks)]
    {
        let text = files[&format!("/etc/kubernetes/manifests/{component}.yaml")].bytes().unwrap();
        let pod = yaml::document(text).unwrap().value().clone();
        let mut whom = json!({
            "runAsUser": users[name], "runAsGroup": groups[name], "seccompProfile": {"type": "RuntimeDefault"},
        });
        if ["kube-apiserver", "kube-controller-manager"].contains(&component) {
            whom["supplementalGroups"] = json!([groups[readers]]);
        }
        assert_eq!(pod["spec"]["securityContext"], whom, "{component}");
        let container: &Json = &pod["spec"]["containers"][0]["securityContext"];
        let expected = match component {
            "kube-apiserver" => json!({"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}),
            _ => json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}),
        };
        assert_eq!(*container, expected, "{component}");
    }
}

#[test]
fn a_second_join_leaves_alone_what_components_own() {
    if !is_root() {
        return; // only root can give files away
    }
    let case = Case { command: Command::JoinControlPlane, upload_certs: true, ..Case::shaped(Shape::Rootless) };
    let machine = Machine::finished(&case);
    let before = files(&machine.node);
    let again = machine.run(Ask::default()).succeeded("the second run");
    // The made-up etcd writes its data as root; the real one is the user that the directory was given to.
    let data = |effect: &str| effect == "chown /var/lib/etcd";
    let changed = again.effects.iter().filter(|(phase, effect)| !case.repeats(phase, effect) && !data(effect));
    let changed: Vec<_> = changed.collect();
    assert!(changed.is_empty(), "the second run changed {changed:?}");
    let shared = |files: BTreeMap<String, Entry>| -> BTreeMap<String, Entry> {
        files.into_iter().filter(|(path, _)| path.starts_with("/etc/kubernetes")).collect()
    };
    assert!(shared(files(&machine.node)) == shared(before), "files changed although no effect was told");
}
