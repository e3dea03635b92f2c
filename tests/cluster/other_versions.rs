//! A cluster that says other versions than it has: a real one, before which a proxy stands that changes what is read of its API
//! servers, its kubelets and its configuration. All else is the cluster's own, and nothing is changed there.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;
use std::sync::{Arc, Mutex};

use kubewright_lab::{Node, SWITCH_ADDRESS};
use serde_json::{Value as Json, json};

use super::api_proxy::ApiProxy;
use super::stage::Stage;

/// What a cluster of two nodes is said to be.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The cluster's version.
    pub cluster: &'static str,
    /// Those of its two kubelets.
    pub kubelets: [&'static str; 2],
}

/// A cluster whose kubelets are all of its own version.
pub const fn even(cluster: &'static str) -> Standing {
    Standing { cluster, kubelets: [cluster; 2] }
}

/// A cluster with one kubelet of another version.
pub const fn with(cluster: &'static str, kubelet: &'static str) -> Standing {
    Standing { cluster, kubelets: [cluster, kubelet] }
}

/// One cluster that is said to be many, each in a view of its own.
pub struct OtherVersions<'a> {
    node: &'a Node,
    standings: Arc<Mutex<Vec<Standing>>>,
    _proxy: ApiProxy,
}

/// The cluster as one of many.
pub struct View<'a> {
    node: &'a Node,
    kubeconfig: String,
}

impl<'a> OtherVersions<'a> {
    /// Puts the proxy before the stage's cluster.
    pub fn of(stage: &'a Stage) -> Self {
        let standings: Arc<Mutex<Vec<Standing>>> = Arc::default();
        let proxy = ApiProxy::before(stage.node(1), stage.network());
        proxy.change({
            let standings = Arc::clone(&standings);
            move |view, path, object| standings.lock().unwrap()[view].say(path, object)
        });
        // Both programs run a test Job, which says nothing of versions and takes its time: it is not made, and said to be done.
        let status = json!({"conditions": [{"type": "Complete", "status": "True"}]});
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "not-made"}, "status": status});
        proxy.answer(move |request| request.path.contains("/jobs").then(|| job.clone()));
        Self { node: stage.node(1), standings, _proxy: proxy }
    }

    /// The cluster, said to be this one.
    pub fn view(&self, standing: Standing) -> View<'a> {
        let mut standings = self.standings.lock().unwrap();
        let view = standings.len();
        standings.push(standing);
        let text = fs::read_to_string(self.node.path("/etc/kubernetes/admin.conf")).unwrap();
        let server = format!("server: https://{}:6443", self.node.address());
        assert!(text.contains(&server), "{text}");
        // The proxy has the API server's certificate, which does not name the proxy's address.
        let other = format!("server: https://{SWITCH_ADDRESS}:6443/view/{view}\n    tls-server-name: kubernetes");
        let kubeconfig = format!("/run/view-{view}.conf");
        fs::write(self.node.path(&kubeconfig), text.replace(&server, &other)).unwrap();
        View { node: self.node, kubeconfig }
    }
}

impl View<'_> {
    /// Runs a command on the first node, for this cluster.
    pub fn run(&self, command: &str) -> Output {
        self.node.exec(["sh", "-c", &format!("{command} --kubeconfig {} </dev/null", self.kubeconfig)]).unwrap()
    }
}

/// How many cases are looked at at once: the peer asks for little at a time, and waits in between.
const AT_ONCE: usize = 6;

/// Looks at every case, several at a time, and gives what was found in their order.
pub fn at_once<C: Sync, T: Send>(cases: &[C], look: impl Fn(&C) -> T + Sync) -> Vec<T> {
    let (next, found) = (Mutex::new(cases.iter().enumerate()), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let taken = next.lock().unwrap().next();
            let Some((index, case)) = taken else { return };
            let one = look(case);
            found.lock().unwrap().insert(index, one);
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    found.into_inner().unwrap().into_values().collect()
}

impl Standing {
    /// Lets an object say these versions.
    fn say(self, path: &str, object: &mut Json) {
        let cluster = self.cluster;
        let (major, minor) = cluster.trim_start_matches('v').split_once('.').unwrap();
        match path {
            "/version" => {
                object["gitVersion"] = cluster.into();
                object["major"] = major.into();
                object["minor"] = minor.split('.').next().into();
            }
            "/api/v1/namespaces/kube-system/configmaps/kubeadm-config" => {
                let text = object["data"]["ClusterConfiguration"].as_str().unwrap();
                let line = text.lines().find(|line| line.starts_with("kubernetesVersion:")).unwrap();
                let other = text.replace(line, &format!("kubernetesVersion: {cluster}"));
                object["data"]["ClusterConfiguration"] = other.into();
            }
            _ => {}
        }
        each(object, |object| match object["kind"].as_str().unwrap_or_default() {
            _ if path.starts_with("/api/v1/nodes") => {
                let first = object["metadata"]["name"] == "node1";
                object["status"]["nodeInfo"]["kubeletVersion"] = self.kubelets[usize::from(!first)].into();
            }
            _ if path.starts_with("/api/v1/namespaces/kube-system/pods") => {
                let labels = &object["metadata"]["labels"];
                if labels["tier"] == "control-plane" && labels["component"] != "etcd" {
                    for container in object["spec"]["containers"].as_array_mut().unwrap() {
                        let image = container["image"].as_str().unwrap().rsplit_once(':').unwrap().0;
                        container["image"] = format!("{image}:{cluster}").into();
                    }
                }
            }
            _ => {}
        });
    }
}

/// Does something with an object, or with each of a list.
fn each(object: &mut Json, change: impl Fn(&mut Json)) {
    match object.get_mut("items").and_then(Json::as_array_mut) {
        Some(items) => items.iter_mut().for_each(change),
        None => change(object),
    }
}
