//! What kubeadm's own end-to-end suite checks in a cluster that stands, whoever made it: AT-01 to AT-16.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use kubewright_config::{VersionFacts, yaml};
use kubewright_lab::Node;
use serde_json::{Value as Json, json};

use super::stage::Stage;

const BOOTSTRAPPERS: &str = "system:bootstrappers:kubeadm:default-node-token";
const NODES: &str = "system:nodes";

/// What is not the same in every cluster.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// How many of the first nodes are control planes.
    pub control_planes: u8,
    /// How many nodes after them are workers.
    pub workers: u8,
    /// The shared certificates have been uploaded, and not expired.
    pub uploaded: bool,
    /// kube-proxy was not left out.
    pub kube_proxy: bool,
    /// CoreDNS was not left out.
    pub coredns: bool,
}

impl Expected {
    /// A cluster with nothing left out, and nothing uploaded.
    pub const fn of(control_planes: u8, workers: u8) -> Self {
        Self { control_planes, workers, uploaded: false, kube_proxy: true, coredns: true }
    }

    /// Its control planes' shared certificates have been uploaded.
    pub const fn uploaded(self) -> Self {
        Self { uploaded: true, ..self }
    }
}

/// How long what a cluster's controllers do may take: the signature of `cluster-info`, a node's range of addresses.
const PATIENCE: Duration = Duration::from_secs(60);

