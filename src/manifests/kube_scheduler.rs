//! The static pod of kube-scheduler.

use askama::Template;
use camino::Utf8Path;
use kubewright_config::images::Image;
use kubewright_config::model::Arg;

use crate::mounts::{Mount, Mounts};
use crate::probes::{Probes, Target};
use crate::static_pod::{self, KUBERNETES_DIR, Parts};
use crate::{ControlPlaneNode, ManifestError, StaticPod, args};

/// The secure port. Probes ask it even where the user moves the component to another one.
const PORT: u16 = 10259;

/// Makes the static pod of kube-scheduler.
///
/// # Errors
/// Only where the template is broken.
pub fn kube_scheduler(node: &ControlPlaneNode<'_>) -> Result<StaticPod, ManifestError> {
    let facts = &node.facts.scheduler;
    let extras = &node.cluster.scheduler;
    let kubeconfig = Utf8Path::new(KUBERNETES_DIR).join("scheduler.conf");
    let mut defaults = vec![
        Arg::new("authentication-kubeconfig", kubeconfig.as_str()),
        Arg::new("authorization-kubeconfig", kubeconfig.as_str()),
        Arg::new("bind-address", "127.0.0.1"),
        Arg::new("kubeconfig", kubeconfig.as_str()),
        Arg::new("leader-elect", "true"),
    ];
    defaults.extend(facts.args.iter().cloned());
    defaults.extend(node.dual_stack_args());
    let mounts = Mounts::default().add(Mount::file("kubeconfig", &kubeconfig));
    let target = Target::https(args::value(&extras.extra_args, "bind-address").unwrap_or("127.0.0.1"), PORT);
    let named_port = node.facts.static_pod.named_probe_port;
    let probes = Probes::new(&facts.probes, named_port, target, node.health_check);
    let pod = node.component(Image::KubeScheduler, defaults, extras, mounts, probes);
    static_pod::write("kube-scheduler", &Manifest { pod })
}

#[derive(Template)]
#[template(path = "static-pods/kube-scheduler.yaml")]
struct Manifest {
    pod: Parts,
}
