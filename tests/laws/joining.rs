//! The cluster that a node joins in the laws: what its first control plane left in the API, and what stands on the machine
//! of who joins.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use camino::Utf8Path;
use kubewright_config::{HostFacts, Init, JoinFlags, default_version, facts_for, load_join};
use kubewright_engine::Seeds;
use kubewright_manifests::uploads::{self, TokenOwner};
use kubewright_node::KubeErrorKind;
use kubewright_phases::credentials;
use kubewright_phases::issuing::Issuing;
use kubewright_phases::options::JoinOptions;
use kubewright_pki::{Authority, CertificateKind, Kubeconfig, PrivateKey, SecretText, Validity};
use kubewright_testkit::TestNode;
use serde_json::{Value as Json, json};
use time::macros::datetime;
use zeroize::Zeroizing;

use super::case::{Case, Command, Shape};
use super::machine::KUBELET_PEM;
use super::snapshot::Entry;

/// How the node finds the cluster.
const DISCOVERY: &str = "/root/discovery.conf";
/// The kubeconfig that a kubelet with a certificate has.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
/// What a kubelet asks for its certificate with.
pub const BOOTSTRAP_CONF: &str = "/etc/kubernetes/bootstrap-kubelet.conf";

/// What is alike whenever a case is tried: keys and what was made with them.
#[derive(Clone)]
struct Cluster {
    discovery: String,
    objects: Vec<Json>,
    /// A certificate and its key, such as a kubelet has.
    own: String,
    /// Certificates and keys that all control planes share, by their paths.
    shared: Vec<(String, String)>,
}

/// Each cluster is made once: two machines of one case join the same.
fn cluster(case: &Case) -> Cluster {
    static MADE: Mutex<BTreeMap<String, Cluster>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(format!("{case:?}")).or_insert_with(|| make(case)).clone()
}

fn make(case: &Case) -> Cluster {
    let Init { cluster, facts, kubelet, .. } = super::case::init(case);
    let issuing = Issuing { cluster: &cluster, facts: &facts, now: datetime!(2026-01-02 03:04:05 UTC) };
    let (conventions, algorithm) = (issuing.conventions(), issuing.algorithm());
    let authority = |kind: CertificateKind| {
        let spec = kind.profile().ca_spec(&conventions).unwrap();
        let validity = Validity::lasting(issuing.now, cluster.ca_certificate_validity_period, conventions.backdate);
        Authority::self_signed(&spec, PrivateKey::generate(algorithm).unwrap(), validity).unwrap()
    };
    let all = [CertificateKind::Ca, CertificateKind::FrontProxyCa, CertificateKind::EtcdCa].map(authority);
    let accounts = PrivateKey::generate(algorithm).unwrap();
    let text = |name: &str| {
        let (of, what) = name.rsplit_once('.').unwrap();
        let pair = |authority: &Authority| match what {
            "crt" => authority.certificate().to_pem(),
            _ => authority.key().to_pem().unwrap().to_string(),
        };
        match (of, what) {
            ("ca", _) => pair(&all[0]),
            ("front-proxy-ca", _) => pair(&all[1]),
            ("etcd-ca" | "external-etcd-ca" | "external-etcd", _) => pair(&all[2]),
            ("sa", "pub") => accounts.public_pem(),
            _ => accounts.to_pem().unwrap().to_string(),
        }
    };
    let named: Vec<_> = uploads::certificate_files(&cluster)
        .into_iter()
        .map(|(name, path)| {
            let text = text(&name);
            (name, path.unwrap().to_string(), text)
        })
        .collect();

    let mut objects = uploads::kubeadm_config(&cluster, &facts, Duration::from_secs(240), &BTreeMap::new()).unwrap();
    objects.extend(uploads::kubelet_config(&kubelet, &facts).unwrap());
    if case.upload_certs {
        let owner = TokenOwner { name: "bootstrap-token-abcdef".into(), uid: "1".into() };
        let bytes = |text: &String| Some(Zeroizing::new(text.clone().into_bytes()));
        let files: Vec<_> = named.iter().map(|(name, _, text)| (name.clone(), bytes(text))).collect();
        let key = "4f".repeat(32).parse().unwrap();
        let upload = uploads::kubeadm_certs(&key, &files, &owner, &mut |bytes| bytes.fill(3)).unwrap();
        objects.push(upload.secret.object().clone());
    }
    objects.push(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "etcd-first", "namespace": "kube-system",
            "labels": {"component": "etcd", "tier": "control-plane"},
            "annotations": {"kubeadm.kubernetes.io/etcd.advertise-client-urls": "https://10.0.0.1:2379"},
        },
    }));
    let token = SecretText::new("token-of-a-user");
    let server = "https://192.0.2.1:6443";
    let document = Kubeconfig::with_token("kubernetes", server, all[0].certificate(), "joiner", &token);
    let discovery = credentials::render(&document).unwrap();
    let shared = named.into_iter().map(|(_, path, text)| (path, text)).collect();
    let own = text("ca.crt") + &text("ca.key");
    Cluster { discovery, objects, own, shared }
}