/// Checks them all, and fails with all that do not hold.
pub fn post_conditions(stage: &Stage, expected: &Expected) {
    let start = Instant::now();
    loop {
        let failed = unmet(stage, expected);
        if failed.is_empty() {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "post-conditions that do not hold: {failed:#?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn unmet(stage: &Stage, expected: &Expected) -> Vec<String> {
    let cluster = Found::in_cluster(stage.node(1));
    let facts = stage.facts();
    let mut failed = Failed::default();
    failed.tokens(&cluster);
    failed.bindings(&cluster, facts);
    failed.configuration(&cluster, facts);
    failed.addons(&cluster, expected);
    failed.networking(&cluster);
    failed.nodes(&cluster, facts, stage, expected);
    if expected.uploaded {
        failed.uploaded(&cluster);
    }
    failed.reviews(stage.node(1), facts, expected);
    failed.0
}

/// The objects that are looked at.
struct Found(Vec<Json>);

impl Found {
    fn in_cluster(first: &Node) -> Self {
        let get = |words: &[&str]| {
            let words = ["kubectl", "get", "-o", "json"].iter().chain(words);
            let list: Json = serde_json::from_str(&first.run(words).unwrap()).unwrap();
            list["items"].as_array().unwrap().clone()
        };
        let system = "secrets,configmaps,roles,rolebindings,serviceaccounts,deployments,daemonsets,services";
        let mut objects = get(&["-n", "kube-system", system]);
        objects.extend(get(&["-n", "kube-public", "configmaps,roles,rolebindings"]));
        objects.extend(get(&["clusterroles,clusterrolebindings,nodes"]));
        objects.extend(get(&["-n", "default", "services"]));
        Self(objects)
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Json> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    fn one(&self, kind: &str, namespace: &str, name: &str) -> Option<&Json> {
        let of_all = ["ClusterRole", "ClusterRoleBinding", "Node"].contains(&kind);
        self.of_kind(kind).find(|object| {
            object["metadata"]["name"] == name && (of_all || object["metadata"]["namespace"] == namespace)
        })
    }
}

/// What does not hold, each with the number of its check.
#[derive(Default)]
struct Failed(Vec<String>);

impl Failed {
    fn check(&mut self, number: u8, what: &str, holds: bool) {
        if !holds {
            self.0.push(format!("AT-{number:02}: {what}"));
        }
    }

    fn exists<'a>(&mut self, number: u8, cluster: &'a Found, kind: &str, namespace: &str, name: &str) -> &'a Json {
        const ABSENT: &Json = &Json::Null;
        let found = cluster.one(kind, namespace, name);
        self.check(number, &format!("no {kind} {namespace}/{name}"), found.is_some());
        found.unwrap_or(ABSENT)
    }

    fn pair(&mut self, number: u8, cluster: &Found, namespace: &str, name: &str) {
        self.exists(number, cluster, "Role", namespace, name);
        self.exists(number, cluster, "RoleBinding", namespace, name);
    }

    fn binds(&mut self, number: u8, cluster: &Found, name: &str, role: &str, subject: &str) {
        let binding = self.exists(number, cluster, "ClusterRoleBinding", "", name);
        let subjects = binding["subjects"].as_array().cloned().unwrap_or_default();
        let bound = subjects.iter().any(|known| known["name"] == subject) && binding["roleRef"]["name"] == role;
        self.check(number, &format!("{name} does not bind {subject} to {role}"), bound);
    }

    fn tokens(&mut self, cluster: &Found) {
        let fit = cluster.of_kind("Secret").filter(|secret| secret["type"] == "bootstrap.kubernetes.io/token").any(
            |secret| {
                let text = |key: &str| decoded(&secret["data"][key]);
                text("auth-extra-groups").split(',').any(|group| group == BOOTSTRAPPERS)
                    && text("usage-bootstrap-signing") == "true"
                    && text("usage-bootstrap-authentication") == "true"
            },
        );
        self.check(1, "no token is fit for joining", fit);
        let info = self.exists(6, cluster, "ConfigMap", "kube-public", "cluster-info");
        let keys: Vec<&String> = info["data"].as_object().into_iter().flat_map(|data| data.keys()).collect();
        let signed = keys.iter().any(|key| key.starts_with("jws-kubeconfig-"));
        self.check(6, "cluster-info is not signed", signed && keys.iter().any(|key| *key == "kubeconfig"));
    }

    fn bindings(&mut self, cluster: &Found, facts: &VersionFacts) {
        let signing = "system:certificates.k8s.io:certificatesigningrequests";
        self.binds(2, cluster, "kubeadm:kubelet-bootstrap", "system:node-bootstrapper", BOOTSTRAPPERS);
        self.binds(3, cluster, "kubeadm:node-autoapprove-bootstrap", &format!("{signing}:nodeclient"), BOOTSTRAPPERS);
        let rotation = "kubeadm:node-autoapprove-certificate-rotation";
        self.binds(4, cluster, rotation, &format!("{signing}:selfnodeclient"), NODES);
        self.exists(5, cluster, "Role", "kube-system", "system:controller:bootstrap-signer");
        self.pair(7, cluster, "kube-public", "kubeadm:bootstrap-signer-clusterinfo");
        let group = &facts.credentials.admin_organization;
        if group.starts_with("kubeadm:") {
            self.binds(11, cluster, group, "cluster-admin", group);
        }
    }

    fn configuration(&mut self, cluster: &Found, facts: &VersionFacts) {
        let config = self.exists(8, cluster, "ConfigMap", "kube-system", "kubeadm-config");
        self.check(8, "no ClusterConfiguration", config["data"]["ClusterConfiguration"].is_string());
        self.pair(8, cluster, "kube-system", "kubeadm:nodes-kubeadm-config");
        let name = &facts.kubelet.config_map;
        let config = self.exists(9, cluster, "ConfigMap", "kube-system", name);
        self.check(9, &format!("{name} has no key kubelet"), config["data"]["kubelet"].is_string());
        self.pair(9, cluster, "kube-system", &format!("kubeadm:{name}"));
    }

    fn addons(&mut self, cluster: &Found, expected: &Expected) {
        if expected.coredns {
            self.exists(12, cluster, "ServiceAccount", "kube-system", "coredns");
            self.exists(12, cluster, "ClusterRole", "", "system:coredns");
            self.exists(12, cluster, "ClusterRoleBinding", "", "system:coredns");
            let config = self.exists(12, cluster, "ConfigMap", "kube-system", "coredns");
            self.check(12, "no Corefile", config["data"]["Corefile"].is_string());
            let pods = self.exists(12, cluster, "Deployment", "kube-system", "coredns");
            let account = &pods["spec"]["template"]["spec"]["serviceAccountName"];
            self.check(12, "CoreDNS does not use its account", account == "coredns");
            self.exists(12, cluster, "Service", "kube-system", "kube-dns");
        }
        if !expected.kube_proxy {
            return;
        }
        self.exists(13, cluster, "ServiceAccount", "kube-system", "kube-proxy");
        self.binds(13, cluster, "kubeadm:node-proxier", "system:node-proxier", "kube-proxy");
        let config = self.exists(13, cluster, "ConfigMap", "kube-system", "kube-proxy");
        for key in ["config.conf", "kubeconfig.conf"] {
            self.check(13, &format!("kube-proxy has no {key}"), config["data"][key].is_string());
        }
        self.pair(13, cluster, "kube-system", "kube-proxy");
        let pods = self.exists(13, cluster, "DaemonSet", "kube-system", "kube-proxy");
        let account = &pods["spec"]["template"]["spec"]["serviceAccountName"];
        self.check(13, "kube-proxy does not use its account", account == "kube-proxy");
    }

    fn networking(&mut self, cluster: &Found) {
        let config = cluster.one("ConfigMap", "kube-system", "kubeadm-config").unwrap_or(&Json::Null);
        let text = config["data"]["ClusterConfiguration"].as_str().unwrap_or_default();
        let document = yaml::document(text.as_bytes()).unwrap();
        let network = &document.value()["networking"];
        let service = self.exists(14, cluster, "Service", "default", "kubernetes");
        let inside = within(&service["spec"]["clusterIP"], &network["serviceSubnet"]);
        self.check(14, "the address of `kubernetes` is not in serviceSubnet", inside);
        if network["podSubnet"].is_string() {
            let outside =
                cluster.of_kind("Node").filter(|node| !within(&node["spec"]["podCIDR"], &network["podSubnet"]));
            let names: Vec<_> = outside.map(|node| node["metadata"]["name"].to_string()).collect();
            self.check(14, &format!("outside of podSubnet: {names:?}"), names.is_empty());
        }
    }

    fn nodes(&mut self, cluster: &Found, facts: &VersionFacts, stage: &Stage, expected: &Expected) {
        let there = cluster.of_kind("Node").count();
        let wanted = usize::from(expected.control_planes + expected.workers);
        self.check(10, &format!("{there} nodes are there"), there == wanted);
        for number in 1..=usize::from(expected.control_planes) {
            let name = stage.node(number).name();
            let node = self.exists(10, cluster, "Node", "", &name);
            for label in &facts.node.labels {
                self.check(10, &format!("{name} has no label {label}"), node["metadata"]["labels"][label] == "");
            }
            let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
            for key in &facts.node.taints {
                let there = taints.iter().any(|taint| taint["key"] == *key && taint["effect"] == "NoSchedule");
                self.check(10, &format!("{name} has no taint {key}"), there);
            }
        }
        if facts.node.cri_socket_annotation {
            for node in cluster.of_kind("Node") {
                let socket = node["metadata"]["annotations"]["kubeadm.alpha.kubernetes.io/cri-socket"].as_str();
                // Clusters of that age also have plain paths.
                let named = socket.is_some_and(|socket| socket.ends_with("containerd.sock"));
                self.check(15, &format!("{} is not annotated with its socket", node["metadata"]["name"]), named);
            }
        }
    }

    fn uploaded(&mut self, cluster: &Found) {
        let secret = self.exists(16, cluster, "Secret", "kube-system", "kubeadm-certs");
        let owners = secret["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        let owned = owners.len() == 1 && owners[0]["kind"] == "Secret" && owners[0]["blockOwnerDeletion"] == true;
        self.check(16, "kubeadm-certs is not owned by one Secret", owned);
        let owner = owners.first().and_then(|owner| owner["name"].as_str()).unwrap_or_default();
        let token = self.exists(16, cluster, "Secret", "kube-system", owner);
        let expires = token["type"] == "bootstrap.kubernetes.io/token" && token["data"]["expiration"].is_string();
        self.check(16, "its owner is no token that expires", expires);
        let mut keys: Vec<&str> =
            secret["data"].as_object().into_iter().flat_map(|data| data.keys()).map(String::as_str).collect();
        keys.sort_unstable();
        let local = [
            "ca.crt",
            "ca.key",
            "etcd-ca.crt",
            "etcd-ca.key",
            "front-proxy-ca.crt",
            "front-proxy-ca.key",
            "sa.key",
            "sa.pub",
        ];
        self.check(16, &format!("kubeadm-certs holds {keys:?}"), keys == local);
        self.pair(16, cluster, "kube-system", "kubeadm:kubeadm-certs");
    }

    /// Asks the API server who may read what, all at once.
    fn reviews(&mut self, first: &Node, facts: &VersionFacts, expected: &Expected) {
        let mut asked = vec![
            (7, "kube-public", "configmaps", "cluster-info", None),
            (8, "kube-system", "configmaps", "kubeadm-config", Some(BOOTSTRAPPERS)),
            (8, "kube-system", "configmaps", "kubeadm-config", Some(NODES)),
            (9, "kube-system", "configmaps", &facts.kubelet.config_map, Some(BOOTSTRAPPERS)),
        ];
        if expected.kube_proxy {
            asked.push((13, "kube-system", "configmaps", "kube-proxy", Some(BOOTSTRAPPERS)));
        }
        if expected.uploaded {
            asked.push((16, "kube-system", "secrets", "kubeadm-certs", Some(BOOTSTRAPPERS)));
        }
        let reviews: Vec<Json> = asked
            .iter()
            .map(|(_, namespace, resource, name, group)| {
                let user = if group.is_some() { "somebody" } else { "system:anonymous" };
                let attributes = json!({"verb": "get", "namespace": namespace, "resource": resource, "name": name});
                json!({
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                    "spec": {"user": user, "groups": group.iter().collect::<Vec<_>>(), "resourceAttributes": attributes},
                })
            })
            .collect();
        let answers = create(first, &json!({"apiVersion": "v1", "kind": "List", "items": reviews}));
        assert_eq!(answers.len(), asked.len(), "{answers:?}");
        for ((number, _, resource, name, group), answer) in asked.iter().zip(answers) {
            let who = group.unwrap_or("everybody");
            self.check(*number, &format!("{who} may not get {resource} {name}"), answer["status"]["allowed"] == true);
        }
    }
}

/// Creates objects, and returns them as the API server answers.
fn create(node: &Node, objects: &Json) -> Vec<Json> {
    let mut command = node.command(["kubectl", "create", "-o", "json", "-f", "-"]).unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(objects.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::Deserializer::from_slice(&output.stdout).into_iter().map(Result::unwrap).collect()
}

/// A value of a Secret.
fn decoded(value: &Json) -> String {
    use base64::Engine as _;
    let text = value.as_str().unwrap_or_default();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

/// Whether an address, or a network's, lies in a network.
fn within(address: &Json, network: &Json) -> bool {
    let network: Option<IpNet> = network.as_str().and_then(|text| text.parse().ok());
    let address = address.as_str().and_then(|text| text.split('/').next()?.parse().ok());
    network.zip(address).is_some_and(|(network, address): (IpNet, std::net::IpAddr)| network.contains(&address))
}
