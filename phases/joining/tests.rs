//! Whole joins of a worker, in process, against a made-up cluster.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests, which look at the files of their machine"
)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use kubewright_config::{
    CertificateKey, HostFacts, InitFlags, JoinFlags, default_version, facts_for, load_init, load_join,
};
use kubewright_engine::{Done, Events, Journal, RunOptions, Runner, Selection, Workflow};
use kubewright_manifests::uploads::{self, TokenOwner};
use kubewright_node::KubeErrorKind;
use kubewright_pki::{Authority, CertificateKind, KeyAlgorithm, Kubeconfig, PrivateKey, SecretText, Validity};
use kubewright_testkit::TestNode;
use serde_json::json;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::issuing::conventions;

const DISCOVERY: &str = "/root/discovery.conf";
const SERVER: &str = "https://192.0.2.10:6443";

struct Site {
    node: TestNode,
    seeds: Seeds,
    cluster: ClusterConfiguration,
    facts: VersionFacts,
    authority: Authority,
    _directory: TempDir,
}

fn host() -> HostFacts {
    HostFacts::with_address("worker1", "192.0.2.3".parse().unwrap())
}

/// A machine that is fit, and a cluster of a version that has been initialized elsewhere.
fn site(version: &str) -> Site {
    site_for(version, |flags| flags)
}

fn site_for(version: &str, change: impl FnOnce(JoinFlags) -> JoinFlags) -> Site {
    let directory = tempfile::tempdir().unwrap();
    let node = kubewright_testkit::node(directory.path().try_into().unwrap());
    node.probe.edit(|machine| {
        machine.hostname = "worker1".into();
        machine.binaries.insert("kubelet".into(), format!("Kubernetes {version}"));
    });
    let flags = InitFlags {
        kubernetes_version: Some(version.into()),
        control_plane_endpoint: Some("192.0.2.10:6443".into()),
        ..InitFlags::default()
    };
    let (loaded, _) = load_init(None, &flags, &host(), &mut |bytes| bytes.fill(1)).unwrap();
    let first = ApiEndpoint { advertise_address: "192.0.2.1".parse().unwrap(), bind_port: 6443 };
    let first = BTreeMap::from([("first".to_owned(), first)]);
    let mut objects =
        uploads::kubeadm_config(&loaded.cluster, &loaded.facts, std::time::Duration::from_secs(240), &first).unwrap();
    objects.extend(uploads::kubelet_config(&loaded.kubelet, &loaded.facts).unwrap());
    objects.into_iter().for_each(|object| node.kube.put(object));
    node.kube.start();

    let conventions = conventions(&loaded.facts);
    let spec = CertificateKind::Ca.profile().ca_spec(&conventions).unwrap();
    let now = node.backends.clock.now();
    let validity = Validity::lasting(now, std::time::Duration::from_secs(86_400), conventions.backdate);
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let authority = Authority::self_signed(&spec, key, validity).unwrap();
    let token = SecretText::new("token-of-a-user");
    let document = Kubeconfig::with_token("kubernetes", SERVER, authority.certificate(), "joiner", &token);
    write(&node, DISCOVERY, &crate::credentials::render(&document).unwrap());
    // Who may not read `cluster-info` has a file that says all.
    node.discovery.answer(Err(KubeErrorKind::Forbidden));

    let flags = change(JoinFlags { discovery_file: Some(DISCOVERY.into()), ..JoinFlags::default() });
    // As the command line does: the cluster's version is not known yet.
    let newest = facts_for(&default_version()).unwrap();
    let (mut join, _) = load_join(None, &flags, &host(), &newest).unwrap();
    join.timeouts.tls_bootstrap = std::time::Duration::from_secs(2);
    join.timeouts.kubernetes_api_call = std::time::Duration::from_secs(2);
    let seeds = Seeds::new().with(join).with(JoinOptions::default());
    let (cluster, facts) = (loaded.cluster, loaded.facts);
    Site { node, seeds, cluster, facts, authority, _directory: directory }
}

