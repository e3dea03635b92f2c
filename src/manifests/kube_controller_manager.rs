//! The static pod of kube-controller-manager.

use askama::Template;
use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::images::Image;
use kubewright_config::model::Arg;

use crate::mounts::{Mount, Mounts};
use crate::probes::{Probes, Target};
use crate::static_pod::{self, KUBERNETES_DIR, Parts};
use crate::{ControlPlaneNode, ManifestError, StaticPod, args};

/// The secure port. Probes ask it even where the user moves the component to another one.
const PORT: u16 = 10257;

/// Makes the static pod of kube-controller-manager.
///
/// # Errors
/// Only where the template is broken.
pub fn kube_controller_manager(node: &ControlPlaneNode<'_>) -> Result<StaticPod, ManifestError> {
    let cluster = node.cluster;
    let facts = &node.facts.controller_manager;
    let extras = &cluster.controller_manager;
    let kubeconfig = kubeconfig();
    let mut mounts = Mounts::default()
        .certificates(&cluster.certificates_dir, node.ca_directories)
        .add(Mount::file("kubeconfig", &kubeconfig));
    if let Some(default) = &facts.flex_volume_dir {
        let directory =
            args::value(&extras.extra_args, "flex-volume-plugin-dir").map_or(default.as_path(), Utf8Path::new);
        mounts = mounts.add(Mount::directory("flexvolume-dir", directory, false));
    }
    let target = Target::https(args::value(&extras.extra_args, "bind-address").unwrap_or("127.0.0.1"), PORT);
    let named_port = node.facts.static_pod.named_probe_port;
    let probes = Probes::new(&facts.probes, named_port, target, node.health_check);
    let pod = node.component(Image::KubeControllerManager, defaults(node, &kubeconfig), extras, mounts, probes);
    static_pod::write("kube-controller-manager", &Manifest { pod })
}

fn defaults(node: &ControlPlaneNode<'_>, kubeconfig: &Utf8Path) -> Vec<Arg> {
    let cluster = node.cluster;
    // Empty values keep the signing controller from starting, which would fail without the authority's key.
    let signing = |file: &str| if node.external_ca { String::new() } else { node.pki(file) };
    let mut defaults = vec![
        Arg::new("authentication-kubeconfig", kubeconfig.as_str()),
        Arg::new("authorization-kubeconfig", kubeconfig.as_str()),
        Arg::new("bind-address", "127.0.0.1"),
        Arg::new("client-ca-file", node.pki("ca.crt")),
        Arg::new("cluster-signing-cert-file", signing("ca.crt")),
        Arg::new("cluster-signing-key-file", signing("ca.key")),
        Arg::new("controllers", "*,bootstrapsigner,tokencleaner"),
        Arg::new("kubeconfig", kubeconfig.as_str()),
        Arg::new("leader-elect", "true"),
        Arg::new("requestheader-client-ca-file", node.pki("front-proxy-ca.crt")),
        Arg::new("root-ca-file", node.pki("ca.crt")),
        Arg::new("service-account-private-key-file", node.pki("sa.key")),
        Arg::new("use-service-account-credentials", "true"),
    ];
    if !cluster.cluster_name.is_empty() {
        defaults.push(Arg::new("cluster-name", cluster.cluster_name.as_str()));
    }
    if let Some(pods) = &cluster.networking.pod_subnet {
        defaults.push(Arg::new("allocate-node-cidrs", "true"));
        defaults.push(Arg::new("cluster-cidr", pods.as_str()));
        defaults.push(Arg::new("service-cluster-ip-range", cluster.networking.service_subnet.as_str()));
    }
    defaults.extend(node.facts.controller_manager.args.iter().cloned());
    defaults.extend(node.dual_stack_args());
    defaults
}

fn kubeconfig() -> Utf8PathBuf {
    Utf8Path::new(KUBERNETES_DIR).join("controller-manager.conf")
}

#[derive(Template)]
#[template(path = "static-pods/kube-controller-manager.yaml")]
struct Manifest {
    pod: Parts,
}