/// What stands on the machine before it joins, parents before what is in them.
pub fn provided(case: &Case) -> Vec<(String, Entry)> {
    let cluster = cluster(case);
    let mut files = vec![(DISCOVERY.to_owned(), cluster.discovery)];
    // A control plane without a key got its certificates by hand.
    if case.command == Command::JoinControlPlane && !case.upload_certs {
        files.extend(cluster.shared);
    }
    let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    for (path, text) in files {
        for parent in Utf8Path::new(&path).ancestors().skip(1).filter(|parent| parent.as_str() != "/") {
            entries.insert(parent.to_string(), Entry::Directory { mode: 0o755, owner });
        }
        let mode = if path.ends_with(".crt") { 0o644 } else { 0o600 };
        entries.insert(path, Entry::File { mode, owner, bytes: text.into_bytes().into() });
    }
    entries.into_iter().collect()
}

/// Lets the machine meet the cluster: its objects, and a kubelet that gets its certificate when it is started.
pub fn prepare(case: &Case, node: &TestNode) {
    cluster(case).objects.into_iter().for_each(|object| node.kube.put(object));
    node.kube.start();
    // Who may not read `cluster-info` has a file that says all.
    node.discovery.answer(Err(KubeErrorKind::Forbidden));
    let (root, own) = (node.root.clone(), cluster(case).own);
    node.services.on_restart(move |service| {
        let (asks, has) = (root.place(BOOTSTRAP_CONF.into()), root.place(KUBELET_CONF.into()));
        if service == "kubelet" && asks.exists() && !has.exists() {
            let pem = root.place(KUBELET_PEM.into());
            std::fs::create_dir_all(pem.parent().unwrap()).unwrap();
            for (path, text) in [(&pem, own.as_str()), (&has, KUBECONFIG)] {
                std::fs::write(path, text).unwrap();
                std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            }
        }
    });
}

/// What `join` knows before it begins.
pub fn seeds(case: &Case) -> Seeds {
    let plane = match case.command {
        Command::JoinControlPlane if case.upload_certs => format!(
            "controlPlane:\n  localAPIEndpoint:\n    advertiseAddress: 192.0.2.10\n  certificateKey: {}\n",
            "4f".repeat(32)
        ),
        Command::JoinControlPlane => "controlPlane:\n  localAPIEndpoint:\n    advertiseAddress: 192.0.2.10\n".into(),
        _ => String::new(),
    };
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\n\
         kind: JoinConfiguration\n\
         discovery:\n  file:\n    kubeConfigPath: {DISCOVERY}\n\
         {plane}\
         nodeRegistration:\n  criSocket: unix:///var/run/containerd/containerd.sock\n\
         timeouts:\n  controlPlaneComponentHealthCheck: 2s\n  kubeletHealthCheck: 2s\n  kubernetesAPICall: 1s\n  \
         etcdAPICall: 2s\n  tlsBootstrap: 2s\n  discovery: 2s\n",
    );
    let host = HostFacts::with_address("node1", std::net::Ipv4Addr::new(192, 0, 2, 10).into());
    let newest = facts_for(&default_version()).unwrap();
    let loaded = load_join(Some(("law.yaml", text.as_bytes())), &JoinFlags::default(), &host, &newest);
    let (join, _) = loaded.unwrap_or_else(|errors| panic!("the configuration of {case:?} is refused:\n{errors}"));
    Seeds::new().with(join).with(JoinOptions::default())
}

/// Every case of joining.
pub fn cases() -> Vec<Case> {
    let plane = |case: Case| Case { command: Command::JoinControlPlane, ..case };
    let worker = |case: Case| Case { command: Command::JoinWorker, ..case };
    vec![
        worker(Case::newest()),
        worker(Case::oldest()),
        plane(Case::uploading()),
        plane(Case::newest()),
        plane(Case { upload_certs: true, ..Case::oldest() }),
        plane(Case::shaped(Shape::ExternalEtcd)),
    ]
}

/// As a kubelet writes it, but for the cluster, which nobody reads.
const KUBECONFIG: &str = "\
apiVersion: v1
clusters: []
contexts:
- context: {cluster: default-cluster, user: default-auth}
  name: default-context
current-context: default-context
kind: Config
users:
- name: default-auth
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
";