fn write(node: &TestNode, path: &str, text: &str) {
    let file = node.root.place(path.into());
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

impl Site {
    /// The kubelet gets its certificate when it is started with the credentials for asking.
    fn bootstraps(&self) {
        let node = self.node.clone();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().to_pem().unwrap();
        // As the kubelet has them: both in one file.
        let both = format!("{}{}", self.authority.certificate().to_pem(), key.as_str());
        self.node.services.on_restart(move |service| {
            if service == "kubelet" && node.root.place(paths::BOOTSTRAP_KUBELET_CONF.into()).exists() {
                let kubeconfig = "apiVersion: v1\nkind: Config\nclusters: []\ncontexts:\n- context:\n    cluster: c\n    \
                                  user: u\n  name: x\ncurrent-context: x\nusers:\n- name: u\n  user:\n    \
                                  client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n    \
                                  client-key: /var/lib/kubelet/pki/kubelet-client-current.pem\n";
                write(&node, paths::KUBELET_CONF, kubeconfig);
                write(&node, "/var/lib/kubelet/pki/kubelet-client-current.pem", &both);
                node.kube.ensure(json!({
                    "apiVersion": "v1", "kind": "Node",
                    "metadata": {"name": "worker1", "labels": {"kubernetes.io/hostname": "worker1"}}, "spec": {},
                }));
            }
        });
    }

    /// Another control plane runs, and has uploaded what all of them share.
    fn has_a_control_plane(&self, key: &CertificateKey) {
        let conventions = conventions(&self.facts);
        let make = |kind: CertificateKind| {
            let spec = kind.profile().ca_spec(&conventions).unwrap();
            let period = std::time::Duration::from_secs(86_400);
            let validity = Validity::lasting(self.node.backends.clock.now(), period, conventions.backdate);
            Authority::self_signed(&spec, PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap(), validity).unwrap()
        };
        let (proxy, etcd) = (make(CertificateKind::FrontProxyCa), make(CertificateKind::EtcdCa));
        let accounts = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let pem = |name: &str| match name {
            "ca.crt" => self.authority.certificate().to_pem(),
            "ca.key" => self.authority.key().to_pem().unwrap().to_string(),
            "front-proxy-ca.crt" => proxy.certificate().to_pem(),
            "front-proxy-ca.key" => proxy.key().to_pem().unwrap().to_string(),
            "etcd-ca.crt" => etcd.certificate().to_pem(),
            "etcd-ca.key" => etcd.key().to_pem().unwrap().to_string(),
            "sa.pub" => accounts.public_pem(),
            "sa.key" => accounts.to_pem().unwrap().to_string(),
            name => panic!("nobody knows {name}"),
        };
        let files: Vec<_> = uploads::certificate_files(&self.cluster)
            .into_iter()
            .map(|(name, _)| {
                let text = pem(&name);
                (name, Some(Zeroizing::new(text.into_bytes())))
            })
            .collect();
        let owner = TokenOwner { name: "bootstrap-token-abcdef".into(), uid: "1".into() };
        let upload = uploads::kubeadm_certs(key, &files, &owner, &mut crate::random::fill).unwrap();
        self.node.kube.put(upload.secret.object().clone());
        self.node.kube.put(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "etcd-first", "namespace": "kube-system",
                "labels": {"component": "etcd", "tier": "control-plane"},
                "annotations": {"kubeadm.kubernetes.io/etcd.advertise-client-urls": "https://10.0.0.1:2379"},
            },
        }));
        // This node's own API server needs its etcd, and that needs to be a member.
        let node = self.node.clone();
        self.node.kube.only_if(move |server| {
            let own = server.is_some_and(|url| url.contains("192.0.2.3"));
            !own || node.etcd.members().iter().any(|member| member.name == "worker1")
        });
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.node.root.place(path.into())).ok()
    }

    async fn join(&self) -> Result<(), Failure> {
        let workflow = Workflow::new("join", crate::JOIN).unwrap();
        let plan = workflow.plan(self.seeds.clone(), &Selection::default(), &Done::none()).unwrap();
        let journal = Arc::new(Journal::discarding("000001-20260102T030405Z"));
        let (events, _receiver) = Events::channel();
        let ended = Runner::new(self.node.world(), journal, events).run(&plan, RunOptions::default()).await;
        ended.map(drop).map_err(|failed| failed.failure)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_joins_and_leaves_no_credentials_for_asking_behind() {
    for version in ["v1.36.2", "v1.20.2"] {
        let site = site(version);
        site.bootstraps();
        site.join().await.unwrap();
        assert_eq!(
            site.read("/etc/kubernetes/pki/ca.crt").unwrap(),
            site.authority.certificate().to_pem(),
            "{version}"
        );
        assert_eq!(site.read(paths::BOOTSTRAP_KUBELET_CONF), None, "{version}");
        let config = site.read("/var/lib/kubelet/config.yaml").unwrap();
        assert!(config.contains("staticPodPath: /etc/kubernetes/manifests"), "{config}");
        let flags = site.read("/var/lib/kubelet/kubeadm-flags.env").unwrap();
        assert!(!flags.contains("register-with-taints"), "{flags}");
        let node = site.node.kube.object(&ObjectRef::cluster("v1", "Node", "worker1")).unwrap();
        match version {
            "v1.20.2" => {
                assert_eq!(site.node.kube.changes(), ["patch Node worker1"]);
                let socket = &node["metadata"]["annotations"]["kubeadm.alpha.kubernetes.io/cri-socket"];
                assert_eq!(*socket, "unix:///var/run/containerd/containerd.sock");
            }
            _ => assert_eq!(site.node.kube.changes(), [""; 0], "a worker changes nothing in the cluster"),
        }
        assert_eq!(site.read("/etc/kubernetes/admin.conf"), None);
        assert_eq!(site.read("/etc/kubernetes/manifests/etcd.yaml"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_joins_with_uploaded_certificates_and_becomes_a_voter() {
    for (version, label) in
        [("v1.36.2", "node-role.kubernetes.io/control-plane"), ("v1.20.2", "node-role.kubernetes.io/master")]
    {
        let text = "ab".repeat(32);
        let key: CertificateKey = text.parse().unwrap();
        let site = site_for(version, |flags| JoinFlags {
            control_plane: true,
            certificate_key: Some(text.clone().into()),
            ..flags
        });
        site.has_a_control_plane(&key);
        site.bootstraps();
        // Another control plane writes its own endpoint at the same moment.
        site.node.kube.fail("update ConfigMap", 1, KubeErrorKind::Conflict);
        site.join().await.unwrap();

        let config = crate::cluster_status::kubeadm_config();
        let known = crate::cluster_status::known_endpoints(&site.node.kube.object(&config).unwrap());
        let known: Vec<_> = known.iter().map(|(name, at)| format!("{name} {}", at.url())).collect();
        let old = version == "v1.20.2";
        assert_eq!(
            known,
            if old { vec!["first https://192.0.2.1:6443", "worker1 https://192.0.2.3:6443"] } else { vec![] }
        );

        assert_eq!(site.read("/etc/kubernetes/pki/ca.crt").unwrap(), site.authority.certificate().to_pem());
        for file in
            ["admin.conf", "scheduler.conf", "controller-manager.conf", "pki/apiserver.crt", "pki/etcd/peer.crt"]
        {
            assert!(site.read(&format!("/etc/kubernetes/{file}")).is_some(), "{version}: {file}");
        }
        assert_eq!(site.read("/etc/kubernetes/super-admin.conf"), None, "{version}");
        let manifest = site.read("/etc/kubernetes/manifests/etcd.yaml").unwrap();
        assert!(manifest.contains("--initial-cluster-state=existing"), "{manifest}");
        assert!(
            manifest.contains("--initial-cluster=first=https://10.0.0.1:2380,worker1=https://192.0.2.3:2380"),
            "{manifest}"
        );
        let members = site.node.etcd.members();
        let own = members.iter().find(|member| member.name == "worker1").unwrap();
        assert!(members.len() == 2 && own.started() && !own.learner, "{members:?}");
        let node = site.node.kube.object(&ObjectRef::cluster("v1", "Node", "worker1")).unwrap();
        assert_eq!(node["metadata"]["labels"][label], "", "{version}: {node}");
        assert_eq!(node["spec"]["taints"], json!([{"key": label, "effect": "NoSchedule"}]), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_certificate_key_leaves_no_file_behind() {
    let site = site_for("v1.36.2", |flags| JoinFlags {
        control_plane: true,
        certificate_key: Some("cd".repeat(32).into()),
        ..flags
    });
    site.has_a_control_plane(&"ab".repeat(32).parse().unwrap());
    let failure = site.join().await.unwrap_err();
    let text = format!("{failure:?}");
    assert!(text.contains("error decoding secret data with provided key"), "{text}");
    assert!(!text.contains(&"cd".repeat(32)), "{text}");
    assert_eq!(site.read("/etc/kubernetes/pki/ca.crt"), None);
    assert_eq!(site.node.services.calls(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_ready_node_is_refused_before_anything_is_written() {
    let site = site("v1.36.2");
    site.bootstraps();
    let node = |status: &str| {
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker1"},
            "status": {"conditions": [{"type": "Ready", "status": status}]},
        })
    };
    site.node.kube.put(node("True"));
    let failure = site.join().await.unwrap_err();
    assert!(failure.chain().concat().contains("a Node with name \"worker1\" and status \"Ready\""), "{failure:?}");
    assert_eq!(site.read(paths::BOOTSTRAP_KUBELET_CONF), None);
    assert_eq!(site.read("/etc/kubernetes/pki/ca.crt"), None);
    assert_eq!(site.node.services.calls(), [""; 0]);

    // One that is gone may come back under its name.
    site.node.kube.put(node("Unknown"));
    site.join().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_without_certificate_is_told_and_the_next_run_goes_on() {
    let site = site("v1.36.2");
    let failure = site.join().await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Deadline, "{failure:?}");
    assert!(failure.chain().concat().contains("/etc/kubernetes/kubelet.conf is not there yet"), "{failure:?}");
    assert!(failure.hints().iter().any(|hint| hint.contains("kubectl get csr")), "{:?}", failure.hints());
    // The credentials stay: a kubelet that is repaired asks with them.
    let kept = site.read(paths::BOOTSTRAP_KUBELET_CONF).unwrap();
    assert!(kept.contains("token-of-a-user") && kept.contains(SERVER), "{kept}");
    site.bootstraps();
    site.join().await.unwrap();
    assert_eq!(site.read(paths::BOOTSTRAP_KUBELET_CONF), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_a_node_already_is_refused_before_the_cluster_is_asked() {
    let site = site("v1.36.2");
    site.node.probe.edit(|machine| {
        machine.files.insert(paths::KUBELET_CONF.into(), String::new());
        machine.files.insert("/etc/kubernetes/pki/ca.crt".into(), String::new());
        machine.ports_taken.insert(10250);
    });
    let failure = site.join().await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Preflight);
    let text = failure.chain().concat();
    for name in ["FileAvailable--etc-kubernetes-kubelet.conf", "FileAvailable--etc-kubernetes-pki-ca.crt", "Port-10250"]
    {
        assert!(text.contains(&format!("[ERROR {name}]")), "{name}: {text}");
    }
    assert_eq!(site.node.discovery.asked(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_loaded_from_a_server_that_has_just_started() {
    let site = site("v1.36.2");
    for kind in [KubeErrorKind::Unauthorized, KubeErrorKind::Busy, KubeErrorKind::Unreachable] {
        site.node.kube.fail("get ConfigMap", 1, kind);
        let world = site.node.world();
        let found = FoundCluster::load(kubewright_engine::World::view(&*world), &site.seeds).await.unwrap();
        assert_eq!(found.unwrap().facts.version, site.facts.version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_control_groups_are_judged_by_what_the_cluster_tells_its_kubelets() {
    let site = site("v1.36.2");
    site.bootstraps();
    site.node.probe.edit(|machine| {
        machine.files.insert("/proc/mounts".into(), "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n".into());
        machine.files.insert("/sys/fs/cgroup/memory".into(), String::new());
    });
    let failure = site.join().await.unwrap_err();
    let text = failure.chain().concat();
    assert!(text.contains("[ERROR SystemVerification]: cgroups v1 support is deprecated"), "{text}");

    let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "kubelet-config");
    let mut shared = site.node.kube.object(&name).unwrap();
    let told = format!("{}failCgroupV1: false\n", shared["data"]["kubelet"].as_str().unwrap());
    shared["data"]["kubelet"] = told.into();
    site.node.kube.put(shared);
    site.join().await.unwrap();
}
